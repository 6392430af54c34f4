"""Sessions: the same sample in any order, exact where they are few, close to the truth where they are many."""

import random
from statistics import median

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.kinds.folding import fold_event
from stream.kinds.sessions import DAYS_KEPT, KEPT_A_DAY, SECONDS, Sessions, add, entry_for, hash_of, sample
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.kinds.usage import UsageEvent, note_look
from stream.measures import measure

DAY = 20_000


def event(
    number: int, day: int, session: str | None, seconds: float | None, feature: str = "f", user: str = "u"
) -> UsageEvent:
    return UsageEvent(
        account_id="acme",
        user_id=user,
        feature=feature,
        timestamp=day * DAY_MS + number,
        event_id=f"e{number}",
        session_id=session,
        duration_seconds=seconds,
    )


def folded(events: list[UsageEvent]) -> AccountState:
    state = AccountState()
    for each in events:
        fold_event(state, each)
    return state


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 3), st.integers(0, 900)), max_size=60),
    st.integers(0, 1 << 32),
)
def test_the_sample_does_not_depend_on_the_order(found: list[tuple[int, int, int, int]], seed: int) -> None:
    def kept(order: list[tuple[int, int, int, int]]) -> dict[int, list[tuple[int, int, list[int]]]]:
        sessions: Sessions = {}
        for day, session, feature, seconds in order:
            key = hash_of(f"s{session}")
            known = sessions.get(day)
            if known is None or len(known) < KEPT_A_DAY or key <= known[-1][0]:
                add(entry_for(sessions, day, key), feature, seconds)
        return {day: [(s[0], s[1], sorted(s[2:])) for s in each] for day, each in sessions.items()}

    assert kept(found) == kept(random.Random(seed).sample(found, len(found)))


def test_three_sessions_a_day_are_all_counted() -> None:
    """60, 120 and 900 seconds, the last of them in two features and two events."""
    events = [event(1, DAY, "a", 60), event(2, DAY, "b", 120), event(3, DAY, "c", 400), event(4, DAY, "c", 500, "g")]
    found = measure(folded(events), end_of_day_ms(DAY))
    assert (found["session_minutes"], found["components_per_session"]) == (2, 1)
    assert measure(folded(events[2:]), end_of_day_ms(DAY))["components_per_session"] == 2


def test_a_session_without_durations_has_components_and_no_minutes() -> None:
    found = measure(folded([event(1, DAY, "a", None)]), end_of_day_ms(DAY))
    assert (found["session_minutes"], found["components_per_session"]) == (None, 1)
    assert measure(folded([event(1, DAY, None, 60)]), end_of_day_ms(DAY))["session_minutes"] is None


def test_the_median_of_many_sessions_is_near_that_of_all() -> None:
    """Two hundred busy accounts: no bias beyond a few percent, and each within a third of its own truth mostly."""
    rng = random.Random(3)
    ratios = []
    for account in range(200):
        sessions: Sessions = {}
        every = []
        for day in range(DAY - 29, DAY + 1):
            for number in range(rng.randrange(20, 40)):
                seconds = round(rng.lognormvariate(6.5, 0.8))
                every.append(seconds)
                key = hash_of(f"{account}-{day}-{number}")
                known = sessions.get(day)
                if known is None or len(known) < KEPT_A_DAY or key <= known[-1][0]:
                    add(entry_for(sessions, day, key), 0, seconds)
        found = [session[SECONDS] for session in sample(sessions, DAY, 30)]
        ratios.append(median(found) / median(every))
    assert 0.95 < median(ratios) < 1.05
    assert sum(0.67 < ratio < 1.5 for ratio in ratios) >= 190


def test_what_is_kept_is_bounded_in_days_and_in_seconds() -> None:
    events = [event(number, DAY + number, "a", 80_000) for number in range(100)]
    events += [event(200, DAY + 99, "a", 80_000)]
    state = folded(events)
    assert len(state.usage.sessions) == DAYS_KEPT
    assert state.usage.sessions[DAY + 99][0][SECONDS] == 86_400
    assert measure(state, end_of_day_ms(DAY + 91))["session_minutes"] is None, "as of eight days earlier"
    assert measure(state, end_of_day_ms(DAY + 92))["session_minutes"] == 80_000 / 60


def test_a_state_of_before_there_were_sessions_numbers_its_features() -> None:
    state = folded([event(1, DAY, None, None, "f"), event(2, DAY, None, None, "g")])
    encoded = msgspec.msgpack.decode(encode_state(state), strict=False)
    encoded[1] = encoded[1][:13]
    encoded[1][1] = {name: use[:4] for name, use in encoded[1][1].items()}
    old = decode_state(msgspec.msgpack.encode(encoded))
    assert [use.ordinal for use in old.usage.features.values()] == [-1, -1]
    fold_event(old, event(3, DAY, "a", 60, "g"))
    fold_event(old, event(4, DAY, "a", 60, "h"))
    fold_event(old, event(5, DAY, "a", 60, "f"))
    assert [use.ordinal for use in old.usage.features.values()] == [0, 1, 2]
    assert measure(old, end_of_day_ms(DAY))["components_per_session"] == 3


def test_fifty_users_with_sessions_stay_below_six_and_a_half_kilobytes() -> None:
    """Each user about every fifth day over two years, in fifteen features, looked at every day."""
    rng = random.Random(7)
    state, number = AccountState(), 0
    for day in range(DAY, DAY + 730):
        for user in range(50):
            if rng.random() < 0.05 or (day + user) % 7 < 1:
                number += 1
                feature = f"feature-{(user + rng.randrange(3)) % 15}"
                fold_event(state, event(number, day, f"s{user}-{day}", rng.randrange(3000), feature, f"user-{user}"))
        note_look(state.usage, day)
        assert len(encode_state(state)) < 6.5 * 1024
    assert len(state.usage.users) == 50
