"""How values are said and shown: the one source for reasons, messages and screens."""

from collections.abc import Callable
from datetime import date
from typing import Final

from stream.contracts.report import Band, Number, Override, Recount

_HOURS_A_DAY: Final = 24
_DAYS_FROM_HOURS: Final = 48  # from here on people count days
_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SUFFIX: Final[dict[str, str]] = {"times": "×", "hours": " h", "minutes": " min"}


def whole(value: Number) -> str:
    """A number without decimals, with a real minus, and 0 without a sign.

    >>> whole(-66.7), whole(-0.2), whole(1200)
    ('−67', '0', '1,200')
    """
    return _real_minus(f"{value:,.0f}")


def signed(value: Number, places: int = 0) -> str:
    """What was gained or lost, with its sign, which is a real minus, and none before 0.

    >>> signed(-3.2), signed(0.2), signed(3.7), signed(-3.25, 1)
    ('−3', '0', '+4', '−3.2')
    """
    text = f"{value:+,.{places}f}"
    return text.replace("-", "−") if text.strip("+-0.") else text[1:]


def _real_minus(text: str) -> str:
    """A number as it was formatted, with a real minus, and none before 0."""
    return text.replace("-", "−" if text.strip("-0.%") else "")


def shown(value: Number | None, unit: str) -> str:
    """A value with its unit, and with a real minus; None is unknown, and never 0.

    >>> shown(0.624, "percent"), shown(3.25, "count"), shown(1, "days"), shown(1200, "count"), shown(None, "count")
    ('62%', '3.2', '1 day', '1,200', 'unknown')
    >>> shown(-0.031, "percent"), shown(-0.001, "percent"), shown(-0.04, "count")
    ('−3%', '0%', '0')
    """
    if value is None:
        return "unknown"
    if unit == "percent":
        return _real_minus(f"{value:.0%}")
    text = _real_minus(f"{value:,.1f}".removesuffix(".0"))
    if unit == "days":
        return f"{text} day" if text == "1" else f"{text} days"
    return text + _SUFFIX.get(unit, "")


def duration(hours: float) -> str:
    """Hours, and days from two on.

    >>> duration(30), duration(120), duration(0.4)
    ('30 hours', '5 days', 'an hour')
    """
    if hours >= _DAYS_FROM_HOURS:
        return f"{hours / _HOURS_A_DAY:.0f} days"
    return f"{hours:.0f} hours" if hours >= 1.5 else "an hour"


def counted(count: Number, noun: str) -> str:
    """A count with its noun, small ones in words.

    >>> counted(2, "urgent ticket"), counted(1, "ticket"), counted(12, "ticket")
    ('two urgent tickets', 'one ticket', '12 tickets')
    """
    word = _WORDS[int(count)] if count < len(_WORDS) else f"{count:,.0f}"
    return f"{word} {noun}" if count == 1 else f"{word} {noun}s"


def day_of_month(iso: str) -> str:
    """An ISO date as people write a day.

    >>> day_of_month("2026-03-02")
    '2 Mar 2026'
    """
    day = date.fromisoformat(iso)
    return f"{day.day} {day:%b %Y}"


def by_hand(override: Override, model_score: float | None, model_band: Band | None) -> str:
    """Who set the verdict, until when and why, and what the scorecard says; part of a sentence.

    >>> from datetime import UTC, datetime
    >>> by_hand(Override("Dana", "sponsor left", datetime(2026, 3, 2, tzinfo=UTC), score=40), 81.6, "healthy")
    'set by Dana until 2 Mar 2026 (sponsor left), the scorecard says 82, healthy'
    """
    until = f"{override.expires_at.day} {override.expires_at:%b %Y}"
    band = "" if model_band is None else f", {model_band.replace('_', ' ')}"
    model = "no score" if model_score is None else f"{model_score:.0f}{band}"
    return f"set by {override.owner} until {until} ({override.reason}), the scorecard says {model}"


def recounted(recount: Recount, label: Callable[[str], str]) -> str:
    """What a score counts by another rule than a week ago, and what that alone does to it; part of a sentence.

    >>> recounted(Recount(["nps"], ["csat"], 3.8), str.upper)
    'newly counted: NPS; no longer known, so not counted: CSAT (that alone: +4)'
    """
    new, gone = ([label(name) for name in names] for names in (recount.newly_counted, recount.no_longer_counted))
    parts = [f"newly counted: {', '.join(new)}"] * bool(new)
    parts += [f"no longer known, so not counted: {', '.join(gone)}"] * bool(gone)
    alone = (
        f" (that alone: {'+' if recount.points > 0 else ''}{whole(recount.points)})" if abs(recount.points) >= 1 else ""
    )
    return "; ".join(parts) + alone
