"""Two accounts with an alert each, on real servers: one is erased, the other loses a user, then Redis is lost."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kafka import KafkaProducer
from typer.testing import CliRunner

from heartline.cli import app
from heartline.demo.slack_standin import SlackStandin
from stream.contracts.partitioner import partition_of
from stream.kinds.erasure import user_digest
from stream.topics import Topics
from tests.integration.alerting_world import own_names
from tests.integration.roles import Role, wait_for
from tests.integration.topics import last_values
from tests.servers import Kafka

PARTITIONS = 2
DAY_MS = 86_400_000


@pytest.fixture
def slack() -> Iterator[SlackStandin]:
    with SlackStandin() as stand_in:
        yield stand_in


@pytest.fixture
def env(kafka: Kafka, redis_url: str, prefix: str, slack: SlackStandin, tmp_path: Path) -> dict[str, str]:
    rules = {"silence": {"channel": "page"}, "champion_gone": {"channel": "page"}}
    lifecycle = {"pages": {"every_days": 0}, "pipeline_incident": {"enabled": False}}
    (tmp_path / "alerting.yaml").write_text(json.dumps({"rules": rules, "lifecycle": lifecycle}), "utf-8")
    return {
        **own_names(kafka, redis_url, prefix, PARTITIONS),
        "HEARTLINE_ALERTING__CONFIG": str(tmp_path / "alerting.yaml"),
        "HEARTLINE_ALERTING__METRICS_PORT": "0",
        "HEARTLINE_ALERTING__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_WORKER__METRICS_PORT": "null",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_WORKER__REBALANCE_TIMEOUT_SECONDS": "10",
        "HEARTLINE_WORKER__STORE": str(tmp_path / "stores"),
        "HEARTLINE_SLACK__WEBHOOK_URL": slack.url,
        "HEARTLINE_SLACK__ALLOW_INSECURE_LOOPBACK": "true",
        "HEARTLINE_SLACK__MESSAGES_PER_SECOND": "100",
    }


def test_an_account_and_a_user_are_erased_everywhere_and_a_lost_redis_is_restored(
    kafka: Kafka, redis_url: str, prefix: str, env: dict[str, str], slack: SlackStandin, tmp_path: Path
) -> None:
    topics, client = Topics(prefix, f"{prefix}app"), redis.Redis.from_url(redis_url)
    worker = Role(["worker"], env, tmp_path / "worker.log")
    alerting = Role(["alerting"], env, tmp_path / "alerting.log")
    with worker, alerting:
        worker.start("worker ready")
        alerting.start("alerting ready")
        produce(kafka, topics)
        wait_for(lambda: open_alerts(env) == {"acme", "birch"}, 90, "both accounts have an alert")
        wait_for(lambda: len(slack.messages) >= 2, 60, "both are told")

        for account_id in ("acme", "birch"):
            assert "handed in" in cli(env, "scorecard", "review", account_id, "--hand-in", "--by", "sam")
        assert len(json.loads(cli(env, "scorecard", "history", "--waiting", "--json"))) == 2

        found = json.loads(cli(env, "erase", "--user", "user-1", "--account", "birch", "--json"))
        assert found["is_done"], found
        for topic in (topics.changelog, topics.health, topics.alerts):
            for key, value in last_values(kafka.bootstrap_servers, topic).items():
                if key.startswith("birch"):
                    assert b"user-1" not in value, topic
                    assert b"Person 1 of birch" not in value, topic
        assert b"user-1" not in b"".join(remembered(client, prefix, "birch"))
        assert user_digest("user-1").encode() in last_values(kafka.bootstrap_servers, topics.changelog)["birch"]

        found = json.loads(cli(env, "erase", "--account", "acme", "--json"))
        assert found["is_done"], found
        assert found["expires"][topics.input("survey")] is None, "the portfolio's ledger is kept for ever"
        assert found["expires"][topics.dead_letters] is not None
        assert [key.split("/")[0] for key in last_values(kafka.bootstrap_servers, topics.scorecard_reviews)] == [
            "birch"
        ]
        for topic in (topics.health, topics.alerts):
            assert not [key for key in last_values(kafka.bootstrap_servers, topic) if key.startswith("acme")], topic
        assert b"user-" not in last_values(kafka.bootstrap_servers, topics.changelog)["acme"]
        assert not remembered(client, prefix, "acme")
        wait_for(lambda: "was deleted" in json.dumps(slack.messages), 60, "who knew of its alert is told of its end")
        wait_for(lambda: not stored(tmp_path / "stores", b"acme-name"), 60, "the local store is without it")
        again = json.loads(cli(env, "erase", "--account", "acme", "--json"))
        assert again["is_done"], "a second time there is nothing left to do"
        assert alerting.stop() == 0

        for key in list(client.scan_iter(f"{prefix}*")):
            client.delete(key)
        restored = json.loads(cli(env, "alert", "restore", "--json"))
        assert restored == {"accounts": 1, "open_alerts": 1, "silences": 0}
        told = len(slack.messages)
        alerting.start("alerting ready")
        wait_for(lambda: bool(remembered(client, prefix, "birch")), 60, "the reports are read again")
        assert open_alerts(env) == {"birch"}
        assert len(slack.messages) == told, "nothing is told twice"
        assert worker.stop() == 0
    client.close()


def produce(kafka: Kafka, topics: Topics) -> None:
    """Two months of daily use by four users of each, and then a month of nothing."""
    now_ms, producer = int(time.time() * 1000), KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    for account_id in ("acme", "birch"):
        send(producer, topics.input("account"), account_id, {"name": f"{account_id}-name", "mrr": 500})
        for user in range(4):
            who = {"user_id": f"user-{user}", "name": f"Person {user} of {account_id}"}
            send(producer, topics.input("user"), account_id, who)
        for day in range(90, 30, -1):
            for user in range(4):
                event = {"event_id": f"{account_id}{day}-{user}", "user_id": f"user-{user}", "feature": "export"}
                send(producer, topics.input("usage"), account_id, event | {"timestamp": now_ms - day * DAY_MS})
    producer.flush()
    producer.close()


def send(producer: Any, topic: str, account_id: str, event: dict[str, Any]) -> None:
    value = json.dumps(event | {"account_id": account_id}).encode()
    producer.send(topic, value, account_id.encode(), partition=partition_of(account_id, PARTITIONS))


def cli(env: dict[str, str], *args: str) -> str:
    result = CliRunner().invoke(app, args, env=env)
    assert result.exit_code == 0, result.output
    return result.stdout


def open_alerts(env: dict[str, str]) -> set[str]:
    """The accounts with an open alert, once the log is there."""
    result = CliRunner().invoke(app, ["alert", "list", "--json"], env=env)
    return {each["account_id"] for each in json.loads(result.stdout)["alerts"]} if result.exit_code == 0 else set()


def remembered(client: Any, prefix: str, account_id: str) -> list[bytes]:
    """What alerting's memory has of an account."""
    found = []
    for kind in ("accounts", "reports"):
        for key in client.scan_iter(f"{prefix}*{kind}:*"):
            found += [value for value in client.hvals(key) if f'"{account_id}"'.encode() in value]
    return found


def stored(folder: Path, word: bytes) -> bool:
    """Whether a file of the worker's stores holds a word."""
    return any(word in file.read_bytes() for file in folder.rglob("*") if file.is_file())
