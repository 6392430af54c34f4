"""The alerting process with a file of routes and receivers: told through each of them, and answered by a button."""

import hashlib
import hmac
import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlencode

import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from alerts.commands import Acknowledge, Command, decode_command
from heartline.embedded.ports import free_ports
from stream.contracts.report import encode_report
from stream.topics import Topics
from tests.deadlines import HANG_SECONDS
from tests.integration.alerting_world import own_names
from tests.integration.conftest import NewTopic
from tests.integration.roles import Role, wait_for
from tests.receiver_servers import HttpStandin, Reply
from tests.reports import make_report
from tests.servers import Kafka

PARTITIONS = 2
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_OK = Reply(body=b'{"ok": true, "channel": "C0123", "ts": "123.45"}', headers={"Content-Type": "application/json"})

CONFIG = """
receivers:
  bot: {{type: slack_bot, token_env: BOT, signing_secret_env: SIGNING_SECRET, channel: C0123, api_url: {slack}/api/}}
  hook: {{type: webhook, url: "{hook}/in", secret_env: HOOK_SECRET}}
  pager: {{type: pagerduty, routing_key_env: PAGER_KEY, url: "{pager}/v2/enqueue"}}
routes:
  - {{match: {{severity: critical}}, receivers: [pager], continue: true}}
  - {{receivers: [bot, hook]}}
"""


def test_an_alert_goes_where_its_routes_lead_and_a_click_comes_back(
    kafka: Kafka, redis_url: str, new_topic: NewTopic, prefix: str, tmp_path: Path
) -> None:
    """The pager is away and hears of it later; nobody else waits for it. Restarted, the process tells nothing twice."""
    topic = new_topic("account-health", PARTITIONS, {"cleanup.policy": "compact"})
    actions_port = free_ports(1)[0]
    with HttpStandin(SLACK_OK) as slack, HttpStandin(Reply()) as hook, HttpStandin(Reply(503)) as pager:
        config = tmp_path / "alerting.yaml"
        config.write_text(CONFIG.format(slack=slack.url, hook=hook.url, pager=pager.url))
        env = {
            **own_names(kafka, redis_url, prefix, PARTITIONS),
            "HEARTLINE_ALERTING__METRICS_PORT": "0",
            "HEARTLINE_ALERTING__ACTIONS_PORT": str(actions_port),
            "HEARTLINE_ALERTING__CLOCK": "event",
            "HEARTLINE_ALERTING__CONFIG": str(config),
            "BOT": "xoxb-1",
            "SIGNING_SECRET": SIGNING_SECRET,
            "HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "PAGER_KEY": "0123456789abcdef0123456789abcdef",
        }
        log = tmp_path / "alerting.log"
        with Role(["alerting"], env, log).start("alerting ready") as process:
            producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all")
            producer.send(topic, key=b"acme", value=encode_report(make_report("acme", 10))).get(timeout=HANG_SECONDS)
            producer.close()
            wait_for(lambda: all(server.requests for server in (slack, hook, pager)), 30, "all were told, or tried")
            assert hook.requests[0].json["type"] == "alert.opened"
            pager.otherwise = Reply(202)
            wait_for(lambda: len(pager.requests) >= 2, 30, "the pager is tried again")
            assert pager.requests[-1].json["event_action"] == "trigger"

            assert click(slack.requests[0].json["blocks"], actions_port) == 200
            wait_for(lambda: sent_commands(kafka, prefix) != [], 20, "the command is on its topic")
            (command,) = sent_commands(kafka, prefix)
            assert isinstance(command, Acknowledge)
            assert (command.account_id, command.by) == ("acme", "ann")
            assert command.alert_id == hook.requests[0].json["data"]["alert"]["alert_id"]
            wait_for(lambda: any("ann is on it" in str(item.json) for item in slack.requests), 20, "who has it")
            assert slack.requests[-1].path == "/api/chat.update"
            wait_for(lambda: depth(redis_url, prefix) == 0, 20, "everything is delivered")
            assert pager.requests[-1].json["event_action"] == "acknowledge"
            assert process.stop() == 0
        told = len(hook.requests)
        with Role(["alerting"], env, log).start("alerting ready") as process:
            assert process.stop() == 0
        assert len(hook.requests) == told
    for secret in ("xoxb-1", SIGNING_SECRET, "MfKQ9r8G", "0123456789abcdef"):
        assert secret not in log.read_text()


def click(blocks: list[dict[str, object]], port: int) -> int:
    """Click on the first button of a message, as Slack would; the status."""
    (actions,) = [block for block in blocks if block["type"] == "actions"]
    action = dict(actions["elements"][0]) | {"action_ts": "1.5"}  # type: ignore[index]
    payload = {"type": "block_actions", "user": {"id": "U7", "name": "ann"}, "actions": [action]}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(time.time()))
    digest = hmac.new(SIGNING_SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_SECONDS)
    try:
        connection.request("POST", "/slack/actions", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def sent_commands(kafka: Kafka, prefix: str) -> list[Command]:
    """Everything on the topic of commands."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, enable_auto_commit=False)
    try:
        assigned_partitions = [
            TopicPartition(Topics(prefix, f"{prefix}app").alert_commands, number) for number in range(PARTITIONS)
        ]
        consumer.assign(assigned_partitions)
        consumer.seek_to_beginning(*assigned_partitions)
        found = []
        while any(
            consumer.position(assigned) < end for assigned, end in consumer.end_offsets(assigned_partitions).items()
        ):
            for records in consumer.poll(timeout_ms=500).values():
                found += [decode_command(record.value) for record in records]
        return found
    finally:
        consumer.close(autocommit=False)


def depth(redis_url: str, prefix: str) -> int:
    """How many messages wait, over all receivers."""
    client = redis.Redis.from_url(redis_url)
    try:
        return sum(int(str(client.zcard(f"{prefix}:outbox:created:{name}"))) for name in ("bot", "hook", "pager"))
    finally:
        client.close()
