"""Quix Streams as its guide begins: JSON in, a dict as state, which its store keeps as JSON."""

import tempfile
from functools import reduce
from typing import Any

from meter import Meter, from_environment
from plain_job import fold
from quixstreams import Application, State
from quixstreams.dataframe import StreamingDataFrame

config = from_environment()
meter = Meter(config.events)


def count(event: dict[str, Any], state: State) -> None:
    """One event into its account's state."""
    meter.begin()
    state.set("state", fold(state.get("state"), event))
    meter.folded()


app = Application(
    broker_address=config.bootstrap,
    consumer_group=config.group,
    auto_offset_reset="earliest",
    state_dir=tempfile.mkdtemp(prefix="peer-quix-"),
    commit_interval=config.commit_seconds,
    loglevel="WARNING",
)
frames = [app.dataframe(app.topic(topic, value_deserializer="json", key_deserializer="str")) for topic in config.topics]
reduce(StreamingDataFrame.concat, frames).apply(count, stateful=True)

if __name__ == "__main__":
    app.run()
