"""What moved the score since an earlier moment, measure by measure; the points add up to the change.

The same facts are judged as of then; so an event that arrived late counts then, too, and the scorecard, the seats and
the rest of the profile are today's on both sides: what moved is the account, and not the yardstick. A measure that
can't be known as of then has today's value on both sides, so that no change is invented.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from stream.account import AccountState, zone_of
from stream.health.override import OVERRIDE, overridden
from stream.health.standing import Standing, standing, weigh
from stream.measures import Measures
from stream.measures.known import REACH_DAYS
from stream.overrides import Setting, in_force
from stream.report import Cap, Change, Number
from stream.scorecard import Scorecard

WEEK_DAYS: Final = 7
FORTNIGHT_DAYS: Final = 14
MONTH_DAYS: Final = 28


class Verdict(Struct, gc=False):
    """What is said of an account as of a moment.

    Attributes:
        at: where the scorecard puts it.
        setting: the override that holds; None without one.
        score: what counts: the override's, else the scorecard's.
    """

    at: Standing
    setting: Setting | None
    score: float | None


class Compared(Struct, gc=False):
    """A comparison with an earlier day.

    Attributes:
        days: how many days earlier.
        score: at the close of that day.
        changes: what moved it since, the largest loss first.
    """

    days: int
    score: float
    changes: list[Change]


def compare(
    state: AccountState,
    day: int,
    days: int,
    now: Verdict,
    measures: Measures,
    measured: Callable[[int], Measures],
    scorecard: Scorecard,
) -> Compared | None:
    """Compare with the close of the day `days` days before `day`; None where the account was not known then.

    Args:
        state: the account's facts.
        day: today.
        days: how far to look back, at most 28.
        now: what is said of the account now.
        measures: its measures now.
        measured: the scorecard's measures as of a moment.
        scorecard: what counts.
    """
    zone, day_before = zone_of(state), day - days
    first = state.activity.first_ms
    if first is None or zone.day_of(first) > day_before or now.score is None:
        return None
    before_ms = zone.end_of_day_ms(day_before)
    earlier = measured(before_ms)
    for name, reach in REACH_DAYS.items():
        if name in earlier and day_before < state.activity.newest_day - reach:
            earlier[name] = measures[name]
    at = standing(weigh(state, earlier, scorecard), earlier)
    setting = in_force(state.overrides, before_ms)
    before = Verdict(at, setting, overridden(setting, at.score, scorecard))
    if before.score is None:
        return None
    vetoes = {cap.name: cap for cap in (*at.caps, *now.at.caps)}
    return Compared(days, before.score, _changes(_parts(before), _parts(now), vetoes))


def _changes(
    then: dict[str, tuple[Number | None, float]],
    now: dict[str, tuple[Number | None, float]],
    vetoes: dict[str, Cap],
) -> list[Change]:
    """Everything that moved, the largest loss first; a veto by the words of its scorecard."""
    changes = []
    for name in dict.fromkeys([*now, *then]):
        old_value, old_points = then.get(name, (None, 0.0))
        new_value, new_points = now.get(name, (None, 0.0))
        if new_points != old_points or (name in then and name in now and old_value != new_value):
            veto = vetoes.get(name)
            label, unit = (veto.label, veto.unit) if veto is not None else (None, None)
            changes.append(Change(name, old_value, new_value, new_points - old_points, label, unit))
    changes.sort(key=lambda change: (change.points, change.measure))
    return changes


def _parts(verdict: Verdict) -> dict[str, tuple[Number | None, float]]:
    """Value and points of everything that makes the score: the measures, what a veto takes, what an override adds."""
    at = verdict.at
    parts: dict[str, tuple[Number | None, float]] = {}
    if at.score is not None:
        parts.update({item.measure: (item.value, item.points) for item in at.found})
        parts.update({cap.name: (cap.value, cap.points) for cap in at.caps})
    if verdict.setting is not None and verdict.score is not None:
        parts[OVERRIDE] = (verdict.score, verdict.score - (at.score or 0.0))
    return parts
