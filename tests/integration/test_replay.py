"""Replay onto a real broker: every line once, byte for byte, in its topic, partition and order."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from kafka import KafkaConsumer, KafkaProducer

from heartline.embedded import KafkaServer
from heartline.replay.lines import parse
from heartline.replay.sender import Sender, SendError
from stream.config.settings import KafkaSettings
from stream.topics import Topics
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import wait_for
from tests.integration.topics import read_all
from tests.servers import Kafka

PARTITIONS = 5


def command(kafka: Kafka, prefix: str, *args: str) -> tuple[list[str], dict[str, str]]:
    """`heartline replay` against topics of the test's own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
    environ |= {
        "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
    }
    return [sys.executable, "-m", "heartline.cli", "replay", *args], environ


def replay(kafka: Kafka, prefix: str, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    arguments, environ = command(kafka, prefix, *args)
    return subprocess.run(arguments, env=environ, input=stdin, capture_output=True, timeout=HANG_SECONDS, check=False)


def usage(account: int, number: int, second: int) -> bytes:
    """A line as a feed may write it: with spaces, other fields, and characters beyond ASCII."""
    event = {
        "type": "usage",
        "event_id": f"u{number}",
        "account_id": f"konto-ä{account}",
        "user_id": "u",
        "feature": "f",
        "timestamp": f"2026-03-01T00:{second // 60:02}:{second % 60:02}Z",
        "note": "ö" * (number % 50),
    }
    return json.dumps(event, ensure_ascii=number % 2 == 0).encode()


def by_key(kafka: Kafka, topic: str) -> dict[bytes, list[Any]]:
    """Records of a topic by key, in the order of their partition."""
    found = defaultdict(list)
    for record in read_all(kafka.bootstrap_servers, topic):
        found[record.key].append(record)
    return found


def test_every_line_arrives_once_in_order_and_where_javas_partitioner_would_put_it(
    kafka: Kafka, prefix: str, tmp_path: Path
) -> None:
    """Two packed files, merged by time; kafka-python's own producer says where each account belongs."""
    lines = [usage(n % 37, n, n // 20) for n in range(20_000)]
    (tmp_path / "even.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines[::2]) + b"\n"))
    (tmp_path / "odd.jsonl.zst").write_bytes(zstandard.compress(b"\n".join(lines[1::2])))
    ticket = b'{"type": "ticket", "account_id": "konto-\xc3\xa41", "anything": [1.50, null]}'
    (tmp_path / "rest.jsonl").write_bytes(ticket + b"\nnonsense\n")
    files = [str(tmp_path / name) for name in ("even.jsonl.gz", "odd.jsonl.zst", "rest.jsonl")]

    result = replay(kafka, prefix, *files, "--json")

    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout.splitlines()[-1])
    assert (summary["sent"], summary["read"], summary["bad"]) == (20_001, 20_001, 1)
    assert summary["by_kind"] == {"usage": 20_000, "ticket": 1}
    assert b"rest.jsonl:2: not JSON" in result.stderr
    topics = Topics(prefix)
    found = by_key(kafka, topics.input("usage"))
    for account in range(37):
        sent = [line for n, line in enumerate(lines) if n % 37 == account]
        records = found[f"konto-ä{account}".encode()]
        assert sorted(record.value for record in records) == sorted(sent)
        assert len({record.partition for record in records}) == 1
        moments = [json.loads(record.value)["timestamp"] for record in records]
        assert moments == sorted(moments)
    assert [record.value for record in read_all(kafka.bootstrap_servers, topics.input("ticket"))] == [ticket]
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    try:
        for key, records in found.items():
            placed = producer.send(topics.input("survey"), b"{}", key).get(30)
            assert placed.partition == records[0].partition
    finally:
        producer.close()


def test_strict_says_bad_lines_by_its_status_and_still_sends_the_good_ones(kafka: Kafka, prefix: str) -> None:
    """From standard input, for a topic of one's own."""
    own = f"{prefix}app-events"
    lines = [*(usage(1, number, number) for number in (1, 2)), b'{"type": "usage"}', b'{"org": "acme"}']
    arguments, environ = command(kafka, prefix, "-", "--strict", "--json", "--topic", own)
    environ["HEARTLINE_FEEDS__USAGE"] = json.dumps({"topics": [own], "fields": {"account_id": ["org", "account_id"]}})
    result = subprocess.run(
        arguments, env=environ, input=b"\n".join(lines), capture_output=True, timeout=HANG_SECONDS, check=False
    )
    assert result.returncode == 1, result.stderr
    assert json.loads(result.stdout)["sent"] == 3
    assert b"-:3: account_id: expected a string that is not empty; it is missing" in result.stderr
    found = [(record.key.decode(), record.value) for record in read_all(kafka.bootstrap_servers, own)]
    assert sorted(found) == sorted(zip(["konto-ä1", "konto-ä1", "acme"], [*lines[:2], lines[3]], strict=True))


def test_a_file_that_is_cut_off_is_sent_as_far_as_it_goes_and_then_reported(
    kafka: Kafka, prefix: str, tmp_path: Path
) -> None:
    """With status 1, so that nobody takes it for whole."""
    whole = gzip.compress(b"\n".join(usage(n % 7, n, n % 3000) for n in range(5000)))
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    result = replay(kafka, prefix, str(tmp_path / "cut.jsonl.gz"), "--json")
    assert result.returncode == 1
    summary = json.loads(result.stdout)
    assert "end too early" in summary["broken"]
    assert 0 < summary["sent"] < 5000
    topic = Topics(prefix).input("usage")
    assert sum(1 for _ in read_all(kafka.bootstrap_servers, topic)) == summary["sent"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_a_paced_replay_with_what_was_sent_confirmed(
    kafka: Kafka, prefix: str, tmp_path: Path, number: signal.Signals
) -> None:
    """What the summary calls sent is on Kafka; status 130."""
    file = tmp_path / "slow.jsonl"
    file.write_bytes(b"\n".join(usage(n % 7, n, n) for n in range(3000)))
    arguments, environ = command(kafka, prefix, str(file), "--speed", "20x", "--json")
    process = subprocess.Popen(arguments, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    topic = Topics(prefix).input("usage")
    consumer = KafkaConsumer(topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    try:
        wait_for(lambda: bool(consumer.poll(200)), 60, "the first records")
        process.send_signal(number)
        out, err = process.communicate(timeout=HANG_SECONDS)
    finally:
        process.kill()
        consumer.close()
    assert process.returncode == 130, err
    summary = json.loads(out)
    assert summary["interrupted"] is True
    assert 0 < summary["sent"] < 3000
    assert sum(1 for _ in read_all(kafka.bootstrap_servers, topic)) == summary["sent"]


def test_topics_of_another_shape_are_refused_before_anything_is_sent(kafka: Kafka, prefix: str) -> None:
    """An account's partition depends on the count."""
    assert replay(kafka, prefix, "-", stdin=usage(1, 1, 1)).returncode == 0
    arguments, environ = command(kafka, prefix, "-")
    environ["HEARTLINE_KAFKA__PARTITIONS"] = "6"
    result = subprocess.run(
        arguments, env=environ, input=usage(1, 2, 2), capture_output=True, timeout=HANG_SECONDS, check=False
    )
    assert result.returncode == 2
    assert b"kafka.partitions = 6" in result.stderr
    assert sum(1 for _ in read_all(kafka.bootstrap_servers, Topics(prefix).input("usage"))) == 1


async def test_a_broker_that_is_gone_ends_the_sending_instead_of_holding_it_for_ever(
    own_kafka: Callable[..., KafkaServer],
) -> None:
    """What was confirmed before stays confirmed, and the rest is not called sent."""
    broker = own_kafka()
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, partitions=1)
    record = parse(usage(1, 1, 1))
    async with Sender(settings, stall_seconds=2) as sender:
        await sender.add(record)
        await sender.confirm()
        broker.kill()
        await sender.add(record)
        with pytest.raises(SendError, match="has confirmed nothing for 2 s"):
            await sender.confirm()
        assert sender.confirmed == 1
