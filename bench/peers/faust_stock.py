"""Stock Faust: a table in memory with its changelog, one write an event, as its documentation has it."""

import tempfile

import faust
from job import AccountState, encode_state, fold_usage, read
from meter import Meter, from_environment

BOOTSTRAP, TOPIC, PARTITIONS, EVENTS = from_environment()


class State(faust.Codec):
    """An account's state as its changelog value."""

    def _dumps(self, s: AccountState) -> bytes:
        return encode_state(s)


class Raw(faust.Codec):
    """Bytes as they are; the job decodes them."""

    def _loads(self, s: bytes) -> bytes:
        return s


app = faust.App(
    f"{TOPIC}-faust",
    broker=f"kafka://{BOOTSTRAP}",
    store="memory://",
    topic_partitions=PARTITIONS,
    web_enabled=False,
    autodiscover=False,
    datadir=tempfile.mkdtemp(prefix="peer-faust-"),
)
events = app.topic(TOPIC, partitions=PARTITIONS, value_type=None, value_serializer=Raw(), key_serializer=Raw())
table = app.Table("state", partitions=PARTITIONS, key_type=str)
table.value_serializer = State()
meter = Meter(EVENTS)


@app.agent(events)
async def count(stream: faust.Stream) -> None:
    """One event at a time."""
    async for value in stream:
        meter.begin()
        event = read(value)
        state = table.get(event.account_id) or AccountState()
        fold_usage(state, event)
        table[event.account_id] = state
        meter.folded()


if __name__ == "__main__":
    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False).execute_from_commandline()
