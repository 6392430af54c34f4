"""What the process answers from: the store, as it is known now or was known then, and the company's today."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from consumers.portfolio.adoption import (
    BandOutcome,
    FeatureRetention,
    FeatureUse,
    LaunchStay,
    LaunchUptake,
    band_outcomes,
    feature_retention,
    feature_use,
    launch_stay,
    launch_uptake,
)
from consumers.portfolio.days import Period, day_number, parse_periods, period_of
from consumers.portfolio.facts import DIMENSIONS, Dimension
from consumers.portfolio.figures import Figure, FigureError, figure
from consumers.portfolio.ledger_reader import LedgerReader
from consumers.portfolio.lifetime import ALL_IDS, ask, is_told_by, made_of
from consumers.portfolio.members import Member, members
from consumers.portfolio.play_effects import PlayEffect, play_effects
from consumers.portfolio.query import CostPart, FigureValue, Part, Query
from consumers.portfolio.renewals import BandRecord, ComingRenewal, by_band, coming_renewals
from consumers.portfolio.restatements import Restatement, restatements
from consumers.portfolio.settings import PortfolioOptions
from consumers.portfolio.store import Store
from consumers.portfolio.usage_drops import UsageDrop, usage_drops

KNOWN_MAX: Final = 2  # stores of former knowledge that are kept
ANSWERS_MAX: Final = 200  # kept until the ledger changes
PERIODS_MAX: Final = 400
ANALYSES_KEPT_SECONDS: Final = 300.0

T = TypeVar("T")


class FeatureAnswers(NamedTuple):
    """Everything about features."""

    used: list[FeatureUse]
    retention: list[FeatureRetention]
    uptake: list[LaunchUptake]
    stay: list[LaunchStay]


class PortfolioService:
    """Answers questions; any thread may ask.

    Args:
        options: the company's rules.
        store: the ledger.
        reader: fills it; None: nobody does.
        launches: feature to the day of its launch (`product.launches`).
    """

    def __init__(
        self,
        options: PortfolioOptions,
        store: Store,
        reader: LedgerReader | None = None,
        launches: Mapping[str, date] | None = None,
    ) -> None:
        self.options = options
        self._launches = {feature: day_number(day) for feature, day in (launches or {}).items()}
        self.store = store
        self._reader = reader
        self._known: OrderedDict[date, Store] = OrderedDict()
        self._answers: OrderedDict[tuple[Any, ...], list[tuple[Figure, FigureValue]]] = OrderedDict()
        self._analyses: dict[str, tuple[int, float, Any]] = {}
        self._lock = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether everything that was on Kafka at the start is in the figures."""
        return self._reader is None or self._reader.caught_up.is_set()

    def today(self) -> date:
        """The company's day."""
        return datetime.now(UTC).astimezone(self.options.rules.zone).date()

    def periods(self, text: str | None) -> list[Period]:
        """The periods that are asked for; None: the quarter of today.

        Raises:
            PeriodError: it is none.
            FigureError: there are too many.
        """
        if text is None:
            return [period_of(self.today(), "quarter")]
        periods = parse_periods(text)
        if len(periods) > PERIODS_MAX:
            raise FigureError(f"period {text}: {len(periods)} periods; at most {PERIODS_MAX} are told at once")
        return periods

    def figures(
        self, ids: Sequence[str] | None, periods: Sequence[Period], by: str | None = None, as_known: date | None = None
    ) -> list[tuple[Figure, FigureValue]]:
        """Values of figures; ids None: all that are told by the dimension.

        Raises:
            FigureError: a figure or the dimension is not known, or they do not go together.
        """
        dimension = check_dimension(by)
        wanted = [id_ for id_ in ALL_IDS if is_told_by(id_, dimension)] if ids is None else ids
        key = self.store.version, self.today(), tuple(wanted), tuple(periods), dimension, as_known
        with self._lock:
            if key in self._answers:
                return self._answers[key]
        answer = ask(self._query(as_known), wanted, periods, dimension, self.options.gross_margin_ratio)
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > ANSWERS_MAX:
                self._answers.popitem(last=False)
        return answer

    def explain(
        self, id_: str, period: Period, by: str | None = None, group: str | None = None, as_known: date | None = None
    ) -> list[Part]:
        """The accounts behind a figure; of one that is made of others, those behind each of these.

        Raises:
            FigureError: as for `figures`.
        """
        query, dimension = self._query(as_known), check_dimension(by)
        return [part for name in made_of(id_) for part in query.explain(figure(name), period, dimension, group)]

    def costs(
        self, id_: str, period: Period, by: str | None = None, group: str | None = None, as_known: date | None = None
    ) -> list[CostPart]:
        """The costs behind a figure that has some.

        Raises:
            FigureError: as for `figures`.
        """
        kinds = {figure(name).cost for name in made_of(id_)} - {None}
        query, dimension = self._query(as_known), check_dimension(by)
        return [part for kind in kinds if kind for part in query.explain_costs(kind, period, dimension, group)]

    def renewals(self, ahead_days: int) -> tuple[list[ComingRenewal], list[BandRecord]]:
        """Terms that end soon, and each band's record."""
        cursor, today = self.store.cursor(), day_number(self.today())
        return coming_renewals(cursor, today, ahead_days), by_band(cursor, today, ahead_days)

    def features(self) -> FeatureAnswers:
        """Which features are used, by plan as well; whether who uses one stays; launches, and who stayed with them."""
        return self._kept("features", self._features)

    def _features(self, cursor: Any, today: int) -> FeatureAnswers:
        return FeatureAnswers(
            [*feature_use(cursor, today), *feature_use(cursor, today, by_plan=True)],
            feature_retention(cursor, today),
            launch_uptake(cursor, self._launches, today),
            launch_stay(cursor, self._launches, today),
        )

    def bands(self) -> list[BandOutcome]:
        """How customers of each band fared in the 90 days after."""
        return self._kept("bands", band_outcomes)

    def usage_drops(self) -> list[UsageDrop]:
        """Every fall of use that came back, and what became of it."""
        return self._kept("usage_drops", usage_drops)

    def play_effects(self) -> list[PlayEffect]:
        """Every play against comparable accounts without it."""
        return self._kept("play_effects", play_effects)

    def warm(self) -> None:
        """Have ready what is kept for some minutes."""
        for each in (self.bands, self.features, self.usage_drops, self.play_effects):
            each()

    def _kept(self, name: str, ask_: Callable[[Any, int], T]) -> T:
        """What looks at years of days is looked for again after some minutes, not with every record."""
        today, now = day_number(self.today()), time.monotonic()
        with self._lock:
            kept = self._analyses.get(name)
        if kept is not None and kept[0] == today and now - kept[1] < ANALYSES_KEPT_SECONDS:
            found: T = kept[2]
            return found
        found = ask_(self.store.cursor(), today)
        if self.is_ready:
            with self._lock:
                self._analyses[name] = today, now, found
        return found

    def arr_at_risk(self) -> int:
        """Revenue of customers who are at risk or critical today, in minor units."""
        day = day_number(self.today())
        worth = {
            part.account: int(part.numerator or 0) for part in self.explain("arr", Period(day, day + 1, "day", ""))
        }
        rows = self.store.cursor().execute(
            "SELECT account FROM bands WHERE from_day <= $day AND $day < to_day AND band IN ('at_risk', 'critical')",
            {"day": day},
        )
        return sum(worth.get(account, 0) for (account,) in rows.fetchall())

    def without_rate(self) -> str:
        """What is paid in a currency before its first rate, as a sentence; empty when all is valued."""
        found = self.store.without_rate()
        if not found:
            return ""
        told = " and ".join(f"{accounts:,} in {currency}" for currency, accounts in found.items())
        return (
            f"Accounts that paid before their currency had a rate: {told}. Their money is not known and left out "
            f"of all sums and rates of that time; send a rate (event `rate`), or set portfolio.currency, which is "
            f"{self.options.currency}."
        )

    def members(self, kind: str, key: str, group: str | None = None, days: int = 0) -> list[Member]:
        """The accounts behind a row of the pages on features, launches, bands, renewals and plays.

        Raises:
            FigureError: there is no such row.
        """
        today = day_number(self.today())
        return members(self.store.cursor(), kind, key, today, group=group, days=days, launches=self._launches)

    def parquet(self, table: str) -> bytes:
        """One derived table as a Parquet file.

        Raises:
            ConfigError: there is none of that name.
        """
        return self.store.parquet(table)

    def restatements(self, period: Period) -> list[Restatement]:
        """What came late and changed the period's end."""
        return restatements(self.store.cursor(), period, self.store.rules, self.store.rates)

    def status(self) -> dict[str, Any]:
        """How far the ledger is, and what in it can't be used."""
        cursor = self.store.cursor()
        count, problems = cursor.execute(
            "SELECT count(*) FILTER (kind <> 'alias'), count(problem) FROM ledger"
        ).fetchall()[0]
        (days,) = cursor.execute("SELECT count(*) FROM account_days").fetchall()[0]
        (stale,) = cursor.execute("SELECT count(*) FROM stale").fetchall()[0]
        first = cursor.execute("SELECT problem FROM ledger WHERE problem IS NOT NULL LIMIT 20").fetchall()
        newest_ms = 0 if self._reader is None else self._reader.newest_ms
        return {
            "ready": self.is_ready,
            "records": count,
            "account_days": days,
            "accounts_to_derive": stale,
            "without_rate": self.store.without_rate(),
            "unusable": problems,
            "unusable_first": [row[0] for row in first],
            "newest_record": datetime.fromtimestamp(newest_ms / 1000, UTC).isoformat() if newest_ms else None,
        }

    def cursor(self) -> Any:
        """A reader's own connection, for pages that ask in other ways."""
        return self.store.cursor()

    def _query(self, as_known: date | None) -> Query:
        today = self.today()
        if as_known is None or as_known >= today:
            return Query(self.store.cursor(), self.store.rules, day_number(today))
        return Query(self._store_of(as_known).cursor(), self.store.rules, day_number(as_known))

    def _store_of(self, day: date) -> Store:
        """What was known at the end of a day."""
        with self._lock:
            if day not in self._known:
                midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), self.store.rules.zone)
                self._known[day] = self.store.as_known(round(midnight.timestamp() * 1000) - 1)
                while len(self._known) > KNOWN_MAX:
                    self._known.popitem(last=False)
            self._known.move_to_end(day)
            return self._known[day]


def check_dimension(by: str | None) -> Dimension | None:
    """A dimension by its name.

    Raises:
        FigureError: there is none.
    """
    for dimension in DIMENSIONS:
        if dimension == by:
            return dimension
    if by is None:
        return None
    raise FigureError(f"by {by}: expected one of {', '.join(DIMENSIONS)}")
