"""How much may be on its way between fetch and fold."""

import asyncio

from stream.engine.chunk import Chunk
from stream.engine.in_flight import RECORD_BYTES, InFlightLimit, weight
from tests.unit.engine.fakes import FakeRecord


def chunk(size: int, records: int = 1) -> Chunk:
    """A chunk of records with values of so many bytes."""
    return Chunk("usage", 0, 0, [FakeRecord("usage", 0, n, b"acme", b"x" * size) for n in range(records)], 1)


def test_a_record_weighs_its_value_and_what_an_object_costs() -> None:
    assert weight(chunk(100, records=3)) == 3 * (100 + RECORD_BYTES)


async def test_nothing_is_fetched_while_the_budget_is_spent_and_again_when_something_was_folded() -> None:
    budget, first, second = InFlightLimit(2_000), chunk(1_000), chunk(1_000)
    budget.add(first)
    assert await budget.has_room(0)
    budget.add(second)  # one fetch may pass it
    assert not await budget.has_room(0)
    waiting = asyncio.create_task(budget.has_room(60))
    await asyncio.sleep(0)
    budget.remove(first)
    assert await waiting
    assert budget.bytes == weight(second)


async def test_a_seek_empties_the_books_and_what_arrives_after_it_counts_for_nothing() -> None:
    budget, stale = InFlightLimit(1_000), chunk(2_000)
    budget.add(stale)
    budget.clear()
    assert await budget.has_room(0)
    budget.remove(stale)
    assert budget.bytes == 0
