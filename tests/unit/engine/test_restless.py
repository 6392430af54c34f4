"""Who waits to be judged: nobody is forgotten, and nobody waits for ever behind the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.engine.restless import Lane, Restless

LANES = {"r": Lane.RARE, "f": Lane.FIRST, "a": Lane.AGAIN}

names = st.sampled_from("abcdef")


def drained(restless: Restless) -> list[str]:
    return [restless.popleft()[0] for _ in range(len(restless))]


@pytest.mark.parametrize(
    ("waiting", "expected", "reason"),
    [
        ({"r": 8, "f": 3, "a": 2}, "rrrfrrrfrrfaa", "three of four turns are for what is rare"),
        ({"f": 5, "a": 3}, "fffaffaa", "where nothing is rare, three of four are for the first usage of a day"),
        ({"r": 5, "a": 3}, "rrrrraaa", "turns of an empty lane are the others'"),
        ({"r": 14, "f": 9, "a": 2}, "rrrfrrrfrrrfrrrarrfffafff", "more usage does not wait for ever"),
        ({"a": 3}, "aaa", "and has all turns where nobody else waits"),
    ],
)
def test_each_lane_has_its_turns_and_keeps_its_order(waiting: dict[str, int], expected: str, reason: str) -> None:
    restless = Restless()
    for name, count in waiting.items():
        for number in range(count):
            restless.append((f"{name}{number}", number), LANES[name])
    taken = drained(restless)
    assert "".join(each[0] for each in taken) == expected, reason
    for name, count in waiting.items():
        assert [each for each in taken if each[0] == name] == [f"{name}{number}" for number in range(count)]


def test_who_is_on_the_first_lane_keeps_the_place_and_may_come_anew_once_taken() -> None:
    restless = Restless()
    for each in (("a", 1), ("b", 2), ("a", 3)):
        restless.append(each, Lane.RARE)
    assert restless.popleft() == ("a", 1)
    restless.append(("a", 4), Lane.RARE)
    assert list(restless) == [("b", 2), ("a", 4)]


def test_it_tells_the_longest_wait_of_those_taken_and_not_of_those_whose_is_unknown() -> None:
    restless = Restless([("a", None), ("b", 30), ("c", 10), ("d", 20)])
    found = []
    for _ in range(4):
        restless.popleft()
        found.append(restless.longest_ms)
    assert found == [None, 30, 10, 10]
    with pytest.raises(IndexError):
        restless.popleft()


@given(st.lists(st.tuples(st.sampled_from("rfa-"), names), max_size=60), st.sets(st.text("rfabcdef", max_size=2)))
def test_whoever_was_added_and_not_taken_since_is_still_there(steps: list[tuple[str, str]], gone: set[str]) -> None:
    """Each name begins with the letter of its lane here, so that it says where it waits."""
    restless = Restless()
    lanes: dict[str, list[str]] = {"r": [], "f": [], "a": []}
    for letter, name in steps:
        if letter in lanes:
            restless.append((letter + name, 1), LANES[letter])
            if letter != "r" or letter + name not in lanes["r"]:
                lanes[letter].append(letter + name)
        elif len(restless) > 0:
            taken = restless.popleft()[0]
            assert lanes[taken[0]].pop(0) == taken
        everybody = [*lanes["r"], *lanes["f"], *lanes["a"]]
        assert [each for each, _ in restless] == everybody
        assert len(restless) == len(everybody)
    left = restless.without(gone)
    assert [each for each, _ in left] == [each for lane in lanes.values() for each in lane if each not in gone]
