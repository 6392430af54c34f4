"""The judgement of one account: score, band, coverage, what holds it down, what moved it, and the sentence for people.

Pure: the same facts and the same moment give the same report. Missing data count neither for nor against: their weight
is shared out among what is known, and `coverage_ratio` says how much was known.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import convert

from stream.account import AccountState, newest_ms
from stream.measures import Measures, measure
from stream.report import Band, Change, Contribution, HealthReport, Number, Profile
from stream.rolling import day_of, end_of_day_ms
from stream.scorecard import Line, Scorecard

COMPARE_DAYS: Final = 7
HISTORY_DAYS: Final = 28


def contributions(state: AccountState, measures: Measures, scorecard: Scorecard) -> tuple[list[Contribution], float]:
    """What each measure adds to the score, the largest loss first, and the coverage ratio 0..1.

    An account that was used and has no active user left is not unknown: where a usage measure has no base any more
    (a mean over nobody), it counts as 0 with a score of 0. Only what was never known stays out.
    """
    seen = {
        "usage": state.activity.newest_ms is not None,
        "tickets": state.support.newest_ms > 0,
        "surveys": state.sentiment.newest_ms > 0,
    }
    deserted = seen["usage"] and measures["mau"] == 0
    known: list[tuple[Line, Number | None]] = []
    for line in scorecard.lines:
        value = measures[line.measure]
        lost = value is None and deserted and line.source == "usage" and line.measure != "depth"
        if seen[line.source] and (value is not None or lost):
            known.append((line, value))
    total = sum([line.weight for line in scorecard.lines])
    weight = sum([line.weight for line, _ in known])
    found = [_contribution(line, value, weight) for line, value in known]
    found.sort(key=lambda item: (-item.points_lost, item.measure))
    return found, weight / total


def _contribution(line: Line, value: Number | None, weight: float) -> Contribution:
    """One line's share of the score; a value of None is that of a deserted account, 0 with a score of 0."""
    share = line.weight / weight
    score = line.score(value) if value is not None else 0.0
    return Contribution(line.measure, line.group, value if value is not None else 0, score, share, share * score)


def score_of(found: list[Contribution], coverage_ratio: float, scorecard: Scorecard) -> float | None:
    """The score 0..100, to one decimal; None when too little is known."""
    if not found or coverage_ratio < scorecard.coverage_min_ratio:
        return None
    return round(sum([item.points for item in found]), 1)


def judge(
    account_id: str,
    state: AccountState,
    as_of_ms: int,
    scorecard: Scorecard,
    core_features: frozenset[str] = frozenset(),
    ingested_ms: int | None = None,
) -> HealthReport:
    """Judge one account as of a moment.

    Args:
        account_id: the account.
        state: its facts; `state.judged` gives the history, and is not changed.
        as_of_ms: the moment, epoch milliseconds; not before the newest event by more than a few days.
        scorecard: what counts.
        core_features: the product's catalogue.
        ingested_ms: Kafka's timestamp of the oldest record this report waited for; None for a tick.
    """
    measures = measure(state, as_of_ms, core_features)
    found, coverage_ratio = contributions(state, measures, scorecard)
    score = score_of(found, coverage_ratio, scorecard)
    band: Band = scorecard.band(score) if score is not None else "unknown"
    score_before, changes = _changes(state, as_of_ms, scorecard, core_features, found, score)
    newest = newest_ms(state)
    return HealthReport(
        account_id=account_id,
        as_of=moment(as_of_ms),
        score=score,
        band=band,
        coverage_ratio=round(coverage_ratio, 4),
        scorecard=scorecard.name,
        reason=reason(score, score_before, found, changes, scorecard),
        contributions=found,
        score_7d_ago=score_before,
        changes_7d=changes,
        history=_history(state, day_of(as_of_ms), score),
        measures=measures,
        profile=profile_of(state),
        last_event_at=moment(newest) if newest is not None else None,
        ingested_at=moment(ingested_ms) if ingested_ms is not None else None,
    )


def _changes(
    state: AccountState,
    as_of_ms: int,
    scorecard: Scorecard,
    core_features: frozenset[str],
    now: list[Contribution],
    score: float | None,
) -> tuple[float | None, list[Change]]:
    """The score at the close of the day a week earlier, and per measure what moved it since.

    The same facts are judged as of then; so an event that arrived late counts then, too.
    """
    day_before = day_of(as_of_ms) - COMPARE_DAYS
    first = state.activity.first_ms
    if first is None or day_of(first) > day_before or score is None:
        return None, []
    before_ms = end_of_day_ms(day_before)
    before, coverage_ratio = contributions(state, measure(state, before_ms, core_features), scorecard)
    score_before = score_of(before, coverage_ratio, scorecard)
    if score_before is None:
        return None, []
    then = {item.measure: item for item in before}
    current = {item.measure: item for item in now}
    changes = []
    for name in dict.fromkeys([*current, *then]):
        old, new = then.get(name), current.get(name)
        points = (new.points if new else 0.0) - (old.points if old else 0.0)
        if points != 0 or (old and new and old.value != new.value):
            changes.append(Change(name, old.value if old else None, new.value if new else None, points))
    changes.sort(key=lambda change: (change.points, change.measure))
    return score_before, changes


def _history(state: AccountState, day: int, score: float | None) -> list[tuple[str, float]]:
    """Daily closing scores of the last 28 days, today's so far included."""
    past = [] if state.judged is None else [item for item in state.judged.history if day - HISTORY_DAYS < item[0] < day]
    days = past if score is None else [*past, (day, score)]
    return [(moment(end_of_day_ms(at)).date().isoformat(), value) for at, value in days]


def profile_of(state: AccountState) -> Profile:
    """What the account feed says, as far as the report carries it."""
    known = {name: value for name, (value, _) in state.profile.items() if name in Profile.__struct_fields__}
    return convert(known, Profile)


def moment(ms: int) -> datetime:
    """Epoch milliseconds as aware UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def shown(value: Number | None, unit: str) -> str:
    """A measure's value as people read it.

    >>> shown(0.4, "percent"), shown(3.25, "count"), shown(None, "count")
    ('40 %', '3.2', 'unknown')
    """
    if value is None:
        return "unknown"
    if unit == "percent":
        return f"{value * 100:.0f} %"
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return {"times": f"{text} x", "hours": f"{text} h", "days": f"{text} d"}.get(unit, text)


def reason(
    score: float | None,
    score_before: float | None,
    found: list[Contribution],
    changes: list[Change],
    scorecard: Scorecard,
) -> str:
    """One sentence: what moved the score within the week, or what holds it down."""
    if score is None:
        known = ", ".join(sorted({item.group for item in found})) or "nothing yet"
        return f"too little is known to judge (known: {known})"
    if score_before is not None and abs(score - score_before) >= 1:
        down = score < score_before
        moved = [c for c in (changes if down else changes[::-1])[:3] if (c.points < 0) == down]
        told = [_moved(scorecard.line(c.measure), c) for c in moved if abs(c.points) >= 0.5] or [
            "a little of everything"
        ]
        direction = "down" if down else "up"
        return f"{direction} {abs(score - score_before):.0f} in {COMPARE_DAYS} days: " + ", ".join(told)
    held = [_held(scorecard.line(c.measure), c) for c in found[:3] if c.points_lost >= 1]
    return "steady; held back by " + ", ".join(held) if held else "steady; nothing holds it back"


def _moved(line: Line, change: Change) -> str:
    """One measure's move, for the reason."""
    return f"{line.label} {shown(change.before, line.unit)} → {shown(change.now, line.unit)} ({change.points:+.0f})"


def _held(line: Line, found: Contribution) -> str:
    """What one measure keeps from the score, for the reason."""
    return f"{line.label} {shown(found.value, line.unit)} (−{found.points_lost:.0f})"
