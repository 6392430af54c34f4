"""Real servers for the integration tests. They fail, and are never skipped, when a server can't be had.

- `kafka`, `redis_url`: shared by all tests of the run. Use names of your own: `prefix`, `new_topic`.
- `own_kafka`, `own_redis`: factories for tests that stop, kill or restart a server; always by the launcher.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Protocol

import pytest
from kafka import KafkaAdminClient

from heartline.embedded import KafkaServer, ValkeyServer
from tests.servers import Kafka, kafka_for_tests, redis_for_tests
from tests.shared_kafka import shared_kafka


class NewTopic(Protocol):
    """Creates a topic of the test's own and gives its full name."""

    def __call__(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> str:
        """Create `prefix + name` and wait until every partition has a leader."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test in this folder, so that `-m "not integration"` leaves them out; soaks run only by `-m soak`."""
    for item in items:
        if "tests/integration/" in item.path.as_posix():
            item.add_marker(pytest.mark.integration)
    if "soak" not in config.option.markexpr:
        items[:] = [item for item in items if item.get_closest_marker("soak") is None]


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A broker shared by all tests of the run, with pytest-xdist by those of its other processes, too."""
    if (shared := shared_kafka()) is not None:
        yield shared
        return
    with kafka_for_tests() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis-protocol server shared by all tests of the run."""
    with redis_for_tests() as url:
        yield url


@pytest.fixture
def prefix() -> str:
    """A name no other test uses, for topics, groups and Redis keys: "t1a2b3c4-"."""
    return f"t{uuid.uuid4().hex[:8]}-"


@pytest.fixture
def new_topic(kafka: Kafka, prefix: str) -> Iterator[NewTopic]:
    """Create topics on the shared broker; they are deleted after the test."""
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    created: list[str] = []

    def create(name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> str:
        topic = f"{prefix}{name}"
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": dict(configs or {})}
        admin.create_topics({topic: options}, wait_for_metadata=True)
        created.append(topic)
        return topic

    yield create
    if created:
        admin.delete_topics(created)
    admin.close()


@pytest.fixture
def own_kafka() -> Iterator[Callable[..., KafkaServer]]:
    """Start brokers of the test's own: `own_kafka(version="3.9")`; takes what KafkaServer takes."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(KafkaServer(**options))


@pytest.fixture
def own_redis() -> Iterator[Callable[..., ValkeyServer]]:
    """Start Redis-protocol servers of the test's own: `own_redis()`; takes what ValkeyServer takes."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(ValkeyServer(**options))
