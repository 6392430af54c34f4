"""UTC calendar days as days since 1970-01-01; `zones` has those of other places."""

from typing import Final

DAY_MS: Final = 86_400_000


def day_of(ms: int) -> int:
    """The UTC calendar day of a moment.

    >>> day_of(86_400_000)
    1
    """
    return ms // DAY_MS


def end_of_day_ms(day: int) -> int:
    """The last millisecond of a UTC day.

    >>> day_of(end_of_day_ms(7))
    7
    """
    return (day + 1) * DAY_MS - 1
