"""`python -m tests.chaos`: rounds until the time is over; status 1 if anything was lost, doubled or missed."""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from tests.chaos.company import Round, make_round
from tests.chaos.faults import FAULTS, REPEATS_EXPLAINED_BY
from tests.chaos.verdict import Verdict, differences, look, repeats
from tests.chaos.world import World

SENDING_SECONDS: Final = 4.0
SETTLE_SECONDS_MAX: Final = 240.0
FIRST_SECONDS_MAX: Final = 180.0


def run_round(world: World, number: int, seed: int) -> tuple[Round, Verdict]:
    """One round: its events, some faults beside them, and what came of it."""
    chance = random.Random(f"{seed}/{number}")
    told = make_round(number, chance, int(time.time() * 1000))
    names = chance.sample(sorted(FAULTS), chance.randrange(1, 4)) if number else []
    sending = threading.Thread(target=world.send, args=(told, chance, SENDING_SECONDS), daemon=True)
    sending.start()
    healing = []
    for name in names:
        time.sleep(chance.uniform(0, SENDING_SECONDS / len(names)))
        healing.append(FAULTS[name](world, chance))
        time.sleep(chance.choice((0.2, 1.0, 3.0, 8.0)))  # 8: longer than a session
    for heal in healing:
        heal()
    sending.join(SETTLE_SECONDS_MAX)
    verdict = Verdict(number, names)
    began = time.monotonic()
    most = FIRST_SECONDS_MAX if number == 0 else SETTLE_SECONDS_MAX
    while True:
        try:
            seen = look(world)
            verdict.wrong = differences(told, seen)
            verdict.repeats = repeats(told, seen)
        except Exception as error:
            verdict.wrong = [f"it can't be looked at: {type(error).__name__}: {error}"]
        if not verdict.wrong or time.monotonic() - began > most:
            break
        time.sleep(0.5)
    verdict.settled_seconds = time.monotonic() - began
    if verdict.repeats and not REPEATS_EXPLAINED_BY & set(names):
        verdict.wrong.append(f"{verdict.repeats} messages came again, which no fault of the round explains")
    return told, verdict


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=10**6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--alerting", type=int, default=2)
    parser.add_argument("--json", type=Path, help="append each round's verdict, a line each")
    parser.add_argument("--keep", type=Path, help="where logs go, and stay")
    given = parser.parse_args()
    deadline, verdicts, rounds = time.monotonic() + given.minutes * 60, list[Verdict](), list[Round]()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with World(folder, given.workers, given.alerting) as world:
            number = 0
            while number <= given.rounds and (time.monotonic() < deadline or number < 2):
                told, verdict = run_round(world, number, given.seed)
                rounds.append(told)
                verdicts.append(verdict)
                print(
                    f"round {number}: {', '.join(verdict.faults) or 'undisturbed'}: "
                    f"{'; '.join(verdict.wrong[:3]) or 'ok'}, {verdict.repeats} repeats, "
                    f"{verdict.settled_seconds:.1f} s",
                    flush=True,
                )
                _keep(given.json, given.seed, verdict)
                number += 1
            seen = look(world)
            late = [f"round {told.number}: {wrong}" for told in rounds for wrong in differences(told, seen)]
    bad = [verdict for verdict in verdicts if verdict.wrong]
    print(
        f"{len(verdicts)} rounds, seed {given.seed}: {len(bad)} not as they must be, "
        f"{sum(verdict.repeats for verdict in verdicts)} repeats; at the end {len(late)} differences"
    )
    print("\n".join(late[:20]))
    sys.exit(1 if bad or late else 0)


def _keep(path: Path | None, seed: int, verdict: Verdict) -> None:
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps({"seed": seed, **vars(verdict)}) + "\n")


if __name__ == "__main__":
    main()
