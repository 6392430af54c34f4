"""An alerting process and all that is around it: its topics, its Redis, a Slack, and who looks at them."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import redis
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from alerts.alert_events import AlertEvent
from consumers.alerting.rebuild_state import read_steps
from heartline.cli import app
from heartline.demo.slack_standin import SlackStandin
from heartline.embedded.ports import free_ports
from stream.config.settings import KafkaSettings
from stream.contracts.report import HealthReport, encode_report
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import Role, wait_for
from tests.integration.topics import group_lag
from tests.paged import SETTINGS
from tests.servers import Kafka

PARTITIONS = 3


def own_names(kafka: Kafka, redis_url: str, prefix: str, partitions: int) -> dict[str, str]:
    """The settings by which an alerting process has topics, a group and keys of its own on shared servers."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "REDIS_URL": redis_url,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__APP_ID": f"{prefix}app",
        "HEARTLINE_KAFKA__PARTITIONS": str(partitions),
        "HEARTLINE_REDIS__KEY_PREFIX": f"{prefix}:",
    }


class World:
    """One alerting process and what surrounds it."""

    def __init__(self, kafka: Kafka, topic: str, prefix: str, redis_url: str, slack: SlackStandin, tmp: Path) -> None:
        self.kafka, self.topic, self.prefix, self.slack = kafka, topic, prefix, slack
        self.metrics_port = free_ports(1)[0]
        self.redis = redis.Redis.from_url(redis_url)
        config = tmp / "alerting.yaml"
        config.write_text(json.dumps(SETTINGS), "utf-8")
        self.env = {
            **own_names(kafka, redis_url, prefix, PARTITIONS),
            "HEARTLINE_BOARD__PUBLIC_URL": "https://board.example",
            "HEARTLINE_ALERTING__METRICS_PORT": str(self.metrics_port),
            "HEARTLINE_ALERTING__SESSION_TIMEOUT_SECONDS": "6",
            "HEARTLINE_ALERTING__CLOCK": "event",
            "HEARTLINE_ALERTING__CONFIG": str(config),
            "HEARTLINE_SLACK__ALLOW_INSECURE_LOOPBACK": "true",
            "HEARTLINE_SLACK__WEBHOOK_URL": slack.url,
            "HEARTLINE_SLACK__MESSAGES_PER_SECOND": "50",
        }
        self.log = tmp / "alerting.log"
        self._producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all")

    def alerting(self) -> Role:
        """The process, not started."""
        return Role(["alerting"], self.env, self.log)

    def publish(self, *reports: HealthReport) -> None:
        """Put reports onto the health topic, in order."""
        sent = [self._producer.send(self.topic, key=r.account_id.encode(), value=encode_report(r)) for r in reports]
        for future in sent:
            future.get(timeout=HANG_SECONDS)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Put any record onto the health topic."""
        self._producer.send(self.topic, key=key, value=value).get(timeout=HANG_SECONDS)

    def wait_until_judged(self, seconds: float = 30) -> None:
        """Wait until every record's offset is committed."""
        group = f"{self.kafka_settings().installation}-alerting"
        servers = self.kafka.bootstrap_servers
        wait_for(lambda: group_lag(servers, group, [self.topic]) == 0, seconds, "all reports evaluated")

    def metrics(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every sample of the exporter, parsed as Prometheus would."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as result:
            text = result.read().decode()
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}

    def metric(self, name: str, **labels: str) -> float | None:
        """One sample; None when it is not there."""
        return self.metrics().get((name, tuple(sorted(labels.items()))))

    def kafka_settings(self) -> KafkaSettings:
        """As the process has them."""
        return KafkaSettings(
            bootstrap_servers=self.kafka.bootstrap_servers,
            topic_prefix=self.prefix,
            app_id=f"{self.prefix}app",
            partitions=PARTITIONS,
        )

    def audit(self) -> list[AlertEvent]:
        """Every step on the audit topic, in the order of their decisions."""
        kafka = self.kafka_settings()
        return sorted((step for n in range(PARTITIONS) for step in read_steps(kafka, n)), key=lambda step: step.seq)

    def steps(self) -> list[str]:
        """Their kinds."""
        return [step.kind for step in self.audit()]

    def cli(self, *args: str) -> str:
        """What a command prints, which ends well."""
        result = CliRunner().invoke(app, args, env=self.env)
        assert result.exit_code == 0, result.output
        return result.stdout

    def open_alerts(self) -> list[dict[str, Any]]:
        """What `heartline alert list` says."""
        listed: list[dict[str, Any]] = json.loads(self.cli("alert", "list", "--json"))["alerts"]
        return listed

    def command(self, key: bytes, value: bytes) -> None:
        """Put any record onto the command topic."""
        self._producer.send(self.kafka_settings().topics.alert_commands, key=key, value=value).get(timeout=HANG_SECONDS)

    def close(self) -> None:
        """Close our own clients."""
        self._producer.close()
        self.redis.close()
