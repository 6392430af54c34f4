"""The sentence for people: what moved the score, or what holds it down."""

from collections.abc import Sequence

from stream.health.changes import COMPARE_DAYS
from stream.report import Cap, Change, Contribution, Number
from stream.scorecard import Scorecard


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
