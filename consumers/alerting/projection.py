"""The accounts in memory, as the gauges see them: whole after every start, and counted as they change.

The poll thread writes, a scrape reads; a lock keeps each from seeing the other's half. A scrape builds every series
anew from what is here, so a series whose account left, recovered or moved to another process is simply not there.
"""

import heapq
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Final, TypeVar

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.model import SEVERITIES, AccountRecord, PortfolioMetrics, Severity
from consumers.alerting.totals import Totals, families
from stream.contracts.report import LIVING_BANDS, Band

VERDICTS: Final = ("valid", "not_valid")
NO_SEGMENT: Final = "none"
OTHER_SEGMENTS: Final = "other"

_OPEN_ALERTS: Final = "Red flags that are up, one an account, by the rule of the signal that leads and severity."
_OPEN_IN_SEGMENT: Final = "Red flags that are up, by their account's segment and the rule; no series where none is."
_SIGNALS: Final = "Signals that fire, by rule and severity; most of them are told by a daily digest, or not at all."

K = TypeVar("K")


class _Seen(msgspec.Struct, frozen=True):
    score: float | None
    band: Band
    segment: str
    open: tuple[tuple[str, Severity], ...]
    signals: tuple[tuple[str, Severity], ...]
    verdicts: tuple[tuple[str, str], ...]
    portfolio_metrics: PortfolioMetrics


class Projection:
    """Every account of the partitions that this process has."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bands: Counter[tuple[Band, str]] = Counter()
        self.open_alerts: Counter[tuple[str, Severity]] = Counter()
        self.open_in_segment: Counter[tuple[str, str]] = Counter()
        self.signals: Counter[tuple[str, Severity]] = Counter()
        self.verdicts: Counter[tuple[str, str]] = Counter()
        self.totals: dict[str, Totals] = {}
        self._accounts: dict[int, dict[str, _Seen]] = {}

    def load(self, partition: int, records: Iterable[AccountRecord]) -> None:
        """Take over a partition with everything that is remembered under it."""
        self.drop(partition)
        with self.lock:
            self._accounts[partition] = {}
            for record in records:
                self._put(partition, record)

    def drop(self, partition: int) -> None:
        """Let go of a partition."""
        with self.lock:
            for seen in self._accounts.pop(partition, {}).values():
                self._count(seen, -1)

    def update(self, partition: int, records: dict[str, AccountRecord | None]) -> None:
        """Account to its new record; None when the account is gone."""
        with self.lock:
            for account_id, record in records.items():
                if record is not None:
                    self._put(partition, record)
                elif (seen := self._accounts[partition].pop(account_id, None)) is not None:
                    self._count(seen, -1)

    def size(self, partition: int) -> int:
        """How many accounts are known in a partition that is ours."""
        return len(self._accounts.get(partition, ()))

    def scored(self) -> Iterator[tuple[float, str]]:
        """(score, account) of every account that has a score; hold the lock."""
        for accounts in self._accounts.values():
            for account_id, seen in accounts.items():
                if seen.score is not None:
                    yield seen.score, account_id

    def fallen(self) -> Iterator[tuple[float, str]]:
        """(change in points, account) of every account whose score is lower than a week ago; hold the lock."""
        for accounts in self._accounts.values():
            for account_id, seen in accounts.items():
                change = seen.portfolio_metrics.score_change_7d
                if change is not None and change < 0:
                    yield change, account_id

    def score(self, account_id: str) -> float | None:
        """One account's score; None when unknown or not here; hold the lock."""
        for accounts in self._accounts.values():
            if (seen := accounts.get(account_id)) is not None:
                return seen.score
        return None

    def home(self, account_id: str) -> int | None:
        """The partition of an account; None when it is not here; hold the lock."""
        for partition, accounts in self._accounts.items():
            if account_id in accounts:
                return partition
        return None

    def open_of(self, account_id: str) -> tuple[tuple[str, Severity], ...]:
        """(rule, severity) of one account's red flag, where it is up; hold the lock."""
        for accounts in self._accounts.values():
            if (seen := accounts.get(account_id)) is not None:
                return seen.open
        return ()

    def _put(self, partition: int, record: AccountRecord) -> None:
        accounts, alert = self._accounts[partition], record.alert
        if record.is_inactive:
            if (gone := accounts.pop(record.account_id, None)) is not None:
                self._count(gone, -1)
            return
        open_alerts: tuple[tuple[str, Severity], ...] = ()
        verdicts: tuple[tuple[str, str], ...] = ()
        if alert is not None:
            open_alerts = ((alert.rule, alert.severity),) if alert.is_open else ()
            verdicts = ((alert.rule, alert.verdict),) if alert.verdict is not None else ()
        signals = tuple([(each.rule, each.severity) for each in record.signals.values() if each.counts])
        seen = _Seen(
            record.score,
            record.band,
            record.segment or NO_SEGMENT,
            open_alerts,
            signals,
            verdicts,
            record.portfolio_metrics,
        )
        before = accounts.get(record.account_id)
        if seen == before:
            return
        accounts[record.account_id] = seen
        if before is not None and _same_labels(before, seen):
            self._add_up(before, -1)
            self._add_up(seen, 1)
            return
        if before is not None:
            self._count(before, -1)
        self._count(seen, 1)

    def _add_up(self, seen: _Seen, by: int) -> None:
        totals = self.totals.get(seen.segment)
        if totals is None:
            totals = self.totals[seen.segment] = Totals()
        totals.add(seen.portfolio_metrics, by)
        if totals.accounts == 0:
            del self.totals[seen.segment]

    def _count(self, seen: _Seen, by: int) -> None:
        _add(self.bands, (seen.band, seen.segment), by)
        self._add_up(seen, by)
        for key in seen.open:
            _add(self.open_alerts, key, by)
            _add(self.open_in_segment, (seen.segment, key[0]), by)
        for key in seen.signals:
            _add(self.signals, key, by)
        for result in seen.verdicts:
            _add(self.verdicts, result, by)


def _same_labels(before: _Seen, seen: _Seen) -> bool:
    """Whether the numbers alone moved, as they nearly always do."""
    return (
        before.band == seen.band
        and before.segment == seen.segment
        and before.open == seen.open
        and before.signals == seen.signals
        and before.verdicts == seen.verdicts
    )


def _add(counter: Counter[K], key: K, by: int) -> None:
    """Count, and keep nothing for what is at zero."""
    counter[key] += by
    if counter[key] == 0:
        del counter[key]


class HealthCollector(Collector):
    """The gauges of a projection, bounded: the worst accounts and the largest segments by name, the rest as counts.

    Args:
        projection: the accounts.
        rules: names of all rules, so that a rule without an open alert shows as 0.
        worst_n: how many of the least healthy accounts get a series each.
        pinned: accounts that always get one, as far as they have a score.
        segments_max: how many segments get series of their own.
    """

    def __init__(
        self, projection: Projection, rules: Collection[str], worst_n: int, pinned: Collection[str], segments_max: int
    ) -> None:
        self._projection = projection
        self._rules = rules
        self._worst_n = worst_n
        self._pinned = pinned
        self._segments_max = segments_max

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the series depend on the accounts."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Every gauge, at one moment."""
        with self._projection.lock:
            named = self._named_segments()
            return [
                *self._scores(),
                self._open_of_shown(),
                self._fallen(),
                self._bands(named),
                self._by_rule("heartline_alerts_open", _OPEN_ALERTS, self._projection.open_alerts),
                self._open_in_segment(named),
                self._by_rule("heartline_alert_signals_firing", _SIGNALS, self._projection.signals),
                *self._verdicts(),
                *self._totals(named),
            ]

    def shown_by_partition(self) -> dict[int, list[str]]:
        """The accounts that get series of their own and those that fell the most, by the partition that has them."""
        found: dict[int, list[str]] = {}
        with self._projection.lock:
            fallen = [account for _, account in heapq.nsmallest(self._worst_n, self._projection.fallen())]
            for account in dict.fromkeys([*self.shown(), *fallen]):
                if (home := self._projection.home(account)) is not None:
                    found.setdefault(home, []).append(account)
        return found

    def shown(self) -> dict[str, float]:
        """Account to score of the accounts that get series of their own: the worst and the pinned; hold the lock."""
        shown = {account: score for score, account in heapq.nsmallest(self._worst_n, self._projection.scored())}
        for account in self._pinned:
            if (score := self._projection.score(account)) is not None:
                shown[account] = score
        return shown

    def _scores(self) -> list[Metric]:
        scores = GaugeMetricFamily(
            "heartline_account_health_score",
            "Health of the least healthy and the pinned accounts, 0 to 100, higher is healthier.",
            labels=["account"],
        )
        count = sum(1 for _ in self._projection.scored())
        shown = self.shown()
        for account, score in shown.items():
            scores.add_metric([account], score)
        truncated = GaugeMetricFamily(
            "heartline_accounts_truncated",
            "Accounts that have a score and no series in heartline_account_health_score.",
            value=count - len(shown),
        )
        return [scores, truncated]

    def _open_of_shown(self) -> Metric:
        family = GaugeMetricFamily(
            "heartline_account_alerts_open",
            "1 for each red flag that is up, of the accounts that have a series in heartline_account_health_score.",
            labels=["account", "rule", "severity"],
        )
        for account in self.shown():
            for rule, severity in self._projection.open_of(account):
                family.add_metric([account, rule, severity], 1)
        return family

    def _open_in_segment(self, named: set[str]) -> Metric:
        family = GaugeMetricFamily("heartline_segment_alerts_open", _OPEN_IN_SEGMENT, labels=["segment", "rule"])
        counts: Counter[tuple[str, str]] = Counter()
        for (segment, rule), count in self._projection.open_in_segment.items():
            counts[segment if segment in named else OTHER_SEGMENTS, rule] += count
        for labels, count in sorted(counts.items()):
            family.add_metric(labels, count)
        return family

    def _fallen(self) -> Metric:
        family = GaugeMetricFamily(
            "heartline_account_score_change_7d_points",
            "Change of the score against seven days ago, of the accounts that fell the most.",
            labels=["account"],
        )
        for change, account in heapq.nsmallest(self._worst_n, self._projection.fallen()):
            family.add_metric([account], change)
        return family

    def _named_segments(self) -> set[str]:
        """The largest segments, which get series of their own."""
        sizes: Counter[str] = Counter()
        for (_, segment), count in self._projection.bands.items():
            sizes[segment] += count
        return set(sorted(sizes, key=lambda segment: (-sizes[segment], segment))[: self._segments_max])

    def _totals(self, named: set[str]) -> Iterable[Metric]:
        totals: dict[str, Totals] = {}
        for segment, part in self._projection.totals.items():
            label = segment if segment in named else OTHER_SEGMENTS
            totals[label] = totals.get(label, Totals()).plus(part)
        return families(totals or {NO_SEGMENT: Totals()})

    def _bands(self, named: set[str]) -> Metric:
        counts: Counter[tuple[str, Band]] = Counter()
        for (band, segment), count in self._projection.bands.items():
            counts[segment if segment in named else OTHER_SEGMENTS, band] += count
        segments = sorted(named | {segment for segment, _ in counts})
        family = GaugeMetricFamily("heartline_accounts", "Accounts by band and segment.", labels=["band", "segment"])
        for segment in segments or [NO_SEGMENT]:
            for band in LIVING_BANDS:
                family.add_metric([band, segment], counts[segment, band])
        return family

    def _verdicts(self) -> list[Metric]:
        counts = GaugeMetricFamily(
            "heartline_alert_verdicts",
            "What people said of each account's last episode under a rule: valid, not_valid.",
            labels=["rule", "verdict"],
        )
        precision = GaugeMetricFamily(
            "heartline_alert_precision_ratio",
            "Share of valid among the verdicts of a rule, 0 to 1; no series before the first verdict.",
            labels=["rule"],
        )
        for rule in self._rules:
            valid, not_valid = (self._projection.verdicts[rule, verdict] for verdict in VERDICTS)
            counts.add_metric([rule, "valid"], valid)
            counts.add_metric([rule, "not_valid"], not_valid)
            if valid + not_valid > 0:
                precision.add_metric([rule], valid / (valid + not_valid))
        return [counts, precision]

    def _by_rule(self, name: str, meaning: str, counts: Counter[tuple[str, Severity]]) -> Metric:
        """A count by rule and severity; a rule without any shows as 0."""
        family = GaugeMetricFamily(name, meaning, labels=["rule", "severity"])
        for rule in self._rules:
            for severity in SEVERITIES:
                family.add_metric([rule, severity], counts[rule, severity])
        return family
