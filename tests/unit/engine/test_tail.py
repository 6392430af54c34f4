"""What the changelog says beyond a local copy comes into the partition, a part at a time."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.engine import copies
from stream.engine.owned import Owned
from stream.engine.partition import Partition
from stream.engine.tail import Tail
from tests.tally import Tally, TallyProcessor

WORK = TallyProcessor(Settings())
NOW_MS = int(time.time() * 1000)


def record(key: str, count: int | None, *, needs_evaluation: bool = False) -> SimpleNamespace:
    """A changelog record; no count: the account is gone."""
    value = None if count is None else WORK.encode(Tally({"usage": count}, {}, needs_evaluation))
    return SimpleNamespace(key=key.encode(), value=value)


def taken(store: str, end: int) -> Owned[Tally]:
    """A partition after its copy was recalled."""
    owned: Owned[Tally] = Owned(Partition(3, 12, decode=WORK.decode), SimpleNamespace())
    owned.topic_ids, owned.changelog_end = {"heartline-state-changelog": "id"}, end
    settings = Settings(kafka=KafkaSettings(), worker=WorkerSettings(store=store))
    asyncio.run(copies.recall(settings, owned, NOW_MS))
    return owned


async def read(owned: Owned[Tally], records: list[SimpleNamespace], hot_max: int) -> None:
    """As a recovery does, a record at a time."""
    tail = Tail(owned)
    for each in records:
        await tail.add([each])
    await tail.finish(WORK, hot_max)


def counts(owned: Owned[Tally]) -> dict[str, int]:
    """Every account's count, hot or cold."""
    partition = owned.partition
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
    with patch("stream.engine.tail.PART_BYTES", part_bytes):
        owned = taken(store, 4)
        asyncio.run(read(owned, first, hot_max=1))
        assert counts(owned) == {"a": 2, "b": 1, "c": 1}
        assert len(owned.partition.states) == 1
        assert set(owned.partition.pending) == {("b", None), ("c", None)}
        copies.let_go(owned)

        again = taken(store, 9)
        assert again.recalled == (4 if on_disk else 0)
        assert set(again.partition.pending) == ({("b", None), ("c", None)} if on_disk else set())
        asyncio.run(read(again, second if on_disk else first + second, hot_max=1))
        assert counts(again) == {"a": 6, "b": 3, "d": 1}
        assert list(again.partition.pending) == []
        if on_disk:
            assert all(isinstance(found, int) for found in again.partition.cold.values())
        copies.let_go(again)


def test_a_recovery_from_nothing_holds_a_part_in_memory(tmp_path: Path) -> None:
    owned = taken(str(tmp_path), 1000)
    largest = 0

    async def run() -> None:
        nonlocal largest
        tail = Tail(owned)
        for number in range(1000):
            await tail.add([record(f"account-{number}", number)])
            largest = max(largest, len(tail._part))
        await tail.finish(WORK, hot_max=10)

    with patch("stream.engine.tail.PART_BYTES", 20_000):
        asyncio.run(run())
    assert largest < 100
    assert counts(owned) == {f"account-{number}": number for number in range(1000)}
    assert len(owned.partition.states) == 10
    copies.let_go(owned)
