"""Commands and silences: what is accepted, what is refused and with which words, and what a silence matches."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.commands import (
    COMMAND_NAMES,
    Acknowledge,
    AddNote,
    AddSilence,
    Command,
    ExpireSilence,
    GiveVerdict,
    Resolve,
    Snooze,
    StartPlay,
    decode_command,
    encode_command,
)
from alerts.evaluation import evaluate_rules
from alerts.model import Alert
from alerts.silences import Silence, silence_over
from stream.contracts.errors import BadEvent
from tests.paged import RULES
from tests.reports import MONDAY, make_report

BASE: dict[str, Any] = {"command_id": "c1", "by": "ann", "at": MONDAY}
ON: dict[str, Any] = BASE | {"account_id": "acme", "alert_id": "hl-1"}
HOUR = timedelta(hours=1)


def silence(**fields: Any) -> Silence:
    """A silence from Monday nine to ten."""
    plain: dict[str, Any] = {
        "silence_id": "s1",
        "by": "ann",
        "why": "migration",
        "starts_at": MONDAY,
        "ends_at": MONDAY + HOUR,
    }
    return Silence(**(plain | fields))


COMMANDS: list[Command] = [
    Acknowledge(**ON, note="on it"),
    Snooze(**ON, until=MONDAY + HOUR),
    Resolve(**ON),
    GiveVerdict(**ON, verdict="not_valid", note="they are on holiday"),
    StartPlay(**ON, play="call_champion"),
    AddNote(**BASE, account_id="acme", note="the sponsor moves to Berlin"),
    AddSilence(**BASE, silence=silence(segment="smb")),
    ExpireSilence(**BASE, silence_id="s1"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_command_comes_back_as_it_was(command: Command) -> None:
    assert decode_command(encode_command(command)) == command
    assert command.key in ("acme", "s1")


def test_every_command_has_its_name() -> None:
    names = tuple(type(command).__struct_config__.tag for command in COMMANDS)
    assert names == COMMAND_NAMES


BAD = [
    (b"", "truncated"),
    (b"[]", "object"),
    (b'{"command":"explode"}', "explode"),
    (b'{"command":"acknowledge","command_id":"c","by":"a","at":"2026-03-02T09:00:00Z","account_id":"x"}', "alert_id"),
    (b'{"command":"expire_silence","command_id":"c","by":"","at":"2026-03-02T09:00:00Z","silence_id":"s"}', "by"),
    (b'{"command":"expire_silence","command_id":"c","by":"a","at":"2026-03-02T09:00:00","silence_id":"s"}', "timezone"),
    (b'{"command":"expire_silence","command_id":"c","by":"a","at":"2026-03-02T09:00:00Z","silence_id":"s","x":1}', "x"),
    (b"[" * 100_000, "object"),
    (b"\xff", ""),
]


@pytest.mark.parametrize(("value", "said"), BAD)
def test_what_is_no_command_is_refused_by_name(value: bytes, said: str) -> None:
    with pytest.raises(BadEvent, match="not_a_command") as raised:
        decode_command(value)
    assert said in raised.value.detail


@pytest.mark.parametrize(
    ("fields", "said"),
    [({}, "at least one"), ({"segment": "smb", "ends_at": MONDAY}, "after starts_at")],
    ids=["no matcher", "no time"],
)
def test_a_silence_needs_a_matcher_and_a_time(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        silence(**fields)


def an_alert(**fields: Any) -> Alert:
    """A warning of acme's, in the mid-market, Dana's."""
    step = evaluate_rules(None, make_report(score=40, **fields), RULES, MONDAY).changes[0]
    assert step.alert is not None
    return step.alert


MATCHES: list[tuple[str, dict[str, Any], bool]] = [
    ("by account", {"account_id": "acme"}, True),
    ("by another account", {"account_id": "globex"}, False),
    ("by segment", {"segment": "mid-market"}, True),
    ("by owner", {"owner": "Dana Fields"}, True),
    ("by rule", {"rule": "breadth_collapsed"}, True),
    ("by severity", {"severity": "warning"}, True),
    ("by another severity", {"severity": "critical"}, False),
    ("all of several must match", {"segment": "mid-market", "owner": "Sam Rivers"}, False),
    ("a whole value, not a part of it", {"segment": "mid"}, False),
]


@pytest.mark.parametrize(("why", "matchers", "expected"), MATCHES, ids=[row[0] for row in MATCHES])
def test_what_a_silence_matches(why: str, matchers: dict[str, Any], expected: bool) -> None:
    assert silence(**matchers).matches(an_alert()) is expected, why


def test_of_several_silences_the_one_that_ends_last_holds_and_none_after_its_end() -> None:
    short, long = (
        silence(account_id="acme"),
        silence(silence_id="s2", rule="breadth_collapsed", ends_at=MONDAY + 2 * HOUR),
    )
    alert = an_alert()
    assert silence_over(alert, [short, long], MONDAY) == long
    assert silence_over(alert, [short], MONDAY + HOUR) is None
    assert silence_over(alert, [short], MONDAY - timedelta(seconds=1)) is None
    assert silence_over(alert, [silence(account_id="x")], datetime.now(UTC)) is None
