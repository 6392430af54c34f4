"""What one account costs is measured on lives that differ as they say."""

import pytest

from bench.account_costs import LIVES, costs


@pytest.mark.parametrize("name", LIVES)
def test_a_state_of_fifty_people_stays_below_six_and_a_half_kilobytes(name: str) -> None:
    """On every day of the year, with one look a day."""
    found = costs(LIVES[name], days=500, rounds=1)
    assert 0 < found.state_bytes <= found.state_bytes_max < 6.5 * 1024
    assert found.look_us > 0
