"""Stock Faust: a table in memory with its changelog, one write an event, as its documentation has it."""

import tempfile

import faust
from job import AccountState, decode_state, encode_state, fold_event, reader, states_before
from meter import Meter, from_environment


class State(faust.Codec):
    """An account's state as its changelog value."""

    def _dumps(self, s: AccountState) -> bytes:
        return encode_state(s)


class Raw(faust.Codec):
    """Bytes as they are; the job decodes them."""

    def _loads(self, s: bytes) -> bytes:
        return s


config = from_environment()
app = faust.App(
    config.group,
    broker=f"kafka://{config.bootstrap}",
    store="memory://",
    topic_partitions=config.partitions,
    web_enabled=False,
    autodiscover=False,
    datadir=tempfile.mkdtemp(prefix="peer-faust-"),
)
events = app.topic(
    *config.topics, partitions=config.partitions, value_type=None, value_serializer=Raw(), key_serializer=Raw()
)
table = app.Table("state", partitions=config.partitions, key_type=str)
table.value_serializer = State()
meter = Meter(config.events)
read = reader(config.topics)
before = {name: decode_state(value) for name, value in states_before().items()}


@app.agent(events)
async def count(stream: faust.Stream) -> None:
    """One event at a time."""
    async for received in stream.events():
        meter.begin()
        event = read[received.message.topic](received.value)
        state = table.get(event.account_id)
        if state is None:
            state = before.get(event.account_id) or AccountState()
        fold_event(state, event)
        table[event.account_id] = state
        meter.folded()


if __name__ == "__main__":
    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False).execute_from_commandline()
