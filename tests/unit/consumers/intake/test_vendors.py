"""Each vendor's payloads, written after its references: what they become, and that the contract takes it."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.intake.acceptance import Acceptance, Accepted, Refused
from consumers.intake.mapping import Ignored, Translated, Unreadable, UnreadableError
from consumers.intake.settings import VENDOR_NAMES
from consumers.intake.vendors import money, stripe
from consumers.intake.vendors.registry import VENDORS
from heartline.imports.sources import make_sources
from stream.kinds.decode import Decoder
from stream.topics import KINDS

NOW_MS = 1_773_000_000_000  # 2026-03-08
ACCEPTANCE = Acceptance({kind: Decoder(kind) for kind in KINDS})


def zendesk(kind: str, event: Any = None, **detail: Any) -> dict[str, Any]:
    return {
        "type": f"zen:event-type:ticket.{kind}",
        "id": "01HX",
        "time": "2026-03-02T09:30:00Z",
        "account_id": 22129848,
        "subject": "zen:ticket:35436",
        "event": event or {},
        "detail": {
            "id": "35436",
            "status": "OPEN",
            "priority": "HIGH",
            "organization_id": "5615445",
            "requester_id": "8447388",
            "type": "incident",
            **detail,
        },
    }


def intercom(topic: str, **item: Any) -> dict[str, Any]:
    conversation = {"id": "147", "custom_attributes": {"account_id": "acme"}, "priority": "not_priority", **item}
    return {
        "type": "notification_event",
        "topic": topic,
        "id": "n1",
        "created_at": 1_772_443_800,
        "data": {"item": conversation},
    }


def delighted(**data: Any) -> dict[str, Any]:
    return {
        "event_type": "survey_response.updated",
        "event_id": "e9",
        "event_data": {
            "id": "210",
            "person": {"id": "42", "email": "a@b.example"},
            "survey_type": "nps",
            "score": 3,
            "comment": None,
            "person_properties": {"account_id": "acme"},
            "created_at": 1_772_443_000,
            "updated_at": 1_772_443_800,
            **data,
        },
    }


def typeform(answers: list[Any], **hidden: Any) -> dict[str, Any]:
    form = {
        "form_id": "lT4Z3j",
        "token": "a3a12ec6",
        "submitted_at": "2026-03-02T09:30:00Z",
        "hidden": {"account_id": "acme", "user_id": "u7", **hidden},
        "answers": answers,
    }
    return {"event_id": "LtWXD3", "event_type": "form_response", "form_response": form}


def hubspot(name: str, value: str, kind: str = "company.propertyChange") -> list[dict[str, Any]]:
    return [
        {
            "eventId": 100,
            "subscriptionType": kind,
            "objectId": 4711,
            "propertyName": name,
            "propertyValue": value,
            "occurredAt": 1_772_443_800_000,
            "attemptNumber": 0,
        }
    ]


def jira(what: str, category: str = "indeterminate", items: Any = None, **fields: Any) -> dict[str, Any]:
    return {
        "webhookEvent": f"jira:issue_{what}",
        "timestamp": 1_772_443_800_000,
        "changelog": {"id": "10124", "items": items or []},
        "issue": {
            "id": "10002",
            "key": "SUP-1",
            "fields": {
                "status": {"name": "Whatever", "statusCategory": {"key": category}},
                "priority": {"name": "Highest"},
                "issuetype": {"name": "Incident"},
                "reporter": {"accountId": "557058"},
                "customfield_10002": [{"id": "3", "name": "Acme"}],
                **fields,
            },
        },
    }


def item(amount: int, quantity: int = 1, interval: str = "month", count: int = 1) -> dict[str, Any]:
    recurring = {"interval": interval, "interval_count": count}
    price = {"unit_amount": amount, "currency": "usd", "recurring": recurring, "product": "prod_1"}
    return {"quantity": quantity, "price": price, "current_period_end": 1_780_000_000}


def stripe_event(kind: str, before: Any = None, **subscription: Any) -> dict[str, Any]:
    data = {
        "id": "sub_1",
        "customer": "cus_9",
        "status": "active",
        "currency": "usd",
        "items": {"data": [item(5_000, 10)]},
        "metadata": {},
        **subscription,
    }
    body = {"object": data} | ({"previous_attributes": before} if before is not None else {})
    return {"id": "evt_1", "type": f"customer.subscription.{kind}", "created": 1_772_443_800, "data": body}


def chargebee(kind: str, **subscription: Any) -> dict[str, Any]:
    data = {"id": "s1", "customer_id": "acme", "mrr": 50_000, "currency_code": "USD", "current_term_end": 1_780_000_000}
    return {
        "id": "ev_1",
        "occurred_at": 1_772_443_800,
        "event_type": kind,
        "content": {"subscription": data | subscription},
    }


ACCEPTED: list[tuple[str, Any, str, dict[str, Any], str]] = [
    (
        "zendesk",
        zendesk("created"),
        "ticket",
        {"account_id": "zendesk:5615445", "status": "opened", "priority": "HIGH"},
        "new",
    ),
    ("zendesk", zendesk("created", priority=None), "ticket", {"priority": None}, "no priority is Zendesk's default"),
    (
        "zendesk",
        zendesk("created", organization_id=5615445, id=35436),
        "ticket",
        {"account_id": "zendesk:5615445", "ticket_id": "35436"},
        "numbers",
    ),
    ("zendesk", zendesk("undeleted"), "ticket", {"status": "reopened"}, "back from the deleted"),
    ("zendesk", zendesk("undeleted", status="SOLVED"), "ticket", {"status": "solved"}, "back, and over"),
    (
        "zendesk",
        zendesk("status_changed", {"previous": "SOLVED", "current": "OPEN"}),
        "ticket",
        {"status": "reopened"},
        "back",
    ),
    (
        "zendesk",
        zendesk("status_changed", {"previous": "OPEN"}, status="HOLD"),
        "ticket",
        {"status": "updated"},
        "on hold",
    ),
    (
        "zendesk",
        zendesk("status_changed", {"previous": None}, status="SOLVED"),
        "ticket",
        {"status": "solved"},
        "solved",
    ),
    ("zendesk", zendesk("tags_changed", {"tags_added": ["escalated"]}), "ticket", {"status": "escalated"}, "by a tag"),
    (
        "zendesk",
        zendesk("tags_changed", {"tags_removed": ["escalated"]}),
        "ticket",
        {"status": "deescalated"},
        "tag gone",
    ),
    ("zendesk", zendesk("soft_deleted"), "ticket", {"status": "removed"}, "deleted: nobody waits any more"),
    ("zendesk", zendesk("marked_as_spam"), "ticket", {"status": "removed"}, "spam: nobody waits"),
    ("intercom", intercom("conversation.user.created"), "ticket", {"status": "opened", "priority": "normal"}, "new"),
    ("intercom", intercom("conversation.admin.closed"), "ticket", {"status": "solved"}, "closed by an agent"),
    (
        "intercom",
        intercom("ticket.state.updated", priority="priority"),
        "ticket",
        {"status": "updated", "priority": "high"},
        "any other",
    ),
    (
        "intercom",
        intercom("company.updated", company_id="acme", name="Acme", plan={"name": "pro"}),
        "account",
        {"name": "Acme", "segment": "pro"},
        "a company",
    ),
    (
        "delighted",
        delighted(),
        "survey",
        {"survey": "nps", "score": 3, "timestamp": "2026-03-02T09:30:00+00:00"},
        "an answer",
    ),
    ("delighted", delighted(score=9.0, id=210), "survey", {"score": 9, "response_id": "210"}, "9.0 is 9"),
    ("delighted", delighted(survey_type="NPS"), "survey", {"survey": "nps"}, "whatever the case"),
    (
        "typeform",
        typeform([{"type": "number", "number": 8}, {"type": "text", "text": "ok"}]),
        "survey",
        {"survey": "nps", "score": 8, "comment": "ok", "response_id": "a3a12ec6"},
        "a form",
    ),
    (
        "typeform",
        typeform([{"type": "number", "number": 4}], survey="CSAT"),
        "survey",
        {"survey": "csat", "score": 4, "user_id": "u7"},
        "its kind in a hidden field",
    ),
    (
        "typeform",
        typeform([{"type": "number", "number": 4}], user_id=""),
        "survey",
        {"score": 4, "user_id": None},
        "a form that does not say who answers is anonymous, and no token is a person",
    ),
    ("hubspot", hubspot("name", "Acme"), "account", {"account_id": "hubspot:4711", "name": "Acme"}, "a name"),
    ("hubspot", hubspot("licensed_seats", "40"), "account", {"licensed_seats": 40}, "numbers come as text"),
    ("hubspot", hubspot("mrr", "99.5"), "account", {"mrr": 99.5}, "money comes as text"),
    (
        "jira",
        jira("created"),
        "ticket",
        {"account_id": "jira:3", "ticket_id": "SUP-1", "status": "opened", "priority": "urgent"},
        "new",
    ),
    (
        "jira",
        jira("updated", "done", [{"field": "status"}]),
        "ticket",
        {"status": "solved"},
        "any status of the category done",
    ),
    (
        "jira",
        jira("updated", "new", [{"field": "resolution", "from": "10000", "to": None}]),
        "ticket",
        {"status": "reopened"},
        "unresolved",
    ),
    (
        "jira",
        jira("updated", priority={"name": "Very special"}),
        "ticket",
        {"status": "updated", "priority": None},
        "a priority of their own",
    ),
    (
        "stripe",
        stripe_event("created"),
        "subscription",
        {"account_id": "stripe:cus_9", "status": "started", "mrr": 500.0, "seats": 10},
        "new",
    ),
    (
        "stripe",
        stripe_event("created", status="trialing", metadata={"account_id": "acme"}),
        "subscription",
        {"account_id": "acme", "status": "trial_started"},
        "a trial",
    ),
    (
        "stripe",
        stripe_event("updated", {"cancel_at_period_end": False}, cancel_at_period_end=True),
        "subscription",
        {"status": "cancellation_requested"},
        "asked to end",
    ),
    (
        "stripe",
        stripe_event("updated", {"cancel_at_period_end": True}, cancel_at_period_end=False),
        "subscription",
        {"status": "cancellation_withdrawn"},
        "stays",
    ),
    (
        "stripe",
        stripe_event("updated", {"items": {"data": [item(5_000, 20)]}}),
        "subscription",
        {"status": "downgraded", "mrr": 500.0},
        "fewer seats",
    ),
    (
        "stripe",
        stripe_event("updated", {"items": {"data": [item(4_000, 10)]}}),
        "subscription",
        {"status": "upgraded"},
        "a higher price",
    ),
    ("stripe", stripe_event("updated", {"current_period_end": 1}), "subscription", {"status": "renewed"}, "a new term"),
    (
        "stripe",
        stripe_event("updated", {"status": "trialing"}),
        "subscription",
        {"status": "started"},
        "the trial converted",
    ),
    ("stripe", stripe_event("deleted"), "subscription", {"status": "cancelled", "involuntary": None}, "ended"),
    (
        "stripe",
        stripe_event("deleted", cancellation_details={"reason": "payment_failed"}),
        "subscription",
        {"status": "cancelled", "involuntary": True},
        "nobody paid",
    ),
    (
        "stripe",
        stripe_event("paused", currency="jpy"),
        "subscription",
        {"status": "paused", "currency": "JPY"},
        "a trial ended without a way to pay",
    ),
    ("stripe", stripe_event("resumed"), "subscription", {"status": "resumed", "currency": "USD"}, "it goes on"),
    (
        "chargebee",
        chargebee("subscription_created"),
        "subscription",
        {"account_id": "chargebee:acme", "status": "started", "mrr": 500.0},
        "new",
    ),
    (
        "chargebee",
        chargebee("subscription_changed", mrr=40_000, currency_code="EUR"),
        "subscription",
        {"status": "changed", "mrr": 400.0, "currency": "EUR"},
        "another plan, whichever way",
    ),
    (
        "chargebee",
        chargebee("subscription_changed", mrr=40_000, currency_code="JPY"),
        "subscription",
        {"mrr": 40_000.0, "currency": "JPY"},
        "a currency without cents",
    ),
    ("chargebee", chargebee("subscription_paused"), "subscription", {"status": "paused"}, "paused"),
    ("chargebee", chargebee("subscription_resumed"), "subscription", {"status": "resumed"}, "resumed"),
    ("chargebee", chargebee("subscription_reactivated"), "subscription", {"status": "reactivated"}, "it came back"),
    (
        "chargebee",
        chargebee("subscription_cancelled", cancel_reason="not_paid"),
        "subscription",
        {"status": "cancelled", "involuntary": True, "reason": "not_paid"},
        "nobody paid",
    ),
    (
        "chargebee",
        chargebee("subscription_cancellation_scheduled"),
        "subscription",
        {"status": "cancellation_requested"},
        "asked to end",
    ),
    (
        "chargebee",
        chargebee("subscription_cancelled", mrr=0),
        "subscription",
        {"status": "cancelled", "mrr": 0.0},
        "ended",
    ),
]


@pytest.mark.parametrize(
    ("vendor", "body", "kind", "expected", "why"), ACCEPTED, ids=[f"{c[0]}: {c[-1]}" for c in ACCEPTED]
)
def test_what_a_payload_becomes(vendor: str, body: Any, kind: str, expected: dict[str, Any], why: str) -> None:
    (outcome,) = VENDORS[vendor].translate(json.loads(json.dumps(body)), {})
    assert isinstance(outcome, Translated)
    assert outcome.kind == kind
    assert {name: outcome.event.get(name) for name in expected} == expected
    verdict = ACCEPTANCE.verdict_on(outcome, NOW_MS)
    assert isinstance(verdict, Accepted), verdict
    assert verdict.account_id == outcome.event["account_id"]


DELIGHTED_TYPES = [
    ("nps", 9, ("nps", 9)),
    ("csat", 4, ("csat", 4)),
    ("csat3", 3, ("csat", 5)),
    ("5star", 2, ("csat", 2)),
    ("smileys", 5, ("csat", 5)),
    ("thumbs", 0, ("csat", 1)),
    ("ces", 5, ("ces", 7)),
    ("CES7", 5, ("ces", 5)),
]


@pytest.mark.parametrize(("survey_type", "score", "expected"), DELIGHTED_TYPES)
def test_each_of_delighteds_surveys_is_put_on_the_scale_that_counts(
    survey_type: str, score: int, expected: tuple[str, int]
) -> None:
    (live,) = VENDORS["delighted"].translate(delighted(survey_type=survey_type, score=score), {})
    row = {"id": 7, "person": "9", "survey_type": survey_type, "score": score, "created_at": 1_772_443_000}
    (imported,) = make_sources()["delighted"].translate(row | {"person_properties": {"account_id": "acme"}})
    for outcome in (live, imported):
        verdict = ACCEPTANCE.verdict_on(outcome, NOW_MS)
        assert isinstance(verdict, Accepted), verdict
        found = Decoder("survey").decode(verdict.value)
        assert (found.survey, found.score) == expected


def test_a_ticket_that_goes_to_another_organization_leaves_the_one_and_reaches_the_other() -> None:
    changed = zendesk("organization_changed", {"current": "2", "previous": "1"}, organization_id="2")
    events = [each.event for each in VENDORS["zendesk"].translate(changed, {}) if isinstance(each, Translated)]
    found = [(each["account_id"], each["status"], each["event_id"]) for each in events]
    assert found == [("zendesk:1", "moved", "01HX:moved"), ("zendesk:2", "opened", "01HX")]
    first, nobodys = zendesk("organization_changed", {"current": "2"}), zendesk("organization_changed", {"previous": 1})
    assert [type(each) for each in VENDORS["zendesk"].translate(first, {})] == [Translated], "it had none before"
    nobodys["detail"]["organization_id"] = None
    assert [type(each) for each in VENDORS["zendesk"].translate(nobodys, {})] == [Translated, Ignored]


IGNORED = [
    ("delighted", delighted(survey_type="enps"), "a survey of employees"),
    ("zendesk", zendesk("created", organization_id=None), "a requester without an organization"),
    ("zendesk", {"type": "zen:event-type:user.created", "detail": {}}, "users"),
    ("intercom", intercom("ping"), "a test call"),
    ("delighted", {"event_type": "unsubscribe.created"}, "who receives surveys"),
    ("delighted", delighted(person_properties=None), "a person without properties, as in the reference's payload"),
    ("delighted", delighted(person_properties={"account_id": ""}), "a person of no account"),
    ("typeform", typeform([{"type": "text", "text": "hi"}]), "no number"),
    ("typeform", typeform([{"type": "number", "number": 9}], account_id=""), "a form without the hidden field"),
    ("intercom", intercom("conversation.user.created", custom_attributes={}), "a conversation names no company"),
    ("intercom", intercom("ticket.closed", custom_attributes=None, ticket_attributes={}), "a ticket of no company"),
    ("hubspot", hubspot("phone", "1"), "a property that is no account's"),
    ("hubspot", hubspot("hs_pipeline", "1", "ticket.propertyChange"), "no company is named"),
    ("jira", jira("created", customfield_10002=[]), "no organization"),
    ("stripe", stripe_event("updated", {"metadata": {}}), "nothing that matters changed"),
    ("stripe", {"id": "evt", "type": "invoice.paid", "data": {"object": {}}}, "an invoice"),
    ("chargebee", chargebee("payment_succeeded"), "a payment"),
]


@pytest.mark.parametrize(("vendor", "body", "why"), IGNORED, ids=[f"{c[0]}: {c[-1]}" for c in IGNORED])
def test_what_is_documented_as_ignored_says_why(vendor: str, body: Any, why: str) -> None:
    (outcome,) = VENDORS[vendor].translate(body, {})
    assert isinstance(outcome, Ignored)
    assert outcome.reason


@pytest.mark.parametrize("vendor", [name for name in VENDOR_NAMES if name not in ("stripe", "chargebee")])
@pytest.mark.parametrize(
    "body", [{}, {"type": "x", "topic": "x", "event_type": "x", "webhookEvent": "x"}, 7, "x", None]
)
def test_what_no_vendor_sends_is_named_with_what_is_accepted(vendor: str, body: Any) -> None:
    with pytest.raises(UnreadableError, match="expected"):
        VENDORS[vendor].translate(body, {})


@pytest.mark.parametrize("vendor", VENDOR_NAMES)
def test_a_payload_full_of_nulls_is_refused_by_the_contract_and_stops_nothing(vendor: str) -> None:
    def emptied(value: Any) -> Any:
        if isinstance(value, dict):
            keep = ("type", "topic", "event_type", "webhookEvent", "subscriptionType")
            return {k: v if k in keep else emptied(v) if isinstance(v, dict) else None for k, v in value.items()}
        return [emptied(each) for each in value]

    for name, body, *_ in ACCEPTED:
        if name == vendor:
            for outcome in VENDORS[vendor].translate(emptied(body), {}):
                assert not isinstance(ACCEPTANCE.verdict_on(outcome, NOW_MS), Accepted)


ODD_VALUES: list[Any] = [
    *(
        None,
        "",
        "x" * 300,
        "\ud83d",
        "2026-13-45",
        "9999-12-31T23:59:59Z",
        "1e400",
        True,
        [],
        {},
        [[]],
        [{}],
        {"0": {}},
    ),
    *(0, -1, 9.5, 1e308, 5e-324, 10**30, 253_402_300_799, -62_135_596_801, 2**63, 10**400),
]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in pairs:
        yield from leaves(each, (*path, step))


def with_value(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = body.copy()
    changed[path[0]] = with_value(body[path[0]], path[1:], value)
    return changed


@pytest.mark.parametrize("vendor", VENDOR_NAMES)
def test_any_value_at_any_place_is_accepted_ignored_or_refused_with_a_sentence(vendor: str) -> None:
    chance, verdicts = random.Random(vendor), 0
    for body in (case[1] for case in (*ACCEPTED, *IGNORED) if case[0] == vendor):
        for path in leaves(body):
            for value in chance.sample(ODD_VALUES, 6):
                try:
                    outcomes = VENDORS[vendor].translate(with_value(body, path, value), {})
                except UnreadableError:
                    continue
                for outcome in outcomes:
                    verdict = ACCEPTANCE.verdict_on(outcome, NOW_MS)
                    verdicts += 1
                    assert not isinstance(verdict, Refused) or verdict.detail
    assert verdicts > 50


def test_an_unknown_notification_takes_nothing_from_those_beside_it() -> None:
    body = [*hubspot("name", "Acme"), *hubspot("name", "Acme", "company.merged2x"), *hubspot("x", "1", "odd")]
    outcomes = VENDORS["hubspot"].translate(body, {})
    assert [type(each) for each in outcomes] == [Translated, Ignored, Unreadable]
    refused = ACCEPTANCE.verdict_on(outcomes[2], NOW_MS)
    assert isinstance(refused, Refused)
    assert "subscriptionType = 'odd'" in refused.detail


def test_every_vendor_of_the_settings_has_a_module_and_the_other_way_round() -> None:
    assert set(VENDORS) == set(VENDOR_NAMES)


PAYLOADS = Path(__file__).resolve().parents[4] / "examples/payloads"
EXAMPLES = [
    ("zendesk-created", "ticket", {"status": "opened", "priority": "URGENT"}),
    ("zendesk-reopened", "ticket", {"status": "reopened"}),
    ("delighted-created", "survey", {"survey": "nps", "score": 9}),
]


@pytest.mark.parametrize(("name", "kind", "expected"), EXAMPLES)
def test_the_payloads_among_the_examples_are_read(name: str, kind: str, expected: dict[str, Any]) -> None:
    body = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    (outcome,) = VENDORS[name.partition("-")[0]].translate(body, {})
    assert isinstance(outcome, Translated)
    assert outcome.kind == kind
    assert expected.items() <= outcome.event.items()
    assert isinstance(ACCEPTANCE.verdict_on(outcome, NOW_MS), Accepted)


MRR = [
    ([item(1_200_00, 1, "year")], 100.0, "yearly"),
    ([item(300_00, 1, "month", 3)], 100.0, "quarterly"),
    ([item(10_00, 5), item(120_00, 1, "year")], 60.0, "two items"),
    ([item(100_00), {"price": {"unit_amount": None}}], None, "a price by tiers is not told"),
    ([], None, "nothing is told"),
]


@pytest.mark.parametrize(("items", "expected", "why"), MRR, ids=[case[-1] for case in MRR])
def test_what_a_subscription_comes_to_in_a_month(items: list[Any], expected: float | None, why: str) -> None:
    assert stripe.mrr({"items": {"data": items}, "currency": "usd"}) == expected


def test_a_currency_without_cents_is_taken_as_it_is() -> None:
    assert money.units(5_000, "jpy") == 5_000
    assert money.units(True, "usd") is None
