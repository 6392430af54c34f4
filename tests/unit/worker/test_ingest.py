"""The worker's work on one partition, without Kafka: what is folded, refused, sent home and remembered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.clock import EventClock
from stream.calendar.day import DAY_MS
from stream.contracts.dead_letters import KEY_BYTES_MAX, ORIGINAL_BYTES_MAX, DeadLetter
from stream.contracts.events import VALUE_BYTES_MAX
from stream.contracts.partitioner import partition_of
from stream.engine.state_cache import restore
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.topics import Kind
from stream.worker.health_processor import HealthProcessor
from stream.worker.repartition import RepartitionedRecord, repartition
from tests.examples import examples
from tests.streams import TOPICS, Raw, Rec, arrive, fold, make_stream, record
from tests.unit.stream.lives import DAY, KAFKA_MS, Part, fold_one, letters, usage

# Refused records


def test_a_refused_record_becomes_a_dead_letter_with_its_place_reason_and_bytes() -> None:
    processor, partition = HealthProcessor(TOPICS, EventClock()), Part(0)
    bad = b'{"event_id": "e1", "account_id": "acme", "timestamp": 1769860800000, "user_id": []}'
    processor.fold(
        partition,
        "product-usage",
        [
            record("usage", usage(1), 41),
            Rec("product-usage", 0, 42, KAFKA_MS, b"acme", bad),
            record("usage", usage(2), 43),
        ],
    )
    (letter,) = letters(partition)
    assert letter == DeadLetter(
        topic="product-usage",
        partition=0,
        offset=42,
        timestamp_ms=KAFKA_MS,
        reason="wrong_type",
        detail="product-usage[0]@42: usage event: user_id = []: Input should be a valid string (and 1 more)",
        key=b"acme",
        value=bad,
        value_bytes=len(bad),
    )
    assert partition.outputs[0].key == b"acme"
    assert processor.counts["dead_letter", "wrong_type"] == 1
    assert partition.states["acme"].usage.events == 2  # the stream goes on


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("usage", None, "empty"),
        ("usage", b"", "empty"),
        ("usage", b"not json", "not_json"),
        ("usage", b"[" * 100_000, "not_json"),
        ("usage", b'{"a":' * 100_000, "not_json"),
        ("usage", b"{}", "missing_field"),
        ("usage", usage(1, day=DAY + 20_000), "future"),
        ("usage", usage(1, day=3_000), "too_old"),
        ("usage", usage(1, account_id=""), "out_of_range"),
        (
            "ticket",
            {"event_id": "e", "account_id": "a", "ticket_id": "1", "status": "lost", "timestamp": DAY * DAY_MS},
            "unknown_value",
        ),
        ("account", {"account_id": "a", "timestamp": (DAY + 20_000) * DAY_MS}, "future"),
        ("survey", b"x" * (5 << 20), "too_large"),
    ],
)
def test_bad_input_is_dead_lettered_and_touches_nothing_else(kind: Kind, value: Any, reason: str) -> None:
    processor, partition = HealthProcessor(TOPICS, EventClock()), Part(0)
    fold_one(processor, partition, kind, value)
    assert [letter.reason for letter in letters(partition)] == [reason]
    assert processor.counts == {("dead_letter", reason): 1}
    assert (partition.states, partition.dirty, partition.watermark_ms) == ({}, set(), None)
    assert not partition.pending


def test_a_dead_letter_fits_into_a_message_however_large_its_record_was() -> None:
    processor, partition = HealthProcessor(TOPICS, EventClock()), Part(0)
    fold_one(processor, partition, "usage", b"\xff" * (VALUE_BYTES_MAX + 1), key=b"k" * (1 << 20))
    (output,) = partition.outputs
    (letter,) = letters(partition)
    assert len(letter.value or b"") == ORIGINAL_BYTES_MAX
    assert letter.value_bytes == VALUE_BYTES_MAX + 1
    assert len(output.key or b"") == len(letter.key or b"") == KEY_BYTES_MAX
    assert len(output.value or b"") + len(output.key or b"") < 1_000_000


def sent_home(partition: Part) -> list[Rec]:
    """What the partition's checkpoint would bring to the repartition topic, as its consumer sees it."""
    outputs = [output for output in partition.outputs if output.topic == TOPICS.repartition]
    return [
        Rec(TOPICS.repartition, output.partition or 0, offset, KAFKA_MS + 999, output.key, output.value)
        for offset, output in enumerate(outputs)
    ]


def test_an_account_of_another_partition_is_sent_home_and_makes_no_second_half() -> None:
    processor, home = HealthProcessor(TOPICS, EventClock()), partition_of("acme", 12)
    elsewhere, partition = Part((home + 1) % 12, count=12), Part(home, count=12)
    processor.fold(elsewhere, "product-usage", [record("usage", usage(1), 7, KAFKA_MS)])
    processor.fold(elsewhere, "product-usage", [record("usage", {"account_id": "acme"}, 8)])
    (sent,) = sent_home(elsewhere)
    assert (sent.partition, sent.key) == (home, b"acme")
    assert (elsewhere.states, elsewhere.watermark_ms) == ({}, None)
    assert [letter.reason for letter in letters(elsewhere)] == ["missing_field"]  # refused where it arrived
    assert processor.counts["repartitioned", "usage"] == 1
    processor.fold(partition, TOPICS.repartition, [sent])
    assert (partition.outputs, list(partition.states)) == ([], ["acme"])
    assert list(partition.pending) == [("acme", KAFKA_MS)]


def test_a_record_that_is_not_at_home_after_it_was_sent_is_refused_rather_than_sent_for_ever() -> None:
    processor, home = HealthProcessor(TOPICS, EventClock()), partition_of("acme", 12)
    elsewhere = Part((home + 1) % 12, count=12)
    fold_one(processor, elsewhere, "usage", usage(1), offset=7)
    (sent,) = sent_home(elsewhere)
    elsewhere.outputs.clear()
    strange = [
        sent,
        Rec(TOPICS.repartition, 0, 1, 0, b"acme", b"no envelope"),
        Rec(
            TOPICS.repartition,
            0,
            2,
            0,
            b"acme",
            repartition("", RepartitionedRecord("web", 0, 0, 0, b"", b""), "acme", 0).value,
        ),
    ]
    processor.fold(elsewhere, TOPICS.repartition, strange)
    assert [letter.reason for letter in letters(elsewhere)] == ["misrouted", "wrong_type", "wrong_type"]
    assert (
        f"product-usage[{elsewhere.number}]@7: account 'acme' belongs to partition {home} of 12"
        in letters(elsewhere)[0].detail
    )
    assert (sent_home(elsewhere), elsewhere.states) == ([], {})


@examples(40)
@given(st.integers(0, 1 << 32), st.integers(1, 200), st.integers(2, 5))
def test_wherever_records_arrive_the_facts_are_those_of_records_that_arrived_at_home(
    seed: int, size: int, count: int
) -> None:
    events = make_stream(seed, size, 60)
    _, right = fold(events)
    processor, parts = HealthProcessor(TOPICS, EventClock()), [Part(number, count=count) for number in range(count)]
    for offset, event in enumerate(events):
        number = (len(event["account_id"]) + list(TOPICS.inputs).index(TOPICS.input(event["type"]))) % count
        processor.fold(parts[number], TOPICS.input(event["type"]), [record(event["type"], event, offset)])
    for sent in [sent for part in parts for sent in sent_home(part)]:
        processor.fold(parts[sent.partition], TOPICS.repartition, [sent])
    found = {name: (part.number, state) for part in parts for name, state in part.states.items()}
    assert sum(len(part.states) for part in parts) == len(right.states), "no account has two halves"
    for name, state in right.states.items():
        assert found[name][0] == partition_of(name, count)
        assert replace_judgement(found[name][1]) == replace_judgement(state)


# Folding


def test_an_event_of_an_unknown_account_is_folded_and_counted_once() -> None:
    processor, partition = HealthProcessor(TOPICS, EventClock()), Part(0)
    fold_one(processor, partition, "usage", usage(1))
    fold_one(processor, partition, "usage", usage(2))
    fold_one(processor, partition, "account", {"account_id": "birch", "name": "Birch"})
    assert processor.counts == {("unknown_account", "usage"): 1}
    assert set(partition.states) == {"acme", "birch"}


def test_what_does_not_count_is_counted() -> None:
    processor, partition = HealthProcessor(TOPICS, EventClock()), Part(0)
    old = (DAY - 300) * DAY_MS
    ticket = {"event_id": "e", "account_id": "acme", "ticket_id": "1", "status": "opened", "timestamp": DAY * DAY_MS}
    answer = {
        "event_id": "e",
        "account_id": "acme",
        "user_id": "u",
        "survey": "nps",
        "score": 1,
        "timestamp": DAY * DAY_MS,
    }
    fold_one(processor, partition, "account", {"account_id": "acme"})
    fold_one(processor, partition, "usage", usage(1))
    fold_one(processor, partition, "usage", usage(1))
    fold_one(processor, partition, "usage", usage(2, day=DAY - 97))
    fold_one(processor, partition, "ticket", ticket)
    fold_one(processor, partition, "ticket", ticket | {"ticket_id": "2", "timestamp": old})
    fold_one(processor, partition, "survey", answer)
    fold_one(processor, partition, "survey", answer | {"event_id": "f", "timestamp": old})
    assert processor.counts == {
        ("repeated", "usage"): 1,
        ("late", "usage"): 1,
        ("late", "ticket"): 1,
        ("late", "survey"): 1,
    }


def test_users_beyond_the_bound_are_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.kinds.usage.USERS_MAX", 3)
    monkeypatch.setattr("stream.kinds.ticket.TICKETS_MAX", 1)
    processor, partition = HealthProcessor(TOPICS, EventClock()), Part(0)
    for number in range(5):
        fold_one(processor, partition, "usage", usage(number, user_id=f"u{number}"))
    ticket = {"event_id": "e", "account_id": "acme", "status": "opened", "timestamp": DAY * DAY_MS}
    for number in range(2):
        fold_one(processor, partition, "ticket", ticket | {"ticket_id": f"{number}"})
    state = partition.states["acme"]
    assert (len(state.usage.users), state.usage.overflow, state.usage.events) == (3, 2, 5)
    assert (len(state.ticket.tickets), state.ticket.overflow) == (1, 1)
    assert processor.counts["overflow", "usage"] == 2
    assert processor.counts["overflow", "ticket"] == 1


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([{"owner": "dana"}, {"owner": "sam"}], "sam"),  # without times the last to arrive wins
        ([{"owner": "dana", "timestamp": DAY * DAY_MS}, {"owner": "sam"}], "dana"),  # a timed one beats an untimed one
        (
            [{"owner": "dana", "timestamp": 2 * DAY * 43_200_000}, {"owner": "sam", "timestamp": 946_684_800_000}],
            "dana",
        ),
        ([{"owner": "dana"}, {"name": "Acme"}], "dana"),  # a field left out stays
        ([{"owner": "dana"}, {"owner": None}], None),  # a null clears
    ],
)
def test_the_newest_account_update_holds_field_by_field(updates: list[Raw], expected: str | None) -> None:
    _, partition = fold([{"type": "account", "account_id": "acme"} | update for update in updates])
    assert partition.states["acme"].profile["owner"][0] == expected


@examples(60)
@given(st.integers(0, 1 << 32), st.integers(1, 300), st.sampled_from([1, 64, 200]))
def test_a_state_comes_back_from_the_changelog_as_it_was(seed: int, size: int, span_days: int) -> None:
    processor, partition = fold(arrive(make_stream(seed, size, span_days), seed, 30, 0.2))
    for _ in processor.evaluate(partition):
        pass
    for state in partition.states.values():
        value = encode_state(state)
        assert decode_state(value) == state
        assert encode_state(decode_state(value)) == value
        assert (partition.encode(state), partition.decode(value)) == (value, state)


@examples(40)
@given(st.integers(0, 1 << 32), st.integers(2, 300), st.integers(0, 300), st.integers(1, 40))
def test_a_restart_anywhere_goes_on_where_the_state_ends(seed: int, size: int, cut: int, chunk_size: int) -> None:
    """Folding a part, keeping it as the changelog does, and folding the rest elsewhere is folding all at once."""
    events = arrive(make_stream(seed, size, 100), seed, 10, 0.3)
    whole_processor, whole = fold(events, chunk_size)
    _, first = fold(events[:cut])
    second = Part(0)
    for name, state in first.states.items():
        second.cold[name] = encode_state(state)
        restore(second, name, hot_max=2)
    for event in events[cut:]:
        whole_processor.fold(second, TOPICS.input(event["type"]), [record(event["type"], event)])
    for name, state in whole.states.items():
        again = second.state(name)
        assert again is not None
        assert replace_judgement(again) == replace_judgement(state)
    assert second.watermark_ms == whole.watermark_ms


def replace_judgement(state: AccountState) -> AccountState:
    """The facts alone."""
    return AccountState(1, state.usage, state.ticket, state.survey, state.profile)
