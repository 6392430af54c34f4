"""What came of a red flag, counted by the process that looks again days later."""

from datetime import timedelta

import redis

from tests.functional.test_pipeline_health import Installation


def test_what_came_of_a_red_flag_is_counted_a_week_later(client: redis.Redis, prefix: str) -> None:
    """Nobody did anything, and it is well by itself; the other outcomes have their series from the start."""
    assigned = Installation(client, prefix)
    alerting = assigned.process(0)
    for score in (80, 40, 85):
        assigned.report(alerting, 0, score, 1)
        assigned.later(10, alerting)

    def counted(outcome: str) -> float | None:
        labels = {"rule": "breadth_collapsed", "action": "none", "outcome": outcome}
        return assigned.registry.get_sample_value("heartline_alert_follow_ups_total", labels)

    assert (counted("lasted"), counted("came_back")) == (0, 0)
    assigned.now += timedelta(days=7)
    alerting.tick()
    assert (counted("lasted"), counted("came_back")) == (1, 0)
