"""The addresses: who is let in, what each answer means, and that nothing sent is silently nothing."""

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.testclient import TestClient

from consumers.intake.acceptance import Acceptance
from consumers.intake.app import Intake, make_app
from consumers.intake.memberships import Memberships
from consumers.intake.metrics import IntakeMetrics
from consumers.intake.rate import RateLimit
from consumers.intake.settings import IntakeOptions
from consumers.intake.vendors.registry import VENDORS
from consumers.intake.writer import BusyError, Outgoing
from stream.contracts.dead_letters import read_dead_letter
from stream.kinds.decode import Decoder
from stream.topics import KINDS, Topics

NOW = 1_772_443_800.0  # 2026-03-02T09:30:00Z
KEY = "a-write-key-of-the-app"
EVENT = {
    "event_id": "e1",
    "account_id": "acme",
    "user_id": "u7",
    "feature": "reports",
    "timestamp": "2026-03-02T09:00:00Z",
}
TRACK = {"messageId": "m1", "userId": "u7", "event": "reports", "context": {"groupId": "acme"}}


class Kept:
    """A writer that keeps what it is given."""

    waiting_bytes = 0

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.busy = False

    async def write(self, records: Sequence[Outgoing]) -> None:
        if self.busy:
            raise BusyError("Kafka did not take it: KafkaTimeoutError")
        self.records += records

    def events(self, topic: str = "product-usage") -> list[dict[str, Any]]:
        return [json.loads(record.value or b"") for record in self.records if record.topic == topic]


class World:
    """An intake over a kept writer."""

    def __init__(self, **options: Any) -> None:
        self.kept = Kept()
        self.registry = CollectorRegistry()
        settings = IntakeOptions.model_validate(
            {"write_keys": {"app": KEY}, "vendors": {"jira": {"secret": "jira-secret"}}} | options
        )
        plain = Acceptance({kind: Decoder(kind) for kind in KINDS})
        metrics = IntakeMetrics(self.registry, [*settings.write_keys, *settings.vendors])
        rate = RateLimit(settings.events_per_second_max)
        writer: Any = self.kept
        self.client = TestClient(
            make_app(
                Intake(
                    settings, Topics(), plain, plain, Memberships(), "memberships", writer, metrics, rate, lambda: NOW
                )
            )
        )

    def post(self, path: str, body: Any, key: str | None = KEY, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if key is not None:
            headers["authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        return self.client.post(path, content=content, headers=headers)

    def count(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"heartline_intake_{name}_total", labels)


@pytest.fixture
def world() -> World:
    return World()


def test_an_event_is_on_kafka_under_its_account_when_the_answer_says_202(world: World) -> None:
    answer = world.post("/v1/events/usage", EVENT)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "ignored": 0, "refused": 0})
    (record,) = world.kept.records
    assert (record.topic, record.key, record.source) == ("product-usage", "acme", b"app")
    assert json.loads(record.value or b"") == EVENT
    assert world.count("accepted_events", source="app") == 1


@pytest.mark.parametrize("path", ["/v1/track", "/v1/t"])
def test_segments_paths_and_the_short_ones_of_browsers_are_the_same(world: World, path: str) -> None:
    assert world.post(path, TRACK).status_code == 202
    (event,) = world.kept.events()
    assert (event["feature"], event["account_id"], event["timestamp"]) == (
        "reports",
        "acme",
        "2026-03-02T09:30:00+00:00",
    )


def test_a_browser_says_its_key_in_the_body(world: World) -> None:
    assert world.post("/v1/t", TRACK | {"writeKey": KEY}, key=None).status_code == 202
    assert world.post("/v1/t", TRACK | {"writeKey": "another-key"}, key=None).status_code == 401


def test_a_batch_says_how_much_of_it_was_accepted_and_what_was_not(world: World) -> None:
    batch = [{"type": "track", **TRACK}, {"type": "identify"}, {"type": "track", **TRACK, "event": None}, {"type": "?"}]
    answer = world.post("/v1/batch", {"batch": batch})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], told["ignored"], told["refused"]) == (1, 1, 2)
    assert [each["index"] for each in told["refusals"]] == [2, 3]
    assert "feature" in told["refusals"][0]["detail"]
    letters = [read_dead_letter(each.value or b"") for each in world.kept.records if each.topic == "dead-letters"]
    assert [letter.topic for letter in letters] == ["intake:app", "intake:app"]
    assert world.count("refused_events", source="app", reason="missing_field") == 1


def test_a_group_call_gives_the_account_of_later_calls_of_its_user(world: World) -> None:
    lone = {"messageId": "m2", "userId": "u7", "event": "reports"}
    refused = world.post("/v1/track", lone)
    assert refused.status_code == 422
    assert "group" in refused.json()["refusals"][0]["detail"]
    assert world.post("/v1/group", {"messageId": "m3", "userId": "u7", "groupId": "acme"}).status_code == 202
    assert world.post("/v1/track", lone).status_code == 202
    assert world.kept.events()[-1]["account_id"] == "acme"
    assert ("u7", b"acme") in [(each.key, each.value) for each in world.kept.records if each.topic == "memberships"]


def test_what_is_documented_as_ignored_is_204_and_counted(world: World) -> None:
    assert world.post("/v1/identify", {"userId": "u7", "traits": {}}).status_code == 204
    assert world.count("ignored_events", source="app") == 1


def test_a_packed_body_is_unpacked(world: World) -> None:
    packed = gzip.compress(json.dumps(EVENT).encode())
    assert world.post("/v1/events/usage", packed, **{"content-encoding": "gzip"}).status_code == 202


REFUSED = [
    ("/v1/events/usage", EVENT, "wrong-wrong-wrong", 401, "write key"),
    ("/v1/events/usage", EVENT, None, 401, "write key"),
    ("/v1/events/usages", EVENT, KEY, 404, "usage, ticket"),
    ("/v1/events/usage", b"{", KEY, 422, "not JSON"),
    ("/v1/events/usage", b"[" * 90_000, KEY, 422, "nested too deep"),
    ("/v1/events/usage", [], KEY, 422, "the list is empty"),
    ("/v1/batch", {"batch": []}, KEY, 422, "the list is empty"),
    ("/v1/events/usage", b" " * 3_000_000, KEY, 413, "larger than"),
    ("/v1/events/usage", [EVENT] * 2_501, KEY, 413, "at most 2500"),
    ("/webhooks/jira", {}, KEY, 401, "signature"),
    ("/webhooks/stripe", {}, KEY, 404, "intake.vendors.stripe.secret"),
    ("/webhooks/nobody", {}, KEY, 404, "zendesk, intercom"),
]


@pytest.mark.parametrize(("path", "body", "key", "status", "told"), REFUSED, ids=[f"{c[3]} {c[4]}" for c in REFUSED])
def test_what_is_not_let_in_hears_why_and_leaves_nothing(
    world: World, path: str, body: Any, key: str | None, status: int, told: str
) -> None:
    answer = world.post(path, body, key)
    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert world.kept.records == []
    assert world.count("answers", status=str(status)) == 1


UNREADABLE = [
    ("/v1/events/usage", [7], "app", "array of objects"),
    ("/v1/batch", {"batch": 7}, "app", "list of objects"),
    ("/webhooks/jira", {"webhookEvent": "jira:issue_created2"}, "jira", "expected one of jira:issue_created"),
    ("/webhooks/jira", [7], "jira", "webhookEvent = None"),
]


@pytest.mark.parametrize(("path", "body", "source", "told"), UNREADABLE, ids=[f"{c[0]} {c[3]}" for c in UNREADABLE])
def test_what_parses_and_says_nothing_that_is_known_is_counted_and_a_dead_letter(
    world: World, path: str, body: Any, source: str, told: str
) -> None:
    raw = json.dumps(body).encode()
    signature = "sha256=" + hmac.new(b"jira-secret", raw, hashlib.sha256).hexdigest()
    answer = world.post(path, raw, **{"X-Hub-Signature": signature})
    assert answer.status_code == 422
    assert told in answer.json()["refusals"][0]["detail"]
    (record,) = world.kept.records
    assert read_dead_letter(record.value or b"").topic == f"intake:{source}"
    assert sum(world.count("refused_events", source=source, reason=why) or 0 for why in ("wrong_type", "unknown_value"))


def test_a_table_that_fails_on_a_payload_refuses_it_and_is_no_error_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(VENDORS["jira"], translate=lambda body, headers: [body["issue"]["key"]])
    monkeypatch.setitem(cast("dict[str, Any]", VENDORS), "jira", broken)
    signature = "sha256=" + hmac.new(b"jira-secret", b"{}", hashlib.sha256).hexdigest()
    answer = world.post("/webhooks/jira", b"{}", key=None, **{"X-Hub-Signature": signature})
    assert (answer.status_code, [record.topic for record in world.kept.records]) == (422, ["dead-letters"])


def test_one_refused_event_is_422_with_the_field_and_a_dead_letter(world: World) -> None:
    answer = world.post(
        "/v1/events/ticket",
        {"event_id": "e", "account_id": "a", "ticket_id": "t", "status": "odd", "timestamp": 1_769_860_800_000},
    )
    assert answer.status_code == 422
    assert "status = 'odd'" in answer.json()["refusals"][0]["detail"]
    assert [record.topic for record in world.kept.records] == ["dead-letters"]


NULLS: list[tuple[str, dict[str, Any], int, str]] = [
    ("/v1/track", TRACK | {"context": None}, 422, "no account is named: refused with what is expected"),
    ("/v1/track", TRACK | {"context": {"groupId": 77}, "userId": 7}, 202, "ids that are numbers"),
    ("/v1/track", TRACK | {"properties": None, "integrations": None}, 202, "nothing beside what counts"),
    ("/v1/group", {"groupId": 77, "userId": 7, "traits": None, "messageId": "m"}, 202, "a group without traits"),
    ("/v1/identify", {"userId": "u7", "traits": None}, 204, "nothing is said of a person"),
    ("/v1/batch", {"batch": [{"type": "track", **TRACK, "context": None}], "context": {"groupId": 77}}, 202, "shared"),
]


@pytest.mark.parametrize(("path", "body", "status", "why"), NULLS, ids=[case[-1] for case in NULLS])
def test_nulls_and_numbers_where_a_text_or_an_object_may_be(
    world: World, path: str, body: dict[str, Any], status: int, why: str
) -> None:
    answer = world.post(path, body)
    assert answer.status_code == status
    assert {record.key for record in world.kept.records if record.topic.startswith(("product", "account"))} <= {
        "acme",
        "77",
    }
    assert status != 422 or "context.groupId" in answer.json()["refusals"][0]["detail"]


SURROGATE = b'{"event_id": "\\ud800", "account_id": "a", "user_id": "u", "feature": "f", "timestamp": 1772443800000}'


@pytest.mark.parametrize("value", ["\\ud800", "\\u0000", "\\udfff\\ud800"])
def test_odd_text_is_never_an_error_of_ours(world: World, value: str) -> None:
    body = SURROGATE.replace(b"\\ud800", value.encode())
    assert world.post("/v1/events/usage", body).status_code in (202, 422)
    assert world.post("/v1/track", body).status_code in (202, 422)


def test_while_kafka_is_away_the_sender_is_told_to_come_again(world: World) -> None:
    world.kept.busy = True
    answer = world.post("/v1/events/usage", EVENT)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert world.count("accepted_events", source="app") == 0


def test_a_sender_that_is_too_fast_hears_after_how_long_to_come_again() -> None:
    world = World(events_per_second_max=10)
    assert world.post("/v1/events/usage", [EVENT] * 100).status_code == 202
    answer = world.post("/v1/events/usage", [EVENT] * 50)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 4


def test_a_signed_webhook_is_let_in(world: World) -> None:
    body = json.dumps(
        {
            "webhookEvent": "jira:issue_created",
            "timestamp": int(NOW * 1000),
            "issue": {"id": "1", "key": "S-1", "fields": {"customfield_10002": [{"id": "3"}]}},
        }
    ).encode()
    signature = "sha256=" + hmac.new(b"jira-secret", body, hashlib.sha256).hexdigest()
    answer = world.post("/webhooks/jira", body, key=None, **{"X-Hub-Signature": signature})
    assert answer.status_code == 202
    assert world.kept.records[0].source == b"jira"


def test_a_page_of_another_site_may_send(world: World) -> None:
    answer = world.client.options(
        "/v1/t", headers={"origin": "https://app.example", "access-control-request-method": "POST"}
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/v1/trakc", 404), ("GET", "/v1/track", 405)])
def test_an_address_that_is_none_is_told_those_that_are(world: World, method: str, path: str, status: int) -> None:
    answer = world.client.request(method, path)
    assert answer.status_code == status
    assert f"{method} {path}; expected POST to one of /v1/track, " in answer.json()["detail"]


def test_it_says_that_it_lives_and_is_ready(world: World) -> None:
    assert world.client.get("/livez").status_code == 200
    assert world.client.get("/readyz").text == "ready\n"


def test_the_time_of_an_answer_leads_to_the_trace_of_who_asked(world: World) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    world.client.post("/v1/track", json={}, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    assert f'# {{trace_id="{trace}"}}' in encode(world.registry).decode()
