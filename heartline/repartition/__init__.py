"""Moving an installation to more partitions, or to another prefix: exactly, and to be resumed wherever it was cut off.

- `plan`        which topics move, and where what was processed ends in each
- `copier`      one topic's records into the partitions of their accounts, each once, in transactions
- `offsets`     where the worker goes on in the new topics
- `redis_move`  what alerting remembers, into the keys of the new partitions
- `run`         all of it, in its order

A topic moves in two steps: first what the old installation has processed, then, once it is known where that ends in
the new topic, what it has not. So the new one goes on behind the first step, and nothing is folded twice or left out.
"""
