"""The metrics: there from the start, documented, and without series of what is gone."""

import pytest
from prometheus_client import CollectorRegistry

from alerts.rules import default_rules
from consumers.alerting.metrics import NOTIFICATION_OUTCOMES, Metrics
from consumers.alerting.receivers.delivery import DeliveryStatus

RULES = [rule.name for rule in default_rules()]


@pytest.fixture
def registry() -> CollectorRegistry:
    """A fresh registry."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    """The metrics in it."""
    return Metrics(registry, "account-health", RULES, ["slack"])


@pytest.mark.usefixtures("metrics")
def test_counters_are_zero_from_the_start(registry: CollectorRegistry) -> None:
    """A rate over a series that is not there yet misses its first step."""
    for outcome in NOTIFICATION_OUTCOMES:
        labels = {"receiver": "slack", "outcome": outcome}
        assert registry.get_sample_value("heartline_notifications_total", labels) == 0
    labels = {"rule": "breadth_collapsed", "kind": "opened"}
    assert registry.get_sample_value("heartline_alert_transitions_total", labels) == 0
    assert registry.get_sample_value("heartline_health_records_total", {"outcome": "poison"}) == 0


def test_every_outcome_of_an_attempt_has_its_label() -> None:
    """REFUSED goes straight to the dead letters, and is counted as such."""
    assert {outcome.value for outcome in DeliveryStatus} - {"refused"} <= set(NOTIFICATION_OUTCOMES)


def test_the_lag_of_a_partition_that_went_is_gone(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Another process exports it now."""
    metrics.lag({0: 5, 1: 7})
    metrics.lag({1: 6})
    get = registry.get_sample_value
    assert get("heartline_alerting_lag_records", {"topic": "account-health", "partition": "0"}) is None
    assert get("heartline_alerting_lag_records", {"topic": "account-health", "partition": "1"}) == 6


def test_a_clock_that_went_backwards_gives_no_negative_delay(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Kafka's clock and ours differ."""
    metrics.delivered("slack", ingested_ms=2000, now_ms=1000)
    assert registry.get_sample_value("heartline_ingested_to_delivered_seconds_sum", {"receiver": "slack"}) == 0


def test_a_step_that_time_alone_brought_has_no_delay_of_an_event(registry: CollectorRegistry, metrics: Metrics) -> None:
    """None is unknown: it is in no bucket, and not in the one of 0."""
    metrics.alerted(report_ms=1000, ingested_ms=None, now_ms=1500)
    metrics.alerted(report_ms=1000, ingested_ms=500, now_ms=1500)
    get = registry.get_sample_value
    assert get("heartline_report_to_alert_seconds_count") == 2
    assert get("heartline_ingested_to_alert_seconds_count") == 1
    assert get("heartline_ingested_to_alert_seconds_sum") == 1
