"""Every Prometheus metric of the portfolio: today's figures, without period labels."""

import time
from collections.abc import Iterable
from datetime import timedelta
from itertools import product
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from consumers.portfolio.days import Period, day_number
from consumers.portfolio.ledger_reader import LedgerReader
from consumers.portfolio.money import minor_digits
from consumers.portfolio.service import PortfolioService
from stream.contracts.report import BANDS

KEPT_SECONDS: Final = 60.0  # scrapes within a minute get the same figures
AT_RISK: Final = ("at_risk", "critical")

_BY_BAND: Final = """
    SELECT coalesce(d.band, 'unknown'), coalesce(f.segment, 'unknown'), a.account
    FROM (
        SELECT account, $day::INT AS day FROM spells WHERE product IS NULL AND from_day <= $day AND $day < to_day
    ) a
    LEFT JOIN bands d ON d.account = a.account AND d.from_day <= a.day AND a.day < d.to_day
    LEFT JOIN profiles f ON f.account = a.account AND f.from_day <= a.day AND a.day < f.to_day
"""


class PortfolioCollector(Collector):
    """Gauges, asked for at most once a minute.

    Args:
        service: answers.
        reader: how far Kafka is read.
    """

    def __init__(self, service: PortfolioService, reader: LedgerReader) -> None:
        self._service = service
        self._reader = reader
        self._kept: list[Metric] = []
        self._kept_at = -KEPT_SECONDS

    def collect(self) -> Iterable[Metric]:
        """One scrape."""
        yield _gauge("heartline_portfolio_records", "Records read since the start.", self._reader.records)
        ready = float(self._service.is_ready)
        yield _gauge("heartline_portfolio_ready", "1 when all of Kafka is in the figures.", ready)
        newest_ms = self._reader.newest_ms
        if newest_ms:
            age = max(0.0, time.time() - newest_ms / 1000)
            yield _gauge("heartline_portfolio_newest_record_age_seconds", "Age of the newest derived record.", age)
        if self._service.is_ready and time.monotonic() - self._kept_at >= KEPT_SECONDS:
            self._kept, self._kept_at = list(self._figures()), time.monotonic()
        yield from self._kept

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked for at registration."""
        return []

    def _figures(self) -> Iterable[Metric]:
        """The figures of today and of the year that ends with it."""
        service = self._service
        today = service.today()
        day = day_number(today)
        scale = 10 ** minor_digits(service.options.currency)
        year = Period(day_number(today - timedelta(days=364)), day + 1, "day", "trailing year")
        values = {shape.id: value.value for shape, value in service.figures(["nrr", "grr"], [year])}
        for name, meaning in (("nrr", "Net"), ("grr", "Gross")):
            value = values.get(name)
            if value is not None:
                text = f"{meaning} revenue retention of the trailing 365 days."
                yield _gauge(f"heartline_portfolio_trailing_year_{name}_ratio", text, value)
        arr = GaugeMetricFamily(
            "heartline_portfolio_arr",
            "Annual recurring revenue today, by health band and segment, in the company's currency.",
            labels=["band", "segment"],
        )
        accounts = GaugeMetricFamily(
            "heartline_portfolio_accounts", "Customers today, by health band and segment.", labels=["band", "segment"]
        )
        worth = {part.account: float(part.numerator or 0) for part in service.explain("arr", _day(day))}
        by_group: dict[tuple[str, str], list[float]] = {}
        for band, segment, account in service.cursor().execute(_BY_BAND, {"day": day}).fetchall():
            by_group.setdefault((band, segment), []).append(worth.get(account, 0.0))
        for band, segment in product(BANDS, {segment for _, segment in by_group}):
            by_group.setdefault((band, segment), [])  # nobody is at risk: 0, where no series would read "no data"
        for group, minors in sorted(by_group.items()):
            arr.add_metric(group, sum(minors) / scale)
            accounts.add_metric(group, len(minors))
        yield arr
        yield accounts
        risk = sum(sum(minors) for (band, _), minors in by_group.items() if band in AT_RISK) / scale
        yield _gauge("heartline_portfolio_arr_at_risk", "Annual recurring revenue at risk or critical today.", risk)


def _day(day: int) -> Period:
    return Period(day, day + 1, "day", "today")


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning)
    family.add_metric([], value)
    return family
