"""Who waits to be judged: nobody is forgotten, and nobody waits for ever behind the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.engine.restless import Restless

names = st.sampled_from("abcdef")


def drained(restless: Restless) -> list[str]:
    return [restless.popleft()[0] for _ in range(len(restless))]


def test_both_lanes_have_their_turns_and_each_keeps_its_order() -> None:
    restless = Restless((f"used-{n}", n) for n in range(4))
    for number in range(6):
        restless.hasten((f"asked-{number}", number))
    expected = [
        "asked-0",
        "asked-1",
        "asked-2",
        "used-0",
        "asked-3",
        "asked-4",
        "asked-5",
        "used-1",
        "used-2",
        "used-3",
    ]
    assert drained(restless) == expected


def test_who_is_hastened_again_keeps_the_place_and_may_be_hastened_anew_once_taken() -> None:
    restless = Restless()
    for each in (("a", 1), ("b", 2), ("a", 3)):
        restless.hasten(each)
    assert restless.popleft() == ("a", 1)
    restless.hasten(("a", 4))
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


@given(st.lists(st.tuples(st.sampled_from(["append", "hasten", "pop"]), names), max_size=60), st.sets(names))
def test_whoever_was_added_and_not_taken_since_is_still_there(steps: list[tuple[str, str]], gone: set[str]) -> None:
    """Names on the hastened lane are written large here, so that each says where it waits."""
    restless, lane, hastened = Restless(), list[str](), list[str]()
    for step, name in steps:
        if step == "append":
            restless.append((name, 1))
            lane.append(name)
        elif step == "hasten":
            restless.hasten((name.upper(), 1))
            if name.upper() not in hastened:
                hastened.append(name.upper())
        elif len(restless) > 0:
            taken = restless.popleft()[0]
            assert (hastened if taken.isupper() else lane).pop(0) == taken
        assert [each for each, _ in restless] == [*hastened, *lane]
        assert len(restless) == len(lane) + len(hastened)
    left = restless.without(gone)
    assert [each for each, _ in left] == [each for each in (*hastened, *lane) if each not in gone]
