"""Where a run happens: an embedded Kafka or the given one, with topics of the run's own that do not outlive it."""

import asyncio
import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from kafka import KafkaAdminClient

from heartline.embedded import KafkaServer, fetch
from heartline.embedded.ports import free_ports
from stream.config.settings import KafkaSettings, Settings, load
from stream.engine.connection import client_arguments

GIVEN: Final = "KAFKA_BOOTSTRAP_SERVERS"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """Where everything is.

    Attributes:
        kafka: settings that lead to the broker, and to topics of the run's own.
        kafka_version: of Apache Kafka; None where a given broker does not say.
        worker_env: the whole environment of the worker process.
        metrics_port: where the worker's metrics page will be.
        folder: a temporary one.
    """

    kafka: KafkaSettings
    kafka_version: str | None
    worker_env: dict[str, str]
    metrics_port: int
    folder: Path

    @property
    def store(self) -> Path:
        """Where the worker keeps its state stores."""
        return self.folder / "store"


@contextmanager
def find_environment(partitions: int, say: Say, outside: Mapping[str, str] = os.environ) -> Iterator[Environment]:
    """A broker to run on: the one that KAFKA_BOOTSTRAP_SERVERS names, else an embedded one for as long as this lasts.

    Of the settings in the environment only those of Kafka count, and only for a given broker: a run measures the
    defaults.

    Raises:
        EmbeddedServerError: the server can't be fetched or started; the message says what to do.
        ConfigError: the settings that lead to a given broker are wrong.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heartline-bench-")))
        name = f"bench-{secrets.token_hex(4)}"
        if outside.get(GIVEN):
            given = load(Settings).kafka
            own = {"topic_prefix": f"{name}-", "app_id": name, "partitions": partitions, "create_topics": True}
            kafka = given.model_copy(update=own)
            version = _version(kafka.bootstrap_servers) if kafka.security_protocol == "PLAINTEXT" else None
            stack.callback(_delete_topics, kafka)
        else:
            fetch()  # with a progress bar, where something is missing
            say("starting Apache Kafka on this machine")
            server = stack.enter_context(KafkaServer())
            version = server.lock.version
            kafka = KafkaSettings(
                bootstrap_servers=server.bootstrap_servers,
                topic_prefix=f"{name}-",
                app_id=name,
                partitions=partitions,
            )
        port = free_ports(1)[0]
        environ = _environment(outside, kafka, port) | {"HEARTLINE_WORKER__STORE": str(folder / "store")}
        yield Environment(kafka, version, environ, port, folder)


def _environment(outside: Mapping[str, str], kafka: KafkaSettings, metrics_port: int) -> dict[str, str]:
    """The worker's environment: how to reach the broker, names of the run's own, and otherwise defaults."""
    kept = {
        name: value
        for name, value in outside.items()
        if not name.startswith("HEARTLINE_") or (outside.get(GIVEN) and name.startswith("HEARTLINE_KAFKA__"))
    }
    return kept | {
        "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "HEARTLINE_KAFKA__APP_ID": kafka.app_id,
        "HEARTLINE_KAFKA__PARTITIONS": str(kafka.partitions),
        "HEARTLINE_WORKER__METRICS_PORT": str(metrics_port),
    }


def _version(bootstrap_servers: str) -> str | None:
    """What the client library concludes of a broker from the requests that it knows."""
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
        try:
            broker = admin.describe_cluster()["brokers"][0]["broker_id"]
            return str(admin.get_broker_version_data(broker).broker_version_str)
        finally:
            admin.close()
    except (KafkaError, OSError):
        return None


def _delete_topics(kafka: KafkaSettings) -> None:
    """Take away from a given broker what the run put there; a broker that is gone needs no cleaning."""

    async def delete() -> None:
        admin = AIOKafkaAdminClient(**client_arguments(kafka))
        await admin.start()
        try:
            names = await admin.list_topics()
            await admin.delete_topics([name for name in names if name.startswith(kafka.topic_prefix)])
        finally:
            await admin.close()

    with contextlib.suppress(KafkaError, OSError):
        asyncio.run(delete())
