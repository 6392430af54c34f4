"""Chaos: rounds of seeded faults against a running installation, each compared with one undisturbed pass.

    python -m tests.chaos --minutes 30 --seed 7

- `company`   what a round's accounts do, and what must come of it
- `proxy`     TCP between the processes and their servers, delayed, cut, half open, cut behind a request
- `servers`   brokers, Redis and disks, and how to hurt them
- `receiver`  takes messages, and answers as it is told
- `stepped`   a process whose wall clock can be stepped
- `process`   the product's processes, started again whenever they end
- `world`     all of an installation
- `faults`    the faults, by name
- `verdict`   what was lost, doubled or missed
- `report`    docs/chaos.md
"""
