"""How fast the worker is on this machine, and whether it counted every event exactly once while it was.

In the order of a run:

- `workload`   what is sent: made-up events, the same for the same sizes, and a tally of them by account
- `environment` where: an embedded or a given Kafka, topics of the run's own, taken away at the end
- `probes`     single events whose reports are waited for
- `sending`    events onto Kafka, as fast as it goes or at a pace
- `worker_process` a worker as a process of its own, and what it costs: CPU, memory, recovery
- `backlog`    a backlog sent, and worked off
- `latency`    a reader in a process of its own: when is a health report there for others to see
- `live`       some seconds of live load, and how soon its reports were there
- `verify`     the changelog against the tally
- `compare`    the same job on stock Faust, measured
- `stock`      the program that does it
- `results`    what a run found out
- `run`        all of it
- `progress`   what a run is at, on stderr
"""
