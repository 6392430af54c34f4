"""Who waits to be evaluated: nobody is forgotten, and nobody waits for ever behind the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.worker.priority_queue import Priority, PriorityQueue

PRIORITIES = {"r": Priority.HIGH, "f": Priority.NORMAL, "a": Priority.LOW}

names = st.sampled_from("abcdef")


def drained(pending: PriorityQueue) -> list[str]:
    return [pending.popleft()[0] for _ in range(len(pending))]


@pytest.mark.parametrize(
    ("waiting", "expected", "reason"),
    [
        ({"r": 8, "f": 3, "a": 2}, "rrrfrrrfrrfaa", "three of four turns are for what is rare"),
        ({"f": 5, "a": 3}, "fffaffaa", "where nothing is rare, three of four are for the first usage of a day"),
        ({"r": 5, "a": 3}, "rrrrraaa", "turns of an empty priority are the others'"),
        ({"r": 14, "f": 9, "a": 2}, "rrrfrrrfrrrfrrrarrfffafff", "more usage does not wait for ever"),
        ({"a": 3}, "aaa", "and has all turns where nobody else waits"),
    ],
)
def test_each_lane_has_its_turns_and_keeps_its_order(waiting: dict[str, int], expected: str, reason: str) -> None:
    pending = PriorityQueue()
    for name, count in waiting.items():
        for number in range(count):
            pending.append((f"{name}{number}", number), PRIORITIES[name])
    taken = drained(pending)
    assert "".join(each[0] for each in taken) == expected, reason
    for name, count in waiting.items():
        assert [each for each in taken if each[0] == name] == [f"{name}{number}" for number in range(count)]


def test_who_is_on_the_first_lane_keeps_the_place_and_may_come_anew_once_taken() -> None:
    pending = PriorityQueue()
    for each in (("a", 1), ("b", 2), ("a", 3)):
        pending.append(each, Priority.HIGH)
    assert pending.popleft() == ("a", 1)
    pending.append(("a", 4), Priority.HIGH)
    assert list(pending) == [("b", 2), ("a", 4)]


def test_a_turn_that_was_left_over_is_not_added_again_however_often_an_account_is_evaluated_before_it() -> None:
    """A flood of tickets has each account evaluated by its first turns, and its usage waits anew each time."""
    pending = PriorityQueue()
    for moment in range(0, 3_000, 3):
        pending.append(("a", moment), Priority.LOW)
        pending.append(("b", moment + 1), Priority.HIGH)
        pending.append(("a", moment + 2), Priority.HIGH)
        while pending.popleft()[0] != "a":
            pass
        assert len(pending) <= 3
    assert pending.oldest_ms is not None


def test_a_turn_that_was_left_over_waits_for_the_newer_record() -> None:
    pending = PriorityQueue([("a", 10)])
    pending.append(("a", 70))
    assert list(pending) == [("a", 70)]


def test_it_tells_the_longest_wait_of_those_taken_and_not_of_those_whose_is_unknown() -> None:
    pending = PriorityQueue([("a", None), ("b", 30), ("c", 10), ("d", 20)])
    found = []
    for _ in range(4):
        pending.popleft()
        found.append(pending.oldest_ms)
    assert found == [None, 30, 10, 10]
    with pytest.raises(IndexError):
        pending.popleft()


@given(st.lists(st.tuples(st.sampled_from("rfa-"), names), max_size=60), st.sets(st.text("rfabcdef", max_size=2)))
def test_whoever_was_added_and_not_taken_since_is_still_there(steps: list[tuple[str, str]], gone: set[str]) -> None:
    """Each name begins with the letter of its priority here, so that it says where it waits."""
    pending = PriorityQueue()
    priorities: dict[str, list[str]] = {"r": [], "f": [], "a": []}
    for letter, name in steps:
        if letter in priorities:
            pending.append((letter + name, 1), PRIORITIES[letter])
            if letter + name not in priorities[letter]:
                priorities[letter].append(letter + name)
        elif len(pending) > 0:
            taken = pending.popleft()[0]
            assert priorities[taken[0]].pop(0) == taken
        everybody = [*priorities["r"], *priorities["f"], *priorities["a"]]
        assert [each for each, _ in pending] == everybody
        assert len(pending) == len(everybody)
    left = pending.without(gone)
    assert [each for each, _ in left] == [
        each for priority in priorities.values() for each in priority if each not in gone
    ]
