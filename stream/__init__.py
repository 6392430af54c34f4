"""The stream worker: events in, one live and explained health report per account out.

Read the packages in the order an event meets them:

- `config/`     what an operator may set
- `contracts/`  what travels
- `kinds/`      one module a kind of event: what is accepted, what is kept of it, and the fold; bytes to events
- `topics`      the names of all topics
- `history/`, `calendar/`   the account's days, and what a day is
- `measures/`   every number of an account as of a moment, from its facts
- `scoring/`    measures to points, the score, what moved it and why, and whether that is published
- `worker/`     the steps of one partition: ingest, evaluate, publish
- `engine/`     from fetch to commit: partitions, checkpoints, recovery (Faust lives here)
- `agents`, `app`, `run`   the Faust agents, the app that ties all of it together, and the process

Everything but `engine`, `agents`, `app` and `run` is pure: no Faust, no Kafka, no Redis, and `now` is passed in.
"""
