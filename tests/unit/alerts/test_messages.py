"""The messages: what a tired reader sees first, true now, and what a hostile feed can't make of them."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.evaluation import delete_account, evaluate_rules
from alerts.messages.account_line import account_line
from alerts.messages.compose import build_message
from alerts.messages.digest import DigestLine, build_digest
from alerts.messages.evidence import moved_measures
from alerts.messages.plain_text import as_text
from alerts.model import AccountRecord, Channel, Severity
from alerts.playbooks import choose
from alerts.rules import RULES, Firing, declaration, default_rules
from alerts.text import clip, escape, tidy
from stream.contracts.report import Cap, Change, HealthReport, Override, Profile, Recount
from stream.measures.registry import MEASURES
from stream.scoring.shipped import DEFAULT
from tests.reports import MONDAY, make_report
from tests.unit.alerts.rule_cases import RULE_CASES

NASTY = "<!channel> <@U123> @here & <https://evil.example|click> *bold*\n\u202e\x00" + "x" * 5000
PAYING = Profile(name="Acme Corp", segment="mid-market", owner="Dana Fields", mrr=3417, licensed_seats=20)


TROUBLES = {rule.name: RULE_CASES[rule.name] for rule in RULES if rule.tone != "opportunity"}
GOOD_NEWS = [rule.name for rule in RULES if rule.tone == "opportunity"]


def alone(rule: str, channel: Channel = "page") -> AlertingConfig:
    """A configuration with one rule, whose signals are told at once."""
    rules: dict[str, Any] = {each.name: {"enabled": False} for each in RULES}
    rules[rule] = {"channel": channel, "for_hours": 0, "keep_firing_hours": 0}
    lifecycle = {"pages": {"every_days": 0}, "reminders": {"severities": ["info", "warning", "critical"]}}
    return AlertingConfig.model_validate({"rules": rules, "lifecycle": lifecycle})


def broken(rule: str, profile: Profile = PAYING, **fields: Any) -> HealthReport:
    """A report that breaks a rule."""
    case = RULE_CASES[rule]
    given = {name: getattr(profile, name) for name in Profile.__struct_fields__} | dict(case.profile)
    plain: dict[str, Any] = {"score": 40, "measures": case.breaks, "profile": Profile(**given), "changes_7d": []}
    declared = declaration(rule)
    if declared is not None and not declared.is_about_score:
        plain["contributions"] = []  # so that nothing but the rule's own words is evidence
    return make_report(**(plain | dict(case.fields) | fields))


def worse(rule: str) -> HealthReport:
    """A report of a week later that is worse."""
    fields = dict(RULE_CASES[rule].worse)
    report: dict[str, Any] = {name: fields.pop(name) for name in ("score", "past") if name in fields}
    measures = RULE_CASES[rule].breaks | fields
    return broken(rule, as_of=MONDAY + timedelta(days=7), **(report | {"measures": measures}))


def well(rule: str, profile: Profile = PAYING) -> HealthReport:
    """The report of a month later that keeps it again."""
    as_of = MONDAY + timedelta(days=31)
    return make_report(score=80, as_of=as_of, measures=RULE_CASES[rule].well, profile=profile, changes_7d=[])


def messages_of(rule: str, reports: Sequence[HealthReport]) -> list[dict[str, Any]]:
    """The messages of a life under one rule."""
    config = alone(rule)
    context = AlertContext(config.lifecycle)
    record: AccountRecord | None = None
    found = []
    for report in reports:
        evaluation = evaluate_rules(record, report, config.book.choose(report.profile), report.as_of, context)
        record = evaluation.record
        for step in evaluation.changes:
            if step.notification_kind is not None and step.alert is not None:
                facts = AccountFacts(report, report.as_of)
                found.append(build_message(step.notification_kind, step.alert, report, facts, {}, step.reason))
    return found


def headline(message: dict[str, Any]) -> str:
    """The first thing that is read."""
    text: str = message["blocks"][0]["text"]["text"]
    return text


def body(message: dict[str, Any]) -> str:
    """Everything below the headline."""
    texts = [block["text"]["text"] for block in message["blocks"][1:] if "text" in block]
    texts += [item["text"] for block in message["blocks"][1:] for item in block.get("elements", ())]
    return "\n".join(texts)


def test_a_message_is_who_and_what_then_health_worth_and_renewal_then_evidence_then_the_next_step() -> None:
    changes = [Change("wau", 42, 11, -14.0), Change("nps", 40, None, -9.0), Change("depth", 0.8, 0.8, -10.0)]
    report = make_report(
        score=82,
        past=[98, 97, 98, 96, 95, 94, 90],
        measures=TROUBLES["silence"].breaks | {"mau": 35, "days_to_renewal": 611},
        profile=Profile(name="Granite Logistics", owner="Dana", mrr=5400, licensed_seats=46),
        changes_7d=changes,
    )
    (message,) = messages_of("silence", [report])
    assert as_text(message).splitlines() == [
        "🚩 Granite Logistics has gone quiet: no logins for 5 working days (normally never more than 3)",
        "",
        "Health 82, still healthy, down 16 in a week. Pays 5,400 a month, 35 of 46 seats used last month. "
        "Renews 3 Nov 2027.",
        "",
        "•  Weekly active users: 42 → 11 in a week (−14 points)",
        "",
        "👉  Next: call, do not write. Call the champion today. Ask what stopped, listen, and book a restart session "
        "within the week.",
        "",
        "Owner: Dana",
    ]


def test_what_became_unknown_or_did_not_move_is_no_evidence_and_costs_no_points() -> None:
    """ "80 % → 80 % (-10)" comes of weights that moved; an answer that expired is no loss."""
    changes = [Change("nps", 40, None, -9.0), Change("csat", None, 0.4, -8.0), Change("depth", 0.801, 0.803, -10.0)]
    report = make_report(score=40, measures=TROUBLES["silence"].breaks, profile=PAYING, changes_7d=changes)
    (message,) = messages_of("silence", [report])
    assert "→" not in body(message)
    assert "unknown" not in body(message)


@pytest.mark.parametrize(
    ("recount", "says"),
    [
        (Recount([], ["nps"], -9.0), "Not known any more, so not counted: NPS"),
        (Recount(["csat"], [], 5.0), "Known now, and counted since: Satisfied answers (CSAT)"),
        (Recount(["csat"], [], 0.4), None),  # nobody sees it in the number
        (None, None),
    ],
)
def test_what_the_score_counts_by_another_rule_is_told_as_what_it_is(recount: Recount | None, says: str | None) -> None:
    fields: dict[str, Any] = {"measures": TROUBLES["silence"].breaks, "profile": PAYING, "recount_7d": recount}
    (message,) = messages_of("silence", [make_report(score=40, changes_7d=[], **fields)])
    assert ("counted" in body(message)) == (says is not None)
    assert says is None or says.lower() in body(message).lower()


@pytest.mark.parametrize("rule", TROUBLES)
def test_every_rule_says_what_happened_what_to_do_and_how_it_ended(rule: str) -> None:
    opened, over = messages_of(rule, [broken(rule), well(rule)])
    assert TROUBLES[rule].says in headline(opened)
    assert headline(opened).startswith(("🚩 Acme Corp", "🚨 Acme Corp"))
    assert "👉  *Next: " in body(opened)
    assert headline(over).startswith(("✅ Acme Corp", "⚪ Acme Corp"))
    assert "Open for 31 days" in body(over)
    assert "hl-" not in body(opened) + body(over), "an id says nothing to whoever reads it"


@pytest.mark.parametrize("rule", [name for name, case in TROUBLES.items() if case.worse])
def test_what_gets_worse_is_told_again_louder(rule: str) -> None:
    opened, again = messages_of(rule, [broken(rule), worse(rule)])
    assert headline(opened).startswith("🚩 Acme Corp")
    assert headline(again).startswith("🚨 Acme Corp")
    assert "First flagged 2 Mar" in body(again)


@pytest.mark.parametrize("rule", GOOD_NEWS)
def test_good_news_is_never_a_red_flag(rule: str) -> None:
    assert messages_of(rule, [broken(rule), well(rule)]) == []


@pytest.mark.parametrize("rule", TROUBLES)
def test_a_reminder_speaks_of_today(rule: str) -> None:
    """No "still", no number of the day on which the red flag was raised."""
    reports = [broken(rule), worse(rule)] if TROUBLES[rule].worse else [broken(rule)]
    *_, first, reminder = messages_of(rule, [*reports, a_week_later(rule, reports[-1])])
    assert headline(reminder).startswith("⏰ Acme Corp")
    assert headline(reminder).endswith("; nobody is on it yet")
    assert "still" not in headline(reminder)
    assert "First flagged 2 Mar" in body(reminder)
    if rule in ("renewal_overdue", "onboarding_stuck", "milestone_stuck", "never_used", "escalation_open"):
        assert re.findall(r"\d+", headline(reminder)) != re.findall(r"\d+", headline(first)), "a week has passed"


def a_week_later(rule: str, report: HealthReport | None = None) -> HealthReport:
    """A report's account a week later, where nothing changed but time."""
    report = report or broken(rule)
    measures = dict(report.measures)
    for name, by in (
        *(("days_since_active", 7), ("escalation_running_hours", 168), ("first_value_waiting_days", 7)),
        *(("milestone_stuck_days", 7), ("open_detractor_days", 7), ("cancellation_requested_days", 7)),
        ("days_to_renewal", -7),
    ):
        if name in measures:
            measures[name] += by
    return replace(report, as_of=report.as_of + timedelta(days=7), measures=measures)


@pytest.mark.parametrize("rule", TROUBLES)
def test_no_message_has_a_zero_with_a_sign_an_ascii_minus_or_a_wrong_plural(rule: str) -> None:
    for message in messages_of(rule, [broken(rule), well(rule)]):
        text = as_text(message)
        assert not re.search(r"(?<![\w-])-\d", text)
        assert not re.search(r"−0(?![\d.,])", text)
        assert not re.search(r"\b1 (days|users|tickets|goals|people|answers|months|working days)\b", text)
        assert "None" not in text


def test_an_override_is_told_with_its_owner() -> None:
    by_hand = Override("Ada", "talked to the sponsor", MONDAY + timedelta(days=9), score=40)
    report = broken("silence", override=by_hand, model_score=81.5, model_band="healthy")
    (message,) = messages_of("silence", [report])
    assert "✋  " in body(message)
    assert "Ada" in body(message)
    assert "talked to the sponsor" in body(message)


def test_a_veto_speaks_in_the_words_of_its_scorecard() -> None:
    change = Change("stuck", None, 80, -9.0, "a ticket is stuck", "hours")
    report = make_report(score=40, measures=TROUBLES["silence"].breaks, profile=PAYING, changes_7d=[change])
    (message,) = messages_of("silence", [report])
    assert "A ticket is stuck: not so → 80 h in a week (−9 points)" in body(message)


def test_a_veto_brings_the_play_for_what_it_looks_at() -> None:
    cap = Cap("stuck", "escalation_running_hours", 80, 40, -9.0, "a ticket is stuck", "hours")
    report = make_report(score=40, caps=[cap], changes_7d=[Change("stuck", None, 80, -9.0, "a ticket is stuck")])
    assert moved_measures(report) == ["escalation_running_hours"]


def test_a_deleted_account_s_message_needs_no_report() -> None:
    config = alone("silence")
    context = AlertContext(config.lifecycle)
    report = broken("silence")
    record = evaluate_rules(None, report, config.book.choose(PAYING), MONDAY, context).record
    (step,) = delete_account(record, MONDAY + timedelta(hours=5), context).changes
    assert step.alert is not None
    message = build_message("resolved", step.alert, None, None, {})
    assert headline(message) == "⚪ Acme Corp was deleted"


def test_an_account_without_a_name_goes_by_its_id() -> None:
    report = make_report("acct-7", score=40, measures=TROUBLES["silence"].breaks, profile=Profile(mrr=1))
    (message,) = messages_of("silence", [report])
    assert headline(message).startswith("🚩 acct-7 has gone quiet")


def test_a_renewal_date_is_that_of_the_subscription_where_there_is_one() -> None:
    """Header, rules, routes and messages read the same resolved value."""
    profile = Profile(name="Acme", mrr=100, renewal_at=MONDAY + timedelta(days=400))
    measures = {"days_to_renewal": 30, "mrr_active": 3417.0}
    facts = AccountFacts(make_report(measures=measures, profile=profile), MONDAY)
    assert (facts.days_to_renewal, facts.renewal_date, facts.mrr) == (30, date(2026, 4, 1), 3417.0)
    assert facts.renewal_at == datetime(2026, 4, 1, tzinfo=UTC), "of a day nobody told the hour"
    unknown = AccountFacts(make_report(measures={}, profile=profile), MONDAY)
    assert (unknown.days_to_renewal, unknown.mrr, unknown.renewal_at) == (400, 100, profile.renewal_at)
    ended = AccountFacts(make_report(measures={"days_to_renewal": None}, profile=profile), MONDAY)
    assert ended.days_to_renewal is None, "every subscription has ended"


def assert_harmless(message: dict[str, Any]) -> None:
    """Nothing in it calls, links, hides or floods."""
    assert len(headline(message).encode("utf-16-le")) <= 2 * 150
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
        [
            "<!channel>",
            "<@U1>",
            "@here",
            "@Channel",
            "<http://e|x>",
            "&lt;",
            "\n",
            "\u202e",
            "*",
            "`",
            "x",
            "ß",
            "👩\u200d👧" * 9,
        ]
    ),
    min_size=1,
    max_size=40,
).map("".join)


@given(hostile, st.sampled_from(sorted(TROUBLES)))
def test_customer_text_can_t_call_link_or_flood_whatever_it_is(text: str, rule: str) -> None:
    """Names, owners, segments, goals and reasons come from feeds that anybody may write to."""
    names = {"champions_gone_users": [text], "open_detractor_users": [text], "milestone_next": text}
    profile = Profile(name=text, owner=text, segment=text, licensed_seats=20, mrr=500, **RULE_CASES[rule].profile)
    report = make_report(
        measures=TROUBLES[rule].breaks | names, profile=profile, reason=text, changes_7d=[Change(text, 3, 1, -9.0)]
    )
    for message in messages_of(rule, [report, well(rule, profile)]):
        assert_harmless(message)


def line(
    number: int, notification_kind: str = "opened", rule: str = "silence", severity: Severity = "warning"
) -> DigestLine:
    """A line of a digest."""
    return DigestLine(
        notification_kind, f"Account {number}", rule, severity, "nobody is there", 90.0 - number, f"hl-{number}"
    )


def test_a_storm_is_one_message_the_worst_first() -> None:
    lines = [line(1), line(2, severity="critical"), line(3, rule="score_low"), line(4, "resolved")]
    message = build_digest(
        [*lines, line(5, rule="licences_high", severity="info")], MONDAY, MONDAY + timedelta(minutes=9)
    )
    assert headline(message) == "🗂 3 red flags (1 critical), 1 resolved, 1 good news"
    text = body(message)
    assert "*By kind:* silence 2  ·  score low 1" in text
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


def test_every_rule_has_three_plays_or_more_to_try_when_no_driver_is_known() -> None:
    """And one that answers a measure that did not move is not among them."""
    for rule in RULES:
        for moved in ([], ["no_such_measure"], ["nps", "wau", "depth"]):
            plays = choose(rule.plays, moved)
            assert 3 <= len(plays) <= 5, rule.name
            assert all(not play.measures or set(play.measures) & set(moved) for play in plays)


def test_a_message_names_who_it_is_about_and_how_many_more_there_are() -> None:
    """By their names where somebody told them; a list that is cut short counts nobody twice."""
    measures = {"open_detractors": 11, "open_detractor_days": 8, "open_detractor_users": ["u1", "u2", "u3"]}
    report = broken("detractor_follow_up", measures=measures, names={"u1": "Ann Lee"})
    (message,) = messages_of("detractor_follow_up", [report])
    assert "•  Who: Ann Lee, u2, u3 and 8 more" in body(message)


def test_an_answer_about_effort_is_told_as_ease_since_7_is_easiest() -> None:
    report = make_report(measures={"ces_mean": 2.46, "ces_responses": 10})
    (rule,) = [each for each in default_rules() if each.name == "answers_turned"]
    found = rule.evaluate(AccountFacts(report, MONDAY), None, None)
    assert isinstance(found, Firing)
    assert found.headline == "has become unhappy: ease (CES) is rated 2.5 of 7 (10 answers)"


@pytest.mark.parametrize(
    ("why", "fields", "says"),
    [
        ("the feed's own amount, of which nobody says the currency", {}, "Pays 3,417 a month, 20 seats."),
        ("a subscription's has", {"currency": "EUR"}, "Pays €2,000 a month, 20 seats."),
        ("one without a sign of its own", {"currency": "CHF"}, "Pays CHF 2,000 a month, 20 seats."),
    ],
)
def test_money_is_told_in_its_currency(why: str, fields: dict[str, Any], says: str) -> None:
    profile = replace(PAYING, **fields)
    measures = {"mau": None} | ({"mrr_active": 2000.0} if fields else {})
    report = make_report(measures=measures, profile=profile)
    assert says in account_line(report, AccountFacts(report, MONDAY)), why


def test_what_an_account_paid_that_is_not_alive_is_past() -> None:
    profile = replace(PAYING, currency="USD")  # which the account feed may say
    report = make_report(score=None, measures={"lifecycle_stage": "churned", "mau": 8}, profile=profile)
    assert account_line(report, AccountFacts(report, MONDAY)) == "Paid $3,417 a month."


def test_what_the_second_line_says_is_no_evidence() -> None:
    """Neither the renewal nor this month's users."""
    measures = TROUBLES["silence"].breaks | {"mau": 9, "days_to_renewal": 60}
    config = AlertingConfig.model_validate({"rules": {"silence": {"channel": "page"}, "score_low": {"enabled": False}}})
    report = make_report(score=40, measures=measures, profile=PAYING, changes_7d=[], contributions=[])
    context = AlertContext(config.lifecycle)
    found = evaluate_rules(None, report, config.book.choose(PAYING), MONDAY, context)
    (step,) = [each for each in found.changes if each.alert is not None]
    assert step.alert is not None
    assert {signal.rule for signal in step.alert.signals} == {"silence", "renewal_near"}
    text = body(build_message("opened", step.alert, report, AccountFacts(report, MONDAY), {}))
    assert "9 of 20 seats used last month. Renews 1 May 2026 (in 60 days)." in text
    assert "•" not in text
