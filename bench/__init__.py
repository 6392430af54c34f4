"""What measures Heartline beside `heartline bench`, which has `heartline/bench`: not in the wheel, run from a checkout.

The worker:

- `tables`           over several shapes of accounts, one after another
- `cold`             accounts whose states are on disk
- `periodic_scan`    the scan of a new day over a million accounts
- `year`             a company's year, compressed: memory, lag, and what a burst does
- `ageing`           how large an account gets with its age
- `fleet`            100 partitions on 50 workers with failures, simulated from measured parts
- `account_costs`    a look at an account of fifty people, and the bytes of its state

Heartline and its peers on the same events:

- `run_peers`        one after another on one broker
- `peers`            what each is, and how it is made to run
- `peers_chart`      the chart of their last run
- `peer_programs/`   the programs themselves
- `same_job`         whether the Java ones do the same job
- `jars`             their jars, locked

The front door:

- `intake`           what the intake costs, and the time to its answer

The board:

- `board_list`       the list of 100,000 accounts, each way to request it

Money:

- `portfolio`        the portfolio on a whole company: exact after a kill, rebuilt from Kafka, its pages

Alerting and measures:

- `alerting`             what a health report costs the alerting process
- `alerting_latency`     from an event to its Slack message
- `trend_false_alarms`   the usage trend against a plain rule, on real histories
- `score_auroc`          what a snapshot's score is worth on real histories
- `situations`           78 checks of thirty plain situations

`page` writes the tables into docs/benchmarks.md; what was measured is kept in `results/`.
"""
