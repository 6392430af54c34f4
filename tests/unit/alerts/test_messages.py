"""The Slack messages: what a tired reader sees first, and what a hostile feed can't make of them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from alerts.config import read_config
from alerts.judge import forget, judge
from alerts.messages import build_message
from alerts.model import AccountRecord
from alerts.playbooks import choose
from alerts.policy import LifecycleSettings, RepeatSettings, Surroundings
from alerts.rules import default_rules
from alerts.wording import MEASURES, clip, escape, tidy
from stream.report import HealthReport, Override, Profile
from stream.scorecard import DEFAULT
from tests.reports import MONDAY, make_report

WITHOUT_REMINDERS = Surroundings(
    LifecycleSettings(
        reopen_within_hours=24, repeat=RepeatSettings(warning_hours=0, critical_hours=0), follow_up_days=()
    )
)
PLAYBOOKS = read_config().playbooks

NASTY = "<!channel> <@U123> @here & <https://evil.example|click> *bold*\n\u202e\x00" + "x" * 5000


def told(*reports: HealthReport) -> list[dict[str, Any]]:
    """The messages of a life."""
    record: AccountRecord | None = None
    messages = []
    for report in reports:
        judgement = judge(record, report, default_rules(), report.as_of, WITHOUT_REMINDERS)
        record = judgement.record
        messages += [
            build_message(step, report, report.as_of, PLAYBOOKS) for step in judgement.changes if step.notification_id
        ]
    return messages


def headline(message: dict[str, Any]) -> str:
    """The first thing that is read."""
    text: str = message["blocks"][0]["text"]["text"]
    return text


def body(message: dict[str, Any]) -> str:
    """Everything below the headline."""
    texts = [block["text"]["text"] for block in message["blocks"][1:] if "text" in block]
    return "\n".join(texts + [element["text"] for element in message["blocks"][-1]["elements"]])


def test_a_red_flag_says_who_how_bad_why_and_what_next() -> None:
    """All that a reader needs, in the order of need."""
    (message,) = told(make_report(score=47, past=[80, 79, 78, 76, 70, 66, 60, 52]))
    text = body(message)
    assert headline(message) == "🚩 Acme Corp is at risk: health 47, down 32 in a week"
    assert "*Health 47 of 100* (higher is healthier)   `▇▇▇▇▆▆▅▅▄`  9 days" in text
    assert "•  Weekly active users: *42 → 11*  (-14 points)" in text
    assert "*Next step:* List the users who stopped" in text
    assert "Owner *Dana Fields*" in text
    assert "mid-market" in text
    assert "  ·  hl-" in text
    assert message["text"].startswith("🚩 Acme Corp is at risk")


def test_worse_and_recovered_carry_the_same_id() -> None:
    """Whoever searches for the id finds the whole episode."""
    lives = [make_report(score=value, as_of=MONDAY + timedelta(days=day)) for day, value in enumerate([45, 20, 70])]
    opened, worse, over = told(*lives)
    assert headline(worse) == "🚨 Acme Corp got worse, now critical: health 20"
    assert headline(over) == "✅ Acme Corp has recovered: health 70, on watch"
    assert "Its red flag was up for 2 days; the lowest health was 20." in body(over)
    assert len({body(message).split("hl-")[1] for message in (opened, worse, over)}) == 1


def test_an_override_is_told_with_both_values() -> None:
    """Who set it, until when, why, and what the scorecard says; escaped as everything from a feed."""
    by_hand = Override("Dana Fields", "merger <in progress>", MONDAY + timedelta(days=10), 40.0)
    (message,) = told(make_report(score=40, override=by_hand, model_score=81.5, model_band="healthy"))
    assert "✋  set by Dana Fields until 12 Mar 2026: merger &lt;in progress&gt; (scorecard: 82, healthy)" in body(
        message
    )


def test_a_fall_that_merely_ended_is_not_called_a_recovery() -> None:
    """Green where nothing is well would be believed once."""
    past = [95.0, *[80.0] * 16]
    lives = [
        make_report(score=value, as_of=MONDAY + timedelta(days=day), past=past[:day]) for day, value in enumerate(past)
    ]
    fell, over = told(*lives)
    assert headline(fell) == "🚩 Acme Corp lost 15 points of health in 1 day: now 80, healthy"
    assert headline(over) == "◽ Acme Corp has stopped falling: health 80, healthy"


def test_a_deleted_account_s_message_needs_no_report() -> None:
    """The name comes from the alert."""
    record = judge(None, make_report(score=40), default_rules(), MONDAY).record
    (step,) = forget(record, MONDAY + timedelta(hours=5)).changes
    message = build_message(step, None, MONDAY, PLAYBOOKS)
    assert headline(message) == "◽ Acme Corp: red flag closed, the account was deleted"
    assert "up for 5 h" in body(message)


def test_a_second_episode_says_that_it_is_one() -> None:
    """Twice is another talk than once."""
    lives = [make_report(score=value, as_of=MONDAY + timedelta(days=day)) for day, value in enumerate([45, 70, 70, 45])]
    assert "2nd time" in body(told(*lives)[2])


def test_without_a_week_ago_the_message_says_what_holds_the_score_down() -> None:
    """A young account has no week to compare with."""
    (message,) = told(make_report(score=40, changes_7d=[]))
    assert "•  Weekly active users: *11*  (costs 40 points)" in body(message)


def test_without_any_driver_the_message_gives_the_reason() -> None:
    """Never a red flag without a why."""
    (message,) = told(make_report(score=40, changes_7d=[], contributions=[], reason="no usage at all"))
    assert "*Why:* no usage at all" in body(message)


def test_an_account_without_a_name_goes_by_its_id() -> None:
    """A feed may say nothing of it."""
    (message,) = told(make_report("acct-7", score=40, profile=Profile()))
    assert headline(message).startswith("🚩 acct-7 is at risk")


def test_customer_text_can_t_call_link_or_flood() -> None:
    """Names, owners, segments and reasons come from feeds that anybody may write to."""
    profile = Profile(name=NASTY, owner=NASTY, segment=NASTY)
    for report in (
        make_report(score=40, profile=profile, reason=NASTY, changes_7d=[], contributions=[]),
        make_report(NASTY, score=40, profile=Profile(), reason=NASTY),
    ):
        (message,) = told(report)
        assert len(headline(message)) <= 150
        for block in message["blocks"][1:]:
            for text in [block["text"]] if "text" in block else block["elements"]:
                assert len(text["text"]) <= 3000
                assert text["verbatim"] is True
                assert "<" not in text["text"]
                assert "@here" not in text["text"]
        assert "<" not in message["text"]
        assert "\u202e" not in json.dumps(message, ensure_ascii=False)
        assert message["blocks"][0]["text"]["type"] == "plain_text"


@pytest.mark.parametrize(
    ("text", "chars_max", "expected"),
    [
        ("short", 10, "short"),  # nothing to do
        ("a &amp; b", 5, "a …"),  # an entity that would be cut in two goes whole
        ("&lt;&gt;", 6, "&lt;…"),  # one that fits stays
        ("abcdef", 4, "abc…"),  # plain text is cut to the letter
    ],
)
def test_escaped_text_is_cut_between_entities(text: str, chars_max: int, expected: str) -> None:
    """Half an entity would show as garbage, or worse, complete itself."""
    assert clip(text, chars_max) == expected
    assert len(clip(text, chars_max)) <= chars_max


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Acme\r\n  Corp", "Acme Corp"),  # one line
        ("Acme\u200b\u202eCorp", "Acme Corp"),  # invisible and direction marks
        ("@everyone", "@\u2060everyone"),  # a call to all
        ("@CHANNEL!", "@\u2060CHANNEL!"),  # however it is written
        ("dana@example.com", "dana@example.com"),  # an address is none
    ],
)
def test_customer_text_is_tidied(text: str, expected: str) -> None:
    """One line, nothing hidden, nobody called."""
    assert tidy(text, 80) == expected


def test_escaping_follows_slack() -> None:
    """Exactly the three characters that Slack names."""
    assert escape("a & b < c > d \" '") == "a &amp; b &lt; c &gt; d \" '"


def test_every_measure_of_the_default_scorecard_has_a_name_and_a_play() -> None:
    """A red flag always says something to do about its first driver."""
    for line in DEFAULT.lines:
        assert line.measure in MEASURES, line.measure
        for rule in ("band_entered", "score_dropped"):
            assert line.measure in choose(PLAYBOOKS[rule], [line.measure, "other"])[0].measures, line.measure


def test_every_rule_has_four_plays_or_five_to_try_when_no_driver_is_known() -> None:
    """And one that answers a measure that did not move is not among them."""
    for rule in default_rules():
        for moved in ([], ["no_such_measure"], ["nps", "wau", "depth"]):
            plays = choose(PLAYBOOKS[rule.name], moved)
            assert 3 <= len(plays) <= 5
            assert all(not play.measures or set(play.measures) & set(moved) for play in plays)
