"""What the demo runs on: Kafka, Valkey, worker, alerting, board, a Slack stand-in; and that nothing of it stays."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from heartline.demo.slack_standin import SlackStandin
from heartline.embedded import KafkaServer, ValkeyServer, fetch
from heartline.embedded.ports import free_ports
from heartline.processes.child_process import Role
from heartline.synthetic import CORE_FEATURES
from stream.config.settings import KafkaSettings

PARTITIONS: Final = 4  # a small machine's share; nothing else depends on it
_KEPT: Final = ("HEARTLINE_KAFKA_VERSION", "HEARTLINE_VALKEY_SERVER", "HEARTLINE_CACHE_DIR")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """Where everything is.

    Attributes:
        kafka: settings that lead to the broker.
        kafka_version: of Apache Kafka.
        slack: the stand-in.
        worker, alerting, board: the processes; not started yet.
        worker_port, alerting_port: where the metrics pages of the first two are.
        board_port: where the board will be.
    """

    kafka: KafkaSettings
    kafka_version: str
    slack: SlackStandin
    worker: Role
    alerting: Role
    board: Role
    worker_port: int
    alerting_port: int
    board_port: int

    @property
    def board_url(self) -> str:
        """The address of the board."""
        return f"http://127.0.0.1:{self.board_port}"


@contextmanager
def set_up(say: Say) -> Iterator[Stage]:
    """Start the servers, describe the roles, and take everything down again at the end.

    Raises:
        EmbeddedServerError: a server can't be fetched or started; the message says what to do.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heartline-demo-")))
        fetch()  # with a progress bar, where something is missing
        say("starting Apache Kafka and Valkey on this machine")
        valkey = stack.enter_context(ValkeyServer())
        say(f"Valkey is up at {valkey.url}")
        kafka = stack.enter_context(KafkaServer())
        say(f"Apache Kafka {kafka.lock.version} is up at {kafka.bootstrap_servers}")
        slack = stack.enter_context(SlackStandin())
        ports = free_ports(3)
        environ = environment(os.environ, kafka=kafka.bootstrap_servers, redis=valkey.url, slack=slack.url, ports=ports)
        worker, alerting, board = (Role(name, environ, folder) for name in ("worker", "alerting", "board"))
        for role in (worker, alerting, board):
            stack.callback(role.stop)
        settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, partitions=PARTITIONS)
        yield Stage(settings, kafka.lock.version, slack, worker, alerting, board, *ports)
        say("stopping everything")


# From a trial to what is paid for, and to more of it: the way that an account's page draws as a vector.
MILESTONES: Final = ("subscription.trial", "subscription.paid", "subscription.upsell")


def environment(outside: Mapping[str, str], *, kafka: str, redis: str, slack: str, ports: list[int]) -> dict[str, str]:
    """The environment of the three processes: nothing that is set for a real installation reaches the demo.

    Args:
        outside: the environment of the command.
        kafka, redis, slack: the addresses of the demo's own servers.
        ports: for the metrics pages of worker and alerting, and for the board.
    """
    everyday = ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL")
    kept = {
        name: value
        for name, value in outside.items()
        if name in _KEPT or not (name.startswith("HEARTLINE_") or name in everyday)
    }
    return kept | {
        "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": kafka,
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
        "HEARTLINE_REDIS__URL": redis,
        "HEARTLINE_WORKER__CLOCK": "event",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.5",
        "HEARTLINE_WORKER__METRICS_PORT": str(ports[0]),
        "HEARTLINE_PRODUCT__CORE_FEATURES": json.dumps(CORE_FEATURES),
        "HEARTLINE_PRODUCT__MILESTONES": json.dumps(MILESTONES),
        "HEARTLINE_ALERTING__CLOCK": "event",
        "HEARTLINE_ALERTING__METRICS_PORT": str(ports[1]),
        "HEARTLINE_BOARD__PORT": str(ports[2]),
        "HEARTLINE_BOARD__PUBLIC_URL": f"http://127.0.0.1:{ports[2]}",
        "HEARTLINE_BOARD__METRICS_PORT": "null",
        "HEARTLINE_SLACK__WEBHOOK_URL": slack,
        "HEARTLINE_SLACK__ALLOW_INSECURE_LOOPBACK": "true",
        "HEARTLINE_SLACK__MESSAGES_PER_SECOND": "20",
    }
