"""What is answered with 202 is on Kafka; what is not there is answered otherwise, and memory stays bounded."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from consumers.intake.process import make_producer
from consumers.intake.writer import BusyError, Outgoing, Writer
from stream.config.settings import KafkaSettings


class Batch:
    """At most three records."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes | None, bytes | None]] = []

    def append(self, *, key: bytes | None, value: bytes | None, timestamp: None, headers: Any) -> object | None:
        if len(self.records) == 3:
            return None
        self.records.append((key, value))
        return object()


class Kafka:
    """A producer whose broker acknowledges when it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, list[Any]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(4))

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        async def acknowledged() -> None:
            await self.open.wait()
            if self.error is not None:
                raise self.error
            self.sent.append((topic, partition, batch.records))

        return asyncio.ensure_future(acknowledged())


def records(count: int, account: str = "acme", size: int = 10) -> list[Outgoing]:
    return [Outgoing("usage", account, f"{at}".encode().ljust(size), b"app") for at in range(count)]


async def test_a_write_returns_once_kafka_has_all_of_it_in_order() -> None:
    kafka = Kafka()
    writer = Writer(kafka, 1 << 20)
    writer.start()
    kafka.open.clear()
    write = asyncio.create_task(writer.write(records(7)))
    await asyncio.sleep(0)
    assert not write.done()
    kafka.open.set()
    await write
    assert [int(value) for _, _, batch in kafka.sent for _, value in batch] == list(range(7))
    assert len({partition for _, partition, _ in kafka.sent}) == 1, "one account, one partition"
    assert writer.waiting_bytes == 0
    await writer.stop()


async def test_what_waits_while_a_group_is_on_its_way_goes_together() -> None:
    kafka = Kafka()
    writer = Writer(kafka, 1 << 20)
    writer.start()
    kafka.open.clear()
    writes = [asyncio.create_task(writer.write(records(1)))]
    await asyncio.sleep(0.001)
    writes += [asyncio.create_task(writer.write(records(1))) for _ in range(3)]
    await asyncio.sleep(0.001)
    kafka.open.set()
    await asyncio.gather(*writes)
    assert [len(batch) for _, _, batch in kafka.sent] == [1, 3]
    await writer.stop()


async def test_beyond_the_bound_the_sender_is_told_to_wait_and_nothing_is_kept() -> None:
    kafka = Kafka()
    writer = Writer(kafka, 100)
    writer.start()
    kafka.open.clear()
    first = asyncio.create_task(writer.write(records(8)))
    await asyncio.sleep(0)
    with pytest.raises(BusyError, match="on their way"):
        await writer.write(records(1))
    kafka.open.set()
    await first
    await writer.write(records(1))
    assert sum(len(batch) for _, _, batch in kafka.sent) == 9
    await writer.stop()


async def test_one_request_larger_than_the_bound_still_comes_through_alone() -> None:
    writer = Writer(kafka := Kafka(), 10)
    writer.start()
    await writer.write(records(5))
    assert sum(len(batch) for _, _, batch in kafka.sent) == 5
    await writer.stop()


async def test_what_kafka_refuses_is_told_and_the_next_goes_on() -> None:
    kafka = Kafka()
    writer = Writer(kafka, 1 << 20)
    writer.start()
    kafka.error = KafkaError("away")
    with pytest.raises(BusyError, match="did not take it"):
        await writer.write(records(1))
    kafka.error = None
    await writer.write(records(1))
    await writer.stop()


async def test_whoever_waits_when_it_stops_is_told_to_try_again() -> None:
    kafka = Kafka()
    writer = Writer(kafka, 1 << 20)
    writer.start()
    kafka.open.clear()
    waiting = asyncio.create_task(writer.write(records(1)))
    await asyncio.sleep(0.001)
    await writer.stop()
    with pytest.raises(BusyError, match="stopping"):
        await waiting


async def test_no_batch_carries_a_number_that_the_next_one_must_follow() -> None:
    """aiokafka drops a batch whose partition had no leader for too long, and brokers refuse every later number."""
    assert make_producer(KafkaSettings())._txn_manager is None
    assert make_producer(KafkaSettings(), enable_idempotence=True)._txn_manager is not None
