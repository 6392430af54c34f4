"""docs/chaos.md from the rounds that were run: `python -m tests.chaos.report ROUNDS.jsonl docs/chaos.md`."""

import json
import statistics
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tests.chaos.faults import FAULTS

HEAD = """# Chaos

`make chaos MINUTES=30 SEED=7` runs rounds of seeded faults against a living installation: three Apache Kafka brokers (three replicas,
two in sync), three workers (one a static member, two with state stores on disk), two alerting processes, an intake, a portfolio, Redis
with an append-only file, and a receiver, with a TCP proxy before each broker and one before Redis. Disks that fill up are small file
systems of their own, which takes root to mount; without it these faults are left out, and said to be.

Each round eight new accounts send some 1,400 events, a twentieth of them twice, a tenth to a wrong partition, a tenth by HTTP; half of
the accounts decline, all pay. Beside that one to three faults begin at random moments and last up to eight seconds, longer than a
session. Then every state, report, red flag (in Redis, in the log of alerts and at the receiver), message and the revenue in the ledger
is compared with what one undisturbed pass gives; at the end of a run all of its rounds are compared once more, read afresh.

`--release PYTHON` starts every process from the environment of an earlier release; in the second round they are upgraded one after
another while events and faults go on. The same seed gives the same faults at the same moments of the feed; what the processes were
doing then differs from run to run.
"""
TAIL = """
A repeat is a message that the receiver had taken before, under the same id. A sender that can't know whether it was taken must send it
again: that is explained where this very message's answer was lost on purpose, or where a fault of the round took the sender or its
memory away between the receiver's answer and the note of it. A repeat in a round without such a fault counts as wrong.

In one round, 199 s after "kafka delayed", it was the test's own consumer that was late; it reads past the proxies since.

## What rounds have found

Both rounds that were not as they must be were defects. When they were mended, their faults came again, all three at once: six rounds of
seed 601, four of seed 602. Nothing was wrong, nor in the rounds of seeds 403, 404, 502, 503, 701 to 703, 801 to 812 and 901, which ran
with all that is below: 271 rounds with faults since. Seeds 502, 503 and 801 to 812 begin with the processes of 0.2.0, and upgrade them. Seeds 701 to 703 were stopped, so
that their rounds were compared each in its time, and not once more at the end; 12 of seed 701 ran again, to their end.

| found | by | mended |
|---|---|---|
| two red flags would have waited for a week, and every open episode was reminded of at once: alerting wrote what is due by a wall clock that was a week ahead for some seconds | clock stepped, receiver hangs | alerting goes by Redis' clock as the worker goes by the broker's; `test_sender.py` |
| an intake answered 503 until it was restarted: a batch was given up while two of three brokers were down, and every later one was refused as out of order | broker killed, two brokers killed | a producer that does not number batches, since events carry ids; `test_writer.py` |
| alerting did not wait for a Redis whose disk is full, as it does for one whose memory is: it took the refusal for a wrong command | redis' disk full, when it was written | it waits; `test_delivery_faults.py` |

## Where else faults are tested

Named instants, between every two steps of a checkpoint: `tests/integration/test_engine_crash_points.py`. Thousands of interleavings on
a broker in memory: `tests/unit/engine/test_interleavings.py`. Each of these faults is a test by itself:

| fault | test |
|---|---|
| a group that assigned nothing, or too little, while the broker came back | `test_engine_liveness.py`, `unit/engine/test_liveness.py` |
| a process that hangs, has not joined, or whose Redis is away still says that it is ready | `unit/consumers/test_liveness.py`, `test_alerting_consumer.py`; all processes: `test_kafka_rights.py` |
| a wall clock that is days ahead, steps back, or of one process only | `test_worker_clock.py`, `unit/stream/test_trusted_clock.py`, `functional/test_sender.py` |
| two installations that differ in their prefix alone | `test_engine_start_checks.py`, `unit/consumers/test_settings.py` |
| an input, the changelog or `account-health` deleted and made again; records deleted before they were folded | `test_engine_start_checks.py`, `test_alerting_consumer.py` |
| topics with more partitions than the states were made with | `test_engine_start_checks.py`; the move, killed again and again: `test_repartition.py` |
| a state, a record in Redis, a message or a dead letter that can't be read | `test_quarantine.py`, `functional/test_unreadable.py` |
| a state of a newer release; states, stores and Redis of the last release | `unit/worker/test_quarantine.py`, `unit/worker/test_releases.py`, `functional/test_releases.py` |
| a right that the broker's ACLs refuse | `test_kafka_rights.py` |
| TLS, passwords and users of Kafka and of Redis, and wrong ones | `test_engine_secure.py`, `functional/test_redis_secure.py` |
| an erasure that is interrupted, a Redis that is lost and restored from Kafka | `test_erasure.py` |
| more than can be evaluated: queues and dirty accounts are bounded | `unit/worker/test_priority_queue.py`, `unit/engine/test_checkpoint_scheduler.py` |
| the portfolio killed while it reads | `test_portfolio.py` |

Those without a folder are in `tests/integration`.

CI runs two rounds of it (`tests/integration/test_chaos.py`): the disks of the stores and of Redis full, all processes killed together.
"""


def page(rounds: list[dict[str, Any]]) -> str:
    """The page.

    Args:
        rounds: as `Verdict` keeps them, with the seed of each.
    """
    disturbed = [each for each in rounds if each["faults"]]
    wrong = [each for each in rounds if each["wrong"]]
    seeds = sorted({each["seed"] for each in rounds})
    count = sum(sum(each["repeats"].values()) for each in rounds)
    sizes = Counter(each["brokers"] for each in disturbed)
    told = [
        HEAD,
        "## The rounds that were run\n",
        f"**{len(disturbed)} rounds** with faults ({sizes[3]} on three brokers, {sizes[1]} on one) and "
        f"{len(rounds) - len(disturbed)} without, seeds {', '.join(map(str, seeds))}: **{len(wrong)} not as they must be**, "
        f"{count} repeated messages.\n",
        "| fault | rounds with it | lost, doubled or missed | repeats in them | settled after, median | longest |",
        "|---|---|---|---|---|---|",
    ]
    by_fault: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in disturbed:
        for name in each["faults"]:
            by_fault[name].append(each)
    for name in FAULTS:
        found = by_fault[name]
        if not found:
            told.append(f"| {name} | 0 | | | | |")
            continue
        seconds = [each["settled_seconds"] for each in found]
        told.append(
            f"| {name} | {len(found)} | {sum(bool(each['wrong']) for each in found)} "
            f"| {sum(sum(each['repeats'].values()) for each in found)} "
            f"| {statistics.median(seconds):.0f} s | {max(seconds):.0f} s |"
        )
    told += ["", "A round counts for each of its faults. The repeated messages, by what explains them:", ""]
    why: Counter[str] = Counter()
    for each in rounds:
        why.update(each["repeats"])
    told += ["| explained by | repeats |", "|---|---|"]
    told += [f"| {name or '**nothing**'} | {number} |" for name, number in why.most_common()] or ["| | 0 |"]
    for each in wrong:
        told.append(f"\nSeed {each['seed']}, round {each['number']} ({', '.join(each['faults'])}): {each['wrong'][0]}.")
    return "\n".join(told) + "\n" + TAIL


if __name__ == "__main__":
    read = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    Path(sys.argv[2]).write_text(page(read), "utf-8")
