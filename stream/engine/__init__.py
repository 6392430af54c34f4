"""The engine: chunks in, hot state, one checkpoint transaction per partition, recovery in bulk. Faust around it.

Read the modules in the order a chunk meets them:

- `transport`    fetch: Faust's consumer, one message per fetched chunk
- `fetched`      the records in it, as light as the client library's parser makes them
- `chunk`        what travels: records, and the offset from which on none is missing
- `budget`       how many bytes may be on their way from there to the fold
- `engine`       the partitions in this worker's hands: fold, seek, drain
- `folding`      one chunk into one partition
- `work`         what the engine asks of the work it carries; it knows nothing of accounts
- `partition`    the states of one partition group, hot and cold
- `pace`         when a partition is checkpointed, and for how long it may evaluate then
- `checkpoints`  that it is, and what follows
- `checkpoint`   states, outputs and offsets in one transaction
- `warmth`       which states are objects, which are bytes, and which are on the disk alone
- `mark`         what the checkpoint stands on, beside its offsets
- `fence`        the producer that may commit a partition, and by existing stops all others

and what surrounds them:

- `store`        Faust's table store: when partitions come and go
- `ownership`    fence, recover, release
- `owned`        one partition group in this worker's hands: state, producer, what is committed
- `offsets`      where to go on reading, if the topics are those of the last checkpoint
- `recovery`     the changelog back into the partition, by position
- `tail`         what it says beyond the local copy, a part at a time
- `copies`       local copies of the changelog: recalled, kept in step, let go
- `local_copy`   one of them on disk: a base and journals
- `compaction`   both into a new base
- `copy_files`   its files, and the states that are read from them
- `contents`     what is in them
- `places`       where in them a state lies
- `frames`       how they are written: whole or not at all
- `topic_ids`    which topic a name means
- `topology`     the topics as they must be, and the assignment
- `watchdog`     idle or stuck
- `failstop`     the one way out
- `loops`        the event loop of each thread
- `connection`   how every client reaches Kafka

docs/engine.md tells the story: crash, rebalance, fence, drain, local copies, and the limits.
"""
