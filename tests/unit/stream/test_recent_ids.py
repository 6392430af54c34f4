"""Repeats of an account's last 500 events are recognised, in a fifth of the space of their ids."""

from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS
from stream.kinds.folding import FOLDS
from stream.kinds.recent_ids import FORGOTTEN_TOGETHER, KEPT_DAYS, KEPT_MAX, KEY_BYTES, RecentIds, key_of
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.kinds.usage import UsageEvent


def usage(event_id: str) -> UsageEvent:
    return UsageEvent(account_id="acme", user_id="u", feature="f", timestamp=20_000 * DAY_MS, event_id=event_id)


@given(st.lists(st.text(max_size=12), max_size=60))
def test_an_id_is_new_once(ids: list[str]) -> None:
    recent = RecentIds()
    assert [recent.add(each) for each in ids] == [each not in ids[:at] for at, each in enumerate(ids)]
    assert RecentIds.unpack(recent.pack()) == recent


def test_the_oldest_ids_give_way() -> None:
    recent = RecentIds()
    for number in range(KEPT_MAX):
        recent.add(f"e{number}")
    assert not recent.add("e0")
    recent.add(f"e{KEPT_MAX}")
    assert len(recent.keys) == KEPT_MAX + 1 - FORGOTTEN_TOGETHER >= 500
    assert len(recent.pack()) < KEPT_MAX * KEY_BYTES
    assert not recent.add(f"e{FORGOTTEN_TOGETHER}")
    assert recent.add("e0")  # forgotten, so it counts again


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40), st.booleans()), max_size=60))
def test_an_id_is_remembered_for_eight_days_and_forgotten_after_sixteen(steps: list[tuple[int, int, bool]]) -> None:
    """Of an account that sends few, looked at every day, and restarted now and then."""
    recent, day = RecentIds(), 20_000
    came: dict[int, int] = {}
    for days, number, restarted in steps:
        for _ in range(days):
            day += 1
            recent.begin_day(day)
        if restarted:
            recent = RecentIds.unpack(recent.pack())
        is_new = recent.add(f"e{number}")
        ago = day - came.get(number, -1000)
        if ago < KEPT_DAYS:
            assert not is_new
        elif ago > 2 * KEPT_DAYS:
            assert is_new
        if is_new:
            came[number] = day


def test_ids_that_differ_little_are_told_apart() -> None:
    """As SDKs make them: a counter at the end, a case of letters, a blank."""
    ids = [f"{stem}-{number}" for stem in ("evt", "Evt", "evt ", "0" * 36) for number in range(25_000)]
    assert len({key_of(each) for each in ids}) == len(ids)


def test_of_two_ids_with_one_first_checksum_both_are_remembered() -> None:
    """Neither is taken for the other; by one at a time, by a batch, and after a restart alike."""
    one, two = "e577105044", "e841678834"
    assert key_of(one) >> 8 == key_of(two) >> 8
    recent, state = RecentIds(), AccountState()
    ids = [one, two, two, one, "e1"]
    assert [recent.add(each) for each in ids] == [True, True, False, False, True]
    FOLDS["usage"](state, [usage(each) for each in ids])
    assert (state.usage.events, state.usage.repeated) == (3, 2)
    assert state.usage.recent_ids == recent == RecentIds.unpack(recent.pack())


def test_ids_are_kept_byte_for_byte_as_release_after_release_has_kept_them() -> None:
    """The day, how many keys are older, and the lowest bytes of all keys, then the next."""
    recent = RecentIds()
    recent.begin_day(20_000)
    recent.add("e1"), recent.add("e2")
    recent.begin_day(20_008)
    recent.add("e3")
    assert recent.pack().hex() == "294e000200279d0bcd393a6192115d0d66eefd0f"


def test_a_batch_that_is_sent_again_is_recognised_over_a_restart() -> None:
    state = AccountState()
    for number in range(500):
        assert state.usage.recent_ids.add(f"batch-{number}")
    again = decode_state(encode_state(state))
    assert again == state
    assert not any(again.usage.recent_ids.add(f"batch-{number}") for number in range(500))
