"""Alerts and silences as the audit log tells them."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from alerts.alert_events import AlertEvent, decode_alert_event, encode_alert_event, key_of
from alerts.model import Alert
from alerts.silences import Silence
from consumers.board.alert_log import AlertLog
from tests.reports import MONDAY


def alert(number: int = 1, account_id: str = "acme", **fields: Any) -> Alert:
    plain: dict[str, Any] = {
        "alert_id": f"hl-{number}",
        "fingerprint": "f",
        "account_id": account_id,
        "account_name": account_id.title(),
        "rule": "band_entered",
        "episode": 1,
        "severity": "critical",
        "status": "open",
        "opened_at": MONDAY + timedelta(minutes=number),
        "reason": "fell into critical",
        "evidence": {},
        "opening_score": 20.0,
        "lowest_score": 20.0,
        "last_score": 20.0,
        "last_as_of": MONDAY,
        "scorecard": "default@1",
    }
    return Alert(**(plain | fields))


def step(seq: int, kind: Any, about: Alert | None, **fields: Any) -> bytes:
    account_id = about.account_id if about is not None else None
    return encode_alert_event(
        AlertEvent(seq=seq, kind=kind, at=MONDAY, reason="so", account_id=account_id, alert=about, **fields)
    )


def test_the_newest_step_is_the_state_whatever_the_order_of_the_records() -> None:
    taken = alert(acknowledged_by="ann")
    for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0, 1)):
        records = [step(1, "opened", alert()), step(2, "acknowledged", taken), step(3, "updated", taken)]
        log = AlertLog(100)
        for number in order:
            log.take(records[number])
        episode = log.get("hl-1")
        assert episode is not None
        assert episode.alert.acknowledged_by == "ann"
        assert [each.kind for each in episode.steps] == ["opened", "acknowledged", "updated"]


def test_open_ones_come_first_the_worst_and_newest_of_them_in_front() -> None:
    log = AlertLog(100)
    over = alert(9, status="resolved", resolved_at=MONDAY + timedelta(days=1))
    for seq, each in enumerate((alert(1, severity="warning"), alert(2), over, alert(3)), 1):
        log.take(step(seq, "opened", each))

    assert [each.alert.alert_id for each in log.all()] == ["hl-3", "hl-2", "hl-1", "hl-9"]
    assert [each.alert.alert_id for each in log.all(is_open=False)] == ["hl-9"]
    assert log.open_counts() == {"acme": 3}


def test_a_pending_alert_is_no_red_flag_yet() -> None:
    log = AlertLog(100)
    log.take(step(1, "opened", alert(status="pending")))

    assert log.all() == []
    assert log.open_counts() == {}


def test_a_delivery_is_a_step_of_the_alert_that_its_message_names() -> None:
    log = AlertLog(100)
    log.take(step(1, "opened", alert()))
    log.take(step(2, "delivered", None, notification_id="hl-1:opened"))

    (episode,) = log.of_account("acme")
    assert [each.kind for each in episode.steps] == ["opened", "delivered"]
    assert episode.alert.is_open


def test_of_very_many_the_oldest_that_is_over_is_forgotten_and_an_open_one_never() -> None:
    log = AlertLog(2)
    log.take(step(1, "opened", alert(1)))
    log.take(step(2, "resolved", alert(2, "birch", status="resolved", resolved_at=MONDAY)))
    log.take(step(3, "opened", alert(3, "cedar")))

    assert {each.alert.alert_id for each in log.all()} == {"hl-1", "hl-3"}
    assert log.of_account("birch") == []


def test_silences_that_hold_are_told_and_the_one_over_an_alert_is_found() -> None:
    log = AlertLog(2)
    silence = Silence(
        silence_id="s",
        by="ann",
        why="migration",
        starts_at=MONDAY,
        ends_at=MONDAY + timedelta(days=1),
        account_id="acme",
    )
    log.take(step(1, "silence_added", None, silence=silence))

    assert log.silences(MONDAY) == [silence]
    assert log.silence_over(alert(), MONDAY) == silence
    assert log.silence_over(alert(account_id="birch"), MONDAY) is None
    ended = msgspec.structs.replace(silence, ends_at=MONDAY + timedelta(hours=1))
    log.take(step(2, "silence_expired", None, silence=ended))
    assert log.silences(MONDAY + timedelta(hours=2)) == []


def test_steps_that_are_erased_take_their_alert_with_them_and_leave_others() -> None:
    log = AlertLog(100)
    records = {}
    for seq, about in ((1, alert(1)), (2, alert(2)), (3, alert(3, "birch"))):
        value = step(seq, "opened", about)
        records[seq] = key_of(about.account_id, decode_alert_event(value)).encode(), value
        log.take(value, records[seq][0])
    assert log.take(None, records[1][0]) == "acme"
    assert [each.alert.alert_id for each in log.of_account("acme")] == ["hl-2"]
    log.take(None, records[2][0])
    assert log.of_account("acme") == []
    assert log.of_account("birch")


def test_notes_of_an_account_are_kept_the_newest_first_once_and_erased_with_it() -> None:
    log, records = AlertLog(2), []
    for seq, account_id in ((1, "acme"), (3, "acme"), (2, "acme"), (3, "acme"), (4, "birch"), (5, "cedar")):
        note = AlertEvent(seq=seq, kind="noted", at=MONDAY, reason=f"note {seq}", account_id=account_id)
        note = msgspec.structs.replace(note, command_id=f"c{seq}")
        records.append((key_of(account_id, note).encode(), encode_alert_event(note)))
        assert log.take(records[-1][1], records[-1][0]) == account_id
        if account_id == "birch":
            assert [each.reason for each in log.notes_of("acme")] == ["note 3", "note 2", "note 1"]
            assert log.take(None, records[1][0]) == "acme"
            assert [each.reason for each in log.notes_of("acme")] == ["note 2", "note 1"]
    assert log.notes_of("acme") == [], "of more accounts than are kept whose was noted longest ago goes"
    assert [each.reason for each in log.notes_of("cedar")] == ["note 5"]
    assert log.all() == [], "a note is no alert"


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff", b"[]"])
def test_what_is_no_step_is_passed_over(value: bytes | None) -> None:
    assert AlertLog(2).take(value) is None
