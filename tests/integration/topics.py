"""Reading topics whole, and asking how far a consumer group is, with kafka-python."""

from collections.abc import Iterator
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition


def read_all(bootstrap_servers: str, topic: str) -> Iterator[Any]:
    """Every committed record of a topic, per partition in order, up to where it ends now."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=8 << 20,
    )
    try:
        partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())]
        for partition in partitions:
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            end = consumer.end_offsets([partition])[partition]
            while consumer.position(partition) < end:
                for records in consumer.poll(timeout_ms=1000).values():
                    yield from records
    finally:
        consumer.close()


def last_values(bootstrap_servers: str, topic: str) -> dict[str, bytes]:
    """The last value per key, as compaction would leave it; tombstoned keys are gone."""
    values: dict[str, bytes] = {}
    for record in read_all(bootstrap_servers, topic):
        key = record.key.decode()
        if record.value is None:
            values.pop(key, None)
        else:
            values[key] = record.value
    return values


def group_lag(bootstrap_servers: str, group: str, topics: list[str]) -> int:
    """Records of the topics that a group has not committed yet; a partition without a commit counts whole."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        partitions = [TopicPartition(topic, n) for topic in topics for n in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(partitions)
        committed = {tp: meta.offset for tp, meta in admin.list_group_offsets(group).get(group, {}).items()}
        return sum(ends[tp] - max(committed.get(tp, 0), 0) for tp in partitions)
    finally:
        admin.close()
        consumer.close()


def unread(bootstrap_servers: str, group: str, topic: str) -> int:
    """Records of a topic that a group has not committed yet; unlike offsets, this does not count commit markers."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        committed = {tp: meta.offset for tp, meta in admin.list_group_offsets(group).get(group, {}).items()}
    finally:
        admin.close()
    return sum(
        record.offset >= max(committed.get(TopicPartition(topic, record.partition), 0), 0)
        for record in read_all(bootstrap_servers, topic)
    )
