"""What moved the score since an earlier moment, measure by measure; the points add up to the change.

The same facts are judged as of then; so an event that arrived late counts then, too, and the scorecard, the seats and
the rest of the profile are today's on both sides: what moved is the account, and not the yardstick. A measure that
can't be known as of then has today's value on both sides, so that no change is invented.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from stream.health.override import OVERRIDE, overridden
from stream.health.standing import Standing, caps, could_be_known, shares, weigh
from stream.measures import Measures
from stream.measures.asked import Asked
from stream.measures.catalogue import measured
from stream.measures.known import known_at
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


def compare(asked: Asked, days: int, now: Verdict, measures: Measures, scorecard: Scorecard) -> Compared | None:
    """Compare with the close of the day `days` days before; None where the account, or its score, was not known then.

    Args:
        asked: the account as of now.
        days: how far to look back, at most 28.
        now: what is said of the account now.
        measures: its measures now.
        scorecard: what counts.
    """
    facts, day_before = asked.facts, asked.day - days
    if facts.first_day is None or facts.first_day > day_before or now.score is None:
        return None
    before_ms = facts.zone.end_of_day_ms(day_before)
    setting = in_force(facts.state.overrides, before_ms)
    if setting is None and not could_be_known(facts, day_before - facts.first_day + 1, scorecard):
        return None
    known, unknown = known_at(scorecard.measures, asked.activity.newest_day - day_before)
    earlier = measured(Asked(facts, before_ms), known)
    for name in unknown:
        earlier[name] = measures[name]
    at = weigh(facts, earlier, scorecard)
    score = overridden(setting, at.score, scorecard)
    if score is None:
        return None
    caps_then = caps(at, earlier)
    then = _parts(shares(at), caps_then, at.score, score, setting)
    today = {item.measure: (item.value, item.points) for item in now.at.found}
    vetoes = {cap.name: cap for cap in (*caps_then, *now.at.caps)}
    return Compared(
        days, score, _changes(then, _parts(today, now.at.caps, now.at.score, now.score, now.setting), vetoes)
    )


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


def _parts(
    measures: Mapping[str, tuple[Number | None, float]],
    caps: list[Cap],
    model_score: float | None,
    score: float,
    setting: Setting | None,
) -> dict[str, tuple[Number | None, float]]:
    """Value and points of everything that makes the score: the measures, what a veto takes, what an override adds."""
    parts: dict[str, tuple[Number | None, float]] = {}
    if model_score is not None:
        parts.update(measures)
        for cap in caps:
            parts[cap.name] = (cap.value, cap.points)
    if setting is not None:
        parts[OVERRIDE] = (score, score - (model_score or 0.0))
    return parts
