"""Every process under the rights that `heartline acls` lists, on a broker that refuses all else; and one right less."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from heartline.embedded.ports import free_ports
from heartline.reference.kafka_rights import PROCESSES, Process, Right, rights_of
from stream.config.settings import KafkaSettings
from stream.engine.topology import prepare_topics
from tests.deadlines import HANG_SECONDS
from tests.integration.kafka_nodes import USER, SecureKafka
from tests.integration.roles import Role, asked, wait_for
from tests.integration.test_quarantine import PARTITIONS, event, produce, reported
from tests.servers import Kafka, Way

pytestmark = pytest.mark.xdist_group("secure-kafka")

RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
    "Describe": ACLOperation.DESCRIBE,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
}
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with SecureKafka(tmp_path_factory.mktemp("certificates"), AUTHORIZER) as server:
        yield server


@pytest.fixture
def admin(broker: SecureKafka) -> Iterator[KafkaAdminClient]:
    found = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    yield found
    revoke(found)
    found.close()


def revoke(admin: KafkaAdminClient) -> None:
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    admin.delete_acls([ACLFilter(f"User:{USER}", None, ACLOperation.ANY, ACLPermissionType.ANY, everything)])


def grant(admin: KafkaAdminClient, rights: list[Right]) -> None:
    """Give these rights, and wait until the broker goes by them: its controller answers before that."""
    patterns = {True: ACLResourcePatternType.PREFIXED, False: ACLResourcePatternType.LITERAL}
    given = [
        ACL(
            f"User:{USER}",
            "*",
            OPERATIONS[operation],
            ACLPermissionType.ALLOW,
            ResourcePattern(RESOURCES[right.resource], right.name, patterns[right.is_prefix]),
        )
        for right in rights
        for operation in right.operations
    ]
    admin.create_acls(given)
    wait_for(lambda: set(given) <= rights_in_force(admin), 10, "the rights are in force")


def rights_in_force(admin: KafkaAdminClient) -> set[ACL]:
    """The rights of the user that the broker knows."""
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    acls, _ = admin.describe_acls(ACLFilter(f"User:{USER}", None, ACLOperation.ANY, ACLPermissionType.ANY, everything))
    return set(acls)


def environment(broker: SecureKafka, redis_url: str, prefix: str, folder: Path) -> dict[str, str]:
    ports = dict(zip(("WORKER", "ALERTING", "BOARD", "INTAKE", "PORTFOLIO"), free_ports(5), strict=True))
    return {
        **broker.environment("OPEN"),
        **{f"HEARTLINE_{name}__METRICS_PORT": str(port) for name, port in ports.items()},
        "REDIS_URL": redis_url,
        "HEARTLINE_REDIS__KEY_PREFIX": f"{prefix}:",
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
        "HEARTLINE_KAFKA__CREATE_TOPICS": "false",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_BOARD__PORT": "0",
        "HEARTLINE_INTAKE__PORT": "0",
        "HEARTLINE_PORTFOLIO__PORT": "0",
        "HEARTLINE_PORTFOLIO__FILE": str(folder / "portfolio.duckdb"),
        "HEARTLINE_INTAKE__WRITE_KEYS": json.dumps({"app": "0123456789abcdef"}),
    }


def wait_until_well(process: Process, env: Mapping[str, str]) -> None:
    """It lives at once, and is ready soon: a worker looks at its group first."""
    address = f"http://127.0.0.1:{env[f'HEARTLINE_{process.upper()}__METRICS_PORT']}"
    assert asked(f"{address}/livez") == (200, "ok\n"), process
    wait_for(lambda: asked(f"{address}/readyz") == (200, "ok\n"), 30, f"{process} is ready")


async def test_every_process_does_its_work_with_these_rights_alone_and_says_that_it_lives_and_is_ready(
    broker: SecureKafka, admin: KafkaAdminClient, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, topic_prefix=prefix, partitions=PARTITIONS)
    await prepare_topics(kafka)
    env = environment(broker, redis_url, prefix, tmp_path)
    grant(admin, rights_of("worker", kafka))
    server = Kafka(broker.bootstrap_servers, Way.LAUNCHER)
    with Role(["worker"], env, tmp_path / "worker.log") as worker:
        worker.start("worker ready")
        wait_until_well("worker", env)
        produce(server, kafka.topics.input("usage"), [("acme", event("acme", 1)), ("acme", b"no event")])
        wait_for(lambda: reported(server, kafka.topics) == {"acme"}, 60, "a report")
        assert worker.stop() == 0
        assert "Authoriz" not in worker.output()
    others: list[tuple[Process, list[str], str]] = [
        ("alerting", ["alerting"], "alerting ready"),
        ("board", ["board"], "board ready"),
        ("intake", ["intake"], "intake ready"),
        ("portfolio", ["portfolio", "serve"], "portfolio ready"),
    ]
    for process, command, ready in others:
        revoke(admin)
        grant(admin, rights_of(process, kafka))
        with Role(command, env, tmp_path / f"{process}.log") as role:
            role.start(ready)
            wait_until_well(process, env)
            assert role.stop() == 0
            assert "Authoriz" not in role.output(), process


async def test_a_right_that_is_missing_is_named_by_the_worker_and_by_doctor(
    broker: SecureKafka, admin: KafkaAdminClient, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, topic_prefix=prefix, partitions=PARTITIONS)
    await prepare_topics(kafka)
    env = environment(broker, redis_url, prefix, tmp_path)
    lacking = [right for right in rights_of("worker", kafka) if right.resource != "transactional-id"]
    grant(admin, lacking)
    with Role(["worker"], env, tmp_path / "worker.log") as worker:
        worker.start()
        assert worker.process is not None
        assert worker.process.wait(HANG_SECONDS) != 0
        assert "the brokers' ACLs refuse an operation on a transactional id" in worker.output()
        assert "heartline acls" in worker.output()


def test_the_lines_for_kafka_acls_name_every_right_of_every_process(prefix: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
    done = subprocess.run(
        [sys.executable, "-m", "heartline.cli", "acls"],
        env=kept | {"HEARTLINE_KAFKA__TOPIC_PREFIX": prefix},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=True,
    )
    kafka = KafkaSettings(topic_prefix=prefix)
    for process in PROCESSES:
        for right in rights_of(process, kafka):
            start, end = f"User:heartline-{process} ", f"--{right.resource} {right.name}"
            pattern = " --resource-pattern-type prefixed" if right.is_prefix else ""
            (line,) = [each for each in done.stdout.splitlines() if start in each and each.endswith(f" {end}{pattern}")]
            assert all(f"--operation {operation}" in line for operation in right.operations), json.dumps(line)
