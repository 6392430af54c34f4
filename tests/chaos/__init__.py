"""Chaos: rounds of seeded faults against a running installation, each compared with one undisturbed pass.

    python -m tests.chaos --minutes 30 --seed 7

- `proxy`     TCP between the processes and their servers, delayed, cut, half open, cut behind a request
- `company`   what a round's accounts do, and what must come of it
- `world`     broker, Redis, workers, alerting and a receiver, and how to hurt each of them
- `faults`    the faults, by name
- `verdict`   what was lost, doubled or missed
- `report`    docs/chaos.md
"""
