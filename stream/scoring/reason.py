"""The sentence for people: what moved the score, over the days that tell most, or what holds it down."""

from collections.abc import Callable
from typing import Final

from stream.contracts.report import UNSCORED_STAGES, Band, Cap, Change, Contribution, Number
from stream.measures import Measures
from stream.measures.registry import MEASURES, label_of
from stream.measures.wording import by_hand, recounted, shown, signed
from stream.scoring.changes import WEEK_DAYS, Compared, Verdict
from stream.scoring.override import OVERRIDE, override_of
from stream.scoring.scorecard import Scorecard

NOTABLE_POINTS: Final = 1.0
SHOWN_POINTS: Final = 0.5
MOST_RATIO: Final = 0.8  # a shorter time tells enough once it holds so much of the move
BACK_POINTS: Final = 5.0  # how far the last week must run the other way to be worth a word
SHOWN_MAX: Final = 3
_STAGE_WORDS: Final = {"expired_trial": "its trial expired"}


def choose_comparison(
    score: float | None, week: Compared | None, month: Compared | None, fortnight: Callable[[], Compared | None]
) -> Compared | None:
    """The comparison that tells most: the shortest that holds four fifths of the largest move; None: nothing moved.

    Args:
        score: of now.
        week, month: against 7 and 28 days ago.
        fortnight: makes the one against 14 days ago; asked only where it may be the one.
    """
    if score is None or week is None:
        return None
    moved = score - week.score
    largest = score - month.score if month is not None else 0.0
    if abs(moved) >= MOST_RATIO * abs(largest) and (moved * largest >= 0 or abs(moved) >= abs(largest)):
        return week if abs(moved) >= NOTABLE_POINTS else None
    if abs(largest) < NOTABLE_POINTS:
        return None
    half = fortnight()
    if half is not None and (score - half.score) * largest >= MOST_RATIO * largest * largest:
        return half
    return month


def reason(
    now: Verdict,
    comparison: Compared | None,
    week: Compared | None,
    measures: Measures,
    scorecard: Scorecard,
    model_band: Band,
) -> str:
    """One sentence.

    Args:
        now: what is said of the account now.
        comparison: the comparison to tell of; None: what holds the score down.
        week: the one against 7 days ago.
        measures: the account's measures now.
        scorecard: what evaluated.
        model_band: the band that the scorecard says.
    """
    prefix = (
        by_hand(override_of(now.override), now.breakdown.score, model_band) + "; " if now.override is not None else ""
    )
    if now.score is None or (now.override is not None and now.breakdown.score is None):
        if (stage := measures.get("lifecycle_stage")) in UNSCORED_STAGES:
            return f"{prefix}{_STAGE_WORDS.get(stage, stage)}, so it has no score"
        known = ", ".join(sorted({item.group for item in now.breakdown.found})) or "nothing yet"
        return f"{prefix}too little is known for a score (known: {known})"
    recounted = _counted_since(week, scorecard)
    if comparison is not None:
        return (
            prefix + _moved(now.score - comparison.score, comparison, week, now.score, measures, scorecard) + recounted
        )
    held = [_capped(scorecard, cap) for cap in now.breakdown.caps[:1] if cap.points <= -NOTABLE_POINTS]
    held += [
        _held(scorecard, item, measures)
        for item in now.breakdown.found[:SHOWN_MAX]
        if item.points_lost >= NOTABLE_POINTS
    ]
    steady = "steady; held back by " + ", ".join(held) if held else "steady; nothing holds it back"
    return prefix + steady + recounted


def _counted_since(week: Compared | None, scorecard: Scorecard) -> str:
    """What counts since this week, and what does not any more: it moved the score, and is neither gain nor loss."""
    if week is None or week.recount is None:
        return ""
    return "; " + recounted(week.recount, lambda name: scorecard.wording(name)[0])


def _moved(
    by: float, comparison: Compared, week: Compared | None, score: float, measures: Measures, scorecard: Scorecard
) -> str:
    """How far in how many days, the three largest moves that way, and whether the last week runs the other way."""
    down = by < 0
    shown_changes = [
        change
        for change in (comparison.changes if down else comparison.changes[::-1])[:SHOWN_MAX]
        if (change.points < 0) == down and abs(change.points) >= SHOWN_POINTS
    ]
    moves = ", ".join(_move(scorecard, change, measures) for change in shown_changes) or "a little of everything"
    text = f"{'down' if down else 'up'} {abs(by):.0f} in {comparison.days} days: {moves}"
    back = score - week.score if week is not None and comparison.days > WEEK_DAYS else 0.0
    if (back > 0) == down and abs(back) >= BACK_POINTS:
        text += f"; {'up' if down else 'down'} {abs(back):.0f} in the last {WEEK_DAYS}"
    return text


def _move(scorecard: Scorecard, change: Change, measures: Measures) -> str:
    """One move with its points."""
    if change.measure == OVERRIDE:
        return f"set by hand ({signed(change.points)})"
    veto = scorecard.veto(change.measure)
    if veto is not None:
        text = veto.label if change.now is not None else f"no longer: {veto.label}"
        return f"{text} ({signed(change.points)})"
    label, unit = scorecard.wording(change.measure)
    own_words = label != label_of(change.measure)
    said = None if own_words else phrase(change.measure, change.before, change.now, measures)
    text = said if said is not None else f"{label} {shown(change.before, unit)} → {shown(change.now, unit)}"
    return f"{text} ({signed(change.points)})"


def _held(scorecard: Scorecard, found: Contribution, measures: Measures) -> str:
    """What one measure keeps from the score."""
    label, unit = scorecard.wording(found.measure)
    own_words = label != label_of(found.measure)
    said = None if own_words else _standing_phrase(found.measure, found.value, measures)
    return f"{said if said is not None else f'{label} {shown(found.value, unit)}'} ({signed(-found.points_lost)})"


def _capped(scorecard: Scorecard, cap: Cap) -> str:
    """What a veto keeps from the score."""
    label, unit = scorecard.wording(cap.name)
    return f"capped at {cap.cap_score:g}: {label}, {shown(cap.value, unit)} ({signed(cap.points)})"


def phrase(measure: str, before: Number | None, now: Number | None, measures: Measures) -> str | None:
    """A move in words; None where values beside a label say all there is to say."""
    declared = MEASURES.get(measure)
    if declared is None or declared.phrase is None or now is None:
        return None
    return declared.phrase(before, now, measures)


def _standing_phrase(measure: str, now: Number, measures: Measures) -> str | None:
    """What holds the score back, in words; None where a label and the value say all there is to say."""
    declared = MEASURES.get(measure)
    return phrase(measure, None, now, measures) if declared is not None and declared.stands_alone else None
