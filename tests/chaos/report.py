"""docs/chaos.md from the rounds that were run: `python -m tests.chaos.report ROUNDS.jsonl docs/chaos.md`."""

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.chaos.faults import FAULTS, REPEATS_EXPLAINED_BY

HEAD = """# Chaos

`make chaos MINUTES=30 SEED=7` runs rounds of seeded faults against a living installation: an Apache Kafka broker, three workers (one a
static member, two with state stores on disk), two alerting processes, Redis with an append-only file, and a receiver, with a TCP proxy
before Kafka and one before Redis. Each round eight new accounts send some 1,400 events, a twentieth of them twice, a tenth to
a wrong partition; half of the accounts decline. Beside that one to three faults begin at random moments and last up to eight
seconds, longer than a session. Then every state, report, red flag (in Redis, in the log of alerts and at the receiver) and message is
compared with what one undisturbed pass gives; at the end of a run all of its rounds are compared once more.

The same seed gives the same faults at the same moments of the feed; what the processes were doing then differs from run to run.
"""
TAIL = """
A repeat is a message that the receiver had taken before, under the same id: its answer was lost, or its sender died between the
receiver's answer and the note of it. After a round without such a fault a repeat counts as wrong.

**Not in it**: three brokers (`tests/integration/test_engine_cluster.py` kills them one after another), a full disk
(`tests/unit/engine/test_state_store.py`), the portfolio's ledger, the intake, and upgrades from an earlier release, of which there is none.
CI runs two rounds of it (`tests/integration/test_chaos.py`).
"""


def page(rounds: list[dict[str, Any]]) -> str:
    """The page."""
    disturbed = [each for each in rounds if each["faults"]]
    wrong = [each for each in rounds if each["wrong"]]
    repeats = sum(each["repeats"] for each in rounds)
    seeds = sorted({each["seed"] for each in rounds})
    told = [
        HEAD,
        "## The last run\n",
        f"**{len(disturbed)} rounds** with faults and {len(rounds) - len(disturbed)} without, seeds "
        f"{', '.join(map(str, seeds))}: **{len(wrong)} not as they must be**, {repeats} repeated messages.\n",
        "| fault | rounds with it | lost, doubled or missed | repeats | settled after, median | longest |",
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
        explained = "" if name in REPEATS_EXPLAINED_BY else ", of the others in the round"
        count = sum(each["repeats"] for each in found)
        told.append(
            f"| {name} | {len(found)} | {sum(bool(each['wrong']) for each in found)} | {count}{explained if count else ''} "
            f"| {statistics.median(seconds):.0f} s | {max(seconds):.0f} s |"
        )
    for each in wrong:
        told.append(f"\nSeed {each['seed']}, round {each['number']} ({', '.join(each['faults'])}): {each['wrong'][0]}.")
    return "\n".join(told) + "\n" + TAIL


if __name__ == "__main__":
    read = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    Path(sys.argv[2]).write_text(page(read), "utf-8")
