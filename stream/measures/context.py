"""One account as of one moment, and what several measures need of it."""

from collections.abc import Sequence
from typing import Final

from stream.history import daily
from stream.kinds import survey
from stream.kinds.subscription import Term, terms
from stream.kinds.survey import SurveyResponse
from stream.kinds.usage import UsageState
from stream.measures.account_view import AccountView
from stream.measures.registry import Measures
from stream.measures.sessions import session_measures
from stream.measures.trend import comparable_weeks

MONTH_DAYS: Final = 30
KNOWN_DAYS: Final = 90
MOMENTS_MAX: Final = 4  # of one report: now, and 7, 14 and 28 days before; what is kept by day is kept of so many


class MeasureContext:
    """One account as of one moment.

    Args:
        account: the account.
        as_of_ms: the moment, epoch milliseconds; not after the newest one of `account`.

    Attributes:
        day: the account's calendar day of the moment, as days since 1970-01-01.
        back: how many days that is before the newest day of `account`.
        days_known: for how many days the account has been used, the first and today's included; None before the first.
    """

    # Made when a measure asks for it.
    _month: list[int] | None = None
    _known: int | None = None
    _frequencies: list[int] | None = None
    _active_bits: int | None = None
    _mau_previous: int | None = None
    _weeks: Sequence[float | None] | None = None
    _sessions: Measures | None = None
    _nps_answers: dict[survey.Respondent, tuple[str, SurveyResponse]] | None = None
    _touched: list[tuple[int, int]] | None = None
    _terms: list[Term] | None = None

    def __init__(self, account: AccountView, as_of_ms: int) -> None:
        self.account = account
        self.state = account.state
        self.activity: UsageState = account.state.usage
        self.as_of_ms = as_of_ms
        self.zone = account.zone
        self.day = day = account.day if as_of_ms == account.newest_ms else account.zone.day_of(as_of_ms)
        self.back = account.day - day
        first_day = account.first_day
        self.days_known = day - first_day + 1 if first_day is not None and first_day <= day else None

    def active(self, days: int, back: int = 0) -> int:
        """How many people were active in the `days` days that end `back` days before the day."""
        return len(self.account.people.active_in(days, self.back + back))

    @property
    def month(self) -> list[int]:
        """Of each person active in the trailing 30 days the bits of these days, as `UserBitmaps` has them."""
        if self._month is None:
            self._month = self.account.people.active_in(MONTH_DAYS, self.back)
        return self._month

    @property
    def mau(self) -> int:
        """How many people were active in the trailing 30 days."""
        return len(self.month)

    @property
    def known(self) -> int:
        """People active in the trailing 90 days, as far as their bitmaps reach."""
        if self._known is None:
            people = self.account.people
            everyone_came = self.mau == people.count  # then nobody is left to look for
            self._known = self.mau if everyone_came else len(people.active_in(KNOWN_DAYS, self.back))
        return self._known

    @property
    def base(self) -> int | None:
        """Of whom a share is taken: the licensed seats, else the people known in 90 days; None without either."""
        if self.account.seats is not None:
            return self.account.licensed
        return self.known if self.known > 0 else None

    @property
    def frequencies(self) -> list[int]:
        """On how many of the trailing 30 days each person was active, of those who were."""
        if self._frequencies is None:
            self._frequencies = [*map(int.bit_count, self.month)]
        return self._frequencies

    @property
    def active_days(self) -> int:
        """Active days of each person in the trailing 30, added up."""
        return sum(self.frequencies)

    @property
    def active_bits(self) -> int:
        """On which days anyone was active, of 400: bit 0 is the day."""
        if self._active_bits is None:
            self._active_bits = daily.active_until(self.activity.days, self.day)
        return self._active_bits

    @property
    def mau_previous(self) -> int:
        """People active in the 30 days before the trailing 30."""
        if self._mau_previous is None:
            was_used = self.activity.days.first_day <= self.day - MONTH_DAYS
            self._mau_previous = self.active(MONTH_DAYS, back=MONTH_DAYS) if was_used else 0
        return self._mau_previous

    @property
    def weeks(self) -> Sequence[float | None]:
        """User-days of the trailing weeks, the newest first, as the trend takes them."""
        if self._weeks is None:
            self._weeks = comparable_weeks(self.activity.days, self.day, self.account.calendar)
        return self._weeks

    @property
    def sessions(self) -> Measures:
        """What the sessions come to."""
        if self._sessions is None:
            self._sessions = session_measures(self.activity, self.day)
        return self._sessions

    @property
    def nps_answers(self) -> dict[survey.Respondent, tuple[str, SurveyResponse]]:
        """By user the latest NPS answer of the trailing 90 days, with its response_id; every anonymous one, too."""
        if self._nps_answers is None:
            nps = self.account.answers[survey.SURVEY_CODE["nps"]]
            self._nps_answers = survey.latest(nps, self.day - 89, self.day)
        return self._nps_answers

    @property
    def touched(self) -> list[tuple[int, int]]:
        """Code of the kind, and age in days, of each touchpoint that was by then."""
        if self._touched is None:
            day_of, touchpoints = self.zone.day_of, self.state.touchpoint.touchpoints.values()
            self._touched = [(one.kind, self.day - day_of(one.ms)) for one in touchpoints if one.ms <= self.as_of_ms]
        return self._touched

    @property
    def terms(self) -> list[Term]:
        """Every subscription that had begun, or was first heard of, by then."""
        if self._terms is None:
            self._terms = terms(self.state.subscription, self.as_of_ms)
        return self._terms
