"""What `heartline tail` reads of a real broker, whatever is made after it began."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaProducer

from consumers import event_tail
from consumers.event_tail import TailedEvent, follow
from stream.config.settings import KafkaSettings, Settings
from tests.deadlines import HANG_SECONDS
from tests.servers import Kafka


def next_event(arrivals: Iterator[TailedEvent | None]) -> TailedEvent:
    deadline = time.monotonic() + HANG_SECONDS
    for arrival in arrivals:
        if arrival is not None:
            return arrival
        assert time.monotonic() < deadline, "no event was shown"
    raise AssertionError("it ended by itself")


def test_events_of_a_topic_that_is_made_while_it_watches_are_shown(
    kafka: Kafka, prefix: str, new_topic: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intake makes its topics one after another, and a busy broker tells of the last ones seconds later."""
    monkeypatch.setattr(event_tail, "LOOK_SECONDS", 0.2)
    settings = Settings(kafka=KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix))
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)

    def send(topic: str, event: dict[str, str]) -> None:
        producer.send(topic, json.dumps(event).encode(), b"acme").get(HANG_SECONDS)

    usage = {"account_id": "acme", "user_id": "u7", "feature": "export", "timestamp": "2026-03-02T09:30:00Z"}
    first = new_topic("product-usage")
    send(first, usage | {"event_id": "before"})
    arrivals = follow(settings, last=0)
    try:
        assert next(arrivals) is None, "what was there before it began is not asked for"
        accounts = new_topic("account-updates")
        send(accounts, {"account_id": "acme", "name": "Acme", "timestamp": "2026-03-02T09:31:00Z"})
        shown = next_event(arrivals)
        assert (shown.kind, shown.account_id, shown.detail) == ("account", "acme", "name=Acme")
        send(first, usage | {"event_id": "after"})
        assert next_event(arrivals).event_id == "after", "a topic that it read already goes on where it was"
    finally:
        arrivals.close()
        producer.close()
