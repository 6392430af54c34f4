"""UTC calendar days as days since 1970-01-01; `zones` has those of other zones."""

from datetime import date
from functools import lru_cache
from typing import Final

DAY_MS: Final = 86_400_000
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


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


@lru_cache(4096)
def iso_date(day: int) -> str:
    """A day since 1970-01-01 as an ISO date.

    >>> iso_date(20_000)
    '2024-10-04'
    """
    return date.fromordinal(_EPOCH_ORDINAL + day).isoformat()
