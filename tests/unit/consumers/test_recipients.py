"""Whom to tell of a step: by the routes, and whoever was told of the episode before."""

from datetime import timedelta
from typing import Any

import pytest

from alerts.apply_command import apply_command
from alerts.commands import Acknowledge, Snooze
from alerts.context import AlertContext
from alerts.evaluation import AccountEvaluation, delete_account, evaluate_rules
from alerts.model import AccountRecord
from alerts.routing import OneOf, Route, Routes
from consumers.alerting.outbox import OutboxEntry
from consumers.alerting.recipients import NOBODY, Recipients
from stream.contracts.report import Profile
from tests.paged import PAGED, RULES
from tests.reports import MONDAY, make_report

NOW_MS = 1_800_000_000_000
BY_OWNER = Routes(
    (
        Route("dana's", ("dana",), (OneOf("owner", ("Dana",)),)),
        Route("critical", ("pager", "slack"), (OneOf("severity", ("critical",)),)),
        Route("everything else", ("slack",)),
    )
)


def always(kind: str) -> bool:
    return True


TELLING = Recipients(BY_OWNER, {"dana": always, "pager": always, "slack": always})


def turn(
    record: AccountRecord | None, score: float, day: int, owner: str, recipients: Recipients = TELLING
) -> tuple[AccountEvaluation, list[OutboxEntry]]:
    """One report on one day, evaluated and told."""
    now = MONDAY + timedelta(days=day)
    report = make_report(score=score, as_of=now, profile=Profile(name="Acme Corp", owner=owner))
    evaluation = evaluate_rules(record, report, RULES, now, AlertContext(PAGED.lifecycle))
    return recipients.entries_of(evaluation, report, now, now_ms=NOW_MS, ingested_ms=NOW_MS - 900, partition=3)


def told(entries: list[OutboxEntry]) -> list[tuple[str, str]]:
    return [(item.receiver, item.notification.kind) for item in entries]


def test_whoever_was_told_of_the_opening_hears_of_the_end() -> None:
    """Even when the account has another owner by then; the new owner's receiver hears of what is new to it."""
    opened, first = turn(None, 40, 0, "Dana")
    worse, second = turn(opened.record, 10, 1, "Ada")
    over, third = turn(worse.record, 80, 2, "Ada")
    assert told(first) == [("dana", "opened")]
    assert told(second) == [("dana", "updated"), ("pager", "updated"), ("slack", "updated")]
    assert told(third) == [("dana", "resolved"), ("pager", "resolved"), ("slack", "resolved")]
    assert over.record is not None
    assert over.record.alert is not None
    assert over.record.alert.notified_receivers == ["dana", "pager", "slack"]


def test_a_deleted_account_is_told_to_those_who_know_of_it() -> None:
    """Nothing says any more whose it was."""
    opened, _ = turn(None, 40, 0, "Dana")
    _, last = TELLING.entries_of(delete_account(opened.record, MONDAY), None, MONDAY, now_ms=NOW_MS)
    assert ("dana", "resolved") in told(last)


def test_a_new_episode_starts_with_those_whom_the_routes_name_now() -> None:
    record = None
    for day, score, owner in [(0, 40, "Dana"), (1, 80, "Dana"), (9, 40, "Ada")]:
        evaluation, entries = turn(record, score, day, owner)
        record = evaluation.record
    assert told(entries) == [("slack", "opened")]


def test_a_receiver_is_spared_the_kinds_of_steps_that_it_does_not_tell() -> None:
    """It still counts as told: an opening it passed over may be followed by an end that it tells."""
    recipients = Recipients(BY_OWNER, {"slack": lambda kind: kind == "resolved"})
    opened, first = turn(None, 40, 0, "Ada", recipients)
    _, second = turn(opened.record, 80, 1, "Ada", recipients)
    assert (told(first), told(second)) == ([], [("slack", "resolved")])


def test_nothing_to_tell_changes_nothing() -> None:
    """The usual report costs nothing more."""
    evaluation, entries = turn(None, 90, 0, "Ada")
    assert entries == []
    again, _ = NOBODY.entries_of(evaluation, None, MONDAY, now_ms=NOW_MS)
    assert again is evaluation


def test_a_notification_says_where_its_account_is_and_when_its_oldest_event_came() -> None:
    _, (item,) = turn(None, 40, 0, "Ada")
    assert (item.partition, item.created_ms, item.ingested_ms) == (3, NOW_MS, NOW_MS - 900)
    assert item.id == item.notification.id
    assert item.notification.account_id == "acme"
    assert item.notification.owner == "Ada"


@pytest.mark.parametrize("kind", ["acknowledged", "snoozed"])
def test_who_has_taken_an_alert_on_is_shown_to_those_who_know_of_it(kind: str) -> None:
    """With a line that says who; a receiver that tells no such step is spared."""
    recipients = Recipients(BY_OWNER, {"dana": always, "pager": lambda step: step != kind, "slack": always})
    opened, _ = turn(None, 10, 0, "Ada", recipients)
    assert opened.record is not None
    alert = opened.record.alert
    assert alert is not None
    common: dict[str, Any] = {"command_id": "c1", "by": "ann <!here>", "at": MONDAY, "account_id": "acme"}
    common["alert_id"] = alert.alert_id
    until = MONDAY + timedelta(days=7)
    command = Acknowledge(**common) if kind == "acknowledged" else Snooze(**common, until=until)
    report = make_report(score=10, profile=Profile(name="Acme Corp", owner="Ada"))
    evaluation, (item,) = recipients.entries_of(
        apply_command(opened.record, command, MONDAY), report, MONDAY, now_ms=NOW_MS, partition=3
    )
    assert (item.receiver, item.notification.kind, item.notification.by) == ("slack", kind, "ann <!here>")
    assert item.id == f"{alert.alert_id}:{kind}:c1"
    assert item.after == alert.last_notification
    assert "✋  ann &lt;!here&gt;" in item.notification.message["blocks"][-2]["elements"][0]["text"]
    assert evaluation.transitions[0].notification_id is None, "people are not told anew"


def test_what_nobody_was_told_of_is_not_shown_either() -> None:
    """An alert that is held back may be acknowledged from the command line."""
    opened, _ = turn(None, 10, 0, "Ada", Recipients(Routes(), {}))
    assert opened.record is not None
    assert opened.record.alert is not None
    alert_id = opened.record.alert.alert_id
    command = Acknowledge(command_id="c1", by="ann", at=MONDAY, account_id="acme", alert_id=alert_id)
    evaluation = apply_command(opened.record, command, MONDAY)
    assert TELLING.entries_of(evaluation, make_report(score=10), MONDAY, now_ms=NOW_MS)[1] == []
