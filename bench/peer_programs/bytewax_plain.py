"""Bytewax as its guide begins: each record parsed by the standard library, a stateful map over dicts in memory."""

from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, cluster_main
from meter import Meter, from_environment
from plain_job import event_of, fold

config = from_environment()
meter = Meter(config.events)


def parse(message: KafkaSourceMessage) -> dict[str, Any]:
    """A record as an event."""
    meter.begin()
    return event_of(message.value)


def count(state: dict[str, Any] | None, event: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """One event into its account's state; gives how many there were."""
    state = fold(state, event)
    meter.folded()
    return state, state["events"]


flow = Dataflow("peer")
messages = op.input("in", flow, KafkaSource([config.bootstrap], config.topics, tail=False, batch_size=5_000))
events = op.map("parse", messages, parse)
keyed = op.key_on("key", events, lambda event: event["account_id"])
counts = op.stateful_map("fold", keyed, count)
op.output("out", op.filter("drop", counts, lambda _: False), TestingSink([]))

if __name__ == "__main__":
    cluster_main(flow, [], 0)
