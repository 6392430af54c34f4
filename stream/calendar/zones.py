"""Days where the account is: calendar days of a time zone, as days since 1970-01-01.

A zone's offset is asked of zoneinfo once a UTC day and remembered, but on the few days on which clocks change: there it
is asked for each moment. So a day costs a look-up in two mappings, and an account without a zone pays for none of it.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from stream.calendar.day import DAY_MS, end_of_day_ms

# Offsets are whole quarters of an hour since 2000, so no day begins anywhere but at one. Source: IANA's tz database.
QUARTER_MS: Final = 900_000
REMEMBERED_DAYS_MAX: Final = 4096  # of each zone; there are some 600 zones
_NOT_PLACES: Final = {"localtime", "posixrules", "Factory"}
_FIRST_MS: Final = 0
_LAST_MS: Final = 4_102_444_800_000  # 2100: far off moments take the offset of then, so that no year is out of reach


class Zone:
    """A time zone.

    Args:
        name: as in IANA's tz database; "UTC" is always there.
    """

    __slots__ = ("_ends", "_info", "_offsets", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._info = UTC if name == "UTC" else ZoneInfo(name)
        self._offsets: dict[int, int | None] = {}  # UTC day to its offset; None: the clocks change on it
        self._ends: dict[int, int] = {}  # calendar day to its last millisecond

    def offset_ms(self, ms: int) -> int:
        """How far the clocks are ahead of UTC at a moment, milliseconds.

        >>> Zone("Asia/Kolkata").offset_ms(1_700_000_000_000) / 3_600_000
        5.5
        """
        utc_day = ms // DAY_MS
        offsets = self._offsets
        offset = offsets.get(utc_day)
        if offset is not None:
            return offset
        if utc_day not in offsets:
            if len(offsets) >= REMEMBERED_DAYS_MAX:
                offsets.clear()
            first, last = self._ask(utc_day * DAY_MS), self._ask((utc_day + 1) * DAY_MS)
            offsets[utc_day] = first if first == last else None
        return self._ask(ms)

    def day_of(self, ms: int) -> int:
        """The calendar day of a moment, as days since 1970-01-01.

        >>> Zone("America/New_York").day_of(86_400_000 + 4 * 3_600_000), Zone("UTC").day_of(86_400_000)
        (0, 1)
        """
        offset = self._offsets.get(ms // DAY_MS)
        return (ms + (self.offset_ms(ms) if offset is None else offset)) // DAY_MS

    def end_of_day_ms(self, day: int) -> int:
        """The last millisecond of a calendar day; of a day that the zone skipped, of the day before.

        >>> Zone("Europe/Berlin").end_of_day_ms(19_813) - Zone("Europe/Berlin").end_of_day_ms(19_812)  # 2024-03-31
        82800000
        """
        found = self._ends.get(day)
        if found is None:
            if len(self._ends) >= REMEMBERED_DAYS_MAX:
                self._ends.clear()
            utc_ms = end_of_day_ms(day)
            ends = {utc_ms - self.offset_ms(utc_ms + shift) for shift in (-DAY_MS, 0, DAY_MS)}
            found = self._ends[day] = max(end for end in ends if self.day_of(end) <= day)
        return found

    def _ask(self, ms: int) -> int:
        """The offset as zoneinfo has it."""
        seconds = min(max(ms, _FIRST_MS), _LAST_MS) // 1000
        offset = datetime.fromtimestamp(seconds, self._info).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * 1000)


UTC_ZONE: Final = Zone("UTC")
_zones: Final[dict[object, Zone]] = {None: UTC_ZONE, "UTC": UTC_ZONE}


def zone(name: object) -> Zone:
    """The zone of a name; UTC for None and for what is no name of a zone.

    >>> zone("Europe/Berlin").name, zone(None).name, zone("Mars/Olympus").name
    ('Europe/Berlin', 'UTC', 'UTC')
    """
    found = _zones.get(name)
    if found is None:
        if name not in zone_names():
            return UTC_ZONE
        found = _zones[name] = Zone(str(name))
    return found


@cache
def zone_names() -> frozenset[str]:
    """Every name that a zone may have."""
    return frozenset(available_timezones() - _NOT_PLACES)


@cache
def _in_small_letters() -> dict[str, str]:
    """Names by their small letters."""
    return {name.lower(): name for name in sorted(zone_names())}


def near_name(name: str) -> str | None:
    """The zone that was probably meant: of another case, or with spaces for underscores; None where there is none.

    >>> near_name("america/new york"), near_name("CEST")
    ('America/New_York', None)
    """
    return _in_small_letters().get(name.strip().lower().replace(" ", "_"))
