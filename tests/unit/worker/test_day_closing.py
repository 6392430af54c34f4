"""Account-days: one record an account and day, whatever happens, and another one only for what came late."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS, end_of_day_ms, iso_date
from stream.contracts.account_day import AccountDay
from stream.kinds.state import decode_state, encode_state
from stream.scoring.account_day import REACH_DAYS
from stream.worker.health_processor import HealthProcessor
from tests.examples import examples
from tests.streams import CORE, TOPICS, Raw, fold, record
from tests.unit.stream.lives import DAY, Part, fold_one, month, usage

HOUR_MS = 3_600_000
_decode = msgspec.json.Decoder(AccountDay).decode


def closed(processor: HealthProcessor, partition: Part) -> list[AccountDay]:
    """Evaluate, and take out the days that are written."""
    for _ in processor.evaluate(partition):
        pass
    outputs, partition.outputs = partition.outputs, []
    return [_decode(each.value or b"") for each in outputs if each.topic == TOPICS.account_days]


def days_of(found: list[AccountDay]) -> list[int]:
    return [(each.day - date(1970, 1, 1)).days for each in found]


def live(events: list[Raw], last: int = DAY) -> tuple[HealthProcessor, Part, ManualClock]:
    """A worker at noon of a day that has evaluated these events."""
    clock = ManualClock(last * DAY_MS + DAY_MS // 2)
    processor, partition = fold(events, clock=clock)
    assert closed(processor, partition) == [], "nothing is known of the days before the worker began"
    return processor, partition, clock


def test_a_day_is_written_once_as_soon_as_it_is_over_with_what_it_ended_with() -> None:
    told: Raw = {"account_id": "acme", "owner": "dana", "segment": "smb", "licensed_seats": 8}
    processor, partition, clock = live([{"type": "account"} | told, *month(users=4, last=DAY - 10)])
    found: list[AccountDay] = []
    for _ in range(25):
        clock.advance(seconds=3600)
        found += closed(processor, partition)
    (day,) = found
    assert (day.account_id, day.day.isoformat(), day.owner, day.segment) == ("acme", iso_date(DAY), "dana", "smb")
    assert (day.mau, day.wau, day.seats, day.features) == (4, 0, 8, ["export"])
    assert day.timestamp == datetime.fromtimestamp(end_of_day_ms(DAY) / 1000, UTC)
    assert day.score is not None
    assert day.band in ("at_risk", "critical", "watch")


def test_the_days_that_nobody_evaluated_are_written_when_someone_does_again() -> None:
    processor, partition, clock = live(month())
    clock.advance(days=5)
    assert days_of(closed(processor, partition)) == [DAY, DAY + 1, DAY + 2, DAY + 3, DAY + 4]
    clock.advance(days=REACH_DAYS + 9)
    assert days_of(closed(processor, partition)) == list(range(DAY + 5 + 9, DAY + 5 + 9 + REACH_DAYS))


def test_a_crash_before_the_checkpoint_writes_the_same_days_again_and_one_after_it_none() -> None:
    processor, partition, clock = live(month())
    saved = encode_state(partition.states["acme"])
    clock.advance(days=1)
    first = closed(processor, partition)
    assert days_of(first) == [DAY]
    for state, expected in ((saved, first), (encode_state(partition.states["acme"]), [])):
        again = Part(0)
        again.states["acme"] = decode_state(state)
        again.on_restored("acme", again.states["acme"])
        fresh = HealthProcessor(TOPICS, ManualClock(clock.current_ms), core_features=CORE)
        assert closed(fresh, again) == expected


def test_a_late_event_writes_its_day_and_those_after_it_again_with_the_next_scan() -> None:
    processor, partition, clock = live(month(users=2))
    clock.advance(days=4)
    assert days_of(closed(processor, partition)) == [DAY, DAY + 1, DAY + 2, DAY + 3]
    fold_one(processor, partition, "usage", usage(1, DAY + 2, user_id="late"))
    assert closed(processor, partition) == []
    clock.advance(seconds=3600)
    found = closed(processor, partition)
    assert days_of(found) == [DAY + 2, DAY + 3]
    assert [each.mau for each in found] == [3, 3]
    fold_one(processor, partition, "usage", usage(1, DAY + 2, user_id="late"))  # a repeat
    clock.advance(seconds=3600)
    assert closed(processor, partition) == []


def test_a_late_event_outlives_a_restart_before_its_day_is_written() -> None:
    processor, partition, clock = live(month(users=2))
    clock.advance(days=1)
    closed(processor, partition)
    fold_one(processor, partition, "usage", usage(1, DAY, user_id="late"))
    again = Part(0)
    again.states["acme"] = decode_state(encode_state(partition.states["acme"]))
    again.on_restored("acme", again.states["acme"])
    clock.advance(seconds=3600)
    for _ in range(2):  # what waits is evaluated first, and the next scan writes
        found = closed(processor, again)
        clock.advance(seconds=3600)
        if found:
            break
    assert [(each.mau, each.day.isoformat()) for each in found] == [(3, iso_date(DAY))]


@pytest.mark.parametrize(
    ("zone", "hours", "why"),
    [
        ("UTC", 12, "noon, and half a day until it is over"),
        ("America/Los_Angeles", 19, "summer there: its day ends at 7 o'clock UTC"),
        ("Asia/Kolkata", 7, "half an hour belongs to the offset, so it ends at 18:30"),
        ("Pacific/Auckland", 23, "its day DAY + 1, which ends at 11 o'clock UTC"),
    ],
)
def test_a_day_is_the_accounts_own(zone: str, hours: int, why: str) -> None:
    processor, partition, clock = live([{"type": "account", "account_id": "acme", "timezone": zone}, *month()])
    clock.advance(seconds=3600 * (hours - 1))
    before = closed(processor, partition)
    clock.advance(seconds=3600)
    after = closed(processor, partition)
    assert (before, len(after)) == ([], 1), why


@given(st.integers(0, 10_000))
@examples(15)
def test_whatever_comes_late_the_newest_version_of_each_day_counts_its_people_right(seed: int) -> None:
    """Against sets of the raw events."""
    rng = random.Random(seed)
    processor, partition, clock = live(month("acme", users=1))
    events = [(DAY - day, f"u{user}") for day in range(90) for user in range(1)]
    newest: dict[int, AccountDay] = {}
    for _ in range(40):
        clock.advance(seconds=3600 * rng.choice((1, 5, 13, 24)))
        today = clock.current_ms // DAY_MS
        for _ in range(rng.randrange(4)):
            day = today - rng.choice((0, 0, 0, 1, 2, 9, 20))
            user = f"u{rng.randrange(9)}"
            events.append((day, user))
            event = usage(10_000 + len(events), max(day, DAY - 80), user_id=user, ms=rng.randrange(DAY_MS // 2))
            processor.fold(partition, TOPICS.input("usage"), [record("usage", event)])
        newest |= {days_of([each])[0]: each for each in closed(processor, partition)}
    for _ in range(2):  # what waits is evaluated first, and the next scan writes
        clock.advance(seconds=3600)
        newest |= {days_of([each])[0]: each for each in closed(processor, partition)}
    last = clock.current_ms // DAY_MS - 1
    assert newest.keys() >= set(range(DAY, last + 1))
    for day, found in newest.items():
        if day <= last - REACH_DAYS + 2:
            continue
        for length, value in ((30, found.mau), (7, found.wau)):
            assert value == len({user for at, user in events if day - length < at <= day}), (day, length)


def test_a_day_names_what_it_was_told_of_and_nothing_is_zero_that_is_not_known() -> None:
    _, partition, clock = live(month())
    clock.advance(days=1)
    (day,) = closed(HealthProcessor(TOPICS, clock, core_features=CORE), partition)
    sent: dict[str, Any] = msgspec.to_builtins(day)
    assert "seats" not in sent
    assert "time_to_first_value_days" not in sent
    assert timedelta(0) < clock_day(clock) - datetime.combine(day.day, datetime.min.time(), UTC) < timedelta(days=2)


def clock_day(clock: ManualClock) -> datetime:
    return datetime.fromtimestamp(clock.current_ms / 1000, UTC)
