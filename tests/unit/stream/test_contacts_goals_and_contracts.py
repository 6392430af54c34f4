"""Touchpoints, outcomes and subscriptions: their facts do not depend on order or repeats, are bounded, and are kept."""

import json
import random
import re
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS
from stream.contracts.errors import BadEvent
from stream.kinds import outcome, subscription, survey, touchpoint
from stream.kinds.decode import Decoder
from stream.kinds.outcome import DAYS_KEPT, GOALS_MAX, OutcomeEvent, OutcomeState, value_at
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.kinds.subscription import (
    CHANGES_MAX,
    CODE,
    SUBSCRIPTIONS_MAX,
    Status,
    SubscriptionChange,
    SubscriptionEvent,
    SubscriptionState,
    term,
)
from stream.kinds.survey import SurveyEvent, SurveyState
from stream.kinds.touchpoint import CONTACTS, KEPT_DAYS, TOUCHPOINTS_MAX, Touchpoint, TouchpointEvent, TouchpointState
from tests.events import event_of
from tests.streams import DAY_MS as A_DAY
from tests.streams import fold, make_stream

DAY = 20_000


def shuffled(items: list[Any], seed: int) -> list[Any]:
    """In another order, and some of them twice."""
    rng = random.Random(seed)
    return rng.sample(items, len(items)) + [item for item in items if rng.random() < 0.3]


def fold_touchpoint(state: TouchpointState, event_id: str, found: Touchpoint) -> bool:
    """Fold the event that makes such a touchpoint."""
    names = {"user_id": found.user_id or None, "response_id": found.response_id or None}
    event = event_of(TouchpointEvent, found.ms, event_id=event_id, kind=CONTACTS[found.kind], **names)
    return touchpoint.fold(state, event)


def fold_outcome(state: OutcomeState, goal: str, ms: int, value: float) -> bool:
    return outcome.fold(state, event_of(OutcomeEvent, ms, goal=goal, value=value))


NAMES = {code: name for name, code in CODE.items()}


def fold_change(state: SubscriptionState, name: str, change: SubscriptionChange) -> bool:
    """Fold the event that makes such a change."""
    given = {"mrr": change.mrr, "seats": change.seats, "renewal_at": change.renewal_ms}
    told = {field: value if value >= 0 else None for field, value in given.items()}
    event = event_of(
        SubscriptionEvent,
        change.ms,
        subscription_id=name,
        status=NAMES[change.code],
        product=change.product or None,
        **told,
    )
    return subscription.fold(state, event)


touches = st.lists(
    st.tuples(
        st.sampled_from([f"c{number}" for number in range(6)]),
        st.builds(
            Touchpoint,
            st.integers(DAY, DAY + 200).map(lambda day: day * DAY_MS),
            st.integers(0, 5),
            st.sampled_from(["", "ann", "bob"]),
            st.sampled_from(["", "r1"]),
        ),
    ),
    max_size=20,
    unique_by=lambda item: (item[0], item[1].ms),  # of two versions of one moment the later to arrive holds
)
points = st.lists(
    st.tuples(st.sampled_from(["live", "done"]), st.integers(0, 60 * 24), st.sampled_from([0.0, 1.5, -2.0])),
    max_size=60,
    unique_by=lambda item: item[:2],
)
changes = st.lists(
    st.tuples(
        st.sampled_from(["s1", "s2"]),
        st.builds(
            SubscriptionChange,
            st.integers(0, 12),
            st.integers(0, 7),
            st.sampled_from([-1, 0, 9.5]),
            st.sampled_from([-1, 0, 5]),
            st.sampled_from([-1, 77]),
        ),
    ),
    max_size=80,
    unique_by=lambda item: (item[0], item[1].ms, item[1].code),
)


@given(touches, st.integers(0, 1 << 32))
def test_touchpoints_do_not_depend_on_order_or_repeats(found: list[tuple[str, Touchpoint]], seed: int) -> None:
    one, other = TouchpointState(), TouchpointState()
    for item in found:
        fold_touchpoint(one, *item)
    for item in shuffled(found, seed):
        fold_touchpoint(other, *item)
    assert (one.touchpoints, one.newest_ms) == (other.touchpoints, other.newest_ms)
    assert set(one.touchpoints.values()) == {max(t for name, t in found if name == event_id) for event_id, _ in found}


@given(points, st.integers(0, 1 << 32))
def test_outcomes_do_not_depend_on_order_or_repeats(found: list[tuple[str, int, float]], seed: int) -> None:
    moments = [(goal, DAY * A_DAY + hour * 3_600_000, value) for goal, hour, value in found]
    one, other = OutcomeState(), OutcomeState()
    for item in moments:
        fold_outcome(one, *item)
    for item in shuffled(moments, seed):
        fold_outcome(other, *item)
    assert one.goals == other.goals
    for goal in one.goals:
        newest = max((ms, value) for name, ms, value in moments if name == goal)
        assert value_at(one, goal, newest[0]) == newest[1]


@given(changes, st.integers(0, 1 << 32))
def test_subscriptions_do_not_depend_on_order_or_repeats(
    found: list[tuple[str, SubscriptionChange]], seed: int
) -> None:
    one, other = SubscriptionState(), SubscriptionState()
    for item in found:
        fold_change(one, *item)
    for item in shuffled(found, seed):
        fold_change(other, *item)
    assert one.changes == other.changes
    for name, kept in one.changes.items():
        assert kept == sorted({change for at, change in found if at == name})[-CHANGES_MAX:]


@pytest.mark.parametrize("values", [(9.0, 90.0), (90.0, 9.0)], ids=["upwards", "downwards"])
def test_a_correction_of_the_same_moment_holds_in_either_direction(values: tuple[float, float]) -> None:
    """Whatever arrives later in Kafka's order, and not what is larger."""
    at = DAY * DAY_MS + 5
    outcomes, contacts, surveys = OutcomeState(), TouchpointState(), SurveyState()
    for value in values:
        fold_outcome(outcomes, "live", at, value)
        fold_touchpoint(contacts, "c1", Touchpoint(at, 0 if value < 50 else 2))
        answer = event_of(SurveyEvent, at, response_id="r1", user_id="u", survey="nps", score=round(value / 10))
        survey.fold(surveys, answer)
    assert value_at(outcomes, "live", at) == values[1]
    assert contacts.touchpoints["c1"].kind == (0 if values[1] < 50 else 2)
    assert surveys.answers["r1"].score == round(values[1] / 10)
    assert not fold_outcome(outcomes, "live", at, values[1])  # told again: nothing changes
    assert not fold_outcome(outcomes, "live", at - 1, 50.0)  # an older version comes late


def test_a_correction_of_a_change_keeps_what_it_does_not_say() -> None:
    subscriptions = SubscriptionState()
    for change in (
        SubscriptionChange(DAY, 1, mrr=5000.0, seats=7),
        SubscriptionChange(DAY, 1, mrr=500.0),  # one nought less, in the same second
    ):
        assert fold_change(subscriptions, "s1", change)
    assert subscriptions.changes["s1"] == [SubscriptionChange(DAY, 1, 500.0, 7)]
    assert not fold_change(subscriptions, "s1", SubscriptionChange(DAY, 1, mrr=500.0))


def test_a_cancellation_that_is_dated_at_the_end_of_the_term_is_said_now() -> None:
    """Billing sends the day on which it ends: refused as from the future it would be forgotten until then."""
    now_ms, end_ms = DAY * DAY_MS, (DAY + 200) * DAY_MS
    plain = {"event_id": "e", "account_id": "acme", "subscription_id": "s1"}
    decoder, subscriptions = Decoder("subscription"), SubscriptionState()
    for status, ms in (("started", now_ms - 90 * DAY_MS), ("canceled", end_ms)):
        (event,) = decoder.decode_all([json.dumps(plain | {"status": status, "timestamp": ms}).encode()], now_ms)
        assert not isinstance(event, BadEvent)
        subscription.fold(subscriptions, cast(SubscriptionEvent, event))
    assert subscriptions.newest_ms == now_ms
    changes = subscriptions.changes["s1"]
    before, then = term(changes, end_ms - 1), term(changes, end_ms)
    assert (before.is_running, before.requested_ms, then.is_running) == (True, now_ms, False)
    fold_change(subscriptions, "s1", SubscriptionChange(now_ms + 1, CODE["cancellation_withdrawn"]))
    assert term(subscriptions.changes["s1"], end_ms).is_running  # and taken back in time


def test_what_is_kept_of_touchpoints_is_bounded() -> None:
    contacts = TouchpointState()
    for number in range(TOUCHPOINTS_MAX + 1):
        fold_touchpoint(contacts, f"c{number}", Touchpoint(DAY * DAY_MS, 0))
    assert (len(contacts.touchpoints), contacts.overflow) == (TOUCHPOINTS_MAX, 1)
    fold_touchpoint(contacts, "c0", Touchpoint((DAY + KEPT_DAYS + 1) * DAY_MS, 1))  # a newer version pushes time on
    assert list(contacts.touchpoints) == ["c0"]
    assert not fold_touchpoint(contacts, "old", Touchpoint(DAY * DAY_MS, 0))
    assert contacts.late == 1


def test_what_is_kept_of_outcomes_is_bounded() -> None:
    outcomes = OutcomeState()
    for number in range(GOALS_MAX + 1):
        fold_outcome(outcomes, f"g{number}", DAY * DAY_MS, 1)
    assert (len(outcomes.goals), outcomes.overflow) == (GOALS_MAX, 1)
    for day in range(DAYS_KEPT + 5):
        fold_outcome(outcomes, "g0", (DAY + day) * DAY_MS, day)
    assert sorted(outcomes.goals["g0"]) == list(range(DAY + 5, DAY + DAYS_KEPT + 5))
    assert not fold_outcome(outcomes, "g0", DAY * DAY_MS, 1)
    assert outcomes.late == 1


def test_what_is_kept_of_subscriptions_is_bounded() -> None:
    subscriptions = SubscriptionState()
    for number in range(SUBSCRIPTIONS_MAX + 1):
        fold_change(subscriptions, f"s{number}", SubscriptionChange(DAY, 1))
    assert (len(subscriptions.changes), subscriptions.overflow) == (SUBSCRIPTIONS_MAX, 1)
    for number in range(CHANGES_MAX):
        fold_change(subscriptions, "s0", SubscriptionChange(DAY + 1 + number, 3))
    assert len(subscriptions.changes["s0"]) == CHANGES_MAX
    assert not fold_change(subscriptions, "s0", SubscriptionChange(DAY, 1))
    assert subscriptions.late == 1


@pytest.mark.parametrize(
    ("steps", "running", "trial", "requested"),
    [
        ([], False, False, None),  # nothing yet
        (["trial_started"], True, True, None),
        (["trial_started", "started"], True, False, None),
        (["upgraded"], True, False, None),  # it began before anyone told us
        (["cancelled", "upgraded"], False, False, None),  # a price does not bring it back
        (["changed"], True, False, None),  # it began before anyone told us
        (["trial_started", "changed"], True, True, None),  # a trial of another plan
        (["cancelled", "changed"], False, False, None),
        (["started", "cancellation_requested"], True, False, 1),
        (["started", "cancellation_requested", "cancellation_requested"], True, False, 1),  # asked again
        (["started", "cancellation_requested", "cancellation_withdrawn"], True, False, None),
        (["started", "cancellation_requested", "renewed"], True, False, None),  # the renewal settles it
        (["started", "cancellation_requested", "cancelled"], False, False, None),
        (["started", "cancelled", "cancellation_requested"], False, False, None),  # nothing left to cancel
        (["cancellation_requested"], True, False, 0),
        (["started", "cancelled", "started"], True, False, None),  # won back
        (["trial_started", "cancelled"], False, False, None),
    ],
)
def test_a_subscription_runs_as_its_changes_say(
    steps: list[Status], running: bool, trial: bool, requested: int | None
) -> None:
    at = term([SubscriptionChange(ms, CODE[step]) for ms, step in enumerate(steps)], len(steps))
    assert (at.is_running, at.is_trial, at.requested_ms) == (running, trial, requested)


GROWS = [(200.0, {"subscription.paid": 1, "subscription.upsell": 2}), (100.0, {"subscription.paid": 1}), (50.0, None)]


@pytest.mark.parametrize(("mrr", "steps"), GROWS)
def test_a_change_of_which_nobody_says_the_way_is_an_upsell_where_it_pays_more(
    mrr: float, steps: dict[str, int] | None
) -> None:
    state = SubscriptionState()
    _told(state, 1, "started", mrr=100)
    _told(state, 2, "changed", mrr=mrr, seats=7)
    assert subscription.commercial_steps(state) == (steps or {"subscription.paid": 1})
    at = term(state.changes["s1"], 2)
    assert (at.mrr, at.seats, at.since_ms) == (mrr, 7, 1)


def test_a_change_is_kept_under_a_code_that_no_announced_end_of_an_older_state_has() -> None:
    assert subscription.LEAVES not in CODE.values()
    assert (CODE["moved"], subscription.LEAVES, CODE["changed"]) == (13, 14, 15)


def test_price_and_seats_hold_until_told_otherwise_and_a_renewal_forgets_the_old_date() -> None:
    told = [
        SubscriptionChange(1, CODE["started"], 100.0, 5, 50, "core"),
        SubscriptionChange(2, CODE["upgraded"], 200.0),
    ]
    at = term([*told, SubscriptionChange(3, CODE["renewed"])], 2)
    assert (at.mrr, at.seats, at.renewal_ms, at.product, at.since_ms) == (200.0, 5, 50, "core", 1)
    at = term([*told, SubscriptionChange(3, CODE["renewed"])], 3)
    assert (at.mrr, at.seats, at.renewal_ms, at.product, at.since_ms) == (200.0, 5, None, "core", 3)
    assert term(told, 0).mrr is None  # as of before it began


def _told(state: SubscriptionState, ms: int, status: Status, **more: Any) -> None:
    subscription.fold(state, event_of(SubscriptionEvent, ms, subscription_id="s1", status=status, **more))


def test_an_announced_end_is_a_request_now_and_an_end_then() -> None:
    state = SubscriptionState()
    _told(state, DAY_MS, "started", amount=300.0, currency="EUR", interval="quarter", discount=0.1)
    _told(state, 10 * DAY_MS, "cancelled", effective_at=40 * DAY_MS)
    before, after = (term(state.changes["s1"], day * DAY_MS) for day in (39, 40))
    assert (before.is_running, before.requested_ms, before.mrr) == (True, 10 * DAY_MS, 90.0)
    assert not after.is_running


def test_an_announced_end_that_is_withdrawn_never_comes() -> None:
    state = SubscriptionState()
    _told(state, DAY_MS, "started")
    _told(state, 10 * DAY_MS, "cancelled", effective_at=40 * DAY_MS)
    _told(state, 20 * DAY_MS, "cancellation_withdrawn")
    assert term(state.changes["s1"], 50 * DAY_MS).is_running


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"amount": 5}, "expected one beside the amount"),
        ({"status": "moved"}, "moved_to: expected the account"),
        ({"discount": 20}, "discount = 20"),
        ({"interval": "week"}, "interval = 'week'"),
        ({"currency": "euro"}, "currency = 'euro'"),
    ],
)
def test_what_no_ledger_could_use_is_refused(more: dict[str, Any], said: str) -> None:
    event = {
        "event_id": "e1",
        "account_id": "a",
        "subscription_id": "s1",
        "status": "started",
        "timestamp": DAY * DAY_MS,
    }
    with pytest.raises(BadEvent, match=re.escape(said)):
        Decoder("subscription").decode(json.dumps(event | more).encode())


def test_a_state_of_before_these_inputs_still_decodes_and_folds_on() -> None:
    events = make_stream(7, 400, 100)
    _, partition = fold(event for event in events if event["type"] in {"usage", "ticket", "survey", "account"})
    state = partition.states["acme"]
    old = msgspec.msgpack.decode(encode_state(state))[:7]
    decoded = decode_state(msgspec.msgpack.encode(old))
    assert decoded == state
    assert fold_touchpoint(decoded.touchpoint, "c1", Touchpoint(DAY * DAY_MS, 0))
    assert AccountState().touchpoint == TouchpointState()  # a default is nobody's but its own


def test_the_facts_survive_the_changelog() -> None:
    _, partition = fold(make_stream(7, 900, 100))
    for state in partition.states.values():
        assert len(state.touchpoint.touchpoints) > 5
        assert len(state.outcome.goals) == 3
        assert len(state.subscription.changes) == 2
        assert decode_state(encode_state(state)) == state
