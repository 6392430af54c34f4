"""Quix Streams: its state in RocksDB with its changelog topic, a checkpoint every 5 seconds, its default."""

import tempfile

from job import AccountState, decode_state, encode_state, fold_usage, read
from meter import Meter, from_environment
from quixstreams import Application, State

BOOTSTRAP, TOPIC, _, EVENTS = from_environment()
meter = Meter(EVENTS)


def count(value: bytes, state: State) -> None:
    """One event at a time; the state travels as bytes, which its store takes without JSON."""
    meter.begin()
    before = state.get_bytes("state")
    account = AccountState() if before is None else decode_state(before)
    fold_usage(account, read(value))
    state.set_bytes("state", encode_state(account))
    meter.folded()


app = Application(
    broker_address=BOOTSTRAP,
    consumer_group=f"{TOPIC}-quix",
    auto_offset_reset="earliest",
    state_dir=tempfile.mkdtemp(prefix="peer-quix-"),
    loglevel="WARNING",
)
stream = app.dataframe(app.topic(TOPIC, value_deserializer="bytes", key_deserializer="str"))
stream.apply(count, stateful=True)

if __name__ == "__main__":
    app.run()
