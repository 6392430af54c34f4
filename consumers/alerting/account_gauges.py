"""The names, measures and drivers of the few accounts that have series of their own, read when Prometheus asks.

Only the accounts of `HealthCollector.shown` are exported, so their number is bounded and a series goes when its account
recovers. The reports lie in Redis; while it is away these gauges are absent, and a dashboard shows a gap, not a guess.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import redis
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from consumers.alerting.projection import NO_SEGMENT
from stream.config.logs import get_logger
from stream.contracts.report import HealthReport

log = get_logger(__name__)

# What an account's dashboard draws; the report has many more.
SHOWN_MEASURES: Final = (
    "dau",
    "wau",
    "mau",
    "license_utilization",
    "stickiness",
    "frequency_30d",
    "depth",
    "features_30d",
    "usage_trend_ratio",
    "days_since_active",
    "open_tickets",
    "open_urgent_tickets",
    "tickets_opened_30",
    "escalation_running_hours",
    "nps",
    "csat",
)
DRIVERS_MAX: Final = 8
NO_OWNER: Final = "none"


class AccountGauges(Collector):
    """The gauges of the accounts shown.

    Args:
        shown: by partition, which accounts those are at the moment of the scrape.
        reports: reads the latest reports of some accounts of a partition; raises redis.RedisError while the store is
            away.
    """

    def __init__(
        self,
        shown: Callable[[], Mapping[int, Sequence[str]]],
        reports: Callable[[int, Sequence[str]], Iterable[HealthReport]],
    ) -> None:
        self._shown = shown
        self._reports = reports

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the series depend on the accounts."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """One scrape."""
        measures = GaugeMetricFamily(
            "heartline_account_measure",
            "The measures of the accounts shown, each in its own unit (docs/metrics.md); none where unknown.",
            labels=["account", "measure"],
        )
        drivers = GaugeMetricFamily(
            "heartline_account_points_lost",
            "Points of 100 that a measure keeps from the score of an account shown, its largest ones.",
            labels=["account", "measure"],
        )
        infos = GaugeMetricFamily(
            "heartline_account_info",
            "Always 1: the name, segment and owner of the accounts shown; the id and `none` where nobody told them.",
            labels=["account", "name", "segment", "owner"],
        )
        for report in self._read():
            who = report.profile
            name, segment, owner = who.name or report.account_id, who.segment or NO_SEGMENT, who.owner or NO_OWNER
            infos.add_metric([report.account_id, name, segment, owner], 1)
            for measure in SHOWN_MEASURES:
                if (value := report.measures.get(measure)) is not None:
                    measures.add_metric([report.account_id, measure], value)
            for item in report.contributions[:DRIVERS_MAX]:
                drivers.add_metric([report.account_id, item.measure], round(item.points_lost, 2))
        return [infos, measures, drivers]

    def _read(self) -> list[HealthReport]:
        try:
            return [
                report for partition, accounts in self._shown().items() for report in self._reports(partition, accounts)
            ]
        except redis.RedisError as error:
            log.warning("the measures of the accounts shown are not exported: Redis does not answer", error=str(error))
            return []
