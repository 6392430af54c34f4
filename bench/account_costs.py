"""What one account of fifty people costs: a scheduled look, and the bytes of its state.

    python -m bench.account_costs [--days 730] [--rounds 7]

Processor time of this process, the least of several rounds. The account lives through two years and is looked at every
day, as by a worker: each of its people comes on a fifth of the working days, to one of fifteen features.
"""

import argparse
import gc
import time
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.history.daily import close_score
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, encode_state
from stream.kinds.usage import UsageEvent, note_look
from stream.scoring.evaluation import evaluate
from stream.scoring.shipped import DEFAULT

USERS: Final = 50
FEATURES: Final = 15
LAST_DAY: Final = 20_700
OFTEN: Final = 0.2

Often = Callable[[int], float]  # of a working day that is so many days ago

# How its people come, and so what a look has to find out.
LIVES: Final[dict[str, Often]] = {
    "steady": lambda ago: OFTEN,
    "halved two months ago": lambda ago: OFTEN if ago >= 60 else OFTEN / 2,
    "low in the same weeks of both years": lambda ago: OFTEN / 3 if ago < 20 or 344 < ago < 384 else OFTEN,
    "silent for forty days": lambda ago: OFTEN if ago >= 40 else 0.0,
}


class Costs(NamedTuple):
    """What one account costs.

    Attributes:
        look_us: processor time of score and band, as a scan asks for them.
        state_bytes, state_bytes_max: of its state on the last day, and the most on any day of the last year.
    """

    look_us: float
    state_bytes: int
    state_bytes_max: int


def costs(often: Often, days: int, rounds: int) -> Costs:
    """Live through so many days, then look."""
    chance, state = Random(7), AccountState()
    sizes = [0]
    for day in range(LAST_DAY + 1 - days, LAST_DAY + 1):
        for event in _events(chance, day, often(LAST_DAY - day)) if day % 7 not in (2, 3) else ():
            fold_event(state, event)
        found = evaluate(state, end_of_day_ms(day), DEFAULT)
        note_look(state.usage, day)
        close_score(state.usage.days, day, found.score)
        if day > LAST_DAY - 365:
            sizes.append(len(encode_state(state)))
    looks = 300
    best = float("inf")
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        began = time.process_time()
        for number in range(looks):
            evaluate(state, end_of_day_ms(LAST_DAY) - number, DEFAULT)
        best = min(best, (time.process_time() - began) / looks)
    gc.enable()
    return Costs(best * 1e6, sizes[-1], max(sizes))


def _events(chance: Random, day: int, often: float) -> list[UsageEvent]:
    """Who comes on a day, and to which feature."""
    return [
        UsageEvent.model_construct(
            event_id=f"e{day}-{user}",
            account_id="acme",
            user_id=f"user-{user:03}",
            feature=f"feature-{(user + chance.randrange(3)) % FEATURES:02}",
            timestamp=day * DAY_MS + chance.randrange(8, 18) * 3_600_000,
            session_id=None,
        )
        for user in range(USERS)
        if chance.random() < often
    ]


def main(days: int, rounds: int) -> None:
    """Print a line for each life."""
    print(f"{'account':38}{'look, µs':>10}{'state, bytes':>14}{'at most':>10}")
    for name, often in LIVES.items():
        found = costs(often, days, rounds)
        print(f"{name:38}{found.look_us:>10.1f}{found.state_bytes:>14,}{found.state_bytes_max:>10,}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    main(arguments.days, arguments.rounds)
