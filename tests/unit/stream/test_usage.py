"""Usage folded in runs: the same state, and the same word on what moved, as event by event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.kinds import usage
from stream.kinds.account import AccountEvent
from stream.kinds.folding import FOLDS, fold_event
from stream.kinds.kind import NO_CHANGE
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.kinds.usage import UsageEvent
from stream.measures import measure
from tests.examples import examples

DAY = 20_000
CORE = frozenset({"f0", "f1"})

Draw = tuple[int, int, int, int, int | None]

events = st.tuples(
    st.integers(0, 30),  # the event's id: some come twice
    st.one_of(st.integers(0, 3), st.integers(-140, 80)),  # its day: mostly the newest ones, some late, some too late
    st.integers(0, 3),  # who
    st.integers(0, 3),  # what
    st.one_of(st.none(), st.integers(0, 9)),  # in which session
)


def event(drawn: Draw) -> UsageEvent:
    number, day, user, feature, session = drawn
    at_ms = (DAY + day) * DAY_MS + number * 3_000_000  # a second zone has another day for some of them
    session_id = None if session is None else f"s{session}"
    return UsageEvent(
        account_id="acme",
        user_id=f"u{user}",
        feature=f"f{feature}",
        timestamp=at_ms,
        event_id=f"e{number}-{day}",
        session_id=session_id,
        duration_seconds=10.0,
    )


def account(timezone: str | None) -> AccountState:
    state = AccountState()
    if timezone is not None:
        fold_event(state, AccountEvent(account_id="acme", timezone=timezone))
    return state


def runs(drawn: list[Draw], cuts: list[int]) -> list[list[UsageEvent]]:
    """The events cut into runs of these lengths, over and over."""
    cut, at = cuts or [len(drawn) or 1], 0
    found: list[list[UsageEvent]] = []
    while at < len(drawn):
        size = cut[len(found) % len(cut)]
        found.append([event(each) for each in drawn[at : at + size]])
        at += size
    return found


@examples(300)
@given(
    st.lists(events, max_size=80),
    st.lists(st.integers(1, 30), max_size=4),
    st.sampled_from([None, "UTC", "Asia/Kolkata", "Pacific/Auckland"]),
)
def test_however_events_are_cut_into_runs_the_state_is_that_of_the_events_one_by_one(
    drawn: list[Draw], cuts: list[int], timezone: str | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usage, "USERS_MAX", 3)
        patch.setattr(usage, "FEATURES_MAX", 3)
        patch.setattr(usage, "KEPT_MAX", 20)
        one_by_one, by_run = account(timezone), account(timezone)
        for run in runs(drawn, cuts):
            moved = [fold_event(one_by_one, each) for each in run]
            assert FOLDS["usage"](by_run, run) == (moved.index(True) if True in moved else NO_CHANGE)
            assert encode_state(by_run) == encode_state(one_by_one)


@examples(300)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60), st.integers(0, 3), st.integers(0, 3), st.none())))
def test_an_event_that_moves_nothing_leaves_every_measure_but_the_users_shares_and_its_time(
    drawn: list[Draw],
) -> None:
    """Of days since the first one: an older first day moves measures that wait for the next tick."""
    state = account(None)
    fold_event(state, event((0, 0, 0, 0, None)))
    for each in drawn:
        before = decode_state(encode_state(state))
        if not fold_event(state, event(each)):
            at_ms = end_of_day_ms(state.usage.newest_day)
            then, now = measure(before, at_ms, CORE), measure(state, at_ms, CORE)
            assert {name for name, value in now.items() if value != then[name]} <= {"users_for_half", "last_active_at"}


@pytest.mark.parametrize(
    ("day", "moves", "why"),
    [
        (1, False, "the same user of the same feature, who is active that day already"),
        (29, False, "the use before still counts, and the user counts once"),
        (30, True, "the use before has left the month, and its user comes back to the feature"),
    ],
)
def test_a_feature_that_is_used_again_moves_a_measure_only_once_its_user_did_not_count_any_more(
    day: int, moves: bool, why: str
) -> None:
    state = account(None)
    fold_event(state, event((0, 0, 0, 0, None)))
    fold_event(state, event((1, day, 0, 1, None)))  # the user is active that day, with another feature
    assert fold_event(state, event((2, day, 0, 0, None))) is moves, why


def test_a_run_that_holds_nothing_new_moves_nothing_and_an_event_beyond_the_bounds_counts_as_moving() -> None:
    state = account(None)
    first, again = event((0, 0, 0, 0, None)), event((1, 0, 0, 0, None))
    assert FOLDS["usage"](state, [first, first, again]) == 0
    assert FOLDS["usage"](state, [first, event((2, 0, 0, 0, None))]) == NO_CHANGE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usage, "USERS_MAX", 1)
        assert FOLDS["usage"](state, [first, event((3, 0, 1, 0, None))]) == 1
    assert (state.usage.events, state.usage.repeated, state.usage.overflow) == (4, 3, 1)
