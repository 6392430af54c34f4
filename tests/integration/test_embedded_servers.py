"""The embedded servers do what the product relies on, and never outlive their owner."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import MessageSizeTooLargeError, UnknownTopicOrPartitionError
from kafka.structs import TopicPartition

from heartline.embedded import KafkaServer, ValkeyServer, write_class_archive
from heartline.embedded.class_archive import reading_arguments
from heartline.embedded.errors import EmbeddedServerError, PortInUseError
from heartline.embedded.java import find_java
from heartline.embedded.kafka import jar_repository, wanted_lock
from heartline.embedded.kafka_jars import class_path
from heartline.embedded.ports import free_ports
from tests.deadlines import HANG_SECONDS
from tests.integration.conftest import NewTopic
from tests.servers import Kafka

MIB = 1024 * 1024


@contextmanager
def producing(bootstrap_servers: str, **options: Any) -> Iterator[Any]:
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, **options)
    try:
        yield producer
    finally:
        producer.close(timeout=5)


def read_all(bootstrap_servers: str, topic: str, **options: Any) -> list[bytes]:
    """Read one partition from its start to the end that the reader may see."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False, **options)
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        values: list[bytes] = []
        deadline = time.monotonic() + HANG_SECONDS
        while consumer.position(partition) < end:
            assert time.monotonic() < deadline, f"read {len(values)} records, position never reached {end}"
            for records in consumer.poll(timeout_ms=200).values():
                values += [record.value for record in records]
        return values
    finally:
        consumer.close()


def create_topic(bootstrap_servers: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        options = {"num_partitions": 1, "replication_factor": 1}
        admin.create_topics({topic: options}, wait_for_metadata=True)
    finally:
        admin.close()


def wait_until_gone(process_ids: list[int]) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while alive := [pid for pid in process_ids if psutil.pid_exists(pid)]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.05)


def test_what_is_produced_is_consumed_in_order(kafka: Kafka, new_topic: NewTopic) -> None:
    topic = new_topic("events")
    sent = [b"%d" % number for number in range(1000)]

    with producing(kafka.bootstrap_servers) as producer:
        for value in sent:
            producer.send(topic, value)
        producer.flush()

    assert read_all(kafka.bootstrap_servers, topic) == sent


def test_a_reader_of_committed_records_sees_no_aborted_ones(kafka: Kafka, new_topic: NewTopic, prefix: str) -> None:
    topic = new_topic("transactions")

    with producing(kafka.bootstrap_servers, transactional_id=f"{prefix}writer") as producer:
        producer.init_transactions()
        for value, commit in ((b"first", True), (b"undone", False), (b"second", True)):
            producer.begin_transaction()
            producer.send(topic, value)
            producer.flush()
            if commit:
                producer.commit_transaction()
            else:
                producer.abort_transaction()

    assert read_all(kafka.bootstrap_servers, topic, isolation_level="read_committed") == [b"first", b"second"]
    assert read_all(kafka.bootstrap_servers, topic) == [b"first", b"undone", b"second"]


def test_a_compacted_topic_is_created_as_asked(kafka: Kafka, new_topic: NewTopic) -> None:
    topic = new_topic("changelog", partitions=3, configs={"cleanup.policy": "compact"})

    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    try:
        described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        (partitions,) = [entry["partitions"] for entry in admin.describe_topics([topic])]
    finally:
        admin.close()

    assert "compact" in str(described)
    assert len(partitions) == 3


def test_a_topic_may_allow_larger_messages_than_the_broker_does_by_default(kafka: Kafka, new_topic: NewTopic) -> None:
    usual, large = new_topic("usual"), new_topic("large", configs={"max.message.bytes": str(10 * MIB)})
    value = os.urandom(9 * MIB)  # incompressible

    with producing(kafka.bootstrap_servers, max_request_size=20 * MIB) as producer:
        producer.send(large, value).get(timeout=HANG_SECONDS)
        with pytest.raises(MessageSizeTooLargeError):
            producer.send(usual, value).get(timeout=HANG_SECONDS)

    assert read_all(kafka.bootstrap_servers, large) == [value]


def assert_no_topic_by_a_misspelt_name(bootstrap_servers: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        with pytest.raises(UnknownTopicOrPartitionError):
            admin.delete_topics(["prodcut-usage"])
        consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers)
        try:
            assert consumer.partitions_for_topic("prodcut-usage") == set()
        finally:
            consumer.close()
        assert [topic for topic in admin.list_topics() if "prodcut" in str(topic)] == []
    finally:
        admin.close()


@pytest.mark.parametrize("version", ["4", "3.9"])
def test_a_broker_makes_no_topic_by_a_misspelt_name_and_comes_back_after_a_kill_with_what_was_acknowledged(
    version: str, own_kafka: Callable[..., KafkaServer]
) -> None:
    server = own_kafka(version=version)
    address = server.bootstrap_servers
    assert_no_topic_by_a_misspelt_name(address)
    create_topic(address, "kept")
    with producing(address, acks="all") as producer:
        for number in range(100):
            producer.send("kept", b"%d" % number)
        producer.flush()

    server.kill()
    assert not server.running
    server.start()

    assert server.bootstrap_servers == address
    assert read_all(address, "kept") == [b"%d" % number for number in range(100)]


def test_a_broker_leaves_its_classes_to_the_next_start_which_does_without_if_they_do_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jars = jar_repository()
    monkeypatch.setenv("HEARTLINE_CACHE_DIR", str(tmp_path))
    jar_repository().symlink_to(jars)
    write_class_archive()
    (archive,) = tmp_path.glob("*.jsa")
    assert list(tmp_path.glob("*.checkpoint")), "nor does the next one need Kafka's tool to format its folder"

    lock = wanted_lock()
    paths = [str(path) for path in class_path(lock, jar_repository())]

    def loaded(paths: list[str]) -> str:
        """Where Java says that it has Kafka's first class from, when it is asked for Kafka's usage."""
        options = [*reading_arguments(archive), "-Xlog:class+load:stdout", "-cp", os.pathsep.join(paths)]
        answer = subprocess.run(
            [find_java(lock.java).program, *options, "kafka.Kafka"], capture_output=True, text=True, check=False
        )
        assert "USAGE" in answer.stdout + answer.stderr
        return next(line for line in answer.stdout.splitlines() if "] kafka.Kafka" in line or " kafka.Kafka " in line)

    assert "shared objects file (top)" in loaded(paths)
    assert "source: file:" in loaded(paths[::-1]), "other jars"


def test_nothing_is_left_after_the_end_of_a_with_block() -> None:
    with KafkaServer() as kafka, ValkeyServer() as valkey:
        process_ids, folders = [kafka.pid, valkey.pid], [kafka.data_dir, valkey.data_dir]
        assert all(psutil.pid_exists(pid) for pid in process_ids)

    wait_until_gone(process_ids)
    assert [folder for folder in folders if folder.exists()] == []


OWNER = """
import sys, threading, time
from heartline.embedded import KafkaServer, ValkeyServer

servers = [ValkeyServer(), KafkaServer()] if sys.argv[2] == "both" else [ValkeyServer()]
# From a thread that ends before its servers do: they belong to the process.
starter = threading.Thread(target=lambda: [server.start() for server in servers])
starter.start(); starter.join()
print(*[server.pid for server in servers], *[server.data_dir for server in servers], flush=True)
if sys.argv[1] == "exits":
    sys.exit(3)
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("ending", "servers"),
    [
        (signal.SIGKILL, "both"),  # a guard is the same program for every server: one ending shows it of both
        (signal.SIGTERM, "valkey"),
        (signal.SIGINT, "valkey"),
        ("exits", "valkey"),
    ],
)
def test_the_servers_are_gone_however_their_owner_ends(ending: signal.Signals | str, servers: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", OWNER, str(ending), servers],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert owner.stdout is not None
    with owner.stdout as answer:
        words = answer.readline().decode().split()
    count = len(words) // 2
    process_ids, folders = [int(word) for word in words[:count]], words[count:]
    assert count == (2 if servers == "both" else 1)

    if isinstance(ending, signal.Signals):
        assert all(psutil.pid_exists(pid) for pid in process_ids)
        owner.send_signal(ending)
    owner.wait(HANG_SECONDS)

    wait_until_gone(process_ids)
    deadline = time.monotonic() + HANG_SECONDS
    while any(Path(folder).exists() for folder in folders):
        assert time.monotonic() < deadline, f"left behind: {folders}"
        time.sleep(0.05)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_both_servers_until_it_is_told_to_end(ending: signal.Signals) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "heartline.cli", "servers", "run"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    settings = dict(running.stdout.readline().strip().split("=", 1) for _ in range(2))
    with redis.Redis.from_url(settings["REDIS_URL"]) as client:
        assert client.ping()
    create_topic(settings["KAFKA_BOOTSTRAP_SERVERS"], "tried-out")
    server_ids = [child.pid for child in psutil.Process(running.pid).children(recursive=True)]

    running.send_signal(ending)
    _, errors = running.communicate(timeout=HANG_SECONDS)

    assert (running.returncode, errors) == (0, "")
    wait_until_gone(server_ids)


def test_a_server_that_ended_by_itself_is_noticed(own_redis: Callable[..., ValkeyServer]) -> None:
    server = own_redis()
    server.check()

    os.kill(server.pid, signal.SIGTERM)
    wait_until_gone([server.pid])
    deadline = time.monotonic() + HANG_SECONDS
    while server.running:
        assert time.monotonic() < deadline, "the guard outlives its server"
        time.sleep(0.05)

    with pytest.raises(EmbeddedServerError, match=r"(?s)Valkey ended with status 0\. The end of its log .*bye bye"):
        server.check()


def test_the_server_is_gone_when_its_guard_is_killed(own_redis: Callable[..., ValkeyServer]) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ends a process with its parent")
    server = own_redis()
    guard = psutil.Process(server.pid).parent()
    assert guard is not None

    guard.kill()

    wait_until_gone([server.pid])


@pytest.mark.parametrize("server", [KafkaServer, ValkeyServer])
def test_a_port_in_use_is_named(
    server: type[KafkaServer | ValkeyServer], own_redis: Callable[..., ValkeyServer]
) -> None:
    taken = own_redis().port

    with pytest.raises(PortInUseError, match=rf"cannot listen on 127\.0\.0\.1:{taken}: another process does"):
        server(port=taken).start()


def test_a_given_port_and_folder_are_used_and_kept(tmp_path: Path) -> None:
    (port,) = free_ports(1)

    with ValkeyServer(data_dir=tmp_path / "valkey", port=port) as server:
        assert server.url == f"redis://127.0.0.1:{port}/0"

    assert (tmp_path / "valkey" / "valkey.log").exists()


def test_a_killed_valkey_keeps_what_it_had_written(own_redis: Callable[..., ValkeyServer]) -> None:
    server = own_redis()
    with redis.Redis.from_url(server.url) as client:
        client.set("alert", "open")
        # Written at the latest one second after: the append-only file is synced every second, and the page cache
        # outlives the process anyway once the server has handed the bytes over.
        deadline = time.monotonic() + HANG_SECONDS
        while client.info("persistence")["aof_pending_bio_fsync"] or not _appended(server.data_dir, b"alert"):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    server.kill()
    server.start()

    with redis.Redis.from_url(server.url) as client:
        assert client.get("alert") == b"open"


def test_a_server_that_cannot_start_says_what_its_log_says(own_kafka: Callable[..., KafkaServer]) -> None:
    with pytest.raises(
        EmbeddedServerError, match=r"(?s)Kafka ended with status 1\. The end of its log .*no\.such\.Class"
    ):
        own_kafka(properties={"metric.reporters": "no.such.Class"})


def test_a_setting_that_kafka_refuses_is_named(own_kafka: Callable[..., KafkaServer]) -> None:
    with pytest.raises(EmbeddedServerError, match=r"could not format .* Invalid value none for .*num\.io\.threads"):
        own_kafka(properties={"num.io.threads": "none"})


def _appended(data_dir: Path, key: bytes) -> bool:
    return any(key in file.read_bytes() for file in (data_dir / "appendonlydir").glob("*.aof"))
