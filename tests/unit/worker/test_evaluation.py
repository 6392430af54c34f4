"""When the processor evaluates an account: what moved, what is scheduled, and what a restart or a backlog changes."""

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.clock import EventClock, ManualClock
from stream.calendar.day import DAY_MS, day_of, end_of_day_ms
from stream.engine.state_cache import restore
from stream.kinds.state import encode_state
from stream.scoring.evaluation import build_report
from stream.scoring.facts import facts_of
from stream.scoring.shipped import DEFAULT
from stream.worker.health_processor import ACCOUNTS_A_SLICE, LONG_SILENT_MS, HealthProcessor
from tests.examples import examples
from tests.streams import CORE, FIRST_DAY, TOPICS, epoch_ms, fold, make_stream, record
from tests.unit.stream.lives import DAY, KAFKA_MS, Part, evaluated, fold_one, month, usage


def test_an_account_is_judged_once_it_moved_and_published_once_it_is_news() -> None:
    processor, partition = fold(month())
    (report,) = evaluated(processor, partition)
    assert (report.account_id, report.band) == ("acme", "healthy")
    assert report.as_of == datetime.fromtimestamp((DAY * DAY_MS + 3) / 1000, UTC)
    assert evaluated(processor, partition) == []  # nothing moved
    fold_one(processor, partition, "usage", usage(99_999_999, user_id="u0", ms=50))
    assert evaluated(processor, partition) == []  # more of the same is no news
    assert not partition.states["acme"].needs_evaluation


def test_nothing_is_judged_on_half_of_a_backlog_and_all_of_it_after() -> None:
    """Folding goes on, what moved stays marked, and the first evaluation sees everything."""
    processor, partition = fold(month())
    partition.catching_up = True
    assert evaluated(processor, partition) == []
    assert partition.states["acme"].needs_evaluation
    partition.catching_up = False
    assert [report.account_id for report in evaluated(processor, partition)] == ["acme"]


def test_a_report_tells_how_long_its_oldest_record_waited() -> None:
    processor, partition = HealthProcessor(TOPICS, ManualClock(end_of_day_ms(DAY))), Part(0)
    events = month(users=1)
    processor.fold(
        partition, "product-usage", [record("usage", event, n, KAFKA_MS + n) for n, event in enumerate(events[:5])]
    )
    processor.fold(
        partition, "product-usage", [record("usage", event, n, KAFKA_MS + 900) for n, event in enumerate(events[5:])]
    )
    (report,) = evaluated(processor, partition)
    assert report.ingested_at == datetime.fromtimestamp(KAFKA_MS / 1000, UTC)
    assert not partition.pending


def test_a_silent_account_falls_without_any_event() -> None:
    """Only the clock moves; the worker must find out by itself."""
    clock = ManualClock(end_of_day_ms(DAY))
    processor, partition = fold(month(), clock=clock)
    reports = evaluated(processor, partition)
    for _ in range(140):
        clock.advance(days=1)
        reports += evaluated(processor, partition)
    bands = [report.band for report in reports]
    assert bands[0] == "healthy"
    assert bands[-1] == "critical"
    assert sorted(set(bands), key=bands.index) == ["healthy", "watch", "at_risk", "critical"]
    assert all(report.ingested_at is None for report in reports[1:])
    published = partition.states["acme"].published
    assert published is not None
    assert (published.scan_facts, published.day_facts) == facts_of(reports[-1].measures, reports[-1].score)
    # At most once a day, and only while something that a reader rests on moves by more than the clock.
    assert len(reports) < 140
    for before, after in pairwise(reports):
        first, second = (facts_of(report.measures, report.score) for report in (before, after))
        same = first == second and before.score == after.score
        assert not same or before.reason_days is not None
    assert reports[-1].reason_days is None
    scores = [report.score or 0 for report in reports]
    assert scores == sorted(scores, reverse=True)


def test_a_tick_judges_after_its_interval_or_at_the_turn_of_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(DAY * DAY_MS + 1)
    processor, partition = fold(month(), clock=clock)
    evaluated(processor, partition)
    scanned_ms = partition.last_scan_ms
    clock.advance(seconds=3599)
    evaluated(processor, partition)
    assert partition.last_scan_ms == scanned_ms
    clock.advance(seconds=1)
    evaluated(processor, partition)
    assert partition.last_scan_ms == clock.current_ms
    clock.current_ms = end_of_day_ms(DAY)
    evaluated(processor, partition)
    seen: list[str] = []
    monkeypatch.setattr(processor, "_evaluate_one", lambda part, account_id, *rest: seen.append(account_id))
    evaluated(processor, partition)
    assert seen == []
    clock.advance(seconds=0.001)
    evaluated(processor, partition)
    assert seen == ["acme"]
    clock.advance(seconds=1800)
    evaluated(processor, partition)
    assert seen == ["acme"], "its next day is tomorrow"


def test_a_long_silent_account_is_looked_at_once_on_each_day_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(end_of_day_ms(DAY))
    processor, partition = fold(month(), clock=clock)
    evaluated(processor, partition)
    clock.current_ms = end_of_day_ms(DAY) + LONG_SILENT_MS + 1  # the day's first moment
    evaluated(processor, partition)
    seen: list[str] = []
    monkeypatch.setattr(processor, "_evaluate_one", lambda part, account_id, *rest: seen.append(account_id))
    for hours, looked in [(1, 0), (1, 0), (20, 0), (2, 1), (1, 1), (23, 2), (72, 3)]:
        clock.advance(seconds=hours * 3600)
        evaluated(processor, partition)
        assert len(seen) == looked
    fold_one(processor, partition, "usage", usage(1, day=day_of(clock.current_ms)))
    evaluated(processor, partition)
    assert len(seen) == 4


def test_an_account_that_rests_is_looked_at_once_a_day_until_something_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock((DAY + 1) * DAY_MS)
    processor, partition = fold(month(), clock=clock)
    evaluated(processor, partition)
    seen: list[str] = []
    evaluate_one = processor._evaluate_one

    def look(part: Part, account_id: str, *rest: Any) -> None:
        seen.append(account_id)
        evaluate_one(part, account_id, *rest)

    monkeypatch.setattr(processor, "_evaluate_one", look)
    for hours, looked in [(1, 0), (1, 0), (20, 0), (2, 1), (1, 1), (23, 2)]:
        clock.advance(seconds=hours * 3600)
        evaluated(processor, partition)
        assert len(seen) == looked
    opened = {"account_id": "acme", "ticket_id": "t", "status": "opened", "priority": "urgent", "event_id": "x"}
    fold_one(processor, partition, "ticket", opened | {"timestamp": clock.current_ms - DAY_MS})
    for looked in (3, 4, 5):  # at once, and with every scan while the ticket is open
        evaluated(processor, partition)
        assert len(seen) == looked
        clock.advance(seconds=3600)


_KINDS = (
    *({"usage"}, {"usage", "ticket"}, {"ticket"}, {"survey", "touchpoint"}, {"usage", "survey", "touchpoint"}),
    *({"outcome", "account"}, {"usage", "subscription"}, {"subscription"}),
)
_LATE_HOURS = (-20, -5, 0, 0, 0, 2, 11, 72)


@examples(50)
@given(
    st.integers(0, 1 << 32), st.sampled_from(_KINDS), st.sampled_from([1200, 3600, 5 * 3600]), st.sampled_from([8, 40])
)
def test_scans_that_leave_resting_accounts_out_publish_and_keep_what_scans_of_all_do(
    seed: int, kinds: set[str], step_seconds: int, size: int
) -> None:
    """Events come ahead of the clock, in time, or days late."""
    chance = random.Random(seed)
    made = [event for event in make_stream(seed, 200, 12) if event["type"] in kinds]
    arriving = [
        (epoch_ms(event["timestamp"]) + chance.choice(_LATE_HOURS) * 3_600_000, number, event)
        for number, event in enumerate(chance.sample(made, min(size, len(made))))
    ]
    arriving.sort(key=lambda each: each[:2])
    sides = []
    for leaves_out in (True, False):
        clock = ManualClock(FIRST_DAY * DAY_MS)
        processor, partition = HealthProcessor(TOPICS, clock, core_features=CORE), Part(0)
        if not leaves_out:
            processor._rests = lambda *_: False  # type: ignore[method-assign]
        waiting, told = list(arriving), []
        while clock.current_ms < (FIRST_DAY + 18) * DAY_MS:
            while waiting and waiting[0][0] <= clock.current_ms:
                _, number, event = waiting.pop(0)
                fold_one(processor, partition, event["type"], event, offset=number)
            for _ in processor.evaluate(partition):
                pass
            told.append([*partition.outputs])
            partition.outputs.clear()
            clock.advance(seconds=step_seconds)
        sides.append((told, {name: encode_state(state) for name, state in partition.states.items()}))
    assert sides[0] == sides[1]


@pytest.mark.parametrize("step_days", [1, 150, 1700], ids="a step of {} days".format)
def test_what_is_published_of_a_silent_account_stays_true_for_years(step_days: int) -> None:
    """Its best half-year fades with time alone, so its score moves when nobody has come for years."""
    clock = ManualClock(end_of_day_ms(DAY))
    processor, partition = fold(month(users=1), clock=clock)
    reports = evaluated(processor, partition)
    for _ in range(0, 1701, step_days):
        clock.advance(days=step_days)
        reports += evaluated(processor, partition)
        now = build_report("acme", partition.states["acme"], clock.current_ms, DEFAULT)
        assert now.band == reports[-1].band
        assert now.score == (None if now.score is None else pytest.approx(reports[-1].score, abs=1.0))


def test_the_event_clock_judges_by_the_newest_event_and_the_wall_clock_by_the_wall() -> None:
    events = month()
    by_events, partition = fold(events, clock=EventClock())
    (then,) = evaluated(by_events, partition)
    assert then.as_of.timestamp() * 1000 == events[-1]["timestamp"]
    by_wall, partition = fold(events, clock=ManualClock(end_of_day_ms(DAY + 50)))
    (now,) = evaluated(by_wall, partition)
    assert day_of(round(now.as_of.timestamp() * 1000)) == DAY + 50
    assert (then.band, now.band) == ("healthy", "critical")


def test_without_any_time_the_event_clock_judges_nothing_yet() -> None:
    processor, partition = fold([{"type": "account", "account_id": "acme", "name": "Acme"}])
    assert evaluated(processor, partition) == []
    assert partition.states["acme"].needs_evaluation
    fold_one(processor, partition, "usage", usage(1, account_id="birch"))
    assert {report.account_id for report in evaluated(processor, partition)} == {"acme", "birch"}


def test_after_a_restart_the_unjudged_are_judged_and_the_event_clock_stands_where_it_stood() -> None:
    processor, partition = fold([*month("acme"), *month("birch")])
    evaluated(processor, partition)
    fold_one(processor, partition, "usage", usage(5_000_000, account_id="birch", user_id="new"))
    update = {"account_id": "acme", "owner": "dana", "timestamp": (DAY + 3) * DAY_MS}
    fold_one(processor, partition, "account", update)
    again = Part(0)
    for name, state in partition.states.items():
        again.cold[name] = encode_state(state)
        restore(again, name, hot_max=1)
    assert sorted(again.pending) == [("acme", None), ("birch", None)]
    assert again.watermark_ms == partition.watermark_ms == (DAY + 3) * DAY_MS


def test_the_first_usage_of_a_day_is_judged_before_more_use_of_accounts_that_were_told_of_that_day() -> None:
    processor, partition = fold([*month("acme"), *month("birch"), *month("cedar")])
    evaluated(processor, partition)
    for number, name in enumerate(("acme", "birch")):
        fold_one(processor, partition, "usage", usage(6_000_000 + number, account_id=name, user_id="new"))
    fold_one(processor, partition, "usage", usage(6_000_009, DAY + 1, account_id="cedar"))
    assert [account_id for account_id, _ in partition.pending] == ["cedar", "acme", "birch"]
    assert "cedar" in [report.account_id for report in evaluated(processor, partition)]


def test_evaluation_yields_after_slices_and_stops_wherever_its_consumer_does() -> None:
    processor, partition = fold([usage(n, account_id=f"a{n}") for n in range(120)])
    next(processor.evaluate(partition))
    assert [output.key for output in partition.outputs] == [b"a%d" % n for n in range(ACCOUNTS_A_SLICE)]
    assert [account_id for account_id, _ in partition.pending] == [f"a{n}" for n in range(ACCOUNTS_A_SLICE, 120)]
    assert not partition.states["a0"].needs_evaluation
    assert partition.states["a70"].needs_evaluation
    fold_one(processor, partition, "usage", usage(1_000, account_id="a0", user_id="new"))
    fold_one(processor, partition, "usage", usage(1_001, account_id="a70", user_id="new"))
    assert [account_id for account_id, _ in partition.pending][-2:] == ["a119", "a0"]  # whoever waits, waits once
    assert sum(1 for _ in processor.evaluate(partition)) == -(-(120 - ACCOUNTS_A_SLICE + 1) // ACCOUNTS_A_SLICE)
    assert not partition.pending
    assert not any(state.needs_evaluation for state in partition.states.values())


def test_a_tick_goes_on_where_it_was_beside_what_moves_and_another_begins_after_it() -> None:
    clock = ManualClock(end_of_day_ms(DAY))
    processor, partition = fold([usage(n, account_id=f"a{n}") for n in range(200)], clock=clock)
    evaluated(processor, partition)
    clock.advance(days=1)
    next(processor.evaluate(partition))
    assert len(partition.scheduled) == 200 - ACCOUNTS_A_SLICE
    for number in reversed(range(200)):
        fold_one(processor, partition, "usage", usage(1_000 + number, DAY + 1, account_id=f"a{number}"))
    next(processor.evaluate(partition))
    assert len(partition.pending) == 200 - ACCOUNTS_A_SLICE
    assert len(partition.scheduled) < 200 - ACCOUNTS_A_SLICE, "accounts that keep moving don't hold up the others' scan"
    clock.advance(days=1)
    began_ms = partition.last_scan_ms
    next(processor.evaluate(partition))
    assert partition.last_scan_ms == began_ms, "the next day waits until the scan is through"
    evaluated(processor, partition)
    assert (len(partition.pending), partition.scheduled) == (0, [])
    evaluated(processor, partition)
    assert partition.last_scan_ms == clock.current_ms


def test_a_tick_reads_cold_accounts_in_the_order_in_which_they_lie_on_the_disk() -> None:
    clock = ManualClock(end_of_day_ms(DAY))
    processor, partition = fold([usage(n, account_id=f"a{n}") for n in range(60)], clock=clock)
    evaluated(processor, partition)
    states = {name: encode_state(state) for name, state in partition.states.items()}
    partition.cold = {name: location for location, name in enumerate(states)}
    partition.states.clear()
    read: list[int] = []

    def at(account_id: str, location: int) -> bytes:
        read.append(location)
        return states[account_id]

    partition.read = at
    for _ in range(2):
        clock.advance(days=1)
        evaluated(processor, partition)
    assert read == list(range(60)), "each once: then they are hot"
    assert partition.saved_at == {name: location for location, name in enumerate(states)}


def test_history_has_one_score_a_day_and_four_weeks() -> None:
    clock = ManualClock(end_of_day_ms(DAY))
    processor, partition = fold(month(), clock=clock)
    for _ in range(40):
        evaluated(processor, partition)
        clock.advance(days=1)
        fold_one(processor, partition, "account", {"account_id": "acme", "owner": f"o{clock.current_ms}"})
    (report,) = evaluated(processor, partition)
    dates = [day for day, _ in report.history]
    assert len(dates) == 28
    assert dates == sorted(set(dates))
    assert dates[-1] == report.as_of.date().isoformat()
    assert report.history[-1][1] == report.score


@examples(25)
@given(st.integers(0, 1 << 32), st.integers(1, 200))
def test_reports_are_the_same_whether_judged_along_the_way_or_at_the_end(seed: int, size: int) -> None:
    """But for what was published when: the numbers of a moment depend on the facts alone."""
    events = make_stream(seed, size, 60)
    processor, partition = HealthProcessor(TOPICS, EventClock(), core_features=CORE), Part(0)
    for event in events:
        processor.fold(partition, TOPICS.input(event["type"]), [record(event["type"], event)])
        for _ in processor.evaluate(partition):
            pass
    _, at_once = fold(events)
    now_ms = max(epoch_ms(event["timestamp"]) for event in events)
    for name, state in at_once.states.items():
        expected = build_report(name, state, now_ms, DEFAULT, CORE)
        found = build_report(name, partition.states[name], now_ms, DEFAULT, CORE)
        assert (found.score, found.contributions, found.measures) == (
            expected.score,
            expected.contributions,
            expected.measures,
        )
