"""Membership of the alerting group, on a real broker: a rebalance takes longer than a poll waits."""

import threading
from collections.abc import Callable

from kafka import KafkaConsumer

from consumers.alerting.group_consumer import make_consumer
from consumers.alerting.settings import AlertingSettings
from stream.config.settings import KafkaSettings
from tests.deadlines import HANG_SECONDS
from tests.integration.conftest import NewTopic
from tests.integration.roles import wait_for
from tests.servers import Kafka


def topics_polled_until(consumer: KafkaConsumer, condition: Callable[[set[str]], bool], what: str) -> None:
    """Polls that are over long before a broker answers."""

    def holds() -> bool:
        consumer.poll(timeout_ms=1)
        return condition({tp.topic for tp in consumer.assignment()})

    wait_for(holds, HANG_SECONDS, what)


def test_a_rebalance_for_a_topic_that_was_made_later_ends_though_each_poll_times_out(
    kafka: Kafka, prefix: str, new_topic: NewTopic
) -> None:
    """A member that lost its own join would have no partition and no heartbeat from then on."""
    health = new_topic("account-health")
    where = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix, create_topics=False)
    consumer = make_consumer(AlertingSettings(kafka=where), threading.Event())
    try:
        topics_polled_until(consumer, lambda topics: topics == {health}, "the first topic")
        commands = new_topic("alert-commands")
        topics_polled_until(consumer, lambda topics: topics == {health, commands}, "both topics")
    finally:
        consumer.close(autocommit=False)
