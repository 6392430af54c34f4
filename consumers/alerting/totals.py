"""What all accounts of a segment add up to: active users, seats, adoption, NPS; kept as sums while accounts change.

Sums and counts are exported, not means: Prometheus divides, so that any choice of segments gives the right mean. An
account whose number is unknown is in no sum and in no count.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from alerts.model import PortfolioMetrics

WINDOWS: Final = ("dau", "wau", "mau")


@dataclass(slots=True)
class Totals:
    """The sums over one segment."""

    accounts: int = 0
    dau: int = 0
    wau: int = 0
    mau: int = 0
    licensed_seats: int = 0
    licensed_mau: int = 0
    depth_sum: float = 0.0
    depth_accounts: int = 0
    nps_responses: int = 0
    nps_net: float = 0.0

    def add(self, portfolio_metrics: PortfolioMetrics, by: int) -> None:
        """Count one account in (by=1) or out (by=-1)."""
        self.accounts += by
        self.dau += by * (portfolio_metrics.dau or 0)
        self.wau += by * (portfolio_metrics.wau or 0)
        self.mau += by * (portfolio_metrics.mau or 0)
        if portfolio_metrics.licensed_seats is not None and portfolio_metrics.mau is not None:
            self.licensed_seats += by * portfolio_metrics.licensed_seats
            self.licensed_mau += by * portfolio_metrics.mau
        if portfolio_metrics.depth is not None:
            self.depth_sum += by * portfolio_metrics.depth
            self.depth_accounts += by
        if portfolio_metrics.nps is not None and portfolio_metrics.nps_responses is not None:
            self.nps_responses += by * portfolio_metrics.nps_responses
            self.nps_net += by * portfolio_metrics.nps * portfolio_metrics.nps_responses / 100

    def plus(self, other: "Totals") -> "Totals":
        """Both together."""
        return Totals(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def families(by_segment: Mapping[str, Totals]) -> Iterator[Metric]:
    """The gauges of the totals, by segment."""
    users = GaugeMetricFamily(
        "heartline_active_users",
        "Active users of all accounts, by window: dau, wau, mau are those of 1, 7 and 30 days.",
        labels=["window", "segment"],
    )
    for segment, totals in by_segment.items():
        for window in WINDOWS:
            users.add_metric([window, segment], getattr(totals, window))
    yield users
    yield _family("heartline_licensed_seats", "Seats paid for.", ((s, t.licensed_seats) for s, t in by_segment.items()))
    yield _family(
        "heartline_licensed_active_users",
        "Users active in 30 days in the accounts whose seats are known: over heartline_licensed_seats it is the "
        "licence utilisation.",
        ((s, t.licensed_mau) for s, t in by_segment.items()),
    )
    yield _family(
        "heartline_depth_ratio_sum",
        "Sum of the depth (core features in use, 0 to 1) of the accounts where it is known.",
        ((s, t.depth_sum if t.depth_accounts > 0 else 0.0) for s, t in by_segment.items()),
    )
    yield _family(
        "heartline_depth_accounts",
        "Accounts whose depth is known.",
        ((s, t.depth_accounts) for s, t in by_segment.items()),
    )
    yield _family(
        "heartline_nps_net_promoters",
        "Promoters less detractors among the latest NPS answer of each user in 90 days.",
        ((s, round(t.nps_net)) for s, t in by_segment.items()),
    )
    yield _family(
        "heartline_nps_responses",
        "Users who answered an NPS survey in 90 days: 100 x heartline_nps_net_promoters over it is the NPS.",
        ((s, t.nps_responses) for s, t in by_segment.items()),
    )


def _family(name: str, meaning: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=["segment"])
    for segment, value in values:
        family.add_metric([segment], value)
    return family
