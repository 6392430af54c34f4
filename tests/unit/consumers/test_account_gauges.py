"""The series of the accounts shown: their measures and drivers, nothing unknown, and none while Redis is away."""

from collections.abc import Iterable, Sequence

import pytest
import redis
from prometheus_client import CollectorRegistry

from consumers.alerting.account_gauges import DRIVERS_MAX, AccountGauges
from stream.contracts.report import Contribution, HealthReport, Profile
from tests.reports import make_report


def registry_of(reports: dict[str, HealthReport]) -> CollectorRegistry:
    """A registry whose store has these reports, all on partition 3."""

    def read(partition: int, accounts: Sequence[str]) -> Iterable[HealthReport]:
        assert partition == 3
        return [reports[account] for account in accounts]

    registry = CollectorRegistry()
    registry.register(AccountGauges(lambda: {3: list(reports)}, read))
    return registry


def test_a_known_measure_has_a_series_and_an_unknown_one_has_none() -> None:
    profile = Profile(name="Acme Inc", owner="dana")
    report = make_report("acme", profile=profile, measures={"wau": 11, "nps": None, "feature_status": {"a": "used"}})
    get = registry_of({"acme": report}).get_sample_value
    who = {"account": "acme", "name": "Acme Inc", "segment": "none", "owner": "dana"}
    assert get("heartline_account_info", who) == 1
    assert get("heartline_account_measure", {"account": "acme", "measure": "wau"}) == 11
    assert get("heartline_account_measure", {"account": "acme", "measure": "nps"}) is None
    assert get("heartline_account_measure", {"account": "acme", "measure": "feature_status"}) is None


def test_the_largest_drivers_have_series_and_the_others_have_none() -> None:
    parts = [Contribution(f"m{n}", "usage", 1, 0.0, (12 - n) / 100, 0.0) for n in range(12)]
    get = registry_of({"acme": make_report("acme", contributions=parts)}).get_sample_value
    assert get("heartline_account_points_lost", {"account": "acme", "measure": "m0"}) == pytest.approx(12)
    assert get("heartline_account_points_lost", {"account": "acme", "measure": f"m{DRIVERS_MAX}"}) is None


def test_without_redis_the_scrape_goes_on_and_the_gauges_are_absent() -> None:
    def read(_partition: int, _accounts: Sequence[str]) -> Iterable[HealthReport]:
        raise redis.ConnectionError("refused")

    registry = CollectorRegistry()
    registry.register(AccountGauges(lambda: {0: ["acme"]}, read))
    assert [sample for family in registry.collect() for sample in family.samples] == []
