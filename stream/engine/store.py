"""The engine as Faust's table store: Faust says when partitions come and go, the engine does the rest.

Invariant: Faust finds nothing to recover. `persisted_offset` is the changelog's end, read after the fence; the states
come back in `on_recovery_completed`, which Faust awaits before it seeks and lets records flow, outside of the join
callback, so that heartbeats go on however long it takes.
"""

from collections.abc import Callable, Iterable
from typing import Any

from faust.stores import base
from faust.types import TP

from stream.engine.failstop import ExitCode
from stream.engine.topology import co_assigned


class Store(base.Store):  # type: ignore[misc]
    """The entry point `faust.stores`: heartline. It holds no data of its own."""

    mundane_level = "debug"

    def __post_init__(self) -> None:
        self.data: dict[Any, Any] = {}

    def persisted_offset(self, tp: TP) -> int | None:
        """The last offset of the changelog partition as of the fence; None when it is empty."""
        end: int | None = self.app.partition_manager.changelog_end(tp.partition)
        return end - 1 if end else None

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Take what was assigned: check that it fits together, fence it."""
        manager = self.app.partition_manager
        topics = manager.settings.kafka.topics
        numbers, problem = co_assigned(assigned, [*topics.sources, topics.changelog])
        if problem is not None:
            manager.stop(ExitCode.ASSIGNMENT, problem)
        await manager.assign(numbers, generation_id)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Bring the states back; Faust seeks and resumes when this returns."""
        await self.app.partition_manager.recover()
        self.app.partition_manager.report_ready()

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Never called while the invariant holds."""
        self.app.partition_manager.stop(ExitCode.RECOVERY, "Faust began a recovery of its own, beside the engine's")

    def _clear(self) -> None:
        self.data.clear()

    def reset_state(self) -> None:
        """Nothing is kept here."""

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Nothing is kept here."""

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """Nothing is kept here."""
