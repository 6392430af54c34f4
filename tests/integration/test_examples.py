"""Every example does what its text says, against a real broker."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from heartline.embedded.kafka import jar_repository, wanted_lock
from heartline.embedded.kafka_jars import class_path, fetch_jars, missing_jars
from stream.config.settings import Settings, load
from stream.contracts.partitioner import partition_of
from stream.kinds.decode import Decoder, validate
from stream.kinds.feeds import FieldMapping
from tests.deadlines import HANG_SECONDS
from tests.integration.conftest import NewTopic
from tests.integration.topics import read_all
from tests.servers import Kafka

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PARTITIONS = 7


def events() -> list[dict[str, Any]]:
    """Usage of forty accounts, some with names beyond ASCII."""
    return [
        {
            "event_id": f"u{number}",
            "account_id": f"konto-{'ä' * (number % 3)}{number % 40}",
            "user_id": "ann",
            "feature": "export",
            "timestamp": "2026-03-02T09:00:00Z",
        }
        for number in range(200)
    ]


def needs(program: str) -> str:
    """The path of a program; without it the test is skipped, but never in continuous integration."""
    found = shutil.which(program)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"no {program} on PATH: continuous integration runs every example")
    if found is None:
        pytest.skip(f"no {program} on PATH")
    return found


def python_producer(_folder: Path) -> list[str]:
    return [sys.executable, str(EXAMPLES / "python/produce.py")]


def java_producer(_folder: Path) -> list[str]:
    needs("javac")  # a source file is launched by the compiler
    lock, repository = wanted_lock(), jar_repository()
    if absent := missing_jars(lock, repository):
        fetch_jars(absent, repository)
    jars = class_path(lock, repository)
    return [needs("java"), "-cp", os.pathsep.join(map(str, jars)), str(EXAMPLES / "java/Produce.java")]


def node_producer(folder: Path) -> list[str]:
    npm, node = needs("npm"), needs("node")
    here = Path(shutil.copytree(EXAMPLES / "node", folder / "node", ignore=shutil.ignore_patterns("node_modules")))
    subprocess.run([npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=here, check=True, timeout=HANG_SECONDS)
    return [node, str(here / "produce.mjs")]


@pytest.mark.parametrize("producer", [python_producer, java_producer, node_producer])
def test_a_producer_puts_every_account_where_the_worker_expects_it(
    producer: Any, kafka: Kafka, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic("product-usage", PARTITIONS)
    lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events())

    result = subprocess.run(
        [*producer(tmp_path), topic],
        input=lines.encode(),
        env=os.environ | {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers},
        capture_output=True,
        timeout=HANG_SECONDS,
        check=False,
    )

    assert result.returncode == 0, result.stderr.decode()[-2000:]
    assert f"200 events on {topic}" in result.stdout.decode()
    records = list(read_all(kafka.bootstrap_servers, topic))
    assert sorted(json.loads(record.value)["event_id"] for record in records) == sorted(e["event_id"] for e in events())
    for record in records:
        event = validate("usage", json.loads(record.value))
        assert record.key == event.account_id.encode()
        assert record.partition == partition_of(event.account_id, PARTITIONS)


def test_the_feeds_example_maps_raw_payloads() -> None:
    """The file is read as the worker reads it, and its mapping decodes what the vendors post."""
    feeds = load(Settings, EXAMPLES / "feeds/heartline.yaml").feeds
    payloads = EXAMPLES / "payloads"
    usage: Any = Decoder("usage", FieldMapping(feeds["usage"])).decode((payloads / "segment-track.json").read_bytes())
    ticket: Any = Decoder("ticket", FieldMapping(feeds["ticket"])).decode(
        (payloads / "zendesk-created.json").read_bytes()
    )

    assert (usage.account_id, usage.user_id, usage.feature) == ("acme", "u-17", "Report Exported")
    assert (ticket.account_id, ticket.ticket_id, ticket.status, ticket.priority) == ("acme", "5158", "opened", "urgent")


def test_every_example_is_in_the_table() -> None:
    """A folder that no table names is found by nobody."""
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    table = (EXAMPLES / "README.md").read_text("utf-8")
    assert {name for name in folders if f"[{name}/]" not in table} == set()
