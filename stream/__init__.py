"""The stream worker: events in, one live and explained health report per account out.

Read the modules in the order an event meets them:

- `topics`     which topics there are, what travels on each, how they are made
- `settings`   what an operator may set, and where it is read from
- `events`     the contracts of the input events, and the words of their errors
- `feeds`      how real feeds' own names and values become the contract's
- `decode`     bytes to events: a fast path, and pydantic as the judge of whatever it refuses
- `zones`, `workdays`, `calendars`   the calendar days of a time zone, the working days of a calendar, and its settings
- `clock`      which "now" the engine runs on: the wall's, or the events' own
- `rolling`    activity as day bitmaps: windows of days in O(1)
- `columns`, `daily`, `windows`   the account's days for more than a year: users and events, score, wau and mau
- `usage`, `sessions`   product usage, folded a run of events at a time, and a sample of each day's sessions
- `tickets`, `surveys`, `touchpoints`, `outcomes`, `subscriptions`   the other facts of an account
- `overrides`  what people set by hand in the place of the score
- `account`    the state of one account, and how an event folds into it
- `folding`    by kind of event: how it is folded, and the count of what did not count
- `series`     the account's days as rows, for whoever draws them
- `product`    what Heartline knows of the product that is used
- `measures/`  every number of an account as of a moment, from its facts
- `journey`    first value and milestones
- `freshness`  how recent what each source told is
- `trend`      the trailing four weeks against what the twelve before let expect
- `places`     YAML that remembers its lines, and refuses what is no honest document
- `wording`    what people call each measure, and how its values are shown
- `scorecard/`   measures to points: curves, weights, bands, vetoes, and how YAML says them
- `health/`    the judgement: score, contributions, coverage, what changed and why
- `news`       whether a judgement is worth telling
- `values`     the value of a record of ours, read as its contract says
- `report`, `dead_letters`   the contracts of `account-health` and `dead-letters`, what leaves the worker
- `schemas`    all contracts as JSON Schemas
- `intake`     a chunk into the accounts of one partition: decode, refuse, send home, fold
- `partitioner`, `rekey`   where an account is at home, and the envelope in which a record is sent there
- `job`        the worker's work on one partition: fold a chunk, judge what moved
- `engine/`    chunks in, hot state, one checkpoint transaction a partition, recovery (Faust lives here)
- `agents`, `app`, `run`   the Faust agents, the app that ties all of it together, and the process
- `logs`, `errors`   how every process logs, and what the package raises
- `metrics`    every Prometheus metric of the worker

Everything up to `job` is pure: no Faust, no Kafka, no Redis, and `now` is passed in.
"""
