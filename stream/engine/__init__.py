"""The engine: chunks in, hot state, one checkpoint transaction per partition, recovery in bulk. Faust around it.

Read the modules in the order a chunk meets them:

- `transport`    fetch: Faust's consumer, one message per fetched chunk
- `chunk`        what travels: records, and the offset from which on none is missing
- `engine`       the partitions in this worker's hands, and everything that happens to them
- `folding`      one chunk into one partition
- `partition`    the hot state of one partition group
- `work`         what the engine asks of the work it carries; it knows nothing of accounts
- `checkpoint`   states, outputs and offsets in one transaction
- `mark`         what the checkpoint stands on, beside its offsets
- `fence`        the producer that may commit a partition, and by existing stops all others

and what surrounds them:

- `owned`        one partition group in this worker's hands: state, producer, what is committed
- `store`        Faust's table store: when partitions come and go
- `recovery`     the changelog back into hot state, by position
- `topic_ids`    which topic a name means
- `topology`     the topics as they must be, and the assignment
- `watchdog`     idle or stuck
- `failstop`     the one way out
- `connection`   how every client reaches Kafka

docs/engine.md tells the story: crash, rebalance, fence, drain, and what is not done yet.
"""
