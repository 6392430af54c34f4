"""How the pages say things: the filters of the templates. What is not known is said so, and never shown as 0."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from markupsafe import Markup, escape

from alerts.messages.report_text import (
    cap_name,
    cap_value,
    change_name,
    change_values,
    heard,
    override_told,
    reason_beside,
    recount_told,
)
from alerts.model import Alert
from alerts.text import duration, measure_name, measure_value, tidy
from alerts.text import money as money_words
from consumers.account_url import url_part
from consumers.board.svg import band_shape, sparkline
from consumers.board.use_level import use_level
from consumers.event_tail import time_of
from stream.contracts.report import Band
from stream.measures import wording

BAND_WORDS: Final[dict[Band, str]] = {
    "healthy": "Healthy",
    "watch": "Watch",
    "at_risk": "At risk",
    "critical": "Critical",
    "unknown": "Unknown",
    "inactive": "Inactive",
}
UNKNOWN: Final = "unknown"
TEXT_CHARS: Final = 400


def score(value: float | None) -> str:
    """A score as a whole number.

    >>> score(41.6), score(None)
    ('42', 'unknown')
    """
    return UNKNOWN if value is None else f"{value:.0f}"


def signed(value: float | None, places: int = 0) -> str:
    """Points gained or lost, with a real minus.

    >>> signed(-3.2), signed(0.2), signed(None), signed(-3.25, 1)
    ('−3', '0', 'unknown', '−3.2')
    """
    return UNKNOWN if value is None else wording.signed(value, places)


def movement(value: float | None) -> Markup:
    """The change in a week: an arrow, and the points; nothing to speak of is a dot."""
    if value is None:
        return Markup('<span class="move none" title="the score a week ago is unknown">unknown</span>')
    if round(value) == 0:
        return Markup('<span class="move flat">0</span>')
    arrow, word, kind = ("▲", "up", "up") if value > 0 else ("▼", "down", "down")
    return Markup(
        '<span class="move {kind}"><span aria-hidden="true">{arrow}</span>'
        '<span class="sr">{word} </span>{points:.0f}</span>'
    ).format(kind=kind, arrow=arrow, word=word, points=abs(value))


def band(value: Band) -> Markup:
    """Shape and word."""
    return Markup('<span class="band band-{0}">{1}{2}</span>').format(value, band_shape(value), BAND_WORDS[value])


def day(value: datetime | date | None) -> str:
    """A calendar day.

    >>> day(date(2026, 3, 2)), day(None)
    ('2 Mar 2026', 'unknown')
    """
    return UNKNOWN if value is None else f"{value.day} {value:%b %Y}"


def moment(value: datetime | None) -> Markup:
    """A moment in UTC that a script may show in the reader's own zone."""
    if value is None:
        return escape(UNKNOWN)
    at = value.astimezone(UTC)
    text = f"{at.day} {at:%b %Y %H:%M} UTC"
    return Markup('<time datetime="{0}">{1}</time>').format(at.isoformat(timespec="seconds"), text)


def hours(value: float | None) -> str:
    """A length of time.

    >>> hours(30.0), hours(None)
    ('1 day 6 h', 'unknown')
    """
    return UNKNOWN if value is None else duration(timedelta(hours=value))


def money(value: float | None, currency: str | None = None) -> str:
    """An amount in its currency (ISO 4217); None: the feed names none.

    >>> money(12500.0), money(12500.0, "EUR"), money(None)
    ('12,500', '€12,500', 'unknown')
    """
    return UNKNOWN if value is None else money_words(value, currency)


def sums(by_currency: Mapping[str | None, float]) -> str:
    """What is together in each currency, the largest amount first.

    >>> sums({"EUR": 12500.0, "USD": 800.0, None: 90.0}), sums({})
    ('€12,500 + $800 + 90', 'unknown')
    """
    found = sorted(by_currency.items(), key=lambda each: (-each[1], each[0] or ""))
    return " + ".join(money_words(value, currency) for currency, value in found) or UNKNOWN


def amount(value: float) -> str:
    """A number as short as it is exact to three digits after the point, in whatever unit.

    >>> amount(12500.0), amount(0.25), amount(4)
    ('12,500', '0.25', '4')
    """
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def count(value: int) -> str:
    """A number with its thousands.

    >>> count(12500)
    '12,500'
    """
    return f"{value:,}"


def text(value: Any, chars: int = TEXT_CHARS) -> str:
    """What a customer wrote, on one line; the template escapes it."""
    return tidy(str(value), chars)


def words(value: str) -> str:
    """An id of ours as words.

    >>> words("not_json")
    'Not json'
    """
    return value.replace("_", " ").capitalize()


RULE_WORDS: Final = {"score_low": "Health stays low"}


def rule_words(rule: str) -> str:
    """An alert rule as people call it.

    >>> rule_words("score_low"), rule_words("champion_gone")
    ('Health stays low', 'Champion gone')
    """
    return RULE_WORDS.get(rule, words(rule))


def span(value: timedelta) -> str:
    """A length of time.

    >>> span(timedelta(days=3, hours=2)), span(timedelta(hours=30)), span(timedelta(minutes=-1))
    ('3 days', '1 day 6 h', 'under a minute')
    """
    whole_days = timedelta(days=value.days)
    return duration(whole_days if value.days > 1 else max(value, timedelta()))


def headline(alert: Alert) -> str:
    """What happened, to be read after the account's name; the rule's name where an alert has no headline."""
    return tidy(alert.headline or rule_words(alert.rule).lower(), 160)


def first_upper(value: str) -> Markup:
    """A sentence with its first letter upper."""
    return escape(value[:1].upper() + value[1:])


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "url_part": url_part,
    "arrived": time_of,
    "score": score,
    "signed": signed,
    "movement": movement,
    "band": band,
    "band_shape": band_shape,
    "sparkline": sparkline,
    "day": day,
    "moment": moment,
    "hours": hours,
    "amount": amount,
    "money": money,
    "sums": sums,
    "count": count,
    "text": text,
    "words": words,
    "rule_words": rule_words,
    "headline": headline,
    "span": span,
    "first_upper": first_upper,
    "measure_name": lambda name: tidy(measure_name(name), 60),
    "measure_value": measure_value,
    "change_name": lambda change: tidy(change_name(change), 160),
    "change_values": lambda change: " → ".join(change_values(change)),
    "cap_name": lambda cap: tidy(cap_name(cap), 160),
    "cap_value": cap_value,
    "heard": heard,
    "override_told": override_told,
    "reason_beside": reason_beside,
    "recount_told": recount_told,
    "use_level": use_level,
}
