"""The fast path takes nothing that the contracts refuse, and reads what it takes as they do."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.contracts.errors import BadEvent
from stream.contracts.events import REASONS, VALUE_BYTES_MAX, check_time, epoch_ms
from stream.kinds.decode import FAST_ERRORS, FAST_FORMS, Decoder
from stream.kinds.folding import fold_event
from stream.kinds.registry import KINDS as EVENT_KINDS
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.topics import KINDS, Kind
from tests.examples import examples

NOW_MS = 1_769_860_800_000
FAST: tuple[Kind, ...] = tuple(name for name, form in FAST_FORMS.items() if form is not None)

GOOD: dict[Kind, dict[str, Any]] = {
    "usage": {
        "event_id": "e1",
        "account_id": "acme",
        "user_id": "ann",
        "feature": "export",
        "timestamp": "2026-01-31T09:30:00Z",
        "session_id": "s",
        "duration_seconds": 1.5,
        "value": 2,
    },
    "ticket": {
        "event_id": "e1",
        "account_id": "acme",
        "ticket_id": "7",
        "status": "opened",
        "priority": "high",
        "category": "billing",
        "user_id": "ann",
        "timestamp": "2026-01-31T09:30:00Z",
    },
    "survey": {
        "event_id": "e1",
        "response_id": "r1",
        "account_id": "acme",
        "user_id": "ann",
        "survey": "nps",
        "score": 9,
        "comment": "fine",
        "timestamp": "2026-01-31T09:30:00Z",
    },
    "user": {
        "account_id": "acme",
        "user_id": "ann",
        "name": "Ann Lee",
        "role": "champion",
        "deactivated": False,
        "timestamp": "2026-01-31T09:30:00Z",
    },
    "account": {
        "account_id": "acme",
        "name": "Acme",
        "licensed_seats": 5,
        "mrr": 10.5,
        "timestamp": "2026-01-31T09:30:00Z",
        "goals": [{"name": "go live"}],
    },
    "touchpoint": {
        "event_id": "e1",
        "account_id": "acme",
        "kind": "call",
        "user_id": "ann",
        "response_id": "r1",
        "owner": "dana",
        "play": "win back",
        "alert_id": "a1",
        "note": "fine",
        "timestamp": "2026-01-31T09:30:00Z",
    },
    "outcome": {
        "event_id": "e1",
        "account_id": "acme",
        "goal": "go live",
        "value": 2.5,
        "timestamp": "2026-01-31T09:30:00Z",
    },
    "subscription": {
        "event_id": "e1",
        "account_id": "acme",
        "subscription_id": "s1",
        "status": "renewed",
        "product": "core",
        "mrr": 100.5,
        "seats": 5,
        "renewal_at": "2027-01-31T00:00:00Z",
        "timestamp": "2026-01-31T09:30:00Z",
    },
}

NASTY: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -0.0,
        1,
        -1,
        1.0,
        9.0,
        10**18,
        2**63,
        2**64,
        10**30,
        1e308,
        "",
        " ",
        "9",
        "x" * 257,
        [],
        {},
    ),
    *("opened", "Open", "critical", "CSAT", "csat", "ces", "nps", "\x00", "é", "日" * 256, "日" * 257),
    *("Phone", "qbr", "play", "canceled", "renewed", "Trial_Started", "x" * 10_001, 10_000_000, 10_000_001, 5.0),
    *("2026-01-31T09:30:00", "2026-01-31", "2026-01-31t09:30:00z", "2026-01-31T09:30:00.123456789Z"),
    *("2026-01-31T23:59:60Z", "2026-01-31T24:00:00Z", "2026-01-31T09:30:00+0530", "2026-01-31T09:30:00-23:59"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-W05-6T09:30:00Z", "2026-01-31T09:30:00.9999996Z"),
    *("1969-12-31T23:59:59.9999Z", 1769851800000, 1769851800000.0, (1 << 47) - 1, 1 << 47),
]
values = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=20),
    st.integers(-10, 20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.recursive(st.none() | st.booleans(), lambda inner: st.lists(inner, max_size=2), max_leaves=4),
)


@st.composite
def near_valid(draw: st.DrawFn, kind: Kind) -> bytes:
    """A valid event with some fields changed, left out or added, written in one of JSON's ways."""
    event = dict(GOOD[kind])
    for name in draw(st.lists(st.sampled_from([*event, "extra"]), max_size=3)):
        if draw(st.booleans()):
            event[name] = draw(values)
        else:
            event.pop(name, None)
    text = json.dumps(event, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    if draw(st.booleans()):
        text = text[:-1] + (", " if event else "") + json.dumps(draw(st.sampled_from(list(GOOD[kind]))))
        text += ": " + json.dumps(draw(values)) + "}"
    return text.encode("utf-8", "surrogatepass")


class Outside(Exception):
    """The event was refused, by the contract or for its time."""


def slow(kind: Kind, value: bytes) -> Any:
    """What pydantic makes of it."""
    try:
        return in_time(Decoder(kind)._slow(value))
    except BadEvent:
        raise Outside from None


def in_time(event: Any) -> Any:
    try:
        if event.timestamp is not None:
            check_time(epoch_ms(event.timestamp), NOW_MS)
    except BadEvent:
        raise Outside from None
    return event


def folded(event: Any) -> tuple[Any, ...]:
    """What of an event reaches the fold."""
    contract = next(
        kind.contract for name, kind in EVENT_KINDS.items() if type(event) in (kind.contract, FAST_FORMS[name])
    )
    kept = [name for name, field in contract.model_fields.items() if field.annotation is not Any or name == "score"]
    fields = {name: getattr(event, name) for name in kept}
    return (contract.__name__, *(fields | {"timestamp": epoch_ms(event.timestamp)}).values())


def assert_the_contract_agrees(kind: Kind, value: bytes) -> bool:
    """If the fast path takes it, so does the contract, alike; returns whether it was taken."""
    try:
        fast = Decoder(kind)._fast(value)
    except FAST_ERRORS:
        return False
    try:
        in_time(fast)
    except Outside:
        return False
    assert folded(fast) == folded(slow(kind, value))
    return True


@examples(400)
@given(st.data(), st.sampled_from(FAST))
def test_the_fast_path_takes_nothing_that_the_contract_refuses_and_reads_it_alike(
    data: st.DataObject, kind: Kind
) -> None:
    assert_the_contract_agrees(kind, data.draw(near_valid(kind)))


@pytest.mark.parametrize("kind", FAST)
def test_each_nasty_value_in_each_field_is_judged_alike_on_both_paths(kind: Kind) -> None:
    taken = 0
    for name in GOOD[kind]:
        for nasty in NASTY:
            taken += assert_the_contract_agrees(kind, json.dumps(GOOD[kind] | {name: nasty}).encode())
    assert taken > 20


@pytest.mark.parametrize("kind", FAST)
def test_the_canonical_form_takes_the_fast_path(kind: Kind) -> None:
    """Else the comparison above would compare nothing, and the worker be slow."""
    assert assert_the_contract_agrees(kind, json.dumps(GOOD[kind]).encode())


@examples(300)
@given(st.sampled_from(KINDS), st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode())))
@example("usage", b'{"a":' * 5000)
@example("usage", b'{"event_id":"\xff"}')
def test_arbitrary_bytes_raise_nothing_but_bad_event(kind: Kind, value: bytes) -> None:
    with pytest.raises(BadEvent) as caught:
        Decoder(kind).decode(value)
    assert caught.value.reason in REASONS


@examples(300)
@given(st.data(), st.sampled_from(KINDS))
def test_near_valid_events_are_decoded_or_refused_with_a_reason(data: st.DataObject, kind: Kind) -> None:
    value = data.draw(near_valid(kind))
    refused: BadEvent | None = None
    try:
        event = Decoder(kind).decode(value)
    except BadEvent as error:
        refused = error
    if refused is None:
        assert event.account_id
        assert event.timestamp is None or isinstance(epoch_ms(event.timestamp), int)
        state = AccountState()
        fold_event(state, event)
        assert encode_state(decode_state(encode_state(state))) == encode_state(state)  # it can be kept
    else:
        assert refused.reason in REASONS
        assert len(refused.detail) < 1000


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_epoch_milliseconds_are_exact_and_rounded_down(moment: datetime) -> None:
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert epoch_ms(moment) == exact


@examples(100)
@given(st.data(), st.sampled_from(FAST))
def test_a_chunk_is_decoded_as_its_values_are_one_by_one(data: st.DataObject, kind: Kind) -> None:
    good = json.dumps(GOOD[kind]).encode()
    values = data.draw(st.lists(st.one_of(st.just(good), st.just(None), near_valid(kind)), max_size=6))
    decoder = Decoder(kind)
    found = [outcome(event) for event in decoder.decode_all(values, NOW_MS)]
    assert found == [outcome(event) for value in values for event in decoder.decode_all([value], NOW_MS)]
    for value, each in zip(values, found, strict=True):
        try:
            alone = in_time(decoder.decode(value))
        except (BadEvent, Outside):
            assert isinstance(each, str)
        else:
            assert each == folded(alone)


def outcome(event: Any) -> tuple[Any, ...] | str:
    """What reaches the fold, or the words of the refusal."""
    return str(event) if isinstance(event, BadEvent) else folded(event)


@pytest.mark.parametrize(
    ("values", "reasons", "why"),
    [
        ([], [], "nothing at all"),
        ([b"{}", None, b""], ["missing_field", "empty", "empty"], "none is an event"),
        ([1, 0, 1], [None, "future", None], "an impossible time is refused, its neighbours are not"),
        ([1, b"x" * (VALUE_BYTES_MAX + 1)], [None, "too_large"], "too large to be read at all"),
    ],
)
def test_a_chunk_says_for_each_value_why_it_is_refused(
    values: list[bytes | int | None], reasons: list[str | None], why: str
) -> None:
    at = {1: NOW_MS, 0: NOW_MS + 2 * 86_400_000}
    chunk = [
        json.dumps(GOOD["usage"] | {"timestamp": at[value]}).encode() if isinstance(value, int) else value
        for value in values
    ]
    found = Decoder("usage").decode_all(chunk, NOW_MS)
    assert [event.reason if isinstance(event, BadEvent) else None for event in found] == reasons, why
