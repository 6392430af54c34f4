"""Pathway: its engine reads and groups, a stateful reducer folds into an object in memory; nothing is persisted."""

import pathway as pw
from job import AccountState, fold_event, reader
from meter import Meter, from_environment

from stream.contracts.events import InputEvent

# A batch of the engine; its own default of 1.5 s makes a run of few events longer by as much.
COMMIT_MS = 200

config = from_environment()
meter = Meter(config.events)
read = reader(config.topics)


@pw.reducers.stateful_many
def fold(
    state: "pw.PyObjectWrapper[AccountState] | None", rows: list[tuple[list["pw.PyObjectWrapper[InputEvent]"], int]]
) -> "pw.PyObjectWrapper[AccountState]":
    """A batch of one account's events into its state, which the engine hands on by reference."""
    found = AccountState() if state is None else state.value
    for (event,), _ in rows:
        fold_event(found, event.value)
    meter.folded(len(rows))
    return pw.wrap_py_object(found)


def events_of(topic: str) -> pw.Table:
    """One topic's records as (account, event)."""
    decode = read[topic]

    @pw.udf(return_type=pw.PyObjectWrapper, deterministic=True)
    def parse(value: bytes) -> "pw.PyObjectWrapper[InputEvent]":
        meter.begin()
        return pw.wrap_py_object(decode(value))

    @pw.udf(return_type=str, deterministic=True)
    def account(event: "pw.PyObjectWrapper[InputEvent]") -> str:
        return event.value.account_id

    given = {"bootstrap.servers": config.bootstrap, "group.id": config.group, "auto.offset.reset": "earliest"}
    raw = pw.io.kafka.read(given, topic=topic, format="raw", autocommit_duration_ms=COMMIT_MS)
    events = raw.select(event=parse(pw.this.data))
    return events.select(pw.this.event, account=account(pw.this.event))


events = pw.Table.concat_reindex(*(events_of(topic) for topic in config.topics))
states = events.groupby(pw.this.account).reduce(state=fold(pw.this.event))
pw.io.null.write(states)

if __name__ == "__main__":
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
