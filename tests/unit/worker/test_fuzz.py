"""Extreme and broken input, a bounded part of what `python -m tests.fuzz` tries for as long as one likes."""

import pytest

from tests.examples import LONG
from tests.fuzz import Found, run

CASES = 2_000 if LONG else 60


@pytest.mark.parametrize("block", range(4))
def test_no_event_and_no_state_stops_more_than_its_account(block: int) -> None:
    found = Found()
    for seed in range(block * CASES, (block + 1) * CASES):
        run(seed, found)
    assert found.cases == CASES
    assert found.lives > CASES / 3, "many cases are lives of events alone"
    assert sum(found.refused.values()) < found.events / 2, "most of their events are accepted"
    assert found.unreadable > CASES / 20, "and some states are beyond reading"
    assert len(found.refused) > 4, "what is refused is refused for its own reason"
