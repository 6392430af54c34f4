"""Clients of kafka-python, as far as no broker is needed."""

import threading
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaTimeoutError

from consumers.kafka_client import connection, opened
from heartline.embedded.ports import free_ports
from stream.config.settings import KafkaSettings


@pytest.mark.parametrize("client_class", [KafkaAdminClient, KafkaConsumer])
def test_a_client_that_finds_no_broker_leaves_no_thread(client_class: Any) -> None:
    """Whoever waits for a broker makes one every few seconds; each would try on for ever."""
    (port,) = free_ports(1)
    options = connection(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"), f"nobody-{port}")
    with pytest.raises(KafkaTimeoutError):
        opened(client_class, **(options | {"bootstrap_timeout_ms": 50}))
    assert [thread.name for thread in threading.enumerate() if f"nobody-{port}" in thread.name] == []
