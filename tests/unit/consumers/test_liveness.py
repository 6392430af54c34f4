"""What alerting says of itself to those who ask from outside."""

from consumers.alerting.liveness import NOT_JOINED, Liveness
from consumers.alerting.stall_watchdog import STALL_SECONDS


def test_it_is_ready_while_its_loop_moves_and_says_why_it_is_not() -> None:
    now = 0.0
    liveness = Liveness(lambda: now)
    assert liveness.livez() is None
    assert liveness.readyz() == NOT_JOINED
    liveness.beat(None)
    assert liveness.readyz() is None
    liveness.beat("Redis is away: ConnectionError")
    assert liveness.readyz() == "Redis is away: ConnectionError"
    assert liveness.livez() is None, "a restart would not bring Redis back"
    now = STALL_SECONDS
    assert liveness.livez() is None
    now += 1
    assert liveness.livez() == liveness.readyz() == "the loop has not moved for 301 s"
