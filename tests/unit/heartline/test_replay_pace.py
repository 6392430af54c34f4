"""The pace of a replay: when a record is due, and what a person may type."""

import pytest

from heartline.replay.pace import Pace, SpeedError, parse_speed


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max", None), ("MAX", None), ("1x", 1.0), ("3600x", 3600.0), ("3600", 3600.0), ("0.5x", 0.5), (".5X", 0.5)],
)
def test_a_speed_is_max_or_so_many_times_faster(text: str, expected: float | None) -> None:
    """With or without the x."""
    assert parse_speed(text) == expected


@pytest.mark.parametrize("text", ["", "fast", "0x", "-1x", "x", "1y", "1 000x", "nanx", "infx", "1e3x"])
def test_anything_else_is_refused_with_what_is_accepted(text: str) -> None:
    """The message says what was typed."""
    with pytest.raises(SpeedError, match="expected max, or") as raised:
        parse_speed(text)
    assert text in str(raised.value)


def test_a_record_is_due_as_far_after_the_first_as_it_happened() -> None:
    """An hour at 3600 times is a second; an earlier one is due already."""
    pace = Pace(3600.0)
    hour = 3_600_000
    assert [pace.due_seconds(ms) for ms in (hour, 2 * hour, 3 * hour, None, 0)] == [0.0, 1.0, 2.0, 0.0, -1.0]


def test_at_full_speed_everything_is_due_at_once() -> None:
    """Whatever its moment."""
    pace = Pace(None)
    assert {pace.due_seconds(ms) for ms in (0, 10**13, None)} == {0.0}
