"""What a move of a measure means, in the words of someone who looks after customers.

A phrase is made of the measure's values then and now, and of the other measures as of now where they say it better:
"2 urgent tickets open for 5 days" rather than "urgent tickets open 0 → 2". Where a scorecard has a label of its own for
a measure, that label is used, and the values.
"""

from collections.abc import Callable
from typing import Final

from stream.contracts.report import Number
from stream.measures import Measures
from stream.measures.wording import shown

Phrase = Callable[[Number | None, Number, Measures], str | None]

_HOURS_A_DAY: Final = 24
_DAYS_FROM_HOURS: Final = 48  # from here on people count days
_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def phrase(measure: str, before: Number | None, now: Number | None, measures: Measures) -> str | None:
    """A move in words; None where values beside a label say all there is to say."""
    found = _PHRASES.get(measure)
    return found(before, now, measures) if found is not None and now is not None else None


def standing_phrase(measure: str, now: Number, measures: Measures) -> str | None:
    """What holds the score back, in words; None where a label and the value say all there is to say."""
    return phrase(measure, None, now, measures) if measure in _STANDING else None


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


def _active(before: Number | None, now: Number, measures: Measures) -> str | None:
    """People, where the licences say of how many; else shares."""
    seats = _seats(measures)
    if seats is None:
        known = shown(before, "percent")
        return f"people active this month {known} → {shown(now, 'percent')} of those known"
    then = "unknown" if before is None else f"{before * seats:.0f}"
    return f"people active this month {then} → {now * seats:.0f} of {seats:,.0f} seats"


def _seats(measures: Measures) -> float | None:
    """How many licences there are; None where that is unknown, or can't be told from the measures."""
    rate, mau = measures.get("license_utilization"), measures.get("mau")
    return round(mau / rate) if rate is not None and mau is not None and rate > 0 else None


def _change(before: Number | None, now: Number, measures: Measures) -> str | None:
    """How far the use of four weeks lies from that of the four before."""
    if now == 0:
        return "no use in 4 weeks"
    if round(now * 100) == 100:
        return "use as in the 4 weeks before"
    text = f"use {_off(now)} the 4 weeks before"
    # Better, and still below, or worse, and still above: then both are needed.
    return f"{text} (was {_off(before)})" if before is not None and (now > before) == (now < 1) else text


def _off(ratio: Number) -> str:
    """How far a ratio lies from 1."""
    off = round((ratio - 1) * 100)
    return f"{abs(off)}% {'below' if off < 0 else 'above'}"


def _silent(before: Number | None, now: Number, measures: Measures) -> str | None:
    """For how long nobody was there."""
    days = measures.get("days_since_active")
    if days is None:
        return None
    if before is not None and before > now:
        return "in use again" if days == 0 else f"in use again, last {'yesterday' if days == 1 else f'{days} days ago'}"
    if days == 0:
        return "in use today"
    return "nobody active since yesterday" if days == 1 else f"nobody active for {days} days"


def _urgent(before: Number | None, now: Number, measures: Measures) -> str | None:
    """How many urgent tickets are open, and for how long."""
    if now == 0:
        return "no urgent ticket open any more" if before else "no urgent ticket open"
    hours = measures.get("open_urgent_hours")
    since = f" for {duration(hours)}" if hours is not None else ""
    return f"{counted(now, 'urgent ticket')} open{since}"


def _escalated(before: Number | None, now: Number, measures: Measures) -> str | None:
    """For how long a ticket has been escalated."""
    if now == 0:
        return "no escalation running any more" if before else "no escalation running"
    return f"a ticket escalated for {duration(now)}"


def _tickets(before: Number | None, now: Number, measures: Measures) -> str | None:
    """How much support they need, by people and tickets."""
    opened = measures.get("tickets_opened_30")
    if opened is None:
        return None
    return f"{counted(opened, 'ticket')} in a month, {shown(now, 'score')} a user (was {shown(before, 'score')})"


_STANDING: Final = {"silence_ratio", "activity_change_ratio", "open_urgent_tickets", "escalation_running_hours"}
_PHRASES: Final[dict[str, Phrase]] = {
    "active_user_rate_monthly": _active,
    "activity_change_ratio": _change,
    "silence_ratio": _silent,
    "open_urgent_tickets": _urgent,
    "escalation_running_hours": _escalated,
    "support_incident_rate": _tickets,
}
