"""A wall clock is believed as far as the monotonic clock or the broker's bears it out."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.clock import TrustedClock
from stream.calendar.day import DAY_MS
from stream.contracts.report import decode_report
from stream.worker.health_processor import HealthProcessor
from tests.streams import TOPICS, record
from tests.unit.stream.lives import usage

START_MS = 20_000 * DAY_MS
MINUTE_MS = 60_000


class Machine:
    """A machine whose real time passes, and whose wall clock a test sets wrong."""

    def __init__(self, wrong_ms: int = 0) -> None:
        self.real_ms = START_MS
        self.wrong_ms = wrong_ms
        self.clock = TrustedClock(lambda: self.real_ms + self.wrong_ms, lambda: self.real_ms - START_MS + 5)

    @property
    def error_ms(self) -> int:
        """How far what is believed is from the real time."""
        return self.clock.now_ms(None) - self.real_ms

    def ask_broker(self, wrong_ms: int = 0) -> bool:
        return self.clock.observe_broker(self.real_ms + wrong_ms)


Step = Callable[[Machine], object]


def ahead(days: float) -> Step:
    return lambda machine: setattr(machine, "wrong_ms", round(days * DAY_MS))


def passes(minutes: float) -> Step:
    return lambda machine: setattr(machine, "real_ms", machine.real_ms + round(minutes * MINUTE_MS))


def ask(machine: Machine) -> None:
    machine.ask_broker()


@pytest.mark.parametrize(
    ("wrong_at_start", "steps", "reason"),
    [
        (0, [ask, passes(1), ahead(7)], "seven days ahead: time goes on by the monotonic clock"),
        (0, [ask, passes(1), ahead(7), passes(1), ask], "and the broker bears that out"),
        (0, [ask, ahead(7), passes(1), ahead(0), passes(60)], "and when it is right again, it is believed by itself"),
        (0, [ask, ahead(-3), passes(10)], "nor is one believed that is days behind"),
        (0, [ahead(7), passes(1)], "even before any broker was heard"),
        (7, [ask], "a process that starts in the wrong minute: the broker decides"),
        (7, [ask, passes(600)], "and is carried on"),
        (7, [ask, passes(1), ahead(0)], "until the clock is right"),
        (-30, [ask, passes(3)], "also where the machine woke up in the past"),
    ],
)
def test_a_wrong_wall_clock_is_not_believed(wrong_at_start: float, steps: list[Step], reason: str) -> None:
    machine = Machine(round(wrong_at_start * DAY_MS))
    for step in steps:
        step(machine)
    assert machine.error_ms == 0, reason


def test_a_clock_that_was_put_right_is_believed_once_the_broker_says_the_same() -> None:
    """A virtual machine that was suspended: its monotonic clock stood still, and the wall clock's step is right."""
    real = [START_MS, 0]
    clock = TrustedClock(lambda: real[0], lambda: real[1])
    clock.observe_broker(real[0])
    real[0] += 3 * 3_600_000
    assert clock.now_ms(None) == START_MS
    assert clock.offset_ms == 3 * 3_600_000
    assert clock.observe_broker(real[0])
    assert clock.now_ms(None) == real[0]
    assert clock.offset_ms == 0


def test_one_broker_of_several_that_is_wrong_changes_nothing() -> None:
    machine = Machine()
    assert machine.ask_broker()
    passes(5)(machine)
    assert not machine.ask_broker(wrong_ms=9 * DAY_MS)
    assert machine.error_ms == 0
    assert machine.clock.offset_ms == 0


def test_a_small_step_back_lets_time_stand_still_until_it_is_made_up_for() -> None:
    machine = Machine()
    before = machine.clock.now_ms(None)
    machine.wrong_ms = -20_000
    seen = []
    for _ in range(4):
        seen.append(machine.clock.now_ms(None) - before)
        machine.real_ms += 10_000
    assert seen == [0, 0, 0, 10_000]


@given(st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 600), st.booleans()), max_size=30))
def test_small_errors_are_followed_and_time_does_not_go_back(steps: list[tuple[int, int, bool]]) -> None:
    """NTP slews and steps: whatever they are, what is believed is near the real time, and never before the last."""
    machine = Machine()
    last = machine.clock.now_ms(None)
    for seconds, passed, asks in steps:
        machine.wrong_ms = seconds * 500
        machine.real_ms += passed * 1000
        if asks:
            machine.ask_broker()
        now = machine.clock.now_ms(None)
        assert now >= last
        assert abs(now - machine.real_ms) <= TrustedClock.STEP_MAX_MS
        last = now


@pytest.mark.parametrize("day", ["2024-02-28", "2024-12-31", "2024-03-31", "2024-10-27"], ids=str)
def test_a_minute_of_a_wall_clock_that_is_a_week_ahead_dates_no_report_into_the_future(day: str) -> None:
    """Also where a leap day or the change of clocks lies in between: the probe that silenced accounts for six days."""
    machine = Machine()
    machine.real_ms = round(datetime.fromisoformat(day).replace(hour=23, tzinfo=UTC).timestamp() * 1000)
    machine.clock = TrustedClock(lambda: machine.real_ms + machine.wrong_ms, lambda: machine.real_ms)
    machine.ask_broker()
    processor = HealthProcessor(TOPICS, machine.clock, wall=machine.clock)
    partition = processor.new_partition(0, 1)
    published: list[datetime] = []

    def turn() -> None:
        event = usage(turn_number := len(published), 0, "acme", f"u{turn_number}") | {"timestamp": machine.real_ms - 1}
        event["event_id"] = f"e{machine.real_ms}"
        processor.fold(partition, TOPICS.input("usage"), [record("usage", event)])
        for _ in processor.evaluate(partition):
            pass
        outputs, partition.outputs = partition.outputs, []
        for output in outputs:
            if output.topic != TOPICS.health:
                continue
            as_of = decode_report(output.value or b"").as_of
            published.append(as_of)
            assert as_of.timestamp() * 1000 <= machine.real_ms

    for wrong_days in (0, 7, 7, 0, 0):
        machine.wrong_ms = wrong_days * DAY_MS
        turn()
        machine.real_ms += MINUTE_MS
    for _ in range(8):
        machine.real_ms += DAY_MS
        turn()
    assert len(published) >= 8, "a report every day from then on"
    assert published == sorted(published)
