"""`python -m tests.chaos`: rounds until the time is over; status 1 if anything was lost, doubled or missed."""

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.chaos.company import Round, make_round
from tests.chaos.faults import FAULTS, ONCE, draw, is_possible
from tests.chaos.verdict import Eyes, Verdict, differences, repeats
from tests.chaos.world import Shape, World

SENDING_SECONDS: Final = 4.0
SETTLE_SECONDS_MAX: Final = 240.0
UPGRADE_ROUND: Final = 2


def run_round(
    world: World, number: int, seed: int, eyes: Eyes | None = None, wanted: Sequence[str] = ()
) -> tuple[Round, Verdict]:
    """One round: its events, some faults beside them (those that are wanted, else drawn), and what came of it."""
    chance = random.Random(f"{seed}/{number}")
    told = make_round(number, chance, int(time.time() * 1000))
    drawn = (list(wanted) or draw(chance)) if number else []
    if number == UPGRADE_ROUND and world.is_of_earlier_release:
        drawn = [ONCE, *drawn[1:]]
    names = [name for name in drawn if is_possible(name, world)]
    sending = threading.Thread(target=world.send, args=(told, chance, SENDING_SECONDS), daemon=True)
    sending.start()
    healing = []
    for name in names:
        time.sleep(chance.uniform(0, SENDING_SECONDS / len(names)))
        healing.append(FAULTS[name](world, chance))
        time.sleep(chance.choice((0.2, 1.0, 3.0, 8.0)))  # 8: longer than a session
    with ThreadPoolExecutor() as pool:
        for healed in [pool.submit(heal) for heal in healing]:
            healed.result()
    sending.join(SETTLE_SECONDS_MAX)
    verdict = Verdict(number, names, len(world.brokers))
    began = time.monotonic()
    while True:
        try:
            eyes = eyes or Eyes(world)
            seen = eyes.look()
            verdict.wrong = differences(told, seen)
            verdict.repeats = repeats(told, seen, names)
        except Exception as error:
            verdict.wrong = [f"it can't be looked at: {type(error).__name__}: {error}"]
        if not verdict.wrong or time.monotonic() - began > SETTLE_SECONDS_MAX:
            break
        time.sleep(0.5)
    verdict.settled_seconds = time.monotonic() - began
    if unexplained := verdict.repeats.get(""):
        verdict.wrong.append(f"{unexplained} messages came again, which no fault of the round explains")
    return told, verdict


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=10**6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=3)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--alerting", type=int, default=2)
    parser.add_argument(
        "--release", type=Path, help="the Python of an earlier release's environment: its processes are upgraded"
    )
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=(), metavar="FAULT", help="in every round")
    parser.add_argument("--json", type=Path, help="append each round's verdict, a line each")
    parser.add_argument("--keep", type=Path, help="where logs go, and stay")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing that was started stays
    shape = Shape(given.brokers, given.workers, given.alerting, release=given.release)
    deadline, verdicts, rounds = time.monotonic() + given.minutes * 60, list[Verdict](), list[Round]()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with World(folder, shape) as world:
            if not world.disks:
                print("no disk will be full: this user may not mount one")
            with Eyes(world) as eyes:
                number = 0
                while number <= given.rounds and (time.monotonic() < deadline or number < 2):
                    told, verdict = run_round(world, number, given.seed, eyes, given.faults)
                    rounds.append(told)
                    verdicts.append(verdict)
                    _say(verdict)
                    _keep(given.json, given.seed, verdict)
                    number += 1
            with Eyes(world) as fresh:
                seen = fresh.look()
            late = [f"round {told.number}: {wrong}" for told in rounds for wrong in differences(told, seen)]
    bad = [verdict for verdict in verdicts if verdict.wrong]
    print(
        f"{len(verdicts)} rounds, seed {given.seed}: {len(bad)} not as they must be, "
        f"{sum(sum(verdict.repeats.values()) for verdict in verdicts)} repeats; at the end {len(late)} differences"
    )
    print("\n".join(late[:20]))
    sys.exit(1 if bad or late else 0)


def _say(verdict: Verdict) -> None:
    repeated = ", ".join(f"{count} repeats ({why})" for why, count in verdict.repeats.items()) or "0 repeats"
    print(
        f"round {verdict.number}: {', '.join(verdict.faults) or 'undisturbed'}: "
        f"{'; '.join(verdict.wrong[:3]) or 'ok'}, {repeated}, {verdict.settled_seconds:.1f} s",
        flush=True,
    )


def _keep(path: Path | None, seed: int, verdict: Verdict) -> None:
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps({"seed": seed, **asdict(verdict)}) + "\n")


if __name__ == "__main__":
    main()
