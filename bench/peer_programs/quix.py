"""Quix Streams: its state in RocksDB with its changelog topic, and a checkpoint every few seconds."""

import tempfile
from functools import reduce
from typing import Any

from job import AccountState, decode_state, encode_state, fold_event, reader, states_before
from meter import Meter, from_environment
from quixstreams import Application, State
from quixstreams.dataframe import StreamingDataFrame

config = from_environment()
meter = Meter(config.events)
read = reader(config.topics)
before = states_before()


def count(received: tuple[Any, bytes], state: State) -> None:
    """One event at a time; the state travels as bytes, which its store takes without JSON."""
    decode, value = received
    meter.begin()
    event = decode(value)
    kept = state.get_bytes("state") or before.get(event.account_id)
    account = AccountState() if kept is None else decode_state(kept)
    fold_event(account, event)
    state.set_bytes("state", encode_state(account))
    meter.folded()


app = Application(
    broker_address=config.bootstrap,
    consumer_group=config.group,
    auto_offset_reset="earliest",
    state_dir=tempfile.mkdtemp(prefix="peer-quix-"),
    commit_interval=config.commit_seconds,
    loglevel="WARNING",
)


def events_of(topic: str) -> StreamingDataFrame:
    """A topic's values, each with what decodes it."""
    values = app.dataframe(app.topic(topic, value_deserializer="bytes", key_deserializer="str"))
    decode = read[topic]
    return values.apply(lambda value: (decode, value))


reduce(StreamingDataFrame.concat, map(events_of, config.topics)).apply(count, stateful=True)

if __name__ == "__main__":
    app.run()
