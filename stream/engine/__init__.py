"""The engine: chunks in, hot states, one checkpoint transaction per partition, recovery in bulk. Faust around it.

Read the modules in the order a chunk meets them:

- `transport`             fetch: Faust's consumer, one message per fetched chunk
- `record_parser`         the records in it, as light as the client library's parser makes them
- `chunk`                 what travels: records, and the offset from which on none is missing
- `in_flight`             how many bytes may be on their way from there to the fold
- `partition_manager`     the partitions assigned to this worker: assign, recover, fold, checkpoint, seek, drain
- `partition_assignment`  one of them: its states, its producer, what is committed
- `partition`             the states of one partition group, hot and cold
- `processor`             what the engine asks of the processor that it runs; it knows nothing of accounts
- `checkpoint_scheduler`  when a partition is checkpointed, and for how long it may evaluate then
- `checkpoint`            states, outputs and offsets in one transaction
- `state_cache`           which states are objects, which are bytes, and which are on the disk alone
- `committed_offsets`     the offsets of the last checkpoint, what they stand on, where to go on reading
- `fence`                 the producer that may commit a partition, and by existing stops all others

and what surrounds them:

- `store`                 Faust's table store: when partitions come and go
- `recovery`              the changelog back into the partitions, by position
- `partition_store`       the state store of one partition: opened, kept in step, released
- `state_store`           the state store on disk: a snapshot and write-ahead segments
- `store_compaction`      both into a new snapshot
- `store_files`           its files, and the states that are read from them
- `store_index`           what is in them
- `state_location`        where in them a state lies
- `frames`                how they are written: whole or not at all
- `topic_ids`             which topic a name means
- `topology`              the topics as they must be, and the assignment
- `metrics`               what the engine counts and times
- `watchdog`              idle or stuck
- `liveness`              whether the worker lives and is ready
- `alive_ping`            an address that is asked while it is
- `group`                 which partitions the group's workers have, and its lag
- `broker_clock`          the broker's clock, which bears out the worker's or does not
- `failstop`              the one way out
- `event_loop`            the event loop of each thread
- `connection`            how every client reaches Kafka

docs/engine.md tells the story: crash, rebalance, fence, drain, state stores, and the limits.
"""
