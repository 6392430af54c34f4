"""The intake as a process on a real broker: the vendors' own SDKs deliver, and what was answered with 202 is there."""

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from playwright.sync_api import sync_playwright
from segment.analytics.client import Client

from heartline.embedded import KafkaServer
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import Role, wait_for
from tests.servers import Kafka

KEY = "a-write-key-of-the-app"
SECONDS = 60


class Intake:
    """One intake process and what it wrote."""

    def __init__(self, bootstrap_servers: str, prefix: str, folder: Path) -> None:
        self.bootstrap_servers, self.prefix = bootstrap_servers, prefix
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
            "HEARTLINE_KAFKA__PARTITIONS": "2",
            "HEARTLINE_INTAKE__WRITE_KEYS": json.dumps({"app": KEY}),
            "HEARTLINE_INTAKE__METRICS_PORT": "null",
            "HEARTLINE_INTAKE__KAFKA_TIMEOUT_SECONDS": "10",
        }
        self.role = Role(["intake", "--port", "0"], env, folder / "intake.log")

    def start(self) -> str:
        """Start it; its address."""
        self.role.start("intake ready on")
        return self.role.output().rpartition("intake ready on ")[2].split()[0]

    def events(self, topic: str = "product-usage") -> list[dict[str, Any]]:
        """Everything on one of its topics."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap_servers, enable_auto_commit=False)
        try:
            partitions = [TopicPartition(self.prefix + topic, number) for number in (0, 1)]
            consumer.assign(partitions)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(partitions)
            found: list[dict[str, Any]] = []
            while any(consumer.position(each) < ends[each] for each in partitions):
                for records in consumer.poll(timeout_ms=500).values():
                    found += [json.loads(record.value) for record in records]
            return found
        finally:
            consumer.close()


@pytest.fixture
def intake(kafka: Kafka, prefix: str, tmp_path: Path) -> Iterator[Intake]:
    process = Intake(kafka.bootstrap_servers, prefix, tmp_path)
    yield process
    process.role.stop()


def test_segments_python_sdk_delivers_unmodified(intake: Intake) -> None:
    client = Client(KEY, host=intake.start(), gzip=True, max_retries=1, sync_mode=False)
    client.group("u7", "acme", {"name": "Acme", "plan": "enterprise"})
    for number in range(50):
        client.track("u7", f"feature {number % 3}", {"rows": number})
    client.identify("u7", {"email": "ann@acme.example"})
    client.flush()
    client.join()
    events = intake.events()
    assert len({event["event_id"] for event in events}) == len(events) == 50
    assert {event["account_id"] for event in events} == {"acme"}
    assert intake.events("account-updates")[0]["name"] == "Acme"
    assert intake.events("dead-letters") == []


NODE = """
const { Analytics } = require('@segment/analytics-node');
const analytics = new Analytics({ writeKey: process.env.KEY, host: process.env.HOST, maxRetries: 1 });
analytics.group({ userId: 'u7', groupId: 'acme', traits: { name: 'Acme' } });
for (let n = 0; n < 20; n++) analytics.track({ userId: 'u7', event: 'exported', context: { groupId: 'acme' } });
analytics.closeAndFlush({ timeout: 20000 }).then(() => process.exit(0));
"""


def test_segments_node_sdk_delivers_unmodified(intake: Intake, tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    assert npm is not None, "npm is not on PATH: install Node, which the SDK needs"
    assert node is not None
    package = ["@segment/analytics-node@2.3.0"]
    install = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent", "--prefix", str(tmp_path)]
    subprocess.run(install + package, check=True, timeout=HANG_SECONDS, cwd=tmp_path)
    (tmp_path / "send.js").write_text(NODE)
    env = os.environ | {"KEY": KEY, "HOST": intake.start()}
    subprocess.run([node, "send.js"], cwd=tmp_path, env=env, check=True, timeout=SECONDS)
    events = intake.events()
    assert len({event["event_id"] for event in events}) == len(events) == 20


PAGE = """<!doctype html><title>An application</title>
<script src="node_modules/@segment/analytics-next/dist/umd/index.js"></script>"""

BROWSER = """async ({ key, host }) => {
  const cdnSettings = { integrations: { "Segment.io": { apiKey: key, apiHost: host + "/v1", protocol: "http" } } };
  const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey: key, cdnSettings });
  await analytics.identify("u7", { name: "Ann Lee", email: "ann@acme.example" });
  await analytics.group("acme", { name: "Acme" });
  await analytics.identify("u7", { role: "champion" });
  for (let number = 0; number < 5; number++) await analytics.track("Report Exported", { number });
  await analytics.page("Reports");
}"""


def test_segments_browser_sdk_delivers_unmodified(intake: Intake, tmp_path: Path) -> None:
    """From a page of another origin, in a real browser."""
    npm, chromium = shutil.which("npm"), shutil.which("chromium") or shutil.which("google-chrome")
    assert npm is not None, "npm is not on PATH: install Node, which brings the SDK"
    assert chromium is not None, "no chromium on PATH: `make test-tools` installs Debian's as root"
    package = ["@segment/analytics-next@1.84.0"]
    install = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent", "--prefix", str(tmp_path)]
    subprocess.run(install + package, check=True, timeout=HANG_SECONDS, cwd=tmp_path)
    (tmp_path / "index.html").write_text(PAGE)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    host = intake.start().removeprefix("http://")
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
        page.evaluate(BROWSER, {"key": KEY, "host": host})
        wait_for(lambda: len(intake.events()) >= 6, SECONDS, "the browser's events")
        server.shutdown()
    events = intake.events()
    assert [event["account_id"] for event in events] == ["acme"] * 6
    assert sorted(event["feature"] for event in events) == ["Report Exported"] * 5 + ["page viewed"]
    assert [event["name"] for event in intake.events("account-updates")] == ["Acme"]
    (person,) = intake.events("users")
    assert (person["user_id"], person["name"], person["role"]) == ("u7", "Ann Lee", "champion")


def test_an_engineer_sees_the_first_event_arrive(intake: Intake, tmp_path: Path) -> None:
    base = intake.start()
    env = {"KAFKA_BOOTSTRAP_SERVERS": intake.bootstrap_servers, "HEARTLINE_KAFKA__TOPIC_PREFIX": intake.prefix}
    with Role(["tail", "--json", "--last", "10", "--count", "2"], env, tmp_path / "tail.log") as tail:
        tail.start()
        answers = []
        for event in ({"event": "exported", "context": {"groupId": "acme"}}, {"event": None}):
            body = json.dumps({"messageId": "m1", "userId": "u7", **event}).encode()
            request = urllib.request.Request(f"{base}/v1/track", body, {"Authorization": f"Bearer {KEY}"})
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    answers.append(answer.status)
            except urllib.error.HTTPError as error:
                answers.append(error.code)
        assert answers == [202, 422]
        wait_for(lambda: tail.exit_code() == 0, SECONDS, "two events")
        seen = {line["result"]: line for line in map(json.loads, tail.output().splitlines())}
    assert seen["accepted"]["source"] == seen["refused"]["source"] == "app"
    assert seen["accepted"]["account_id"] == "acme"
    assert "group call" in seen["refused"]["detail"]


def send_until_202(address: Callable[[], str | None], account: str, count: int, failed: list[str]) -> None:
    """Batches of ten, each sent again until the answer is 202."""
    for batch in range(count // 10):
        events = [
            {
                "event_id": f"{account}-{batch}-{number}",
                "account_id": account,
                "user_id": "u",
                "feature": "f",
                "timestamp": "2026-03-02T09:30:00Z",
            }
            for number in range(10)
        ]
        body = json.dumps(events).encode()
        for _ in range(600):
            if (base := address()) is not None:
                request = urllib.request.Request(f"{base}/v1/events/usage", body, {"Authorization": f"Bearer {KEY}"})
                try:
                    with urllib.request.urlopen(request, timeout=20) as answer:
                        assert answer.status == 202
                    break
                except (OSError, urllib.error.HTTPError):
                    pass
            threading.Event().wait(0.1)
        else:
            failed.append(f"{account}-{batch}")


def test_nothing_that_was_answered_is_lost_when_it_and_the_broker_are_killed(
    own_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    server = own_kafka()
    intake = Intake(server.bootstrap_servers, f"t{uuid.uuid4().hex[:8]}-", tmp_path)
    addresses: list[str | None] = [intake.start()]
    failed: list[str] = []
    senders = [
        threading.Thread(target=send_until_202, args=(lambda: addresses[-1], f"account-{n}", 2_000, failed))
        for n in range(2)
    ]
    for sender in senders:
        sender.start()
    wait_for(lambda: intake.role.process is not None and len(intake.events()) > 200, SECONDS, "events")
    intake.role.kill()
    addresses.append(None)
    addresses.append(intake.start())
    wait_for(lambda: len(intake.events()) > 800, SECONDS, "more events")
    server.kill()
    server.restart()
    for sender in senders:
        sender.join(SECONDS * 2)
    assert failed == []
    found = {event["event_id"] for event in intake.events()}
    assert found == {f"account-{n}-{batch}-{number}" for n in range(2) for batch in range(200) for number in range(10)}
    assert intake.role.stop() == 0
