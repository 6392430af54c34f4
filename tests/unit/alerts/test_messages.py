"""The Slack messages: what a tired reader sees first, and what a hostile feed can't make of them."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.config import read_config
from alerts.context import AlertContext, LifecycleSettings, RepeatSettings
from alerts.evaluation import delete_account, evaluate_rules
from alerts.messages.compose import build_message
from alerts.messages.digest import DigestLine, build_digest
from alerts.messages.evidence import moved_measures
from alerts.messages.headline import MATTERS
from alerts.model import AccountRecord, Severity
from alerts.playbooks import choose
from alerts.rules import ABOUT_SCORE, default_rules
from alerts.text import clip, escape, tidy
from stream.contracts.report import Cap, Change, HealthReport, Override, Profile
from stream.measures.registry import MEASURES
from stream.scoring.shipped import DEFAULT
from tests.reports import MONDAY, make_report

WITHOUT_REMINDERS = AlertContext(
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
        evaluation = evaluate_rules(record, report, default_rules(), report.as_of, WITHOUT_REMINDERS)
        record = evaluation.record
        messages += [
            build_message(step, report, report.as_of, PLAYBOOKS) for step in evaluation.changes if step.notification_id
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
    assert "*Next step: Restart who stopped.* List the users who stopped" in text
    assert "Or: Own the escalation  ·  Call the champion" in text
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
    told_once = "set by Dana Fields until 12 Mar 2026 (merger &lt;in progress&gt;), the scorecard says 82, healthy"
    assert f"✋  {told_once}" in body(message)


def test_an_override_is_told_once_where_the_reason_is_all_there_is() -> None:
    """The reason of the report begins with it, and the health line has it already."""
    by_hand = Override("Dana", "merger", MONDAY, 40.0)
    reason = "set by Dana until 2 Mar 2026 (merger), the scorecard says 82, healthy; no usage at all"
    report = make_report(score=40, changes_7d=[], contributions=[], reason=reason)
    (message,) = told(replace(report, override=by_hand, model_score=81.5, model_band="healthy"))
    assert body(message).count("set by Dana") == 1
    assert "*Why:* no usage at all" in body(message)


def test_a_veto_speaks_in_the_words_of_its_scorecard() -> None:
    """Its name is an id that only whoever wrote the scorecard knows."""
    change = Change("cap-7", None, 80.0, -12.0, "an <escalation> is stuck", "hours")
    (moved,) = told(make_report(score=40, changes_7d=[change]))
    assert "•  An &lt;escalation&gt; is stuck: *not so → 80 h*  (-12 points)" in body(moved)
    cap = Cap("cap-7", "escalation_running_hours", 80.0, 40, -12.0, "an escalation is stuck", "hours")
    (held,) = told(make_report(score=40, changes_7d=[], caps=[cap]))
    first, second = body(held).split("*What holds it down*\n")[1].splitlines()[:2]
    assert first == "•  Held at 40 or below. An escalation is stuck: *80 h*  (costs 12 points)"
    assert second.startswith("•  Weekly active users")
    assert "cap-7" not in body(moved) + body(held)


def test_a_veto_brings_the_play_for_what_it_looks_at() -> None:
    cap = Cap("cap-7", "escalation_running_hours", 80.0, 40, -12.0, "an escalation is stuck", "hours")
    change = Change("cap-7", None, 80.0, -12.0, "an escalation is stuck", "hours")
    assert moved_measures(make_report(score=40, changes_7d=[change], caps=[cap])) == ["escalation_running_hours"]


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
    record = evaluate_rules(None, make_report(score=40), default_rules(), MONDAY).record
    (step,) = delete_account(record, MONDAY + timedelta(hours=5)).changes
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


LIVES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # rule: (measures that break it, measures that end it)
    "cancellation_requested": ({"cancellation_requested": 1}, {"cancellation_requested": 0}),
    "silence": (
        {"silence_working_days": 4, "silence_limit_days": 3},
        {"silence_working_days": 0, "silence_limit_days": 3},
    ),
    "champion_gone": (
        {"champions": 2, "champions_gone": 1, "champions_gone_users": [NASTY]},
        {"champions": 2, "champions_gone": 0},
    ),
    "breadth_collapsed": ({"mau": 4, "mau_previous": 20}, {"mau": 19, "mau_previous": 20}),
    "renewal_near": ({"days_to_renewal": 20}, {"days_to_renewal": 380}),
    "escalation_open": ({"escalation_running_hours": 30.0}, {"escalation_running_hours": 0}),
    "outcome_off_track": (
        {"goals_off_track": 1, "outcome_pace_min": 0.5, "outcome_pace": {NASTY: 0.5}},
        {"goals_off_track": 0, "outcome_pace_min": 1.0},
    ),
    "onboarding_stuck": (
        {"first_value_waiting_days": 20, "milestone_next": NASTY},
        {"first_value_waiting_days": None, "time_to_first_value_days": 21},
    ),
    "milestone_stuck": ({"milestone_stuck_days": 40, "milestone_next": NASTY}, {"milestone_stuck_days": 0}),
    "licences_low": ({"license_utilization": 0.2, "days_known": 90}, {"license_utilization": 0.9}),
    "detractor_follow_up": ({"open_detractors": 1, "open_feedback_days": 3}, {"open_detractors": 0}),
    "promoter_follow_up": ({"open_promoters": 1}, {"open_promoters": 0}),
    "licences_high": ({"license_utilization": 0.98}, {"license_utilization": 0.5}),
}


def life_of(rule: str, profile: Profile, score: float | None = 60.0, **fields: Any) -> list[dict[str, Any]]:
    """The messages of a rule that is broken and then kept."""
    only = [one for one in default_rules() if one.name == rule]
    record: AccountRecord | None = None
    messages = []
    for day, measures in enumerate(LIVES[rule]):
        as_of = MONDAY + timedelta(days=day)
        report = make_report(score=score, as_of=as_of, measures=measures, profile=profile, **fields)
        evaluation = evaluate_rules(record, report, only, as_of)
        record = evaluation.record
        messages += [
            build_message(step, report, as_of, PLAYBOOKS) for step in evaluation.changes if step.notification_kind
        ]
    return messages


@pytest.mark.parametrize("rule", LIVES)
def test_every_rule_says_what_why_and_what_next_and_how_it_ended(rule: str) -> None:
    """With or without a score: an account without usage may be unhappy, too."""
    profile = Profile(name="Acme Corp", owner="Dana Fields", licensed_seats=50, mrr=4200.0)
    for score in (60.0, None) if rule not in ("renewal_near",) else (60.0,):
        up, over = life_of(rule, profile, score)
        assert headline(up).split(" Acme Corp: ")[0] in ("🚩", "🚨", "🌱")
        assert "*Next step: " in body(up)
        assert "Or: " in body(up)
        assert "*Why it matters:* " in body(up)
        assert "Owner *Dana Fields*  ·  4,200 a month" in body(up)
        assert ("*Health 60 of 100*" in body(up)) is (score is not None)
        assert headline(over).startswith(("✅ Acme Corp: ", "◽ Acme Corp: "))
        assert " for 1 day" in body(over)


def test_every_rule_has_its_life_and_its_sentence() -> None:
    assert LIVES.keys() == {rule.name for rule in default_rules()} - ABOUT_SCORE
    assert MATTERS.keys() == LIVES.keys()


@pytest.mark.parametrize("rule", ["promoter_follow_up", "licences_high"])
def test_good_news_is_no_red_flag(rule: str) -> None:
    """In no message of it, nor in its end."""
    messages = life_of(rule, Profile(name="Acme Corp", licensed_seats=50))
    assert headline(messages[0]).startswith("🌱")
    assert "red flag" not in json.dumps(messages)


def assert_harmless(message: dict[str, Any]) -> None:
    """Nothing in it calls, links, hides or floods."""
    assert len(headline(message)) <= 150
    assert message["blocks"][0]["text"]["type"] == "plain_text"
    assert len(message["blocks"]) <= 50
    for block in message["blocks"][1:]:
        for text in [block["text"]] if "text" in block else block["elements"]:
            assert len(text["text"]) <= 3000
            assert text["verbatim"] is True
            assert not re.search(r"<|@(here|channel|everyone)\b", text["text"], re.IGNORECASE)
    assert "<" not in message["text"]
    assert not set("\u202e\x00\u200b") & set(json.dumps(message, ensure_ascii=False))


hostile = st.lists(
    st.sampled_from(
        ["<!channel>", "<@U1>", "@here", "@Channel", "<http://e|x>", "&lt;", "\n", "\u202e", "*", "`", "x", "ß"]
    ),
    min_size=1,
    max_size=40,
).map("".join)


@given(hostile, st.sampled_from(sorted(LIVES)))
def test_customer_text_can_t_call_link_or_flood_whatever_it_is(text: str, rule: str) -> None:
    """Names, owners, segments, goals and reasons come from feeds that anybody may write to."""
    profile = Profile(name=text, owner=text, segment=text, licensed_seats=50)
    for message in life_of(rule, profile, reason=text, changes_7d=[Change(text, 3, 1, -9.0)]):
        assert_harmless(message)


def test_customer_text_can_t_call_link_or_flood() -> None:
    """At any length."""
    profile = Profile(name=NASTY, owner=NASTY, segment=NASTY)
    for report in (
        make_report(score=40, profile=profile, reason=NASTY, changes_7d=[], contributions=[]),
        make_report(NASTY, score=40, profile=Profile(), reason=NASTY),
    ):
        (message,) = told(report)
        assert_harmless(message)


def line(
    number: int, notification_kind: str = "opened", rule: str = "silence", severity: Severity = "warning"
) -> DigestLine:
    """A line of a digest."""
    return DigestLine(
        notification_kind, f"Account {number}", rule, severity, "nobody is there", 90.0 - number, f"hl-{number}"
    )


def test_a_storm_is_one_message_the_worst_first() -> None:
    lines = [line(1), line(2, severity="critical"), line(3, rule="band_entered"), line(4, "resolved")]
    message = build_digest(
        [*lines, line(5, rule="licences_high", severity="info")], MONDAY, MONDAY + timedelta(minutes=9)
    )
    assert headline(message) == "🗂 3 red flags (1 critical), 1 resolved, 1 good news"
    text = body(message)
    assert "*By kind:* silence 2  ·  band entered 1" in text
    shown = [part for part in text.splitlines() if part.startswith(("🚩", "🚨"))]
    assert [part.split("*")[1] for part in shown] == ["Account 2", "Account 3", "Account 1"]
    assert "*Resolved:* Account 4" in text
    small = "09:00 to 09:09 UTC  ·  one message instead of 5  ·  the number is the health of 100, higher is healthier"
    assert small in text


def test_a_line_of_a_storm_is_short_enough_to_be_read() -> None:
    """What stands in parentheses at the end of a reason is for the account's own message."""
    reason = "nobody active for 4 working days (usual here: up to 3)"
    message = build_digest([DigestLine("opened", "Acme", "silence", "warning", reason, 41.6, "hl-1")], MONDAY, MONDAY)
    assert "🚩  *Acme*  42  ·  nobody active for 4 working days\n" in body(message)


def test_a_storm_of_one_kind_says_so_and_shows_no_more_than_can_be_read() -> None:
    """Forty accounts that fall silent within minutes have one cause, and it is seldom theirs."""
    message = build_digest([line(number) for number in range(40)], MONDAY, MONDAY)
    assert "look for one cause" in body(message)
    assert body(message).count("🚩") == 15
    assert "The worst 15 are here; `heartline alert list` has all 40." in body(message)


def test_what_came_and_went_within_a_storm_counts_as_its_last() -> None:
    message = build_digest([line(1), line(1, "resolved"), line(2)], MONDAY, MONDAY)
    assert headline(message) == "🗂 1 red flag, 1 resolved"


@given(st.lists(hostile, min_size=1, max_size=60))
def test_a_digest_can_t_be_made_to_call_anybody(names: list[str]) -> None:
    lines = [
        DigestLine("opened", name, "silence", "warning", name, None, f"hl-{assigned}")
        for assigned, name in enumerate(names)
    ]
    assert_harmless(build_digest(lines, MONDAY, MONDAY))


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
