"""One account as of a moment: what its report says, and what time has made of it since. Pure.

A report carries what was true when it was written. Whatever grows older by itself (days of silence, hours of an
escalation, days to a renewal, days below a line) is computed here from the report and the moment, so that a rule that
waits for time needs no new report, and what is read live is what a replay of history reads.

Where several feeds tell the same thing, one resolved value counts everywhere: the subscriptions', else the profile's.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal
from zoneinfo import ZoneInfo

from alerts.model import Number
from alerts.text import names_of, plural
from stream.calendar.workdays import EPOCH_ORDINAL, MONDAY_TO_FRIDAY, Calendar
from stream.contracts.report import FACT_DIGITS, AlertReportView, Band

# States in which nobody is to be alerted of an account, to be read after its name.
INACTIVE_STAGES: Final = {
    "churned": "has churned",
    "ignored": "is ignored",
    "expired_trial": "let its trial expire",
    "paused": "is paused",
}


CLOSES_DAYS: Final = 27  # a report has 28 days, the current one included

NO_LEVELS: Final[Mapping[str, Sequence[tuple[int, Number]]]] = MappingProxyType({})


FactSource = Literal["subscriptions", "profile"]


class AccountFacts:
    """What rules and messages read of an account.

    Args:
        report: the account's latest.
        now: the moment that is asked about; not before the report's.
        calendar: when the account works.
        levels: what is remembered of earlier days (`AccountRecord.levels`).

    Attributes:
        profile: what the account feed says.
        day: the account's calendar day of now, as days since 1970-01-01.
        report_day: the same of the report.
        days_passed: calendar days from the report until now.
        score: 0..100, in whole points, as exactly as its changes are published; None when unknown.
        stage: where the account is in its life; the measure, which falls back on what is derived, else the profile.
        inactive_because: why nobody is to be alerted of the account; None for one that lives.
    """

    __slots__ = (
        "_closes",
        "_days_to_renewal",
        "_known",
        "_quiet_working_days",
        "calendar",
        "day",
        "days_passed",
        "inactive_because",
        "levels",
        "now",
        "profile",
        "report",
        "report_day",
        "score",
        "stage",
    )

    def __init__(
        self,
        report: AlertReportView,
        now: datetime,
        calendar: Calendar = MONDAY_TO_FRIDAY,
        levels: Mapping[str, Sequence[tuple[int, Number]]] = NO_LEVELS,
    ) -> None:
        self.levels = levels
        self.score = None if report.score is None else float(round(report.score))
        self.report = report
        self.profile = report.profile
        self._known = report.measures.get
        self.now = now if now > report.as_of else report.as_of
        self.calendar = calendar
        timezone = report.profile.timezone
        self.day = local_day(self.now, timezone)
        self.report_day = local_day(report.as_of, timezone)
        self.days_passed = self.day - self.report_day
        self._closes: list[float] | None = None
        self._days_to_renewal: int | Literal["not asked"] | None = "not asked"
        self._quiet_working_days: int | Literal["not asked"] | None = "not asked"
        stage = report.measures.get("lifecycle_stage")
        self.stage: str | None = stage if isinstance(stage, str) else report.profile.lifecycle_stage
        self.inactive_because: str | None = INACTIVE_STAGES.get(self.stage or "")

    @property
    def band(self) -> Band:
        """Where the score falls."""
        return self.report.band

    def number(self, measure: str) -> Number | None:
        """A measure to two decimals, as exactly as its changes are published; None where unknown, or no number."""
        value = self._known(measure)
        if value is None or type(value) is int:
            return value
        return round(value, FACT_DIGITS) if isinstance(value, float) else None

    def trait(self, name: str) -> str | float | bool | None:
        """A further field of the account feed; None where it says nothing."""
        return self.profile.traits.get(name)

    def level_before(self, key: str, days: int) -> Number | None:
        """What a remembered number was as its day closed so many days ago; None where that is not remembered."""
        found = [value for day, value in self.levels.get(key, ()) if day <= self.day - days]
        return found[-1] if found else None

    def texts(self, measure: str) -> list[str]:
        """A measure that is a list of names; empty where it is unknown."""
        value = self.report.measures.get(measure)
        return [str(item) for item in value] if isinstance(value, list) else []

    def called(self, user_ids: Sequence[str]) -> list[str]:
        """Users by their names, where somebody told them."""
        return [self.report.names.get(user_id, user_id) for user_id in user_ids]

    def who(self, user_ids: Sequence[str]) -> str:
        """Several people: by name where that is known, and how many more; by id where nobody is named at all."""
        known = [self.report.names[each] for each in user_ids if each in self.report.names]
        if known or not self.report.names:
            return names_of(known or user_ids, len(user_ids))
        return plural(len(user_ids), "person", "people") if user_ids else ""

    def named(self, users: str, count: str) -> str:
        """Who a measure lists, by name, and how many more there are; empty where it lists nobody.

        Args:
            users: the measure that lists some of them.
            count: the measure that says how many they are.
        """
        who = self.called(self.texts(users))
        return names_of(who, round(self.number(count) or 0)) if who else ""

    def moment(self, measure: str) -> datetime | None:
        """A measure that is a moment; None where it is unknown, or no moment."""
        value = self.report.measures.get(measure)
        return _moment(value) if isinstance(value, str) else None

    def days_since(self, moment: str, measure: str) -> Number | None:
        """Calendar days of the account since a moment; of a report without it, by a measure that counts them."""
        days = self.days_since_moment(moment)
        return self.older_days(measure) if days is None else days

    def days_since_moment(self, measure: str) -> int | None:
        """Calendar days of the account since a measure that is a moment; None where it is unknown."""
        since = self.moment(measure)
        if since is None:
            return None
        return self.day - local_day(since, self.profile.timezone)

    def older_days(self, measure: str) -> Number | None:
        """A measure in days that grows by one each day of the account's zone, as of now; None where unknown."""
        value = self.number(measure)
        return None if value is None else value + self.days_passed

    @property
    def hours_passed(self) -> float:
        """Hours from the report until now."""
        return (self.now - self.report.as_of).total_seconds() / 3600

    @property
    def has_usage_feed(self) -> bool:
        """Whether anybody's usage is told; where nobody looked, it is."""
        return not self.report.freshness or "usage" in self.report.freshness

    @property
    def mrr(self) -> Number | None:
        """Money a month: of the subscriptions that run, else of the profile; None when unknown."""
        active = self.number("mrr_active")
        return self.profile.mrr if active is None else active

    @property
    def mrr_source(self) -> FactSource | None:
        """Who tells that money; None when it is unknown."""
        return _source(self.number("mrr_active"), self.profile.mrr)

    @property
    def seats_source(self) -> FactSource | None:
        """Who tells the seats; None when they are unknown."""
        return _source(self.number("seats_active"), self.profile.licensed_seats)

    @property
    def stage_source(self) -> Literal["derived"] | FactSource | None:
        """Who says the stage; None when it is unknown."""
        if self.stage is None:
            return None
        return "derived" if self.report.measures.get("lifecycle_stage_basis") == "derived" else "profile"

    @property
    def currency(self) -> str | None:
        """Of that money (ISO 4217); None where nobody says it."""
        return self.profile.currency

    @property
    def seats(self) -> Number | None:
        """Seats paid for: of the subscriptions that run, else of the profile; None when unknown."""
        active = self.number("seats_active")
        return self.profile.licensed_seats if active is None else active

    @property
    def days_to_renewal(self) -> int | None:
        """Calendar days to the renewal, negative once it has passed; None when unknown, or nothing runs any more."""
        if self._days_to_renewal == "not asked":
            self._days_to_renewal = self._until_renewal()
        return self._days_to_renewal

    def _until_renewal(self) -> int | None:
        days = self.number("days_to_renewal")
        if days is not None:
            return int(days) - self.days_passed
        if "days_to_renewal" in self.report.measures or self.profile.renewal_at is None:
            return None
        return local_day(self.profile.renewal_at, self.profile.timezone) - self.day

    @property
    def renewal_date(self) -> date | None:
        """The calendar day of the renewal; None when unknown."""
        days = self.days_to_renewal
        return None if days is None else date.fromordinal(self.day + days + EPOCH_ORDINAL)

    @property
    def renewal_at(self) -> datetime | None:
        """The moment of the renewal: the feed's where that is its day, else the day's beginning; None when unknown."""
        day, told = self.renewal_date, self.profile.renewal_at
        if day is None or (told is not None and local_date(told, self.profile.timezone) == day):
            return told if day is not None else None
        return datetime.combine(day, time(), ZoneInfo(self.profile.timezone or "UTC")).astimezone(UTC)

    @property
    def escalation_hours(self) -> float | None:
        """How long the longest running escalation runs, 0 when none does; None when unknown."""
        since = self.moment("escalated_at")
        if since is not None:
            return (self.now - since).total_seconds() / 3600
        hours = self.number("escalation_running_hours")
        return None if hours is None else hours + self.hours_passed if hours > 0 else 0.0

    @property
    def quiet_days(self) -> int | None:
        """Calendar days since somebody was active; None when nobody ever was."""
        days = self.older_days("days_since_active")
        return None if days is None else int(days)

    @property
    def last_active_on(self) -> date | None:
        """The day on which anyone was active last; None when nobody ever was."""
        days = self.number("days_since_active")
        return None if days is None else date.fromordinal(self.report_day - int(days) + EPOCH_ORDINAL)

    @property
    def quiet_working_days(self) -> int | None:
        """Whole working days without anybody, today not counted; None when nobody ever was active."""
        if self._quiet_working_days == "not asked":
            self._quiet_working_days = self._working_days_quiet()
        return self._quiet_working_days

    def _working_days_quiet(self) -> int | None:
        days = self.number("days_since_active")
        if days is None:
            return None
        last_day = self.report_day - int(days)
        return self.calendar.between(last_day + 1, self.day) if self.day > last_day + 1 else 0

    def closes(self) -> Sequence[float]:
        """The scores of the last 27 days that are over, oldest first; days without news keep the last score."""
        if self._closes is None:
            self._closes = self._closed_days()
        return self._closes

    def _closed_days(self) -> list[float]:
        today = self.day
        first_day = today - CLOSES_DAYS  # of an older report no more days count than of one of today
        history = self.report.history  # oldest first, and ISO dates sort as text
        closed = history[bisect_left(history, (_iso(first_day),)) : bisect_left(history, (_iso(today),))]
        scores = [_tenths(score) for _, score in closed]
        if self.report.score is not None:
            first = _day(closed[-1][0]) + 1 if closed else self.report_day
            scores += [round(self.report.score, 1)] * (today - max(first, self.report_day, first_day))
        return scores

    def closes_below(self, line: float) -> int:
        """How many daily closes in a row, the last one included, were below a line.

        A day without a close neither counts nor ends the row: its score was unknown, or no worker was there to see it.
        """
        count = 0
        for score in reversed(self.closes()):
            if score >= line:
                break
            count += 1
        return count

    def start_of_day(self, day: int) -> datetime:
        """The first moment of a calendar day of the account, aware UTC."""
        return start_of_day(day, self.profile.timezone)


def _source(sold: Number | None, told: Number | None) -> FactSource | None:
    return "subscriptions" if sold is not None else "profile" if told is not None else None


@lru_cache(maxsize=1024)
def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def local_date(moment: datetime, timezone: str | None) -> date:
    """The calendar day of a moment in a time zone; UTC where the zone is unknown."""
    return date.fromordinal(local_day(moment, timezone) + EPOCH_ORDINAL)


def local_day(moment: datetime, timezone: str | None) -> int:
    """The same as days since 1970-01-01."""
    local = moment if timezone is None and moment.tzinfo is UTC else moment.astimezone(_zone(timezone))
    return local.toordinal() - EPOCH_ORDINAL


@lru_cache(maxsize=65_536)
def start_of_day(day: int, timezone: str | None) -> datetime:
    """The first moment of a calendar day, as days since 1970-01-01, in a time zone; aware UTC."""
    local = datetime.combine(date.fromordinal(day + EPOCH_ORDINAL), datetime.min.time(), _zone(timezone))
    return local.astimezone(UTC)


@lru_cache(maxsize=4096)
def _moment(iso: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


@lru_cache(maxsize=4096)  # days that are over are published in tenths, so that few scores are there to be rounded
def _tenths(score: float) -> float:
    return round(score, 1)


@lru_cache(maxsize=4096)
def _day(iso: str) -> int:
    return date.fromisoformat(iso).toordinal() - EPOCH_ORDINAL


@lru_cache(maxsize=4096)
def _iso(day: int) -> str:
    return date.fromordinal(day + EPOCH_ORDINAL).isoformat()
