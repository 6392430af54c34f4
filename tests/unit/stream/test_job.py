"""The worker's work on one partition, without Kafka: what is folded, refused, judged, published and remembered."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.account import AccountState, Judged, decode_state, encode_state, newest_ms
from stream.clock import EventClock, ManualClock
from stream.dead_letters import KEY_BYTES_MAX, ORIGINAL_BYTES_MAX, DeadLetter, read_dead_letter
from stream.engine.partition import Partition
from stream.errors import BadEvent
from stream.events import VALUE_BYTES_MAX
from stream.health import judge
from stream.job import SETTLED_MS, HealthJob, is_news, make_job
from stream.partitioner import partition_of
from stream.rekey import rekey
from stream.report import HealthReport, Profile, decode_report, encode_report
from stream.rolling import DAY_MS, day_of, end_of_day_ms
from stream.scorecard import DEFAULT
from stream.settings import FeedSettings, Settings, WorkerSettings
from stream.topics import Kind
from tests.streams import CORE, TOPICS, Raw, Rec, arrive, epoch_ms, fold, make_stream, record

DAY = 20_000
KAFKA_MS = 1_771_000_000_000

Part = Partition[AccountState]


def usage(number: int, day: int = DAY, account_id: str = "acme", user_id: str = "ann", ms: int = 0) -> Raw:
    event = {"type": "usage", "event_id": f"e{number}", "account_id": account_id, "user_id": user_id}
    return event | {"feature": "export", "timestamp": day * DAY_MS + ms}


def month(account_id: str = "acme", users: int = 4, first: int = DAY - 89, last: int = DAY) -> list[Raw]:
    """Every user on every day."""
    return [
        usage(day * 10 + user, day, account_id, f"u{user}", user)
        for day in range(first, last + 1)
        for user in range(users)
    ]


def judged(job: HealthJob, partition: Part) -> list[HealthReport]:
    """Judge, and take out what is to be published."""
    for _ in job.judge(partition):
        pass
    outputs, partition.outputs = partition.outputs, []
    return [decode_report(output.value or b"") for output in outputs if output.topic == TOPICS.health]


def letters(partition: Part) -> list[DeadLetter]:
    return [
        read_dead_letter(output.value or b"") for output in partition.outputs if output.topic == TOPICS.dead_letters
    ]


def fold_one(job: HealthJob, partition: Part, kind: Kind, value: Raw | bytes | None, **fields: Any) -> None:
    job.fold(partition, TOPICS.input(kind), [record(kind, value, **fields)])


# Refused records


def test_a_refused_record_becomes_a_dead_letter_with_its_place_reason_and_bytes() -> None:
    job, partition = HealthJob(TOPICS, EventClock()), Part(0)
    bad = b'{"event_id": "e1", "account_id": "acme", "user_id": 7}'
    job.fold(
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
        detail="product-usage[0]@42: usage event: user_id = 7: Input should be a valid string (and 2 more)",
        key=b"acme",
        value=bad,
        value_bytes=len(bad),
    )
    assert partition.outputs[0].key == b"acme"
    assert job.counts["dead_letter", "wrong_type"] == 1
    assert partition.states["acme"].activity.events == 2  # the stream goes on


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("usage", None, "empty"),
        ("usage", b"", "empty"),
        ("usage", b"not json", "not_json"),
        ("usage", b"[" * 100_000, "not_json"),
        ("usage", b'{"a":' * 100_000, "not_json"),
        ("usage", b"{}", "missing_field"),
        ("usage", usage(1, day=DAY + 400_000), "future"),
        ("usage", usage(1, day=3_000), "too_old"),
        ("usage", usage(1, account_id=""), "out_of_range"),
        (
            "ticket",
            {"event_id": "e", "account_id": "a", "ticket_id": "1", "status": "lost", "timestamp": 1},
            "unknown_value",
        ),
        ("account", {"account_id": "a", "timestamp": 1 << 46}, "future"),
        ("survey", b"x" * (5 << 20), "too_large"),
    ],
)
def test_bad_input_is_dead_lettered_and_touches_nothing_else(kind: Kind, value: Any, reason: str) -> None:
    job, partition = HealthJob(TOPICS, EventClock()), Part(0)
    fold_one(job, partition, kind, value)
    assert [letter.reason for letter in letters(partition)] == [reason]
    assert job.counts == {("dead_letter", reason): 1}
    assert (partition.states, partition.dirty, partition.watermark_ms) == ({}, set(), None)
    assert not partition.restless


def test_a_dead_letter_fits_into_a_message_however_large_its_record_was() -> None:
    job, partition = HealthJob(TOPICS, EventClock()), Part(0)
    fold_one(job, partition, "usage", b"\xff" * (VALUE_BYTES_MAX + 1), key=b"k" * (1 << 20))
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
    job, home = HealthJob(TOPICS, EventClock()), partition_of("acme", 12)
    elsewhere, partition = Part((home + 1) % 12, count=12), Part(home, count=12)
    job.fold(elsewhere, "product-usage", [record("usage", usage(1), 7, KAFKA_MS)])
    job.fold(elsewhere, "product-usage", [record("usage", {"account_id": "acme"}, 8)])
    (sent,) = sent_home(elsewhere)
    assert (sent.partition, sent.key) == (home, b"acme")
    assert (elsewhere.states, elsewhere.watermark_ms) == ({}, None)
    assert [letter.reason for letter in letters(elsewhere)] == ["missing_field"]  # refused where it arrived
    assert job.counts["rekeyed", "usage"] == 1
    job.fold(partition, TOPICS.repartition, [sent])
    assert (partition.outputs, list(partition.states)) == ([], ["acme"])
    assert list(partition.restless) == [("acme", KAFKA_MS)]


def test_a_record_that_is_not_at_home_after_it_was_sent_is_refused_rather_than_sent_for_ever() -> None:
    job, home = HealthJob(TOPICS, EventClock()), partition_of("acme", 12)
    elsewhere = Part((home + 1) % 12, count=12)
    fold_one(job, elsewhere, "usage", usage(1), offset=7)
    (sent,) = sent_home(elsewhere)
    elsewhere.outputs.clear()
    strange = [
        sent,
        Rec(TOPICS.repartition, 0, 1, 0, b"acme", b"no envelope"),
        Rec(TOPICS.repartition, 0, 2, 0, b"acme", rekey("", Rec("web", 0, 0, 0, b"", b""), "acme", 0).value),
    ]
    job.fold(elsewhere, TOPICS.repartition, strange)
    assert [letter.reason for letter in letters(elsewhere)] == ["misrouted", "wrong_type", "wrong_type"]
    assert f"product-usage[0]@7: account 'acme' belongs to partition {home} of 12" in letters(elsewhere)[0].detail
    assert (sent_home(elsewhere), elsewhere.states) == ([], {})


@settings(max_examples=40)
@given(st.integers(0, 1 << 32), st.integers(1, 200), st.integers(2, 5))
def test_wherever_records_arrive_the_facts_are_those_of_records_that_arrived_at_home(
    seed: int, size: int, count: int
) -> None:
    events = make_stream(seed, size, 60)
    _, right = fold(events)
    job, parts = HealthJob(TOPICS, EventClock()), [Part(number, count=count) for number in range(count)]
    for offset, event in enumerate(events):
        number = (len(event["account_id"]) + list(TOPICS.inputs).index(TOPICS.input(event["type"]))) % count
        job.fold(parts[number], TOPICS.input(event["type"]), [record(event["type"], event, offset)])
    for sent in [sent for part in parts for sent in sent_home(part)]:
        job.fold(parts[sent.partition], TOPICS.repartition, [sent])
    found = {name: (part.number, state) for part in parts for name, state in part.states.items()}
    assert sum(len(part.states) for part in parts) == len(right.states), "no account has two halves"
    for name, state in right.states.items():
        assert found[name][0] == partition_of(name, count)
        assert replace_judgement(found[name][1]) == replace_judgement(state)


# Folding


def test_an_event_of_an_unknown_account_is_folded_and_counted_once() -> None:
    job, partition = HealthJob(TOPICS, EventClock()), Part(0)
    fold_one(job, partition, "usage", usage(1))
    fold_one(job, partition, "usage", usage(2))
    fold_one(job, partition, "account", {"account_id": "birch", "name": "Birch"})
    assert job.counts == {("unknown_account", "usage"): 1}
    assert set(partition.states) == {"acme", "birch"}


def test_what_does_not_count_is_counted() -> None:
    job, partition = HealthJob(TOPICS, EventClock()), Part(0)
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
    fold_one(job, partition, "account", {"account_id": "acme"})
    fold_one(job, partition, "usage", usage(1))
    fold_one(job, partition, "usage", usage(1))
    fold_one(job, partition, "usage", usage(2, day=DAY - 97))
    fold_one(job, partition, "ticket", ticket)
    fold_one(job, partition, "ticket", ticket | {"ticket_id": "2", "timestamp": old})
    fold_one(job, partition, "survey", answer)
    fold_one(job, partition, "survey", answer | {"event_id": "f", "timestamp": old})
    assert job.counts == {
        ("repeated", "usage"): 1,
        ("late", "usage"): 1,
        ("late", "ticket"): 1,
        ("late", "survey"): 1,
    }


def test_users_beyond_the_bound_are_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.account.USERS_MAX", 3)
    monkeypatch.setattr("stream.tickets.TICKETS_MAX", 1)
    job, partition = HealthJob(TOPICS, EventClock()), Part(0)
    for number in range(5):
        fold_one(job, partition, "usage", usage(number, user_id=f"u{number}"))
    ticket = {"event_id": "e", "account_id": "acme", "status": "opened", "timestamp": DAY * DAY_MS}
    for number in range(2):
        fold_one(job, partition, "ticket", ticket | {"ticket_id": f"{number}"})
    state = partition.states["acme"]
    assert (len(state.activity.users), state.activity.overflow, state.activity.events) == (3, 2, 5)
    assert (len(state.support.tickets), state.support.overflow) == (1, 1)
    assert job.counts["overflow", "usage"] == 2
    assert job.counts["overflow", "ticket"] == 1


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


@settings(max_examples=60)
@given(st.integers(0, 1 << 32), st.integers(1, 300), st.sampled_from([1, 64, 200]))
def test_a_state_comes_back_from_the_changelog_as_it_was(seed: int, size: int, span_days: int) -> None:
    job, partition = fold(arrive(make_stream(seed, size, span_days), seed, 30, 0.2))
    for _ in job.judge(partition):
        pass
    for state in partition.states.values():
        value = encode_state(state)
        assert decode_state(value) == state
        assert encode_state(decode_state(value)) == value
        assert (job.encode(state), job.decode(value)) == (value, state)


@settings(max_examples=40)
@given(st.integers(0, 1 << 32), st.integers(2, 300), st.integers(0, 300), st.integers(1, 40))
def test_a_restart_anywhere_goes_on_where_the_state_ends(seed: int, size: int, cut: int, chunk_size: int) -> None:
    """Folding a part, keeping it as the changelog does, and folding the rest elsewhere is folding all at once."""
    events = arrive(make_stream(seed, size, 100), seed, 10, 0.3)
    whole_job, whole = fold(events, chunk_size)
    _, first = fold(events[:cut])
    second = Part(0, states={name: decode_state(encode_state(state)) for name, state in first.states.items()})
    whole_job.restored(second)
    for event in events[cut:]:
        whole_job.fold(second, TOPICS.input(event["type"]), [record(event["type"], event)])
    for name, state in whole.states.items():
        assert replace_judgement(second.states[name]) == replace_judgement(state)
    assert second.watermark_ms == whole.watermark_ms


def replace_judgement(state: AccountState) -> AccountState:
    """The facts alone."""
    return AccountState(1, state.activity, state.support, state.sentiment, state.profile)


# Judging


def test_an_account_is_judged_once_it_moved_and_published_once_it_is_news() -> None:
    job, partition = fold(month())
    (report,) = judged(job, partition)
    assert (report.account_id, report.band) == ("acme", "healthy")
    assert report.as_of == datetime.fromtimestamp((DAY * DAY_MS + 3) / 1000, UTC)
    assert judged(job, partition) == []  # nothing moved
    fold_one(job, partition, "usage", usage(99_999_999, user_id="u0", ms=50))
    assert judged(job, partition) == []  # more of the same is no news
    assert not partition.states["acme"].unjudged


def test_nothing_is_judged_on_half_of_a_backlog_and_all_of_it_after() -> None:
    """Folding goes on, what moved stays marked, and the first judgement sees everything."""
    job, partition = fold(month())
    partition.catching_up = True
    assert judged(job, partition) == []
    assert partition.states["acme"].unjudged
    partition.catching_up = False
    assert [report.account_id for report in judged(job, partition)] == ["acme"]


def test_a_report_tells_how_long_its_oldest_record_waited() -> None:
    job, partition = HealthJob(TOPICS, ManualClock(end_of_day_ms(DAY))), Part(0)
    events = month(users=1)
    job.fold(
        partition, "product-usage", [record("usage", event, n, KAFKA_MS + n) for n, event in enumerate(events[:5])]
    )
    job.fold(
        partition, "product-usage", [record("usage", event, n, KAFKA_MS + 900) for n, event in enumerate(events[5:])]
    )
    (report,) = judged(job, partition)
    assert report.ingested_at == datetime.fromtimestamp(KAFKA_MS / 1000, UTC)
    assert not partition.restless


def test_a_silent_account_falls_without_any_event() -> None:
    """Only the clock moves; the worker must find out by itself."""
    clock = ManualClock(end_of_day_ms(DAY))
    job, partition = fold(month(), clock=clock)
    reports = judged(job, partition)
    for _ in range(60):
        clock.advance(days=1)
        reports += judged(job, partition)
    bands = [report.band for report in reports]
    assert bands[0] == "healthy"
    assert bands[-1] == "critical"
    assert sorted(set(bands), key=bands.index) == ["healthy", "watch", "at_risk", "critical"]
    assert all(report.ingested_at is None for report in reports[1:])
    assert 4 <= len(reports) <= 40  # told as it falls, and then no more
    scores = [report.score or 0 for report in reports]
    assert scores == sorted(scores, reverse=True)


def test_a_tick_judges_after_its_interval_or_at_the_turn_of_the_day() -> None:
    clock = ManualClock(DAY * DAY_MS + 1)
    job, partition = fold(month(), clock=clock)
    judged(job, partition)
    ticked = partition.ticked_ms
    clock.advance(seconds=3599)
    judged(job, partition)
    assert partition.ticked_ms == ticked
    clock.advance(seconds=1)
    judged(job, partition)
    assert partition.ticked_ms == clock.current_ms
    clock.current_ms = end_of_day_ms(DAY)
    judged(job, partition)
    clock.advance(seconds=0.001)
    judged(job, partition)
    assert partition.ticked_ms == clock.current_ms == (DAY + 1) * DAY_MS


def test_a_long_silent_account_is_left_alone_by_ticks_until_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(end_of_day_ms(DAY))
    job, partition = fold(month(), clock=clock)
    judged(job, partition)
    clock.advance(days=SETTLED_MS / DAY_MS - 1)
    assert len(judged(job, partition)) == 1
    clock.advance(days=3)
    assert judged(job, partition) == []  # judged once more, and no news
    seen: list[str] = []
    monkeypatch.setattr(job, "_judge_one", lambda part, account_id, *rest: seen.append(account_id))
    clock.advance(days=1)
    judged(job, partition)
    assert seen == []
    fold_one(job, partition, "usage", usage(1, day=day_of(clock.current_ms)))
    judged(job, partition)
    assert seen == ["acme"]


def test_the_event_clock_judges_by_the_newest_event_and_the_wall_clock_by_the_wall() -> None:
    events = month()
    by_events, partition = fold(events, clock=EventClock())
    (then,) = judged(by_events, partition)
    assert then.as_of.timestamp() * 1000 == events[-1]["timestamp"]
    by_wall, partition = fold(events, clock=ManualClock(end_of_day_ms(DAY + 50)))
    (now,) = judged(by_wall, partition)
    assert day_of(round(now.as_of.timestamp() * 1000)) == DAY + 50
    assert (then.band, now.band) == ("healthy", "critical")


def test_without_any_time_the_event_clock_judges_nothing_yet() -> None:
    job, partition = fold([{"type": "account", "account_id": "acme", "name": "Acme"}])
    assert judged(job, partition) == []
    assert partition.states["acme"].unjudged
    fold_one(job, partition, "usage", usage(1, account_id="birch"))
    assert {report.account_id for report in judged(job, partition)} == {"acme", "birch"}


def test_after_a_restart_the_unjudged_are_judged_and_the_event_clock_stands_where_it_stood() -> None:
    job, partition = fold([*month("acme"), *month("birch")])
    judged(job, partition)
    fold_one(job, partition, "usage", usage(5_000_000, account_id="birch", user_id="new"))
    update = {"account_id": "acme", "owner": "dana", "timestamp": (DAY + 3) * DAY_MS}
    fold_one(job, partition, "account", update)
    again = Part(0, states={name: decode_state(encode_state(state)) for name, state in partition.states.items()})
    job.restored(again)
    assert sorted(again.restless) == [("acme", None), ("birch", None)]
    assert again.watermark_ms == partition.watermark_ms == (DAY + 3) * DAY_MS


def test_judging_yields_after_slices_and_stops_wherever_its_consumer_does() -> None:
    job, partition = fold([usage(n, account_id=f"a{n}") for n in range(120)])
    next(job.judge(partition))
    assert [output.key for output in partition.outputs] == [b"a%d" % n for n in range(50)]
    assert [account_id for account_id, _ in partition.restless] == [f"a{n}" for n in range(50, 120)]
    assert not partition.states["a0"].unjudged
    assert partition.states["a50"].unjudged
    fold_one(job, partition, "usage", usage(1_000, account_id="a0", user_id="new"))
    fold_one(job, partition, "usage", usage(1_001, account_id="a50", user_id="new"))
    assert [account_id for account_id, _ in partition.restless][-2:] == ["a119", "a0"]  # whoever waits, waits once
    assert sum(1 for _ in job.judge(partition)) == 2
    assert not partition.restless
    assert not any(state.unjudged for state in partition.states.values())


def test_a_tick_goes_on_where_it_was_beside_what_moves_and_another_begins_after_it() -> None:
    clock = ManualClock(end_of_day_ms(DAY))
    job, partition = fold([usage(n, account_id=f"a{n}") for n in range(200)], clock=clock)
    judged(job, partition)
    clock.advance(days=1)
    next(job.judge(partition))
    assert len(partition.due) == 150
    for number in range(200):
        fold_one(job, partition, "usage", usage(1_000 + number, DAY + 1, account_id=f"a{number}"))
    next(job.judge(partition))
    assert len(partition.restless) == 150
    assert len(partition.due) < 150, "accounts that keep moving don't hold up the others' tick"
    clock.advance(days=1)
    began_ms = partition.ticked_ms
    next(job.judge(partition))
    assert partition.ticked_ms == began_ms, "the next day waits until the tick is through"
    judged(job, partition)
    assert (len(partition.restless), partition.due) == (0, [])
    judged(job, partition)
    assert partition.ticked_ms == clock.current_ms


def test_history_has_one_score_a_day_and_four_weeks() -> None:
    clock = ManualClock(end_of_day_ms(DAY))
    job, partition = fold(month(), clock=clock)
    for _ in range(40):
        judged(job, partition)
        clock.advance(days=1)
        fold_one(job, partition, "account", {"account_id": "acme", "owner": f"o{clock.current_ms}"})
    (report,) = judged(job, partition)
    dates = [day for day, _ in report.history]
    assert len(dates) == 28
    assert dates == sorted(set(dates))
    assert dates[-1] == report.as_of.date().isoformat()
    assert report.history[-1][1] == report.score


@settings(max_examples=25)
@given(st.integers(0, 1 << 32), st.integers(1, 200))
def test_reports_are_the_same_whether_judged_along_the_way_or_at_the_end(seed: int, size: int) -> None:
    """But for what was published when: the numbers of a moment depend on the facts alone."""
    events = make_stream(seed, size, 60)
    job, partition = HealthJob(TOPICS, EventClock(), core_features=CORE), Part(0)
    for event in events:
        job.fold(partition, TOPICS.input(event["type"]), [record(event["type"], event)])
        for _ in job.judge(partition):
            pass
    _, at_once = fold(events)
    now_ms = max(epoch_ms(event["timestamp"]) for event in events)
    for name, state in at_once.states.items():
        expected = judge(name, state, now_ms, DEFAULT, CORE)
        found = judge(name, partition.states[name], now_ms, DEFAULT, CORE)
        assert (found.score, found.contributions, found.measures) == (
            expected.score,
            expected.contributions,
            expected.measures,
        )


# What is news

BEFORE = Judged(
    end_of_day_ms(DAY), 60.0, "watch", 0.6, 61.0, repr(Profile(name="Acme")), [], last_event_ms=end_of_day_ms(DAY)
)


def report(**fields: Any) -> HealthReport:
    plain: dict[str, Any] = {
        "account_id": "acme",
        "as_of": datetime.fromtimestamp(end_of_day_ms(DAY) / 1000, UTC),
        "score": 60.0,
        "band": "watch",
        "coverage_ratio": 0.6,
        "scorecard": "default@1",
        "reason": "steady",
        "contributions": [],
        "score_7d_ago": 61.0,
        "changes_7d": [],
        "history": [],
        "measures": {},
        "profile": Profile(name="Acme"),
        "last_event_at": datetime.fromtimestamp(end_of_day_ms(DAY) / 1000, UTC),
    }
    return HealthReport(**(plain | fields))


NEXT_DAY = datetime.fromtimestamp(end_of_day_ms(DAY + 1) / 1000, UTC)


@pytest.mark.parametrize(
    ("changes", "news"),
    [
        ({}, False),  # the same again
        ({"score": 60.9}, False),  # less than a point
        ({"score": 59.1}, False),
        ({"score": 61.0}, True),  # a point
        ({"score": 59.0}, True),
        ({"score": None}, True),  # became unknown
        ({"band": "at_risk"}, True),  # another band, even within a point
        ({"score_7d_ago": 60.1}, False),
        ({"score_7d_ago": 60.0}, True),  # the comparison moved by a point
        ({"score_7d_ago": None}, True),
        ({"coverage_ratio": 0.649}, False),
        ({"coverage_ratio": 0.65}, True),  # five percent of the scorecard more is known
        ({"profile": Profile(name="Acme Corp")}, True),
        ({"reason": "another sentence"}, False),  # words follow numbers
        ({"as_of": NEXT_DAY}, False),  # a new day alone
        ({"as_of": NEXT_DAY, "last_event_at": NEXT_DAY}, True),  # a new day with activity
        ({"last_event_at": NEXT_DAY}, True),  # the same where history arrives that is older than the last judgement
        ({"last_event_at": None, "as_of": NEXT_DAY}, False),
    ],
)
def test_news_is_what_a_person_could_notice(changes: dict[str, Any], news: bool) -> None:
    found = report(**changes)
    assert is_news(BEFORE, found, repr(found.profile)) is news


def test_a_score_that_creeps_is_news_once_it_has_gone_a_point() -> None:
    """Compared with what was published, not with the last judgement, or a slow fall would never be told."""
    assert not is_news(BEFORE, report(score=59.4), repr(Profile(name="Acme")))
    assert is_news(BEFORE, report(score=58.9), repr(Profile(name="Acme")))


def test_a_report_comes_back_from_its_topic_as_it_was() -> None:
    job, partition = fold(make_stream(3, 300, 90))
    for found in judged(job, partition):
        assert decode_report(encode_report(found)) == found


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"not json", b'{"account_id": 5}', b"\xff"])
def test_what_is_no_report_is_refused_in_words(value: bytes) -> None:
    with pytest.raises(BadEvent, match="expected a health report"):
        decode_report(value)


def test_the_job_is_made_as_the_settings_say() -> None:
    feed = FeedSettings(fields={"account_id": "org"})
    made = make_job(Settings(worker=WorkerSettings(clock="event"), feeds={"usage": feed}))
    partition = Part(0)
    event = usage(1)
    event["org"] = event.pop("account_id")
    fold_one(made, partition, "usage", event)
    assert list(partition.states) == ["acme"]
    assert [found.account_id for found in judged(made, partition)] == ["acme"]
    assert newest_ms(partition.states["acme"]) == DAY * DAY_MS
