"""Renewal, money, seats and stage are one value each, wherever read: the subscriptions', else the profile's."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.evaluation import evaluate_rules
from alerts.messages.compose import make_notification
from alerts.notification import routing_subject
from alerts.rules import RULES
from consumers.alerting.receivers import webhook
from consumers.board.account_index import AccountQuery
from heartline.terminal.account_panel import account_panel
from stream.contracts.report import Profile
from tests.reports import MONDAY, make_report
from tests.unit.consumers.board.board_app import FakeBoard


class Case(NamedTuple):
    """What the feeds say, and the one value of each fact."""

    why: str
    profile: dict[str, Any]
    measures: dict[str, Any]
    mrr: float
    currency: str | None
    seats: int
    renewal_days: int
    stage: str
    said: tuple[str, str, str]


TOLD = {"mrr": 100.0, "licensed_seats": 50, "renewal_at": MONDAY + timedelta(days=300), "lifecycle_stage": "active"}
SOLD = {"mrr_active": 2500, "seats_active": 20, "days_to_renewal": 40}
CASES = [
    Case("the profile alone", TOLD, {}, 100, None, 50, 300, "active", ("profile", "profile", "")),
    Case(
        "both, and they differ",
        TOLD | {"currency": "EUR"},
        SOLD | {"lifecycle_stage": "renewing", "lifecycle_stage_basis": "derived"},
        *(2500, "EUR", 20, 40, "renewing", ("subscriptions", "subscriptions", "derived")),
    ),
    Case(
        "the subscriptions tell no seats and no money, and the feed its own currency",
        TOLD | {"currency": "EUR"},
        {"mrr_active": None, "seats_active": None, "days_to_renewal": 40, "lifecycle_stage": "active"},
        *(100, "EUR", 50, 40, "active", ("profile", "profile", "")),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_header_list_rules_routes_messages_and_gauges_read_the_same(case: Case) -> None:
    profile = Profile(name="Acme", segment="smb", **case.profile)
    report = make_report(profile=profile, measures={"mau": 10, "wau": 8, "days_known": 90} | case.measures, score=30)
    facts = AccountFacts(report, MONDAY)
    renewal = (MONDAY + timedelta(days=case.renewal_days)).date()
    assert (facts.mrr, facts.currency, facts.seats) == (case.mrr, case.currency, case.seats)
    assert (facts.days_to_renewal, facts.renewal_date, facts.stage) == (case.renewal_days, renewal, case.stage)

    board = FakeBoard()
    board.report(report)
    board.report(make_report("other", profile=Profile(name="Other", mrr=case.mrr - 1, currency=case.currency)))
    client = board.client()
    listed = client.get("/api/v1/accounts?sort=mrr").json()["accounts"]
    assert [each["account_id"] for each in listed] == ["acme", "other"], "the largest first"
    item = listed[0]
    assert (item["mrr"], item["currency"], item["lifecycle_stage"]) == (case.mrr, case.currency, case.stage)
    assert item["renewal_date"] == renewal.isoformat()
    accounts, today = board.read_model.accounts, MONDAY.date()
    for days, expected in ((case.renewal_days, ["acme"]), (case.renewal_days - 1, [])):
        found_near = accounts.find(AccountQuery(renewal_days=days), today=today)
        assert [row.account_id for row in found_near.rows] == expected

    page = " ".join(client.get("/accounts/acme").text.split())
    money_source, seats_source, stage_source = case.said
    money = f"€{case.mrr:,.0f}" if case.currency else f"{case.mrr:,.0f}"
    soft = '<span class="soft">'
    assert f"{money} {soft}{money_source}</span>" in page
    assert f"10 of {case.seats} {soft}used in 30 days ·</span> {soft}{seats_source}</span>" in page
    assert f"{case.stage}{f' {soft}{stage_source}</span>' if stage_source else ''}</dd>" in page
    assert f"{renewal:%-d %b %Y}" in page

    console = Console(width=200, record=True)
    console.print(account_panel(report))
    panel = console.export_text()
    assert f"{money} a month" in panel
    assert f"{case.seats} seats" in panel

    config = only_for(case)
    found = evaluate_rules(None, report, config.book.of(facts), MONDAY)
    assert [step.kind for step in found.changes] == ["opened"], "the override is for just this money, renewal and stage"
    assert found.record is not None
    assert found.record.portfolio_metrics.licensed_seats == case.seats

    notification = make_notification(found.changes[0], report, facts, {})
    body = webhook.payload(notification, "https://board.example/accounts/{account_id}")["data"]["account"]
    assert (body["mrr"], body["currency"], body["lifecycle_stage"]) == (case.mrr, case.currency, case.stage)
    said = str(notification.message)
    assert f"Pays {money} a month, 10 of {case.seats} seats used last month." in said
    assert f"Renews {renewal:%-d %b %Y}" in said
    about = routing_subject(notification)
    assert (about.mrr, about.currency) == (case.mrr, case.currency)
    assert (about.days_to_renewal, about.lifecycle_stage) == (case.renewal_days, case.stage)


def only_for(case: Case) -> AlertingConfig:
    """One rule, that looks at seats; it is off, but for accounts of the case's money, renewal and stage."""
    bounds = {"mrr_at_least": case.mrr, "mrr_below": case.mrr + 1, "renewal_within_days": case.renewal_days}
    override = {
        "for": bounds | {"lifecycle_stages": [case.stage]},
        "set": {"enabled": True, "exit_ratio": 10 / case.seats, "enter_ratio": 10 / case.seats + 0.001},
    }
    rules: dict[str, Any] = {rule.name: {"enabled": False} for rule in RULES}
    rules["licences_low"] |= {"channel": "page", "inhibited_by": [], "days_known_min": 0, "overrides": [override]}
    return AlertingConfig.model_validate({"money": {"currency": "EUR"}, "rules": rules})
