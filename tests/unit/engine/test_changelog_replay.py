"""What the changelog says beyond a local store comes into the partition, a part at a time."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.engine.partition_assignment import PartitionAssignment
from stream.engine.recovery import ChangelogReplay
from tests.tally import Tally, TallyPartition, TallyProcessor

WORK = TallyProcessor(Settings())
ENCODE, DECODE = TallyPartition(0).encode, TallyPartition(0).decode
NOW_MS = int(time.time() * 1000)


def record(key: str, count: int | None, *, needs_evaluation: bool = False) -> SimpleNamespace:
    """A changelog record; no count: the account is gone."""
    value = None if count is None else ENCODE(Tally({"usage": count}, {}, needs_evaluation))
    return SimpleNamespace(key=key.encode(), value=value)


def taken(store: str, end: int) -> PartitionAssignment:
    """A partition after its store was recalled."""
    assigned = PartitionAssignment(TallyPartition(3, 12), SimpleNamespace())
    assigned.changelog_end = end
    settings = Settings(kafka=KafkaSettings(), worker=WorkerSettings(store=store))
    asyncio.run(assigned.store.open(settings, "id", assigned.changelog_end, NOW_MS))
    return assigned


async def read(assigned: PartitionAssignment, records: list[SimpleNamespace], hot_max: int) -> None:
    """As a recovery does, a record at a time."""
    tail = ChangelogReplay(assigned)
    for each in records:
        await tail.add([each])
    await tail.finish(hot_max)


def counts(assigned: PartitionAssignment) -> dict[str, int]:
    """Every account's count, hot or cold."""
    partition = assigned.partition
    found = {key: partition.peek(key) for key in (*partition.states, *partition.cold)}
    return {key: tally.counts["usage"] for key, tally in found.items() if tally is not None}


@pytest.mark.parametrize("part_bytes", [1, 300, 4 << 20], ids=["each record", "some records", "all at once"])
@pytest.mark.parametrize("on_disk", [True, False])
def test_the_last_record_of_each_account_counts_and_who_is_gone_is_gone(
    on_disk: bool, part_bytes: int, tmp_path: Path
) -> None:
    store = str(tmp_path) if on_disk else "memory"
    first = [
        record("a", 1),
        record("b", 1, needs_evaluation=True),
        record("c", 1, needs_evaluation=True),
        record("a", 2),
    ]
    second = [record("b", 3), record("d", 1), record("c", None), record("a", 5, needs_evaluation=True), record("a", 6)]
    with patch("stream.engine.recovery.BATCH_BYTES", part_bytes):
        assigned = taken(store, 4)
        asyncio.run(read(assigned, first, hot_max=1))
        assert counts(assigned) == {"a": 2, "b": 1, "c": 1}
        assert len(assigned.partition.states) == 1
        assert set(assigned.partition.pending_keys()) == {"b", "c"}
        assigned.store.release()

        again = taken(store, 9)
        assert again.store.loaded_offset == (4 if on_disk else 0)
        assert set(again.partition.pending_keys()) == ({"b", "c"} if on_disk else set())
        asyncio.run(read(again, second if on_disk else first + second, hot_max=1))
        assert counts(again) == {"a": 6, "b": 3, "d": 1}
        assert again.partition.pending_keys() == []
        if on_disk:
            assert all(isinstance(found, int) for found in again.partition.cold.values())
        again.store.release()


def test_a_recovery_from_nothing_holds_a_part_in_memory(tmp_path: Path) -> None:
    assigned = taken(str(tmp_path), 1000)
    largest = 0

    async def run() -> None:
        nonlocal largest
        tail = ChangelogReplay(assigned)
        for number in range(1000):
            await tail.add([record(f"account-{number}", number)])
            largest = max(largest, len(tail._batch))
        await tail.finish(hot_max=10)

    with patch("stream.engine.recovery.BATCH_BYTES", 20_000):
        asyncio.run(run())
    assert largest < 100
    assert counts(assigned) == {f"account-{number}": number for number in range(1000)}
    assert len(assigned.partition.states) == 10
    assigned.store.release()
