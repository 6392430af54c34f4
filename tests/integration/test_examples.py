"""Every example does what its text says, against a real broker."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from heartline.embedded.kafka import jar_repository, wanted_lock
from heartline.embedded.kafka_jars import class_path, fetch_jars, missing_jars
from heartline.embedded.ports import free_ports
from stream.config.settings import Settings, load
from stream.contracts.events import iso
from stream.contracts.partitioner import partition_of
from stream.kinds.decode import Decoder, validate
from stream.kinds.feeds import FieldMapping
from tests.integration.conftest import NewTopic
from tests.integration.roles import wait_for
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
    subprocess.run([npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=here, check=True, timeout=120)
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
        timeout=120,
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


@contextmanager
def relay(kafka: Kafka, prefix: str, folder: Path) -> Iterator[str]:
    """The relay of webhooks, running; gives its address."""
    port = free_ports(1)[0]
    env = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "TOPIC_PREFIX": prefix,
        "RELAY_TOKEN": "let-me-in",
    }
    log = folder / "relay.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "relay:app", "--port", str(port)],
            cwd=EXAMPLES / "webhooks",
            env=env,
            stdout=out,
            stderr=out,
        )
        try:
            wait_for(lambda: b"running on" in log.read_bytes(), 30, "the relay listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def post(url: str, body: bytes) -> int:
    """The status that a webhook is answered with."""
    try:
        with urlopen(Request(url, body, method="POST"), timeout=20) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_the_relay_turns_webhooks_into_events_that_the_worker_accepts(
    kafka: Kafka, prefix: str, new_topic: NewTopic, tmp_path: Path
) -> None:
    kinds = {"product-usage": "usage", "account-updates": "account"}
    kinds |= {"support-tickets": "ticket", "survey-responses": "survey"}
    for topic in kinds:
        new_topic(topic, PARTITIONS)
    with relay(kafka, prefix, tmp_path) as address:
        answers = {
            path.stem: post(f"{address}/{path.stem.split('-')[0]}?token=let-me-in", path.read_bytes())
            for path in sorted((EXAMPLES / "webhooks/payloads").glob("*.json"))
        }
        assert post(f"{address}/segment?token=wrong", b"{}") == 401
        assert post(f"{address}/segment?token=let-me-in", b"no json") == 422
        assert post(f"{address}/elsewhere?token=let-me-in", b"{}") == 404

    assert answers == {
        "delighted-created": 202,
        "segment-group": 202,
        "segment-identify": 204,
        "segment-track": 202,
        "zendesk-created": 202,
        "zendesk-reopened": 202,
    }
    found = {}
    for topic, kind in kinds.items():
        records = list(read_all(kafka.bootstrap_servers, prefix + topic))
        found[kind] = [validate(kind, json.loads(record.value)) for record in records]  # type: ignore[arg-type]
        assert {record.partition for record in records} == {partition_of("acme", PARTITIONS)}
    assert [event.feature for event in found["usage"]] == ["Report Exported"]
    assert [event.licensed_seats for event in found["account"]] == [40]
    assert [(event.status, event.priority) for event in found["ticket"]] == [
        ("opened", "urgent"),
        ("reopened", "normal"),
    ]
    assert [(event.survey, event.score, iso(event.timestamp)[:4]) for event in found["survey"]] == [("nps", 9, "2026")]


def test_the_feeds_example_maps_raw_payloads() -> None:
    """The file is read as the worker reads it, and its mapping decodes the payloads that the relay gets."""
    feeds = load(Settings, EXAMPLES / "feeds/heartline.yaml").feeds
    payloads = EXAMPLES / "webhooks/payloads"
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
