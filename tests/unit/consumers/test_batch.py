"""From records to changes: what is evaluated, what is passed over, and what is told."""

import json
from datetime import timedelta
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from alerts.alert_events import AlertEvent
from alerts.commands import AddNote
from alerts.context import AlertContext
from alerts.model import AccountRecord
from alerts.routing import everything_to
from consumers.alerting.batch import Batch, BatchResult, decode_batch, evaluate_batch
from consumers.alerting.recipients import NOBODY, Recipients
from consumers.alerting.state import LoadedState
from stream.contracts.report import HealthReport, encode_report
from tests.logged import logged
from tests.paged import PAGED
from tests.reports import MONDAY, make_report

NOW_MS = 1_800_000_000_000
TO_SLACK = Recipients(everything_to("slack"), {"slack": lambda kind: True})


class Item(NamedTuple):
    """A record."""

    key: bytes | None
    value: bytes | None
    offset: int = 7
    topic: str = "account-health"
    partition: int = 2
    timestamp: int = 1_700_000_000_000


def record_of(report: HealthReport) -> Item:
    """A report's record."""
    return Item(report.account_id.encode(), encode_report(report))


def run(*records: Item, known: dict[str, AccountRecord] | None = None, event_clock: bool = True) -> BatchResult:
    """Decode and evaluate."""
    return evaluate_batch(
        decode_batch(records),
        LoadedState(known or {}),
        PAGED,
        next_offset=8,
        now_ms=NOW_MS,
        event_clock=event_clock,
        recipients=TO_SLACK,
    )


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (None, b"{}", "expected the account_id as the key"),
        (b"", b"{}", "expected the account_id as the key"),
        (b"\xff", b"{}", "UTF-8"),
        (b"acme", b"", "not_a_report"),
        (b"acme", b"{not json", "not_a_report"),
        (b"acme", b"[]", "not_a_report"),
        (b"acme", b"\xff\xfe", "not_a_report"),
        (b"acme", encode_report(make_report("globex")), "'globex'"),
        (b"acme", encode_report(make_report("acme", as_of=MONDAY.replace(tzinfo=None))), "time zone"),
    ],
)
def test_poison_is_named_with_its_place_and_stops_no_other(
    key: bytes | None, value: bytes, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The record before and the one after are evaluated."""
    result = run(record_of(make_report("a")), Item(key, value), record_of(make_report("b")))
    assert list(result.changes.records) == ["a", "b"]
    assert result.outcomes == ["evaluated", "poison", "evaluated"]
    (line,) = logged(caplog, topic="account-health", partition=2, offset=7)
    assert said in line["error"]


def with_other_words(report: HealthReport) -> Item:
    """A report whose view is fine, and whose reasons are no reasons."""
    fields = json.loads(encode_report(report)) | {"contributions": "none"}
    return Item(report.account_id.encode(), json.dumps(fields).encode())


def test_a_report_is_read_in_full_only_where_somebody_is_told_of_it() -> None:
    """What decides is read of each one. Where the rest can't be read, nothing is told of it and nothing changes."""
    quiet = with_other_words(make_report("quiet"))
    result = run(quiet, with_other_words(make_report("falls", 40)), record_of(make_report("fine")))
    assert result.outcomes == ["evaluated", "poison", "evaluated"]
    assert result.changes.records.keys() == result.changes.reports.keys() == {"quiet", "fine"}
    assert result.changes.reports["quiet"] == quiet.value
    assert result.steps == []


def test_several_reports_of_one_account_in_a_batch_follow_each_other() -> None:
    """Each sees what the one before it left."""
    reports = [make_report(score=score, as_of=MONDAY + timedelta(days=day)) for day, score in enumerate([80, 40, 70])]
    result = run(*map(record_of, reports))
    assert [step.kind for step, _ in result.steps] == ["opened", "resolved"]
    assert [note.after is None for note in result.changes.entries] == [True, False]
    assert result.changes.reports["acme"] == encode_report(reports[-1])
    assert result.outcomes == ["evaluated"] * 3


def test_a_note_is_in_the_log_and_moves_nothing_and_one_about_nobody_is_refused() -> None:
    """Whether or not the account has an alert."""
    known = run(record_of(make_report(score=80))).changes.records["acme"]
    assert known is not None
    batch = Batch(
        LoadedState({"acme": known}), PAGED, AlertContext(), TO_SLACK, partition=2, next_offset=8, now_ms=NOW_MS
    )
    for number, account_id in enumerate(["acme", "acme", "acmee"]):
        note = AddNote(command_id=f"c{number}", by="ann", at=MONDAY, account_id=account_id, note="moves in May")
        batch.note(note, MONDAY)
    batch.commands_until(9)
    steps = [step for _, step in batch.result.changes.steps if isinstance(step, AlertEvent)]
    assert [(step.kind, step.seq - NOW_MS, step.reason) for step in steps] == [
        ("noted", 0, "moves in May"),
        ("noted", 1, "moves in May"),
        ("refused", 0, "there is no account 'acmee'"),
    ]
    assert [step.commands_offset for step in steps] == [9, 9, 9]
    assert batch.result.changes.records == {"acme": replace(known, seq=NOW_MS + 1)}
    assert batch.result.changes.entries == []


def test_deleted_and_come_back_within_a_batch() -> None:
    """The tombstone ends the episode; what comes after begins anew."""
    again = make_report(score=40, as_of=MONDAY + timedelta(days=1))
    result = run(record_of(make_report(score=40)), Item(b"acme", None), record_of(again))
    assert [step.kind for step, _ in result.steps] == ["opened", "resolved", "opened"]
    assert result.outcomes == ["evaluated", "deleted", "evaluated"]
    assert len({note.id for note in result.changes.entries}) == 3


def test_an_older_report_is_counted_and_changes_nothing() -> None:
    """Neither the record nor the latest report."""
    newer = run(record_of(make_report(score=80))).changes.records["acme"]
    assert newer is not None
    result = run(record_of(make_report(score=20, as_of=MONDAY - timedelta(days=1))), known={"acme": newer})
    assert result.outcomes == ["older"]
    assert result.changes.records == {}
    assert result.changes.reports == {}
    assert result.changes.next_offset == 8


@pytest.mark.parametrize("event_clock", [True, False])
def test_the_clock_decides_when_an_alert_opened(event_clock: bool) -> None:
    """On the event clock a replay of last year's history opens last year's alerts."""
    ((step, _),) = run(record_of(make_report(score=40)), event_clock=event_clock).steps
    assert step.alert is not None
    assert (step.alert.opened_at == MONDAY) is event_clock
    assert (int(step.alert.opened_at.timestamp() * 1000) == NOW_MS) is not event_clock


def test_without_a_receiver_alerts_are_kept_and_nobody_is_told() -> None:
    """Or the outbox would fill for ever."""
    incoming = decode_batch([record_of(make_report(score=40))])
    result = evaluate_batch(
        incoming, LoadedState({}), PAGED, next_offset=1, now_ms=NOW_MS, event_clock=False, recipients=NOBODY
    )
    assert len(result.steps) == 1
    assert result.changes.entries == []


def test_a_notification_carries_when_its_oldest_event_reached_kafka() -> None:
    """So that the delay from event to delivery can be measured."""
    report = make_report(score=40, ingested_at=MONDAY)
    (note,) = run(record_of(report)).changes.entries
    assert note.ingested_ms == int(MONDAY.timestamp() * 1000)
    (note,) = run(record_of(make_report(score=40))).changes.entries
    assert note.ingested_ms is None


def test_a_reminder_is_not_measured_from_the_event_behind_the_last_report() -> None:
    """Time brought it; from that event on days have passed, and none of them was lost on the way."""
    report = make_report(score=10, ingested_at=MONDAY)
    opened = run(record_of(report)).changes.records["acme"]
    assert opened is not None
    config = PAGED
    known = LoadedState({"acme": opened}, {"acme": report})
    context = AlertContext(config.lifecycle)
    batch = Batch(known, config, context, TO_SLACK, partition=2, next_offset=9, now_ms=NOW_MS)

    batch.time("acme", MONDAY + timedelta(days=30))

    (note,) = batch.result.changes.entries
    assert (note.notification.kind, note.ingested_ms) == ("reminded", None)
