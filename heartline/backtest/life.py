"""One account's life through the product's own fold: what each scorecard says at the end of each of its days.

What people set by hand (overrides) is left out: it is the scorecards that are measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heartline.backtest.buckets import USES, Events
from heartline.backtest.labels import EPOCH_DAY, Label
from stream.contracts.report import Band
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, newest_ms, zone_of
from stream.kinds.subscription import terms
from stream.measures import Measures
from stream.measures.account_view import AccountView
from stream.measures.catalogue import measure
from stream.measures.context import MeasureContext
from stream.measures.product_config import ProductConfig
from stream.scoring.evaluation import evaluate
from stream.scoring.result import NEW_DAYS
from stream.scoring.scorecard import Scorecard, Scorecards
from stream.scoring.scorecard_selection import scorecard_for
from stream.topics import Source

UNKNOWN: Final = float("nan")


@dataclass(frozen=True)
class Yardsticks:
    """What lives are measured by.

    Attributes:
        scorecards: name to the scorecards, of which each account gets the one that is for it.
        core_features, product: the product's catalogue.
        measures: ids of further measures that are wanted at each month-end.
    """

    scorecards: Mapping[str, Scorecards]
    core_features: frozenset[str]
    product: ProductConfig
    measures: frozenset[str] = frozenset()


@dataclass
class MonthEnd:
    """An account at the end of a month.

    Attributes:
        day: since 1970-01-01.
        users: that it has had so far.
        bands: by scorecards' name.
        measures: those that were wanted.
        sources: that the account's lines could rest on; of an account that is new, without usage.
    """

    day: int
    users: int
    bands: dict[str, Band]
    measures: Measures
    sources: frozenset[Source] = frozenset()


@dataclass
class Life:
    """One account, day by day from its first one on.

    Attributes:
        first_day: since 1970-01-01.
        segment: as the account feed says at the end.
        users, events: distinct active users, and usage events, of each day.
        scores: by scorecards' name, at the end of each day; nan: unknown.
        month_ends: in their order.
        ended_day: the day on which the last of its subscriptions ended, as long as none runs; None otherwise.
    """

    account_id: str
    first_day: int
    segment: str | None = None
    users: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    events: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    scores: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    month_ends: list[MonthEnd] = field(default_factory=list)
    ended_day: int | None = None

    @property
    def days(self) -> int:
        """How many days it has."""
        return len(self.users)


@dataclass(frozen=True)
class Observed:
    """A life with what became of it.

    Attributes:
        life: up to the end of observation or some days behind the churn.
        churned_day: since 1970-01-01; None: retained.
        observed_day: the last day of which anything is known.
    """

    life: Life
    churned_day: int | None
    observed_day: int

    @property
    def end_day(self) -> int:
        """The last day that counts: before the churn, or the end of observation."""
        return self.observed_day if self.churned_day is None else min(self.churned_day - 1, self.observed_day)


def observed(life: Life, label: Label, last_day: int) -> Observed | None:
    """A life with its label; None where the churn lies before its first day, or observation ends there."""
    end = min(last_day, label.observed_day if label.observed_day is not None else last_day)
    if label.churned_day is not None and label.churned_day <= life.first_day:
        return None
    return Observed(life, label.churned_day, end) if end >= life.first_day else None


class _Verdicts:
    """One set of scorecards on one account, with the band that it remembers."""

    def __init__(self, cards: Scorecards, yardsticks: Yardsticks) -> None:
        self._cards, self._yardsticks = cards, yardsticks
        self._band: Band | None = None
        self._since_day = 0
        self.scores: list[float] = []

    def close(self, state: AccountState, day: int, end_ms: int) -> Band:
        """Score an account at the end of a day."""
        core, product = self._yardsticks.core_features, self._yardsticks.product
        card = scorecard_for(self._cards, state, end_ms, core, product)
        score = evaluate(state, end_ms, card, core, product).result.score
        self.scores.append(UNKNOWN if score is None else score)
        band = self._fall(card, score, day)
        if band != self._band:
            self._band, self._since_day = band, day
        return band

    def _fall(self, card: Scorecard, score: float | None, day: int) -> Band:
        return "unknown" if score is None else card.band(score, self._band, day - self._since_day)


def live(account_id: str, events: Events, yardsticks: Yardsticks, until_day: int) -> Life | None:
    """An account's life from its first event to a day.

    Args:
        account_id: whose.
        events: with their times in epoch ms, in the order of time.
        yardsticks: what to measure by.
        until_day: the last day, since 1970-01-01; events behind it are not looked at.

    Returns:
        None where nothing but its profile is known until then.
    """
    first_ms = next((ms for ms, _ in events if ms > 0), None)
    if first_ms is None:
        return None
    state = AccountState()
    verdicts = {name: _Verdicts(cards, yardsticks) for name, cards in yardsticks.scorecards.items()}
    found: Life | None = None
    everyone: set[str] = set()
    users_by_day: list[int] = []
    events_by_day: list[int] = []
    at = 0
    day = zone_of(state).day_of(first_ms)
    while day <= until_day:
        end_ms = zone_of(state).end_of_day_ms(day)
        today: set[str] = set()
        used = 0
        while at < len(events) and events[at][0] <= end_ms:
            event = events[at][1]
            fold_event(state, event)
            at += 1
            if isinstance(event, USES):
                today.add(event.user_id)  # type: ignore[attr-defined]
                used += 1
        if found is None and newest_ms(state) is not None:
            found = Life(account_id, day)
        if found is not None:
            everyone |= today
            users_by_day.append(len(today))
            events_by_day.append(used)
            bands = {name: verdict.close(state, day, end_ms) for name, verdict in verdicts.items()}
            if ends_month(day):
                at_end = _looked_at(state, end_ms, yardsticks)
                found.month_ends.append(MonthEnd(day, len(everyone), bands, *at_end))
        day += 1
    if found is None:
        return None
    found.users, found.events = np.array(users_by_day, np.int32), np.array(events_by_day, np.int32)
    found.scores = {name: np.array(verdict.scores, np.float32) for name, verdict in verdicts.items()}
    found.segment = state.profile.get("segment", (None, 0))[0]
    found.ended_day = _ended_day(state, zone_of(state).end_of_day_ms(until_day))
    return found


def _looked_at(state: AccountState, end_ms: int, yardsticks: Yardsticks) -> tuple[Measures, frozenset[Source]]:
    """The further measures that are wanted, and the sources that lines could rest on."""
    if not yardsticks.measures:
        return {}, frozenset()
    core, product = yardsticks.core_features, yardsticks.product
    found = measure(state, end_ms, core, product, yardsticks.measures)
    account = AccountView(state, end_ms, core, product)
    age, sources = MeasureContext(account, end_ms).days_known, account.sources
    is_new = age is None or age < NEW_DAYS
    return {name: found[name] for name in yardsticks.measures}, sources - {"usage"} if is_new else sources


def _ended_day(state: AccountState, at_ms: int) -> int | None:
    """The day on which the last running subscription that is paid for ended; None while one runs, or none ever did."""

    def paid(ms: int) -> bool:
        return any(term.is_running and not term.is_trial for term in terms(state.subscription, ms))

    moments = {change.ms for changes in state.subscription.changes.values() for change in changes}
    ascending = sorted(ms for ms in moments if ms <= at_ms)
    if not ascending or paid(at_ms):
        return None
    for before, ms in zip(reversed([0, *ascending[:-1]]), reversed(ascending), strict=True):
        if before and paid(before):
            return zone_of(state).day_of(ms)
    return None


def ends_month(day: int) -> bool:
    """Whether a day is the last of its month.

    >>> ends_month(19_782), ends_month(19_781)  # 2024-02-29 and the day before
    (True, False)
    """
    return (EPOCH_DAY + timedelta(days=day + 1)).day == 1


def date_of(day: int) -> date:
    """A day since 1970-01-01 as a date."""
    return EPOCH_DAY + timedelta(days=day)
