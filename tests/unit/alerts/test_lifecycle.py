"""The life of a red flag that is a page, as tables of lives; `tests.scenarios` says how to read them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.alert_events import AlertChange
from alerts.config import AlertingConfig
from alerts.follow_up import action_of
from alerts.messages.compose import make_notification
from alerts.messages.plain_text import as_text
from alerts.notification import BY_HAND
from alerts.silences import Silence
from tests.scenarios import Life, check, moment


@dataclass(frozen=True)
class Row:
    """One life, and why it is as it is."""

    why: str
    given: str
    expect: str
    until: str = "d6 00:00"
    lifecycle: dict[str, Any] | None = None
    rules: dict[str, Any] | None = None
    silence: Silence | None = None


# Every signal of the rule is a page, however often, and what nobody acknowledges is repeated.
PAGED = {"channel": "page"}
PLAIN = {
    "reopen_within_hours": 72,
    "pages": {"every_days": 0},
    "reminders": {"severities": ["warning", "critical"], "every_days": 7},
}
NIGHT = {"quiet": {"starts_at": "20:00", "ends_at": "08:00"}}
WEEK = {"quiet": {"working_days": ["mon", "tue", "wed", "thu", "fri"]}}
BERLIN = {"quiet": {"starts_at": "20:00", "ends_at": "08:00", "owners": {"Dana Fields": "Europe/Berlin"}}}
SILENT = Silence(
    silence_id="s1",
    by="ann",
    why="migration",
    starts_at=moment("d1 00:00"),
    ends_at=moment("d2 12:00"),
    segment="mid-market",
)

ROWS = [
    Row(
        "told once, resolved once",
        "d1 09:00 users 10\nd1 12:00 users 9\nd3 09:00 users 18",
        "d1 09:00 opened warning\nd3 09:00 resolved",
    ),
    Row(
        "worse is told, better is not",
        "d1 09:00 users 10\nd2 09:00 users 4\nd3 09:00 users 10",
        "d1 09:00 opened warning\nd2 09:00 updated critical",
    ),
    Row(
        "for: broken long enough, without another report",
        "d1 09:00 users 10",
        "d2 09:00 opened warning",
        rules={"breadth_collapsed": {"for_hours": 24}},
    ),
    Row(
        "for: kept again before that: nothing",
        "d1 09:00 users 10\nd1 20:00 users 18\nd2 08:00 users 10\nd2 20:00 users 18",
        "",
        rules={"breadth_collapsed": {"for_hours": 24}},
    ),
    Row(
        "keep firing: over only when it has lasted, without another report",
        "d1 09:00 users 10\nd2 09:00 users 18",
        "d1 09:00 opened warning\nd2 21:00 resolved",
        rules={"breadth_collapsed": {"keep_firing_hours": 12}},
    ),
    Row(
        "keep firing: broken again meanwhile: still the same red flag",
        "d1 09:00 users 10\nd2 09:00 users 18\nd2 15:00 users 10",
        "d1 09:00 opened warning",
        until="d4 00:00",
        rules={"breadth_collapsed": {"keep_firing_hours": 12}},
    ),
    Row(
        "back within three days: the same episode, told as come back",
        "d1 09:00 users 10\nd2 09:00 users 18\nd4 09:00 users 10",
        "d1 09:00 opened warning\nd2 09:00 resolved\nd4 09:00 reopened warning",
    ),
    Row(
        "back after more than three days: a new episode",
        "d1 09:00 users 10\nd2 09:00 users 18\nd5 10:00 users 10",
        "d1 09:00 opened warning\nd2 09:00 resolved\nd5 10:00 opened warning",
    ),
    Row(
        "reminded once a week while nobody acknowledges, twice, and then no more",
        "d1 09:00 users 10",
        "d1 09:00 opened warning\nd8 09:00 reminded\nd15 09:00 reminded",
        until="d90 00:00",
    ),
    Row(
        "after two reminders without an answer the owner's manager is told, once",
        "d1 09:00 users 10",
        "d1 09:00 opened warning\nd8 09:00 reminded\nd15 09:00 reminded\nd22 09:00 escalated",
        until="d90 00:00",
        lifecycle={"reminders": {"severities": ["warning"], "managers": {"Dana Fields": "Ada Manager"}}},
    ),
    Row(
        "what is no page is told by nobody but the digest",
        "d1 09:00 users 10\nd9 09:00 users 18",
        "",
        until="d90 00:00",
        rules={"breadth_collapsed": {"channel": "digest"}},
    ),
    Row(
        "what becomes a page later is told then, as opened",
        "d1 09:00 users 10\nd3 09:00 users 4",
        "d3 09:00 opened critical",
        rules={"breadth_collapsed": {"channel": "digest"}},
    ),
    Row(
        "page budget: back within it is told when it allows, if it is still true then",
        "d1 09:00 users 10\nd2 09:00 users 18\nd10 09:00 users 10",
        "d1 09:00 opened warning\nd2 09:00 resolved\nd31 09:00 opened warning\nd38 09:00 reminded",
        until="d40 00:00",
        lifecycle={"pages": {"every_days": 30}, "reopen_within_hours": 72},
    ),
    Row(
        "page budget: came and went within it, nobody is told",
        "d1 09:00 users 10\nd2 09:00 users 18\nd10 09:00 users 10\nd12 09:00 users 18",
        "d1 09:00 opened warning\nd2 09:00 resolved",
        until="d40 00:00",
        lifecycle={"pages": {"every_days": 30}},
    ),
    Row(
        "page budget: worse than the last page is told at once",
        "d1 09:00 users 10\nd2 09:00 users 18\nd10 09:00 users 4",
        "d1 09:00 opened warning\nd2 09:00 resolved\nd10 09:00 opened critical",
        until="d12 00:00",
        lifecycle={"pages": {"every_days": 30}},
    ),
    Row(
        "what is still so after half a year is a page again, where somebody was there meanwhile",
        "d1 09:00 knows mau=10 mau_previous=20\nd90 09:00 knows mau=10 mau_previous=20 days_since_active=3",
        "d1 09:00 opened warning\nd181 09:00 updated warning",
        until="d300 00:00",
        lifecycle={"reminders": {"reminders_max": 0}},
    ),
    Row(
        "who is silent since the page was told of once, however long it lasts",
        "d1 09:00 knows mau=10 mau_previous=20 days_since_active=0\nd90 09:00 knows mau=10 days_since_active=89",
        "d1 09:00 opened warning",
        until="d900 00:00",
        lifecycle={"reminders": {"reminders_max": 0}},
    ),
    Row(
        "acknowledged: no reminder; worse and over are told",
        "d1 09:00 users 10\nd1 10:00 acknowledge\nd10 09:00 users 4\nd12 09:00 users 18",
        "d1 09:00 opened warning\nd10 09:00 updated critical\nd12 09:00 resolved",
        until="d20 00:00",
    ),
    Row(
        "snoozed: what got worse meanwhile is told when the snooze ends, by the clock alone",
        "d1 09:00 users 10\nd1 10:00 snooze d3 10:00\nd2 09:00 users 4",
        "d1 09:00 opened warning\nd3 10:00 updated critical",
    ),
    Row(
        "snoozed: over meanwhile is told when the snooze would have ended it: at once, for a closed flag has no snooze",
        "d1 09:00 users 10\nd1 10:00 snooze d3 10:00\nd2 09:00 users 18",
        "d1 09:00 opened warning\nd2 09:00 resolved",
    ),
    Row(
        "night: held until the morning",
        "d1 22:00 users 10",
        "d2 08:00 opened warning",
        lifecycle=NIGHT,
    ),
    Row(
        "night: came and went, nobody is told",
        "d1 22:00 users 10\nd2 03:00 users 18",
        "",
        lifecycle=NIGHT,
    ),
    Row(
        "night: over and back again is no news in the morning",
        "d1 12:00 users 10\nd1 22:00 users 18\nd2 03:00 users 10",
        "d1 12:00 opened warning",
        lifecycle=NIGHT,
    ),
    Row(
        "night: critical is told at any time",
        "d1 22:00 users 4",
        "d1 22:00 opened critical",
        until="d4 00:00",
        lifecycle=NIGHT,
    ),
    Row(
        "night where the owner lives: Berlin's 20:00 is 19:00 UTC in winter, and its morning 07:00",
        "d1 19:30 users 10",
        "d2 07:00 opened warning",
        lifecycle=BERLIN,
    ),
    Row(
        "weekend: held until Monday",
        "d6 09:00 users 10",
        "d8 00:00 opened warning",
        until="d9 00:00",
        lifecycle=WEEK,
    ),
    Row(
        "silenced: told when the silence ends, if it is still true",
        "d1 09:00 users 10",
        "d2 12:00 opened warning",
        silence=SILENT,
    ),
    Row("silenced: over before the silence ends: nothing", "d1 09:00 users 10\nd2 09:00 users 18", "", silence=SILENT),
    Row(
        "an incident of the pipeline: held, evaluated again afterwards",
        "d1 09:00 incident begins\nd1 09:10 users 10\nd1 11:00 incident ends\nd1 11:01 again",
        "d1 11:00..11:02 opened warning",
        until="d3 00:00",
    ),
    Row(
        "an incident of the pipeline: it was the data",
        "d1 09:00 incident begins\nd1 09:10 users 4\nd1 10:00 users 18\nd1 11:00 incident ends",
        "",
    ),
    Row(
        "closed by hand: told, and the same trouble stays closed",
        "d1 09:00 users 10\nd1 10:00 resolve\nd2 09:00 users 9\nd3 09:00 users 10",
        "d1 09:00 opened warning\nd1 10:00 resolved",
    ),
    Row(
        "closed by hand: worse opens it again",
        "d1 09:00 users 10\nd1 10:00 resolve\nd2 09:00 users 4",
        "d1 09:00 opened warning\nd1 10:00 resolved\nd2 09:00 reopened critical",
        until="d4 00:00",
    ),
    Row(
        "closed by hand: well in between, then in trouble again",
        "d1 09:00 users 10\nd1 10:00 resolve\nd2 09:00 users 18\nd3 09:00 users 10",
        "d1 09:00 opened warning\nd1 10:00 resolved\nd3 09:00 reopened warning",
    ),
    Row(
        "a play: whoever started it hears 7, 30 and 90 days later how it went",
        "d1 09:00 users 10\nd2 09:00 start_play call_champion\nd5 09:00 users 18",
        "d1 09:00 opened warning\nd5 09:00 resolved\n"
        "d9 09:00 followed_up\nd32 09:00 followed_up\nd92 09:00 followed_up",
        until="d200 00:00",
    ),
    Row(
        "without a play nobody is asked how it went",
        "d1 09:00 users 10\nd5 09:00 users 18",
        "d1 09:00 opened warning\nd5 09:00 resolved",
        until="d200 00:00",
    ),
    Row(
        "a verdict changes no message",
        "d1 09:00 users 10\nd1 10:00 verdict not_valid\nd2 09:00 users 18",
        "d1 09:00 opened warning\nd2 09:00 resolved",
    ),
]


def live(row: Row) -> Life:
    """Live a row."""
    rules = {"breadth_collapsed": {**PAGED, **(row.rules or {}).get("breadth_collapsed", {})}}
    config = AlertingConfig.model_validate({"lifecycle": {**PLAIN, **(row.lifecycle or {})}, "rules": rules})
    life = Life(config, (row.silence,) if row.silence is not None else ())
    life.live(row.given, row.until)
    return life


@pytest.mark.parametrize("row", ROWS, ids=[row.why for row in ROWS])
def test_a_life(row: Row) -> None:
    """The messages are those of the table, and each decision has its reason."""
    life = live(row)
    check(life.told(), row.expect)
    assert all(step.reason for _, step in life.transitions)
    names = [step.notification_id for _, step in life.transitions if step.notification_id is not None]
    assert len(names) == len(set(names)), "each message has its own name"


# Every transition of a red flag, a life that ends with it, and the first line of what people read then.
LOST = "Acme Corp has lost most of its users"
FELL = "monthly users fell from 20 to"
TRANSITIONS: list[tuple[AlertChange, str, str | None]] = [
    ("opened", "d1 09:00 users 10", f"🚩 {LOST}: {FELL} 10"),
    ("updated", "d1 09:00 users 10\nd2 09:00 users 4", f"🚨 {LOST}: {FELL} 4"),
    ("resolved", "d1 09:00 users 10\nd2 09:00 users 18", "✅ Acme Corp: 18 of 20 monthly users are back"),
    ("reopened", "d1 09:00 users 4\nd2 09:00 users 18\nd3 09:00 users 9", f"🚩 {LOST} again: {FELL} 9"),
    ("reminded", "d1 09:00 users 10\nd8 09:01 users 9", f"⏰ {LOST}: {FELL} 10; nobody is on it yet"),
    (
        "escalated",
        "d1 09:00 users 10\nd22 09:01 users 10",
        f"⏰ For the manager of Dana Fields: {LOST}: {FELL} 10; nobody is on it after 2 reminders",
    ),
    (
        "notified",
        "d1 09:00 users 10\nd1 09:01 incident begins\nd1 10:00 users 4\nd1 11:00 incident ends\nd1 11:01 again",
        f"🚨 {LOST}: {FELL} 4",
    ),
    ("signal_joined", "d1 09:00 users 10\nd2 09:00 users 10 champions=2 champions_gone=1", None),
    ("acknowledged", "d1 09:00 users 10\nd1 10:00 acknowledge", "✋  ann is on it"),
    ("snoozed", "d1 09:00 users 10\nd1 10:00 snooze d3 10:00", "✋  ann snoozed it until 4 Mar, 10:00 UTC"),
    ("verdict", "d1 09:00 users 10\nd1 10:00 verdict valid", None),
    ("play_started", "d1 09:00 users 10\nd1 10:00 start_play call", None),
    ("refused", "d1 09:00 users 10\nd1 10:00 snooze d1 09:00", None),
    ("followed_up", "d1 09:00 users 10\nd1 10:00 start_play call\nd8 10:01 users 10", "🔎 Acme Corp: did it help?"),
]


@pytest.mark.parametrize(("kind", "given", "line"), TRANSITIONS, ids=[kind for kind, *_ in TRANSITIONS])
def test_each_transition_has_its_message(kind: AlertChange, given: str, line: str | None) -> None:
    """What a person did is a line in the message that is there; a signal that joins is for the daily digest."""
    lifecycle = {"reminders": {"severities": ["warning"], "managers": {"Dana Fields": "Ada Manager"}}}
    life = live(Row(kind, given, "", until=" ".join(given.splitlines()[-1].split()[:2]), lifecycle=lifecycle))
    (step,) = [step for _, step in life.transitions if step.kind == kind]
    assert (step.notification_id is not None) == (line is not None and kind not in BY_HAND), step
    if line is not None:
        assert life.report is not None
        named = replace(step, notification_id=step.notification_id or "of the receivers that know of it")
        message = make_notification(named, life.report, AccountFacts(life.report, life.now), {}).message
        lines = as_text(message).splitlines()
        assert any(each.startswith(line) for each in lines) if kind in BY_HAND else lines[0] == line


def test_no_transition_is_without_its_row() -> None:
    assert {kind for kind, *_ in TRANSITIONS} == set(get_args(AlertChange))


FOLLOW_UPS = [
    ("recovered and well", "d1 09:00 users 10\nd3 09:00 users 18", ["lasted", "lasted", "lasted"]),
    ("closed by hand without recovery", "d1 09:00 users 10\nd3 09:00 resolve", ["over without"] * 3),
    (
        "back as a new episode",
        "d1 09:00 users 10\nd3 09:00 users 18\nd20 09:00 users 10",
        ["lasted", "came back as a new episode"],
    ),
    (
        "a play that has not helped",
        "d1 09:00 users 10\nd1 10:00 start_play call",
        ["7 days after the play “call”: not recovered", "30 days", "90 days"],
    ),
    (
        "a play, and a relapse",
        "d1 09:00 users 10\nd1 10:00 start_play call\nd3 09:00 users 18\nd4 09:00 users 10",
        ["recovered and came back", "came back", "came back"],
    ),
]


@pytest.mark.parametrize(("why", "given", "said"), FOLLOW_UPS, ids=[row[0] for row in FOLLOW_UPS])
def test_a_follow_up_says_whether_it_helped_and_lasted(why: str, given: str, said: list[str]) -> None:
    life = live(Row(why, given, "", until="d150 00:00"))
    reasons = [step.reason for _, step in life.transitions if step.kind == "followed_up"]
    assert len(reasons) == len(said), reasons
    for reason, words in zip(reasons, said, strict=True):
        assert words in reason


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("d1 09:00 users 10\nd3 09:00 users 18", [("none", "lasted")] * 3),
        ("d1 09:00 users 10\nd1 10:00 acknowledge\nd3 09:00 users 18", [("acknowledged", "lasted")] * 3),
        ("d1 09:00 users 10\nd1 10:00 start_play call", [("play", "not_recovered")] * 3),
        ("d1 09:00 users 10\nd3 09:00 resolve", [("none", "ended")] * 3),
        (
            "d1 09:00 users 10\nd3 09:00 users 18\nd20 09:00 users 10",
            [("none", "lasted"), ("none", "came_back")],
        ),
    ],
)
def test_a_follow_up_is_counted_by_what_people_did_and_how_it_went(given: str, counted: list[tuple[str, str]]) -> None:
    """So that plays can be compared with doing nothing."""
    life = live(Row("counted", given, "", until="d150 00:00"))
    steps = [step for _, step in life.transitions if step.kind == "followed_up"]
    assert [(action_of(step.alert), step.follow_up_result) for step in steps if step.alert is not None] == counted
    assert all(step.follow_up_result is None for _, step in life.transitions if step.kind != "followed_up")


REJECTED = [
    ("acknowledged twice", "d1 09:00 users 10\nd1 10:00 acknowledge\nd1 11:00 acknowledge", "ann has acknowledged"),
    ("after the end", "d1 09:00 users 10\nd2 09:00 users 18\nd2 10:00 acknowledge", "the episode is over"),
    ("snoozed into the past", "d1 09:00 users 10\nd2 10:00 snooze d2 09:00", "is over"),
]


@pytest.mark.parametrize(("why", "given", "said"), REJECTED, ids=[row[0] for row in REJECTED])
def test_a_command_that_comes_too_late_is_refused_with_a_reason(why: str, given: str, said: str) -> None:
    life = live(Row(why, given, ""))
    _, last = next(item for item in reversed(life.transitions) if item[1].by == "ann")
    assert last.kind == "refused"
    assert said in last.reason
    assert last.command_id is not None


def test_judging_again_without_anything_new_changes_nothing() -> None:
    """Time steps and replays may look as often as they like."""
    life = live(Row("", "d1 09:00 users 10\nd1 10:00 acknowledge", ""))
    before, steps = life.record, len(life.transitions)
    for _ in range(3):
        life.now += timedelta(minutes=1)
        life._do("again", "")
    assert life.record is not None
    assert before is not None
    assert replace(life.record, evaluated_at=None) == replace(before, evaluated_at=None)
    assert len(life.transitions) == steps
