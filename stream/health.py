"""The judgement of one account: score, band, coverage, what holds it down, what moved it, and the sentence for people.

Pure: the same facts and the same moment give the same report. Missing data count neither for nor against: their weight
is shared out among what is known, and `coverage_ratio` says how much was known.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, convert

from stream.account import AccountState, Judged, newest_ms
from stream.journey import NO_JOURNEY, Journey
from stream.measures import Measures, measure
from stream.report import Band, Cap, Change, Contribution, HealthReport, Number, Profile
from stream.rolling import day_of, end_of_day_ms
from stream.scorecard import Line, Scorecard

COMPARE_DAYS: Final = 7
NEW_DAYS: Final = 14  # the usage of an account counts once every weekday was seen twice
HISTORY_DAYS: Final = 28
# Usage measures that are not None for lack of active users, but because nothing is configured or reached.
NOT_OVER_USERS: Final = {
    *("depth", "time_to_first_value_days", "first_value_waiting_days"),
    *("milestones_reached", "milestones_per_30_days"),
}


class Standing(Struct, gc=False):
    """Where an account stands as of a moment.

    Attributes:
        found: what each measure adds to the score, the largest loss first.
        coverage_ratio: share of the scorecard's weight that has data.
        caps: the vetoes that hold, the one that binds first.
        score: 0..100 to one decimal; None when too little is known.
    """

    found: list[Contribution]
    coverage_ratio: float
    caps: list[Cap]
    score: float | None


def standing(state: AccountState, measures: Measures, scorecard: Scorecard) -> Standing:
    """Where an account stands by these measures."""
    found, coverage_ratio = contributions(state, measures, scorecard)
    score = score_of(found, coverage_ratio, scorecard)
    caps = _caps(state, measures, scorecard, sum([item.points for item in found])) if score is not None else []
    if score is not None and caps:
        score = min(score, caps[0].cap_score)
    return Standing(found, coverage_ratio, caps, score)


def _caps(state: AccountState, measures: Measures, scorecard: Scorecard, points: float) -> list[Cap]:
    """The vetoes that hold, the lowest cap first: that one takes what lies above it, the others take nothing more."""
    if not scorecard.vetoes:
        return []
    seen = _seen(state)
    holding = [v for v in scorecard.vetoes if seen[v.source] and v.holds(measures[v.measure])]
    holding.sort(key=lambda veto: (veto.cap_score, veto.name))
    return [
        Cap(veto.name, veto.measure, measures[veto.measure], veto.cap_score, min(veto.cap_score - points, 0.0))
        if place == 0
        else Cap(veto.name, veto.measure, measures[veto.measure], veto.cap_score, 0.0)
        for place, veto in enumerate(holding)
    ]


def _seen(state: AccountState) -> dict[str, bool]:
    """Which sources ever told anything of the account."""
    return {
        "usage": state.activity.newest_ms is not None,
        "tickets": state.support.newest_ms > 0,
        "surveys": state.sentiment.newest_ms > 0,
    }


def contributions(state: AccountState, measures: Measures, scorecard: Scorecard) -> tuple[list[Contribution], float]:
    """What each measure adds to the score, the largest loss first, and the coverage ratio 0..1.

    An account that was used and has no active user left is not unknown: where a usage measure has no base any more
    (a mean over nobody), it counts as 0 with a score of 0. Only what was never known stays out, and the usage of an
    account that is new: on its first morning every measure of a month looks like neglect.
    """
    seen = _seen(state)
    seen["usage"] = seen["usage"] and measures["days_known"] is not None and measures["days_known"] >= NEW_DAYS
    deserted = seen["usage"] and measures["mau"] == 0
    known: list[tuple[Line, Number | None]] = []
    for line in scorecard.lines:
        value = measures[line.measure]
        lost = value is None and deserted and line.source == "usage" and line.measure not in NOT_OVER_USERS
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
    """The score 0..100 before any veto, to one decimal; None when too little is known."""
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
    journey: Journey = NO_JOURNEY,
) -> HealthReport:
    """Judge one account as of a moment.

    Args:
        account_id: the account.
        state: its facts; `state.judged` gives the history and the band until now, and is not changed.
        as_of_ms: the moment, epoch milliseconds; not before the newest event by more than a few days.
        scorecard: what counts.
        core_features: the product's catalogue.
        ingested_ms: Kafka's timestamp of the oldest record this report waited for; None for a tick.
        journey: the product's key actions and milestones.
    """
    measures = measure(state, as_of_ms, core_features, journey)
    now = standing(state, measures, scorecard)
    score = now.score
    score_before, changes = _changes(state, as_of_ms, scorecard, core_features, now, journey)
    newest = newest_ms(state)
    return HealthReport(
        account_id=account_id,
        as_of=moment(as_of_ms),
        score=score,
        band=band_of(state.judged, score, day_of(as_of_ms), scorecard),
        coverage_ratio=round(now.coverage_ratio, 4),
        scorecard=scorecard.name,
        reason=reason(score, score_before, now.found, changes, scorecard, now.caps),
        contributions=now.found,
        score_7d_ago=score_before,
        changes_7d=changes,
        history=_history(state, day_of(as_of_ms), score),
        measures=measures,
        profile=profile_of(state),
        last_event_at=moment(newest) if newest is not None else None,
        ingested_at=moment(ingested_ms) if ingested_ms is not None else None,
        caps=now.caps,
    )


def band_of(before: Judged | None, score: float | None, day: int, scorecard: Scorecard) -> Band:
    """The band of a score on a day, for an account that was judged before; unknown without a score."""
    if score is None:
        return "unknown"
    if before is None or not scorecard.remembers:
        return scorecard.band(score)
    return scorecard.band(score, before.band, day - before.band_since_day)


def _changes(
    state: AccountState,
    as_of_ms: int,
    scorecard: Scorecard,
    core_features: frozenset[str],
    now: Standing,
    journey: Journey,
) -> tuple[float | None, list[Change]]:
    """The score at the close of the day a week earlier, and per measure what moved it since.

    The same facts are judged as of then; so an event that arrived late counts then, too.
    """
    day_before = day_of(as_of_ms) - COMPARE_DAYS
    first = state.activity.first_ms
    if first is None or day_of(first) > day_before or now.score is None:
        return None, []
    before_ms = end_of_day_ms(day_before)
    before = standing(state, measure(state, before_ms, core_features, journey, scorecard.uses_trend), scorecard)
    if before.score is None:
        return None, []
    then, current = _parts(before), _parts(now)
    changes = []
    for name in dict.fromkeys([*current, *then]):
        old_value, old_points = then.get(name, (None, 0.0))
        new_value, new_points = current.get(name, (None, 0.0))
        if new_points != old_points or (name in then and name in current and old_value != new_value):
            changes.append(Change(name, old_value, new_value, new_points - old_points))
    changes.sort(key=lambda change: (change.points, change.measure))
    return before.score, changes


def _parts(at: Standing) -> dict[str, tuple[Number, float]]:
    """Value and points of everything that makes the score: the measures, and what a veto takes."""
    parts = {item.measure: (item.value, item.points) for item in at.found}
    parts.update({cap.name: (cap.value, cap.points) for cap in at.caps})
    return parts


def _history(state: AccountState, day: int, score: float | None) -> list[tuple[str, float]]:
    """Daily closing scores of the last 28 days, today's so far included."""
    past = [] if state.judged is None else [item for item in state.judged.history if day - HISTORY_DAYS < item[0] < day]
    days = past if score is None else [*past, (day, score)]
    return [(moment(end_of_day_ms(at)).date().isoformat(), value) for at, value in days]


def profile_of(state: AccountState) -> Profile:
    """What the account feed says, as far as the report carries it."""
    known = {name: value for name, (value, _) in state.profile.items() if name in Profile.__struct_fields__}
    return convert(known, Profile)


def remembered(before: Judged | None, report: HealthReport, now_ms: int, described: str) -> Judged:
    """What is kept of a judgement once it is published: what was said, and since when the band holds."""
    day = day_of(now_ms)
    same_band = before is not None and before.band == report.band
    return Judged(
        now_ms,
        report.score,
        report.band,
        report.coverage_ratio,
        report.score_7d_ago,
        described,
        closed(before.history if before is not None else [], day, report.score),
        before.band_since_day if before is not None and same_band else day,
        report.scorecard,
        round(report.last_event_at.timestamp() * 1000) if report.last_event_at is not None else None,
    )


def closed(history: list[tuple[int, float]], day: int, score: float | None) -> list[tuple[int, float]]:
    """The history with a day's score as that day's last word."""
    kept = [item for item in history if day - HISTORY_DAYS < item[0] < day]
    return kept if score is None else [*kept, (day, score)]


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
    caps: Sequence[Cap] = (),
) -> str:
    """One sentence: what moved the score within the week, or what holds it down."""
    if score is None:
        known = ", ".join(sorted({item.group for item in found})) or "nothing yet"
        return f"too little is known to judge (known: {known})"
    if score_before is not None and abs(score - score_before) >= 1:
        down = score < score_before
        moved = [c for c in (changes if down else changes[::-1])[:3] if (c.points < 0) == down]
        told = [_moved(scorecard, c) for c in moved if abs(c.points) >= 0.5] or ["a little of everything"]
        direction = "down" if down else "up"
        return f"{direction} {abs(score - score_before):.0f} in {COMPARE_DAYS} days: " + ", ".join(told)
    held = [_capped(scorecard, cap) for cap in caps[:1] if cap.points <= -1]
    held += [_held(scorecard, c) for c in found[:3] if c.points_lost >= 1]
    return "steady; held back by " + ", ".join(held) if held else "steady; nothing holds it back"


def _moved(scorecard: Scorecard, change: Change) -> str:
    """One measure's or veto's move, for the reason."""
    label, unit = scorecard.wording(change.measure)
    return f"{label} {shown(change.before, unit)} → {shown(change.now, unit)} ({change.points:+.0f})"


def _held(scorecard: Scorecard, found: Contribution) -> str:
    """What one measure keeps from the score, for the reason."""
    label, unit = scorecard.wording(found.measure)
    return f"{label} {shown(found.value, unit)} (−{found.points_lost:.0f})"


def _capped(scorecard: Scorecard, cap: Cap) -> str:
    """What a veto takes from the score, for the reason."""
    label, unit = scorecard.wording(cap.name)
    return f"capped at {cap.cap_score:g}: {label}, {shown(cap.value, unit)} (−{-cap.points:.0f})"
