"""Repeats of an account's last 512 events are recognised, in a fifth of the space of their ids."""

from hypothesis import given
from hypothesis import strategies as st

from stream.kinds.recent_ids import KEPT, KEY_BYTES, RecentIds, key_of
from stream.kinds.state import AccountState, decode_state, encode_state


@given(st.lists(st.text(max_size=12), max_size=60))
def test_an_id_is_new_once(ids: list[str]) -> None:
    recent = RecentIds()
    assert [recent.add(each) for each in ids] == [each not in ids[:at] for at, each in enumerate(ids)]
    assert RecentIds.unpack(recent.pack()) == recent


def test_the_oldest_ids_give_way() -> None:
    recent = RecentIds()
    for number in range(KEPT + 1):
        recent.add(f"e{number}")
    assert len(recent.pack()) == KEPT * KEY_BYTES
    assert not recent.add("e1")
    assert recent.add("e0")  # forgotten, so it counts again


def test_ids_that_differ_little_are_told_apart() -> None:
    """As SDKs make them: a counter at the end, a case of letters, a blank."""
    ids = [f"{stem}-{number}" for stem in ("evt", "Evt", "evt ", "0" * 36) for number in range(25_000)]
    assert len({key_of(each) for each in ids}) == len(ids)


def test_a_batch_that_is_sent_again_is_recognised_over_a_restart() -> None:
    state = AccountState()
    for number in range(500):
        assert state.usage.recent_ids.add(f"batch-{number}")
    again = decode_state(encode_state(state))
    assert again == state
    assert not any(again.usage.recent_ids.add(f"batch-{number}") for number in range(500))
