"""The worker's own steps; all but `metrics` are pure.

- `ingest`            a source batch into the accounts of one partition: decode, refuse, route to the owner, fold
- `repartition`       the envelope in which a record travels to its account's partition
- `account_partition` one partition's accounts: states, who waits, what scans need
- `aliases`           ids that are no account's own: their links, and their events on the way
- `waiting_aliases`   the ones whose events wait, as they are counted and reported
- `quarantine`        accounts that are left alone, since they raise an error
- `priority_queue`    accounts that wait to be evaluated
- `day_closing`       an account's days that are over, each written once
- `health_processor`  the work on one partition: fold a source batch, evaluate what changed, publish
- `metrics`           every Prometheus metric of the worker
"""
