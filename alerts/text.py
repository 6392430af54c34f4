"""Measures, numbers, durations and customer text as a person reads them."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from stream.contracts.report import Number
from stream.measures.registry import label_of, unit_of
from stream.measures.wording import shown, whole

_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}
_SPARKS: Final = "▁▂▃▄▅▆▇█"
# A joiner or non-joiner between two letters stays: Persian names and families of emoji need it.
_INVISIBLE: Final = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+"
    "|[\u200c\u200d]{2,}|(?<!\\S)[\u200c\u200d]|[\u200c\u200d](?!\\S)"
)
_BROADCAST: Final = re.compile(r"@(?=(?:channel|here|everyone)\b)", re.IGNORECASE)


def measure_name(measure: str) -> str:
    """What a measure is called.

    >>> measure_name("wau")
    'Weekly active users'
    >>> measure_name("tickets_by_mood")
    'Tickets by mood'
    """
    label = label_of(measure)
    return label[:1].upper() + label[1:]


def measure_value(measure: str, value: Number | None) -> str:
    """A measure's value with its unit; None is unknown, and never 0.

    >>> measure_value("license_utilization", 0.624), measure_value("wau", 12), measure_value("nps", None)
    ('62%', '12', 'unknown')
    """
    return shown(value, unit_of(measure))


def points(value: float) -> str:
    """A score or a number of points, whole, since nobody acts on a tenth.

    >>> points(37.6), points(-0.2)
    ('38', '0')
    """
    return whole(value)


def points_words(value: float) -> str:
    """The same with its noun.

    >>> points_words(-14.2), points_words(-1.3), points_words(1.4)
    ('−14 points', '−1 point', '1 point')
    """
    return f"{points(value)} {'point' if abs(round(value)) == 1 else 'points'}"


def band_words(band: str) -> str:
    """The band as it is said.

    >>> band_words("at_risk")
    'at risk'
    """
    return band.replace("_", " ")


def plural(count: int, noun: str, several: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "day"), plural(7, "day"), plural(1200, "person", "people")
    ('1 day', '7 days', '1,200 people')
    """
    return f"{count} {noun}" if count == 1 else f"{count:,} {several or noun + 's'}"


def names_of(names: Sequence[str], count: int | None = None, shown_max: int = 3) -> str:
    """Names in a row, made safe, and how many more there are.

    Args:
        names: as many as are known.
        count: how many people there are; None: as many as names.
        shown_max: how many are named.

    >>> names_of(["ann", "bob"]), names_of(["a", "b", "c", "d", "e"]), names_of(["a", "b", "c"], 15)
    ('ann and bob', 'a, b, c and 2 more', 'a, b, c and 12 more')
    """
    shown = [tidy(name, 40) for name in names[:shown_max]]
    more = max(len(names), count or 0) - len(shown)
    if more > 0:
        return f"{', '.join(shown)} and {more:,} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def in_brackets(names: str) -> str:
    """Names put in behind what they are about; a name's own brackets become square ones. Nothing for nobody.

    >>> in_brackets("ann and bob"), in_brackets("Ben R. (admin)"), in_brackets("")
    (' (ann and bob)', ' (Ben R. [admin])', '')
    """
    return f" ({names.replace('(', '[').replace(')', ']')})" if names else ""


def day_of_year(day: date) -> str:
    """A day with its year.

    >>> day_of_year(date(2027, 11, 3))
    '3 Nov 2027'
    """
    return f"{day.day} {day:%b %Y}"


def duration(span: timedelta) -> str:
    """A length of time by its two largest units.

    >>> duration(timedelta(days=3, hours=4, minutes=5)), duration(timedelta(seconds=20))
    ('3 days 4 h', 'under a minute')
    """
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "under a minute"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days > 0:
        return plural(days, "day") + (f" {hours} h" if hours > 0 else "")
    if hours > 0:
        return f"{hours} h" + (f" {minutes} min" if minutes > 0 else "")
    return f"{minutes} min"


def hours(value: float) -> str:
    """A number of hours as people say it.

    >>> hours(30), hours(72), hours(400)
    ('30 hours', '3 days', '17 days')
    """
    return plural(round(value), "hour") if value < 48 else plural(round(value / 24), "day")


def money(value: float, currency: str | None = None) -> str:
    """An amount, whole, in its currency (ISO 4217); None: the feed names none.

    >>> money(80_000), money(1234.5, "EUR"), money(1234.5, "CHF")
    ('80,000', '€1,234', 'CHF 1,234')
    """
    return f"{_SYMBOLS.get(currency, f'{currency} ') if currency is not None else ''}{value:,.0f}"


def day_of_month(moment: datetime) -> str:
    """A day as it is said within a year.

    >>> day_of_month(datetime(2026, 3, 2))
    '2 Mar'
    """
    return f"{moment.day} {moment:%b}"


def moment_words(moment: datetime) -> str:
    """A moment as logs and reasons have it.

    >>> moment_words(datetime(2026, 3, 2, 9, 5))
    '2026-03-02 09:05'
    """
    return f"{moment:%Y-%m-%d %H:%M}"


def span_words(span: timedelta) -> str:
    """A length of time in one unit: hours, and days from two on.

    >>> span_words(timedelta(days=3, hours=4)), span_words(timedelta(minutes=9))
    ('3 days', 'less than an hour')
    """
    return hours(span.total_seconds() / 3600) if span >= timedelta(minutes=30) else "less than an hour"


_SMALL: Final = frozenset(
    {
        *("Health", "Somebody", "Nobody", "They", "The", "Use", "Everybody", "Others", "All", "Every", "It", "First"),
        *("Evaluated", "Closed", "Nothing", "Only", "Healthy", "Monthly", "Renews", "None", "Half", "Left", "No"),
        "Ease",
    }
)


def within(sentence: str) -> str:
    """A sentence as it stands within another one: small, but for a name or an abbreviation.

    >>> within("Health has recovered"), within("NPS -67")
    ('health has recovered', 'NPS -67')
    """
    first = sentence.split(" ", 1)[0]
    return sentence[:1].lower() + sentence[1:] if first in _SMALL else sentence


def clock(moment: datetime) -> str:
    """A time of day, with its zone.

    >>> from datetime import UTC
    >>> clock(datetime(2026, 3, 2, 9, 5, tzinfo=UTC))
    '09:05 UTC'
    """
    return f"{moment:%H:%M %Z}".strip()


def ordinal(number: int) -> str:
    """A position in a row.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 22)]
    ['1st', '2nd', '3rd', '4th', '11th', '22nd']
    """
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def sparkline(scores: Sequence[float]) -> str:
    """Scores as bars on the fixed scale 0..100, so that two accounts can be compared.

    >>> sparkline([0, 50, 100])
    '▁▅█'
    """
    return "".join(_SPARKS[min(max(int(score / 100 * len(_SPARKS)), 0), len(_SPARKS) - 1)] for score in scores)


def tidy(text: str, chars_max: int) -> str:
    """Customer text on one line, without invisible characters or a call to a whole channel, and not too long.

    >>> tidy("Acme\\n@channel", 80) == "Acme @\\u2060channel"
    True
    >>> tidy("\\u06cc\\u200c\\u062e", 80) == "\\u06cc\\u200c\\u062e", tidy("a\\u200d", 80), tidy("\\u200c", 80)
    (True, 'a', '')
    """
    text = " ".join(_INVISIBLE.sub(" ", text).split())
    if len(text) > chars_max:
        text = text[: chars_max - 1].rstrip() + "…"
    return _BROADCAST.sub("@\u2060", text)


def escape(text: str) -> str:
    """Text for a Slack mrkdwn field: the three characters that start Slack's own syntax are spelt out.

    Source: docs.slack.dev, formatting message text, escaping text.

    >>> escape("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(escaped: str, chars_max: int) -> str:
    """Escaped text cut to a length, never in the middle of an entity.

    >>> clip("a &amp; b", 5)
    'a …'
    """
    if len(escaped) <= chars_max:
        return escaped
    return re.sub(r"&[a-z]*$", "", escaped[: chars_max - 1]) + "…"
