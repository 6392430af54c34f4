"""Whether everything that Heartline needs is in place, and what to do where it is not.

- `check`    what a check says
- `machine`  this machine: Python, packages, what the embedded servers need, ports
- `kafka`    the broker, its topics, their partitions and clean-up
- `group`    whether every partition is in a worker's hands, and how far behind they are
- `records`  one record of each topic, whether it can be read
- `quarantine` accounts that raise an error
- `aliases`  ids of other tools whose events wait
- `redis`    the store, whether it may forget, its clock
- `examine`  all of it, in order
"""
