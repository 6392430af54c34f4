"""The worker's own steps, pure but for `run`.

- `ingest`       a source batch into the accounts of one partition: decode, refuse, route to the owner, fold
- `repartition`  the envelope in which a record travels to its account's partition
- `processor`    the work on one partition: fold a source batch, evaluate what moved
- `metrics`      every Prometheus metric of the worker
- `run`          the process
"""
