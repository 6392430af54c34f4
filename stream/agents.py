"""The Faust agents: one per input topic, each handing raw chunks to the engine.

They never restart: whatever goes wrong in a fold ends the process, since an agent that Faust restarts in silence
would go on behind the chunk that it lost.
"""

from typing import Any

import faust

from stream.engine.failstop import ExitCode
from stream.engine.partition_manager import PartitionManager


class Raw(faust.Codec):  # type: ignore[misc]
    """Values pass as they are: the transport brings chunks, and the job decodes the records in them."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


def raw_topic(app: faust.App, name: str, partitions: int, **options: Any) -> Any:
    """A topic whose keys and values Faust leaves alone."""
    raw = Raw()
    return app.topic(
        name,
        partitions=partitions,
        key_type=None,
        value_type=None,
        key_serializer=raw,
        value_serializer=raw,
        **options,
    )


def add_agent(app: faust.App, manager: PartitionManager, topic: str, partitions: int) -> None:
    """Fold every chunk of `topic`, one at a time and in order."""

    async def fold(stream: Any) -> None:
        try:
            async for event in stream.noack().events():
                await manager.fold(event.value)
        except Exception as error:
            manager.stop(ExitCode.CRASHED, f"the agent of {topic}", error)

    app.agent(raw_topic(app, topic, partitions), name=f"fold-{topic}")(fold)
