"""The doctor's judgements: what is broken, what is worth a note, what to do, and that no secret is shown."""

import asyncio
from pathlib import Path
from typing import Any

import aiokafka.errors
import pytest
from pydantic import SecretStr

from consumers.alerting.settings import AlertingOptions, AlertingSettings, SlackSettings
from consumers.redis_client import describe_url
from heartline.doctor.check import State
from heartline.doctor.examine import check_receivers, check_scorecards
from heartline.doctor.group import LAG_RECORDS_HIGH, assess
from heartline.doctor.kafka import Broker, check_kafka, check_topics
from heartline.doctor.machine import check_packages, check_python
from heartline.doctor.redis import check_persistence, check_policy, check_skew
from stream.config.settings import KafkaSettings
from stream.engine.group import GroupView
from stream.topics import Topics

SPECS = Topics().specs(12)
COUNTS = {spec.name: 12 for spec in SPECS}
POLICIES = {spec.name: spec.config.get("cleanup.policy", "delete") for spec in SPECS}


def states(broker: Broker, may_create: bool = True) -> dict[str, State]:
    """Name to state of the checks of the topics."""
    return {check.name: check.state for check in check_topics(SPECS, broker, may_create)}


def test_topics_as_the_worker_makes_them_are_fine() -> None:
    """All there, alike, and compacted where they must be."""
    assert set(states(Broker(3, COUNTS, POLICIES)).values()) == {"ok"}


def test_missing_topics_are_a_note_where_the_worker_may_make_them_and_broken_where_not() -> None:
    """And nothing is said about the partitions of what is not there."""
    none = Broker(1, {}, {})
    assert states(none) == {"topics": "note"}
    assert states(none, may_create=False) == {"topics": "broken"}


def test_partition_counts_that_differ_are_broken_and_named() -> None:
    """One topic with another count would split accounts."""
    broker = Broker(1, COUNTS | {"support-tickets": 6}, POLICIES)
    found = {check.name: check for check in check_topics(SPECS, broker, True)}
    assert found["partitions"].state == "broken"
    assert "support-tickets 6" in found["partitions"].found
    assert "kafka.partitions = 12" in (found["partitions"].advice or "")


def test_a_topic_that_must_be_compacted_and_is_not_is_broken() -> None:
    """Its records would expire, and with them the state."""
    broker = Broker(1, COUNTS, POLICIES | {"account-health": "delete"})
    found = {check.name: check for check in check_topics(SPECS, broker, True)}
    assert found["cleanup.policy"].state == "broken"
    assert "account-health is 'delete' instead of 'compact'" in found["cleanup.policy"].found


def test_a_topic_of_the_ledger_that_expires_is_a_note() -> None:
    """The portfolio would forget what it is derived from; whoever does without it may leave it so."""
    kept = {spec.name: spec.config.get("retention.ms", "604800000") for spec in SPECS}
    assert states(Broker(1, COUNTS, POLICIES, kept))["retention.ms"] == "ok"
    broker = Broker(1, COUNTS, POLICIES, kept | {"subscriptions": "604800000"})
    found = {check.name: check for check in check_topics(SPECS, broker, True)}
    assert found["retention.ms"].state == "note"
    assert "subscriptions" in found["retention.ms"].found


@pytest.mark.parametrize(
    ("policy", "maxmemory", "expected"),
    [
        ("noeviction", 0, "ok"),
        ("noeviction", 1 << 30, "ok"),
        ("allkeys-lru", 0, "note"),  # no limit yet, so nothing is thrown away yet
        ("allkeys-lru", 1 << 30, "broken"),
        ("volatile-ttl", 1 << 30, "broken"),
    ],
)
def test_a_store_that_may_forget_is_broken(policy: str, maxmemory: int, expected: State) -> None:
    """Open alerts are not a cache."""
    assert check_policy(policy, maxmemory).state == expected


@pytest.mark.parametrize(
    ("seconds", "expected", "words"),
    [
        (0.0, "ok", "agrees"),
        (1.9, "ok", "agrees"),
        (-2.0, "note", "2.0 s ahead of"),
        (2.0, "note", "2.0 s behind"),
        (60.0, "broken", "60.0 s behind"),
    ],
)
def test_a_clock_that_is_off_is_said_with_its_direction(seconds: float, expected: State, words: str) -> None:
    """A positive skew means that the store's clock shows more."""
    check = check_skew(seconds)
    assert (check.state, words in check.found) == (expected, True)


def test_persistence_is_a_note_where_there_is_none() -> None:
    """It works without; a crash repeats messages."""
    assert check_persistence({"aof_enabled": 1}).state == "ok"
    assert check_persistence({"aof_enabled": 0}).state == "note"


@pytest.mark.parametrize(
    ("version", "expected"), [((3, 10, 14), "broken"), ((3, 11, 0), "ok"), ((3, 13, 1), "ok"), ((4, 0, 0), "ok")]
)
def test_python_from_3_11_on_is_fine(version: tuple[int, int, int], expected: State) -> None:
    """As the distribution says."""
    assert check_python(version).state == expected


def test_a_missing_package_is_named() -> None:
    """With how to install it."""
    check = check_packages(["pytest", "no-such-distribution-anywhere"])
    assert check.state == "broken"
    assert check.found == "missing: no-such-distribution-anywhere"
    assert check_packages(["pytest"]).state == "ok"


def test_neither_the_webhook_nor_the_stores_password_is_ever_shown() -> None:
    """Both travel inside addresses."""
    settings = AlertingSettings(slack=SlackSettings(webhook_url=SecretStr("https://hooks.slack.com/services/T0/B0/x9")))
    assert "x9" not in repr(check_receivers(settings))
    assert check_receivers(settings).state == "ok"
    assert check_receivers(AlertingSettings()).state == "note"
    assert describe_url("rediss://user:geheim@cache.example:6380/2") == "rediss://cache.example:6380/2"
    assert describe_url("unix:///run/redis.sock?password=geheim") == "unix:///run/redis.sock"


def alerting_with(text: str, folder: Path) -> AlertingSettings:
    (path := folder / "alerting.yaml").write_text(text, "utf-8")
    return AlertingSettings(alerting=AlertingOptions(config=path))


RECEIVERS = [
    ("receivers: {ops: {type: pagerduty, routing_key_env: HOOK}}", "ok", "ops", "a receiver with its secret"),
    ("receivers: {ops: {type: pagerduty, routing_key_env: NOT_SET}}", "broken", "NOT_SET", "no secret"),
    ("receivers: {ops: {type: fax}}", "broken", "fax", "a kind that is none"),
    ("rules: {nonsense: {enabled: true}}", "broken", "nonsense", "a rule that is none"),
]


@pytest.mark.parametrize(("text", "state", "told", "why"), RECEIVERS, ids=[case[-1] for case in RECEIVERS])
def test_who_is_told_is_named_and_what_keeps_alerting_from_starting_is_broken(
    text: str, state: State, told: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "a-secret-path-of-32-characters-00")
    check = check_receivers(alerting_with(text, tmp_path))
    assert check.state == state, check.found
    assert told in check.found
    assert "secret-path" not in repr(check)


def test_a_configuration_that_is_missing_is_broken(tmp_path: Path) -> None:
    check = check_receivers(AlertingSettings(alerting=AlertingOptions(config=tmp_path / "nowhere.yaml")))
    assert check.state == "broken"
    assert "nowhere.yaml" in check.found


def test_a_file_of_scorecards_is_read_as_the_worker_reads_it(tmp_path: Path) -> None:
    (path := tmp_path / "cards.yaml").write_text("scorecards: 7\n", "utf-8")
    assert check_scorecards(path).state == "broken"
    assert check_scorecards(None).state == "ok"


@pytest.mark.parametrize(
    ("error", "expected", "advice", "why"),
    [
        (
            aiokafka.errors.TopicAuthorizationFailedError("product-usage"),
            "the brokers' ACLs refuse an operation on a topic",
            "grant the rights",
            "the broker is there, and says no",
        ),
        (
            aiokafka.errors.ClusterAuthorizationFailedError(),
            "the brokers' ACLs refuse an operation on the cluster",
            "grant the rights",
            "no right to describe the cluster",
        ),
        (
            aiokafka.errors.KafkaConnectionError("refused"),
            "can't be reached",
            "set KAFKA_BOOTSTRAP_SERVERS",
            "nobody is there",
        ),
    ],
)
def test_a_broker_that_refuses_is_not_taken_for_one_that_is_away(
    error: Exception, expected: str, advice: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*_: Any) -> Broker:
        raise error

    monkeypatch.setattr("heartline.doctor.kafka._ask", ask)
    (check,) = asyncio.run(check_kafka(KafkaSettings()))
    assert check.state == "broken", why
    assert expected in check.found, why
    assert (check.advice or "").startswith(advice), why


@pytest.mark.parametrize(
    ("view", "state", "found"),
    [
        (
            GroupView(frozenset(), {"product-usage": 12}),
            "ok",
            "assigned; 12 records are in no checkpoint yet (product-usage 12)",
        ),
        (GroupView(frozenset(), {"product-usage": LAG_RECORDS_HIGH}), "ok", "assigned; 100,000 records"),
        (
            GroupView(frozenset(), {"product-usage": LAG_RECORDS_HIGH, "users": 1, "outcomes": 0}),
            "note",
            "100,001 records are in no checkpoint yet (product-usage 100,000, users 1): health is as old as they are",
        ),
        (
            GroupView(frozenset({3, 1}), {"users": 5}),
            "broken",
            "partitions [1, 3] are assigned to no worker; 5 records",
        ),
        (GroupView(None, {"users": 0}), "note", "none holds its partitions now; 0 records are in no checkpoint yet"),
    ],
)
def test_a_worker_that_is_away_or_overloaded_is_told_with_how_much_waits(
    view: GroupView, state: State, found: str
) -> None:
    check = assess(view)
    assert check.state == state
    assert found in check.found
    assert (check.advice is None) == (state == "ok")
