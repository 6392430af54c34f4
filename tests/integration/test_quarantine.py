"""A state that nobody can read, in the changelog of a real broker: its account waits, all others go on."""

import json
import subprocess
import time
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from stream.contracts.partitioner import partition_of
from stream.topics import Topics
from tests.integration.roles import Role, heartline, wait_for
from tests.servers import Kafka

PARTITIONS = 2


def test_a_state_that_cannot_be_read_stops_its_account_alone_until_it_is_released(
    kafka: Kafka, prefix: str, tmp_path: Path
) -> None:
    topics = Topics(prefix)
    env = {
        "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
        "HEARTLINE_WORKER__METRICS_PORT": "null",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_WORKER__REBALANCE_TIMEOUT_SECONDS": "10",
        "COLUMNS": "200",
    }
    with Role(["worker"], env, tmp_path / "worker.log") as worker:
        worker.start("worker ready")
        assert worker.stop() == 0
    produce(kafka, topics.changelog, [("victim", b"\xc1 of another program")])
    produce(kafka, topics.input("usage"), [(name, event(name, 1)) for name in ("victim", "acme", "birch")])
    with Role(["worker"], env, tmp_path / "worker.log") as worker:
        worker.start("worker ready")
        wait_for(lambda: reported(kafka, topics) == {"acme", "birch"}, 60, "the others are reported")
        wait_for(lambda: listed(env).returncode == 1, 60, "the victim is listed")
        (entry,) = json.loads(listed(env, "--json").stdout)
        assert (entry["account_id"], entry["step"]) == ("victim", "decode")
        assert (entry["topic"], entry["partition"]) == (topics.changelog, partition_of("victim", PARTITIONS))
        assert "account is in quarantine" in worker.output()
        doctor = heartline(env, "doctor").stdout
        assert "1 accounts get no health: 'victim'" in doctor

        again = heartline(env, "quarantine", "release", "victim")
        assert again.stdout == "victim: released with 1 held events\n", again.stderr
        wait_for(lambda: since(env) not in (None, entry["since_ms"]), 60, "it raises again, and is back")
        anew = heartline(env, "quarantine", "release", "victim", "--forget-state", "--json")
        assert json.loads(anew.stdout) == [{"account_id": "victim", "events": 1, "cut": 0}], anew.stderr
        wait_for(lambda: "victim" in reported(kafka, topics), 60, "its held event was folded")
        wait_for(lambda: listed(env).returncode == 0, 60, "nothing is in quarantine")
        assert worker.stop() == 0
    with Role(["worker"], env, tmp_path / "last.log") as worker:
        worker.start("worker ready")
        assert "quarantine" not in worker.output(), "the state that it has now can be read"
        assert worker.stop() == 0


def event(account_id: str, number: int) -> bytes:
    now_ms = int(time.time() * 1000)
    fields = {"event_id": f"{account_id}-{number}", "account_id": account_id, "user_id": "u", "feature": "f"}
    return json.dumps(fields | {"timestamp": now_ms}).encode()


def produce(kafka: Kafka, topic: str, records: list[tuple[str, bytes]]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    try:
        for key, value in records:
            producer.send(topic, value, key.encode(), partition=partition_of(key, PARTITIONS))
        producer.flush()
    finally:
        producer.close()


def reported(kafka: Kafka, topics: Topics) -> set[str]:
    """The accounts that have a health report."""
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers, isolation_level="read_committed", enable_auto_commit=False
    )
    try:
        tps = [TopicPartition(topics.health, number) for number in range(PARTITIONS)]
        consumer.assign(tps)
        consumer.seek_to_beginning(*tps)
        ends = consumer.end_offsets(tps)
        found: set[str] = set()
        while any(consumer.position(tp) < ends[tp] for tp in tps):
            for records in consumer.poll(timeout_ms=200).values():
                found |= {record.key.decode() for record in records}
        return found
    finally:
        consumer.close()


def listed(env: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return heartline(env, "quarantine", "list", *args)


def since(env: dict[str, str]) -> int | None:
    """Since when the one account is in quarantine; None: none is."""
    entries = json.loads(listed(env, "--json").stdout)
    return int(entries[0]["since_ms"]) if entries else None
