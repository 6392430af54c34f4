"""Topics as most clusters store them: compressed with snappy, lz4 or zstd, and read by every process and command."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from kafka import KafkaProducer

from consumers.alerting.group_consumer import make_consumer
from consumers.alerting.settings import AlertingSettings
from consumers.board.topic_reader import TopicReader, TopicSubscription
from stream.config.settings import KafkaSettings
from stream.contracts.report import decode_report, encode_report
from stream.topics import Topics
from tests.deadlines import HANG_SECONDS
from tests.integration.alerting_world import own_names
from tests.integration.conftest import NewTopic
from tests.integration.roles import Role, wait_for
from tests.integration.test_account import account
from tests.integration.topics import last_values
from tests.reports import make_report
from tests.servers import Kafka

CODECS: Final = ("snappy", "lz4", "zstd", "gzip")
NOW: Final = datetime.now(UTC)


def send(kafka: Kafka, topic: str, codec: str, events: list[dict[str, Any]]) -> None:
    """As a producer with compression on sends them."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, compression_type=codec, acks="all")
    try:
        for event in events:
            producer.send(topic, json.dumps(event).encode(), b"zip")
        producer.flush(HANG_SECONDS)
    finally:
        producer.close()


def usage(number: int, feature: str) -> dict[str, Any]:
    at = (NOW - timedelta(days=number % 20, hours=1)).isoformat()
    return {"event_id": f"{feature}-{number}", "account_id": "zip", "user_id": f"u{number % 4}", "feature": feature} | {
        "timestamp": at
    }


def test_the_worker_reads_every_codec_its_own_changelog_and_topics_of_ones_own(
    kafka: Kafka, redis_url: str, prefix: str, new_topic: NewTopic, tmp_path: Path
) -> None:
    """Each topic in another codec, and a restart that reads the states; alerting and board look at what it writes."""
    topics = Topics(prefix, f"{prefix}app")
    for number, spec in enumerate(topics.specs(1)):
        name = spec.name.removeprefix(prefix)
        new_topic(name, configs=spec.config | {"compression.type": CODECS[number % 3]})
    for codec in CODECS:
        new_topic(f"own-{codec}", configs={"compression.type": codec})
    env = own_names(kafka, redis_url, prefix, 1) | {
        "HEARTLINE_WORKER__METRICS_PORT": "0",
        "HEARTLINE_ALERTING__METRICS_PORT": "0",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_FEEDS": json.dumps({"usage": {"topics": [f"{prefix}own-{codec}" for codec in CODECS]}}),
    }
    ticket = {"event_id": "t", "account_id": "zip", "ticket_id": "1", "status": "open", "priority": "urgent"}
    answer = {"event_id": "s", "account_id": "zip", "user_id": "u1", "survey": "nps", "score": 10}
    at = {"timestamp": (NOW - timedelta(hours=2)).isoformat()}
    worker, alerting = Role(["worker"], env, tmp_path / "worker.log"), Role(["alerting"], env, tmp_path / "a.log")

    def measures() -> dict[str, Any]:
        value = last_values(kafka.bootstrap_servers, topics.health).get("zip")
        found: dict[str, Any] = json.loads(value)["measures"] if value is not None else {}
        return found

    with worker, alerting:
        worker.start("worker ready")
        alerting.start("alerting ready")
        for codec in CODECS:
            send(kafka, f"{prefix}own-{codec}", codec, [usage(number, codec) for number in range(20)])
        send(kafka, topics.input("ticket"), "lz4", [ticket | at])
        send(kafka, topics.input("survey"), "zstd", [answer | at])
        wait_for(lambda: measures().get("mau") == 4, 60, "a report")
        wait_for(lambda: (measures().get("open_urgent_tickets"), measures().get("nps")) == (1, 100.0), 60, "all of it")
        assert worker.stop() == 0, worker.output()[-3000:]
        worker.start("worker ready")
        send(kafka, topics.input("usage"), "snappy", [usage(0, "after")])
        send(kafka, topics.input("ticket"), "snappy", [ticket | {"event_id": "t2", "status": "solved"} | at])
        wait_for(lambda: measures().get("open_urgent_tickets") == 0, 60, "the state is known after the restart")
        assert measures()["mau"] == 4
        assert alerting.exit_code() is None
        assert "Traceback" not in worker.output() + alerting.output()


@pytest.mark.parametrize("codec", CODECS)
def test_alerting_board_and_a_command_read_reports_in_every_codec(
    kafka: Kafka, prefix: str, new_topic: NewTopic, codec: str
) -> None:
    """By alerting's own consumer and the board's own reader; the topic's records lie there in the codec."""
    topic = new_topic("account-health", configs={"compression.type": codec})
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, compression_type=codec)
    report = make_report("acme", 61.0)
    producer.send(topic, encode_report(report), b"acme").get(HANG_SECONDS)
    producer.close()
    found = account(kafka, prefix, "acme", "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["score"] == 61.0
    where = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix, create_topics=False)
    assert scores_that_alerting_reads(AlertingSettings(kafka=where)) == [61.0]
    assert scores_that_the_board_reads(where, topic) == [61.0]


def scores_that_alerting_reads(settings: AlertingSettings) -> list[float | None]:
    consumer = make_consumer(settings, threading.Event())
    try:
        found: list[float | None] = []

        def is_read() -> bool:
            for records in consumer.poll(200).values():
                found.extend(decode_report(record.value).score for record in records)
            return bool(found)

        wait_for(is_read, HANG_SECONDS, "the group's first record")
        return found
    finally:
        consumer.close(autocommit=False)


def scores_that_the_board_reads(where: KafkaSettings, topic: str) -> list[float | None]:
    found: list[float | None] = []
    stop = threading.Event()

    def take(record: Any) -> None:
        found.append(decode_report(record.value).score)

    def stop_when_read(moved: set[str]) -> None:
        if found:
            stop.set()

    TopicReader(where, [TopicSubscription(topic, take)], stop_when_read).run(stop)
    return found
