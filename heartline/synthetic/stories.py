"""What happens to an account: its use, who leaves, what breaks, what its contract becomes, how its people feel.

Days are numbered from 0; the last is 59, and the quiet days before the story are below 0. A story is a set of functions
of the day and nothing else. The stories that are worth a red flag say so, and why: `trouble`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

Curve = Callable[[int], float]
Leaving = Callable[[float], int | None]


def _flat(level: float) -> Curve:
    return lambda day: level


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


_USUAL: Final = _flat(1.0)
_CONTENT: Final = _flat(8.6)


def _nobody(rank: float) -> int | None:
    return None


class Incident(NamedTuple):
    """Something that breaks, and the tickets that follow.

    Attributes:
        first_day, last_day: on which people write.
        tickets_a_day: expected on each of them.
        urgent: the first so many tickets are urgent, and the very first is escalated.
        fixed_day: on which the tickets are solved.
        category: what they are about.
    """

    first_day: int
    last_day: int
    tickets_a_day: float
    urgent: int
    fixed_day: int
    category: str


class Contract(NamedTuple):
    """A change of the subscription.

    Attributes:
        day: on which it is made.
        status: of the event, as started, upgraded, downgraded, cancellation_requested or cancelled.
        seats_ratio: of the seats and the price before.
    """

    day: int
    status: str
    seats_ratio: float = 1.0


@dataclass(frozen=True)
class Story:
    """What happens to an account.

    Attributes:
        name: what it is called in tests and documentation.
        trouble: why it deserves a red flag, in a sentence; None: it does not.
        signals: the rules that say so: the red flag has one of them.
        why: what the sentence on the account's page says then: one of these.
        use_ratio: share of its usual activity, by day; 0 is silence.
        leaves: the day on which somebody stops for good, by rank (0: most active, 1: least); None: stays.
        incident: what breaks; None: nothing does.
        contract: changes of the subscription, in order; before the first it runs, unless that one is its start.
        mood: mean NPS answer of its people, 0..10, by day.
        survey_day: everyone is asked at once on this day, beside the quarterly rounds; None: nobody is.
        answered: whether somebody writes back to promoters and detractors.
        people_ratio: of the people that an account of its seats has.
        segment: of the accounts that it happens to; None: of any.
    """

    name: str
    trouble: str | None = None
    signals: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    use_ratio: Curve = _USUAL
    leaves: Leaving = _nobody
    incident: Incident | None = None
    contract: tuple[Contract, ...] = ()
    mood: Curve = _CONTENT
    survey_day: int | None = None
    answered: bool = True
    people_ratio: float = 1.0
    segment: str | None = None

    def is_customer(self, day: int) -> bool:
        """Whether somebody looks after it: it has a contract, or tries the product."""
        before = [change.status for change in self.contract if change.day <= day]
        return not before or before[-1] != "cancelled"


_LESS_USE: Final = ("use of the last",)

STEADY: Final = Story("steady")
GROWS: Final = Story(
    "grows", use_ratio=_falls(5, 50, 1.3, 0.75), contract=(Contract(34, "upgraded", 1.25),), mood=_flat(9.0)
)
TERM_BREAK: Final = Story("term break", use_ratio=_dips(22, 25, 35, 37, 0.55))
PILOT: Final = Story(
    "pilot",
    use_ratio=lambda day: 1.0 if day >= -50 else 0.0,
    contract=(Contract(-50, "trial_started"), Contract(-20, "started")),
    people_ratio=0.8,
)
RETURNS: Final = Story(
    "returns",
    use_ratio=lambda day: 0.0 if day < 12 else min(0.5 + (day - 12) / 30, 1.0),
    contract=(Contract(-60, "cancelled"), Contract(12, "started")),
)

DECLINES: Final = Story(
    "declines",
    "its teams move to another tool, one after the other: a tenth of its use is left after a month",
    signals=("score_dropped", "use_declined", "score_low"),
    why=_LESS_USE,
    use_ratio=_falls(8, 38, 0.1),
    mood=_falls(8, 38, 5.5, 8.4),
)
DECLINES_EARLY: Final = Story(
    "declines early",
    "the rollout was given up: its use falls to a tenth within three weeks",
    signals=("score_dropped", "use_declined", "score_low"),
    why=_LESS_USE,
    use_ratio=_falls(3, 24, 0.1),
    mood=_falls(3, 24, 5.0, 8.4),
)
COLLAPSES: Final = Story(
    "collapses",
    "a reorganisation: nearly everyone stops within two days",
    signals=("score_dropped", "silence", "champion_gone"),
    why=_LESS_USE,
    use_ratio=_falls(22, 24, 0.03),
    mood=_falls(20, 26, 4.0, 8.4),
)
GOES_SILENT: Final = Story(
    "goes silent",
    "nobody logs in any more, and nobody said why",
    signals=("silence", "score_dropped"),
    why=_LESS_USE,
    use_ratio=lambda day: 1.0 if day < 17 else 0.0,
)
RECOVERS: Final = Story(
    "recovers",
    "single sign-on broke, and nobody could log in for a week; it was mended",
    signals=("escalation_open", "silence"),
    why=("a ticket escalated",),
    use_ratio=_dips(1, 4, 10, 12, 0.0),
    incident=Incident(2, 5, 1.2, 1, 10, "bug"),
)
TICKET_STORM: Final = Story(
    "ticket storm",
    "an integration broke, and the tickets about it wait for nine days",
    signals=("escalation_open", "ticket_load"),
    why=("urgent tickets open",),
    use_ratio=_dips(30, 32, 40, 46, 0.7),
    incident=Incident(30, 34, 2.4, 3, 40, "bug"),
    mood=_falls(30, 36, 5.0, 8.4),
)
DETRACTORS: Final = Story(
    "detractor wave",
    "after a higher price many of its people answer a survey with low scores, and nobody writes back",
    signals=("answers_turned", "detractor_follow_up"),
    why=("NPS",),
    mood=_falls(36, 38, 2.5, 8.4),
    survey_day=38,
    answered=False,
)
CHAMPION_LEAVES: Final = Story(
    "champion leaves",
    "the three people who use it most leave, and most of the others follow within a month",
    signals=("champion_gone", "breadth_collapsed", "users_lost", "score_dropped"),
    why=(", without ",),
    segment="mid-market",
    leaves=lambda rank: 14 if rank < 0.15 else round(18 + 28 * (1.15 - rank)) if rank > 0.3 else None,
    mood=_falls(14, 40, 6.0, 8.6),
)
CONTRACTS: Final = Story(
    "contracts",
    "a department leaves: eight of ten people stop, and the contract shrinks with them",
    signals=("revenue_contracted", "breadth_collapsed"),
    why=_LESS_USE,
    segment="mid-market",
    leaves=lambda rank: round(16 + 8 * rank) if rank >= 0.2 else None,
    contract=(Contract(30, "downgraded", 0.25),),
)
CANCELS: Final = Story(
    "cancels",
    "it uses less and less, asks to cancel, and is gone three weeks later",
    signals=("cancellation_requested",),
    why=_LESS_USE,
    use_ratio=lambda day: max(1.0 - max(day, 0) / 40, 0.2) if day < 49 else 0.0,
    contract=(Contract(28, "cancellation_requested"), Contract(49, "cancelled")),
    mood=_falls(0, 30, 4.5, 8.4),
)

STORIES: Final = (
    STEADY,
    GROWS,
    TERM_BREAK,
    PILOT,
    RETURNS,
    DECLINES,
    DECLINES_EARLY,
    COLLAPSES,
    GOES_SILENT,
    RECOVERS,
    TICKET_STORM,
    DETRACTORS,
    CHAMPION_LEAVES,
    CONTRACTS,
    CANCELS,
)
