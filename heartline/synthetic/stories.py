"""How an account's days go: how much of its usual use there is, which tickets come, how its people answer.

Days are numbered from 0; the last is 59, and the quiet days before the story are below 0. A story is a set of
functions of the day and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Curve = Callable[[int], float]


def _flat(level: float) -> Curve:
    return lambda day: level


_USUAL: Final = _flat(1.0)
_FEW: Final = _flat(0.05)
_RARELY: Final = _flat(0.03)
_CONTENT: Final = _flat(8.6)


def _falls(start: int, end: int, floor: float, ceiling: float = 1.0) -> Curve:
    """From the ceiling at day `start` in a straight line to the floor at day `end`."""

    def level(day: int) -> float:
        share = min(max((day - start) / (end - start), 0.0), 1.0)
        return ceiling + (floor - ceiling) * share

    return level


def _dips(start: int, bottom: int, back_from: int, back_by: int, floor: float) -> Curve:
    """Down from `start` to the floor at `bottom`, and up again from `back_from` to `back_by`."""
    down, up = _falls(start, bottom, floor), _falls(back_from, back_by, 1.0, floor)
    return lambda day: down(day) if day < back_from else up(day)


@dataclass(frozen=True)
class Story:
    """What happens to an account.

    Attributes:
        name: what it is called in tests and documentation.
        use_ratio: share of its usual activity, by day; 0 is silence.
        tickets_a_day: expected tickets, by day.
        urgent_ratio: share of the tickets that are urgent and escalated.
        solve_days: how long a ticket takes.
        mood: mean NPS answer of its people, 0..10, by day.
        survey_wave: days (first, last) in which everyone is asked at once; None where answers trickle in.
    """

    name: str
    use_ratio: Curve = _USUAL
    tickets_a_day: Curve = _FEW
    urgent_ratio: Curve = _RARELY
    solve_days: float = 1.5
    mood: Curve = _CONTENT
    survey_wave: tuple[int, int] | None = None


STEADY: Final = Story("steady")
GROWS: Final = Story("grows", use_ratio=_falls(5, 55, 1.3, 0.75), mood=_flat(9.0))
DECLINES: Final = Story("declines", use_ratio=_falls(15, 50, 0.1), mood=_falls(15, 50, 5.5, 8.4))
DECLINES_EARLY: Final = Story("declines early", use_ratio=_falls(3, 24, 0.1), mood=_falls(3, 24, 5.0, 8.4))
COLLAPSES: Final = Story("collapses", use_ratio=_falls(22, 24, 0.03), mood=_falls(20, 26, 4.0, 8.4))
GOES_SILENT: Final = Story("goes silent", use_ratio=lambda day: 1.0 if day < 17 else 0.0)
RECOVERS: Final = Story(
    "recovers", use_ratio=_dips(1, 4, 10, 12, 0.0), tickets_a_day=lambda day: 0.5 if 2 <= day < 10 else 0.05
)
TICKET_STORM: Final = Story(
    "ticket storm",
    tickets_a_day=lambda day: 6.0 if 30 <= day < 35 else 0.08,
    urgent_ratio=lambda day: 0.8 if 30 <= day < 35 else 0.03,
    solve_days=9.0,
    mood=_falls(30, 36, 5.0, 8.4),
)
DETRACTORS: Final = Story("detractor wave", mood=_falls(36, 38, 2.5, 8.4), survey_wave=(38, 43))

STORIES: Final = (
    STEADY,
    GROWS,
    DECLINES,
    DECLINES_EARLY,
    COLLAPSES,
    GOES_SILENT,
    RECOVERS,
    TICKET_STORM,
    DETRACTORS,
)
