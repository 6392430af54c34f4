"""The alerting configuration: what a file says holds, what it leaves out is as shipped, and a mistake is told well."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig, read_config
from alerts.context import AlertContext
from alerts.evaluation import evaluate_rules, next_due
from heartline.alert_replay.history import AccountReplay
from stream.contracts.errors import ConfigError
from stream.contracts.report import Profile
from tests.reports import MONDAY, make_report

OVERRIDE = "rules: {{score_dropped: {{overrides: [{{for: {whom}, set: {other}}}]}}}}"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "alerting.yaml"
    path.write_text(text, "utf-8")
    return path


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, text))
    return str(caught.value)


def drop_points(config: AlertingConfig, segment: str | None, stage: str | None = None) -> float:
    """What the drop rule asks of an account."""
    rules = {rule.name: rule for rule in config.book.choose(Profile(segment=segment, lifecycle_stage=stage))}
    found = rules["score_dropped"].model_dump()["drop_points"]
    assert isinstance(found, float)
    return found


def test_what_a_file_leaves_out_is_as_shipped(tmp_path: Path) -> None:
    given = read_config(written(tmp_path, "rules: {score_dropped: {drop_points: 20}}"))
    assert drop_points(given, None) == 20
    assert given.rules.all()[1:] != []
    assert given.playbooks == read_config().playbooks


def test_the_plays_of_one_rule_may_be_one_s_own(tmp_path: Path) -> None:
    own = "playbooks: {score_dropped: [{id: call_us, name: Call us, do: Call us at once.}]}"
    given = read_config(written(tmp_path, own)).playbooks
    assert [play.id for play in given["score_dropped"]] == ["call_us"]
    assert "score_low" not in given, "the others are as shipped"


def test_the_first_override_that_fits_an_account_holds(tmp_path: Path) -> None:
    text = """
rules:
  score_dropped:
    drop_points: 20
    overrides:
      - for: {segments: [enterprise], lifecycle_stages: [renewing]}
        set: {drop_points: 5}
      - for: {segments: [enterprise]}
        set: {drop_points: 10}
      - for: {segments: [free]}
        set: {enabled: false}
"""
    config = read_config(written(tmp_path, text))
    assert drop_points(config, "enterprise", "renewing") == 5
    assert drop_points(config, "enterprise", "active") == 10
    assert drop_points(config, "enterprise") == 10
    assert drop_points(config, "smb", "renewing") == 20
    assert drop_points(config, None) == 20
    names = [rule.name for rule in config.book.choose(Profile(segment="free"))]
    assert names == [name for name in config.book.names if name != "score_dropped"]


def test_a_rule_that_is_switched_off_is_judged_by_nobody(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, "rules: {score_low: {enabled: false}}"))
    assert "score_low" not in [rule.name for rule in config.book.choose(make_report().profile)]
    assert "score_low" in config.book.names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules:\n  score_dropped:\n    drop_points: 0\n", ":3: rules.score_dropped.drop_points = 0: expected greater"),
        ("rules:\n  score_dropped: {drop_days: 28}\n", ":2: rules.score_dropped.drop_days = 28: expected less than or"),
        ("rules: {score_dropped: {drop_point: 9}}", "score_dropped.drop_point: not known here; did you mean drop_poin"),
        ("rules: {score_drop: {}}", "rules.score_drop: not known here; did you mean score_dropped? accepted are "),
        ("rule: {}", "rule: not known here; did you mean rules? accepted are money, rules, "),
        ("rules: {score_dropped: 7}", "rules.score_dropped = 7: expected a mapping"),
        ("rules: {score_dropped: {enabled: perhaps}}", "enabled = 'perhaps': expected a valid boolean"),
        (OVERRIDE.format(whom="{}", other="{drop_points: 9}"), "overrides[0].for: expected segments, life"),
        (
            OVERRIDE.format(whom="{segments: [a]}", other="{drop_points: 0}"),
            "[0].set.drop_points = 0: expected greater",
        ),
        (OVERRIDE.format(whom="{segments: [a]}", other="{points: 9}"), "overrides[0].set.points = 9: Extra inputs"),
        (OVERRIDE.format(whom="{segments: [a]}", other="{overrides: []}"), "an override has no overrides"),
        (OVERRIDE.format(whom="{lifecycle_stages: [old]}", other="{drop_points: 9}"), "expected 'trial', 'onboarding'"),
        (
            "playbooks: {score_droped: [{id: a1, name: Call, do: Call them now.}]}",
            "playbooks.score_droped: there is no such rule",
        ),
        (
            "playbooks: {score_dropped: [{id: A 1, name: Call, do: Call them now.}]}",
            "[0].id = 'A 1': String should mat",
        ),
        ("playbooks: {score_dropped: []}", "playbooks.score_dropped: expected at least 1 item"),
        ("playbooks: {score_dropped: [{id: a1, name: Call}]}", "playbooks.score_dropped[0].do: is missing"),
        (
            "playbooks: {score_dropped: [&a {id: a1, name: Call, do: Call them now.}, *a]}",
            "playbooks.score_dropped[1].id = 'a1': stands here twice",
        ),
        ("rules: {}\nrules: {}", ":2: rules: stands here twice"),
        ("rules: !thing 7", "rules = 7: expected a plain value"),
        ("- rules", "the file = a list: expected a mapping"),
        ("", "empty; expected sections such as rules"),
    ],
)
def test_every_mistake_names_its_place_and_what_is_accepted(tmp_path: Path, text: str, told: str) -> None:
    said = refusal(tmp_path, text)
    assert said.startswith(("wrong alerting configuration:", "alerting configuration "))
    assert told in said
    assert "alerting.yaml" in said


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, "rules:\n  score_low: {margin_points: -1}\n  score_dropped: {drop_days: 0}\nfoo: 1\n")
    assert [line.split(":")[1] for line in said.splitlines()[1:]] == ["2", "3", "4"]


def test_a_rule_is_inhibited_by_other_rules_that_there_are(tmp_path: Path) -> None:
    said = refusal(tmp_path, "rules: {silence: {inhibited_by: [silence]}}")
    assert "rules.silence.inhibited_by: 'silence' is no other rule; there are cancellation_requested" in said


def test_an_override_may_ask_for_money(tmp_path: Path) -> None:
    """In one currency: what another is worth in it counts, and what has no rate is neither more nor less."""
    overrides = "[{for: {mrr_at_least: 1000}, set: {channel: page}}, {for: {mrr_below: 500}, set: {channel: log}}]"
    text = f"money: {{currency: USD, rates: {{EUR: 2}}}}\nrules: {{score_dropped: {{overrides: {overrides}}}}}"
    book = read_config(written(tmp_path, text)).book

    def channel(mrr: float | None, currency: str | None) -> str:
        report = make_report(measures={"mrr_active": mrr}, profile=Profile(currency=currency))
        return next(rule.channel for rule in book.of(AccountFacts(report, MONDAY)) if rule.name == "score_dropped")

    cases = [
        (None, None, "log"),  # nobody told any
        (999.0, None, "digest"),  # the feed names no currency: it is the bounds' own
        (1000.0, "USD", "page"),
        (500.0, "EUR", "page"),
        (499.0, "EUR", "digest"),
        (249.0, "EUR", "log"),
        (9e6, "JPY", "digest"),  # no rate: not more than the one, and not less than the other
        (1.0, "JPY", "digest"),
    ]
    assert [(mrr, currency, channel(mrr, currency)) for mrr, currency, _ in cases] == cases


@pytest.mark.parametrize(
    "text",
    [
        "rules: {score_dropped: {overrides: [{for: {mrr_below: 1000}, set: {channel: page}}]}}\n",
        "routes:\n  - {match: {mrr_at_least: 5}, receivers: []}\n  - {receivers: []}\n",
        "routes:\n  - {routes: [{match: {mrr_at_most: 5}, receivers: []}], receivers: []}\n",
    ],
)
def test_a_bound_of_money_is_in_a_currency_that_is_named(tmp_path: Path, text: str) -> None:
    told = "money: expected currency (such as USD): the one that mrr_at_least, mrr_at_most and mrr_below are in"
    assert told in refusal(tmp_path, text)
    assert read_config(written(tmp_path, f"money: {{currency: USD}}\n{text}")).money.currency == "USD"


def test_an_override_may_ask_for_a_near_renewal_and_raise_the_severity(tmp_path: Path) -> None:
    """What is a warning in other months is a page before the renewal, by the passing of time alone."""
    override = "{for: {renewal_within_days: 60}, set: {severity_at_least: critical}}"
    text = f"rules: {{outcome_off_track: {{critical_channel: page, overrides: [{override}]}}}}"
    config = read_config(written(tmp_path, text))
    profile = Profile(name="Acme", renewal_at=MONDAY + timedelta(days=70))
    report = make_report(as_of=MONDAY, measures={"goals_off_track": 1, "outcome_pace_min": 0.8}, profile=profile)
    context = AlertContext(config.lifecycle)
    before = evaluate_rules(None, report, config.book.of(AccountFacts(report, MONDAY)), MONDAY, context)
    assert before.record is not None
    assert before.record.signals["outcome_off_track"].severity == "warning"
    assert before.record.alert is None, "the rule opens no red flag but with a page"
    facts = AccountFacts(report, MONDAY)
    until = config.book.changes_at(facts)
    assert until == facts.start_of_day(facts.day + 10)
    assert next_due(before.record, report, config.book.of(facts), context, MONDAY, until) == until
    after = evaluate_rules(before.record, report, config.book.of(AccountFacts(report, until)), until, context)
    assert [(step.kind, step.alert.severity) for step in after.changes if step.alert] == [("opened", "critical")]
    assert config.book.changes_at(AccountFacts(report, until)) is None


OWN = """
custom_rules:
  - name: few_reports
    measure: mau
    below: 5
    exit: 8
    segments: [enterprise]
    channel: page
    says: has only {value} users a month, fewer than {line}
    plays: [{id: call_us, name: Call us, do: Call us at once.}]
"""


def test_a_rule_of_one_s_own_fires_leads_and_ends_as_any_other(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, OWN))
    assert config.book.names[-1] == "few_reports"
    assert config.plays["few_reports"][0].id == "call_us"
    record, said = None, []
    words = []
    for day, (users, segment) in enumerate([(4, "smb"), (4, "enterprise"), (6, "enterprise"), (8, "enterprise")]):
        as_of = MONDAY + timedelta(days=day)
        profile = Profile(name="Acme", segment=segment)
        report = make_report(as_of=as_of, measures={"mau": users}, profile=profile)
        found = evaluate_rules(record, report, config.book.choose(profile), as_of)
        record = found.record
        said += [f"{day} {step.kind}: {step.alert.headline}" for step in found.changes if step.alert is not None]
        words += [each.headline for each in (record.signals if record is not None else {}).values() if each.is_firing]
    assert said == ["1 opened: has only 4 users a month, fewer than 5", "3 resolved: "]
    assert words == ["has only 4 users a month, fewer than 5", "is not over it yet: Monthly active users: 6"]


FINE: dict[str, Any] = {"billing_status": "fine"}
CHANGES = """
custom_rules:
  - name: seats_shrank
    trait: seats_used
    change_days: 7
    change: ratio
    below: -0.25
    says: went from {before} to {value}
  - {name: more_urgent, measure: open_urgent_tickets, change_days: 2, at_least: 3, says: "has {value} urgent tickets"}
  - {name: on_hold, trait: billing_status, equals: on_hold, channel: log, says: "is {value}"}
  - {name: big, trait: seats_used, at_least: 90, says: "uses {value} seats of {line}"}
"""


def lived(config: AlertingConfig, days: list[tuple[int, dict[str, Any], dict[str, Any]]]) -> list[str]:
    """The signals of a life, by day of the report; what time makes due comes in between."""
    life = AccountReplay(config, AlertContext(config.lifecycle))
    for day, measures, traits in days:
        profile = Profile(name="Acme", traits=traits)
        life.take(make_report(as_of=MONDAY + timedelta(days=day), measures=measures, profile=profile))
    life.pass_time(MONDAY + timedelta(days=40))
    return [
        f"{(row.at.date() - MONDAY.date()).days} {row.event} {row.signals}: {row.reason}"
        for row in life.rows
        if row.event in ("firing", "resolved")
    ]


@pytest.mark.parametrize(
    ("why", "days", "told"),
    [
        (
            "a share less than a week before, over once a week has passed at the new level, by time alone",
            [(0, {}, {"seats_used": 80}), (8, {}, {"seats_used": 50})],
            [
                "8 firing seats_shrank: Seats used: 50 (80, 7 days before)",
                "15 resolved seats_shrank: Seats used: 50 (50, 7 days before)",
            ],
        ),
        ("slowly is no fall", [(day, {}, {"seats_used": 80 - day}) for day in range(20)], []),
        (
            "it counts once it is known for so long, by time alone",
            [(0, {}, {"seats_used": 80}), (3, {}, {"seats_used": 10})],
            [
                "7 firing seats_shrank: Seats used: 10 (80, 7 days before)",
                "10 resolved seats_shrank: Seats used: 10 (10, 7 days before)",
            ],
        ),
        (
            "points of a measure",
            [(0, {"open_urgent_tickets": 1}, {}), (5, {"open_urgent_tickets": 4}, {})],
            [
                "5 firing more_urgent: Urgent tickets open: 4 (1, 2 days before)",
                "7 resolved more_urgent: Urgent tickets open: 4 (4, 2 days before)",
            ],
        ),
        (
            "a word of the account feed",
            [(day, {}, traits) for day, traits in enumerate([FINE, {"billing_status": "on_hold"}, {}, FINE])],
            ["1 firing on_hold: Billing status: on_hold", "3 resolved on_hold: Billing status: fine"],
        ),
        ("a number of it", [(0, {}, {"seats_used": 95})], ["0 firing big: Seats used: 95"]),
        ("a flag or a word is no number", [(0, {}, {"seats_used": True}), (1, {}, {"seats_used": "95"})], []),
    ],
)
def test_a_rule_of_one_s_own_reads_traits_and_what_changed_within_days(
    tmp_path: Path, why: str, days: list[tuple[int, dict[str, Any], dict[str, Any]]], told: list[str]
) -> None:
    assert lived(read_config(written(tmp_path, CHANGES)), days) == told, why


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("{name: x1, below: 5, says: low}", "expected either measure or trait"),
        ("{name: x1, trait: a, measure: mau, below: 5, says: low}", "expected either measure or trait"),
        ("{name: x1, measure: mau, equals: 5, says: low}", "equals is for a trait"),
        ("{name: x1, trait: a, equals: b, change_days: 3, says: low}", "equals is for a trait, without exit"),
        ("{name: x1, measure: mau, below: 5, change_days: 91, says: low}", "custom_rules[0].change_days"),
        ("{name: x1, measure: maus, below: 5, says: low}", "measure = 'maus': expected the id of a number"),
        ("{name: x1, measure: feature_status, below: 5, says: low}", "expected the id of a number"),
        ("{name: x1, measure: mau, says: low}", "expected either below or at_least"),
        ("{name: x1, measure: mau, below: 5, exit: 4, says: low}", "exit lies on the wrong side of the line"),
        ("{name: x1, measure: mau, below: 5, says: 'low {users}'}", "says: {users} is not known"),
        ("{name: silence, measure: mau, below: 5, says: low}", "custom_rules[0].name"),
        ("{name: x1, measure: mau, below: 5}", "custom_rules[0].says: is missing"),
    ],
)
def test_a_mistake_in_a_rule_of_one_s_own_is_told_like_any_other(tmp_path: Path, own: str, told: str) -> None:
    said = refusal(tmp_path, f"custom_rules: [{own}]")
    assert told in said
    assert "alerting.yaml:1" in said
