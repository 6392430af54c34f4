"""What was accepted onto Kafka, many requests at once: what waits goes together, and each hears when Kafka has it."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from aiokafka.errors import KafkaError

from stream.config.logs import get_logger
from stream.contracts.partitioner import partition_of

log = get_logger(__name__)

RETRY_AFTER_SECONDS: Final = 2
SOURCE_HEADER: Final = "heartline-source"


class Outgoing(NamedTuple):
    """One record: where it goes, its key and value, and the headers that say who sent it."""

    topic: str
    key: str
    value: bytes | None
    source: bytes


class BusyError(Exception):
    """Kafka does not take it now, or too much waits already: the sender should try again."""


class Producer(Protocol):
    """What is used of aiokafka's producer."""

    async def partitions_for(self, topic: str) -> set[int]:
        """The partitions of a topic."""
        ...

    def create_batch(self) -> Any:
        """An empty batch."""
        ...

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        """Queue a batch; its future is done when all replicas have it."""
        ...


class Writer:
    """Writes records in groups: while one group is on its way, the next one gathers.

    Args:
        producer: started, with acks=all.
        bytes_max: how much may wait; what comes beyond is refused at once, so memory stays bounded.
        timeout_seconds: how long Kafka may take over one group.
    """

    def __init__(self, producer: Producer, bytes_max: int, timeout_seconds: float = 30.0) -> None:
        self._producer = producer
        self._bytes_max = bytes_max
        self._timeout_seconds = timeout_seconds
        self._waiting: list[tuple[Sequence[Outgoing], asyncio.Future[None]]] = []
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting_bytes(self) -> int:
        """How much is on its way."""
        return self._waiting_bytes

    def start(self) -> None:
        """Begin to write, within the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop; whoever still waits is told to try again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._give_up(self._waiting, "the intake is stopping")

    async def write(self, records: Sequence[Outgoing]) -> None:
        """Write records; returns once all replicas that must have them do.

        Raises:
            BusyError: they may not be there; sent again they count once, by their event ids.
        """
        if not records:
            return
        size = sum(len(record.value or b"") + len(record.key) for record in records)
        if self._waiting_bytes > 0 and self._waiting_bytes + size > self._bytes_max:
            raise BusyError(f"{self._waiting_bytes:,} bytes are on their way to Kafka already")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((records, done))
        self._waiting_bytes += size
        self._wake.set()
        try:
            await done
        finally:
            self._waiting_bytes -= size

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            group, self._waiting = self._waiting, []
            if not group:
                continue
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._send([record for records, _ in group for record in records])
            except (KafkaError, TimeoutError, OSError) as error:
                log.warning("Kafka did not take it; the senders will try again", requests=len(group), error=str(error))
                self._give_up(group, f"Kafka did not take it: {type(error).__name__}")
                continue
            except BaseException:
                self._give_up(group, "the intake is stopping")
                raise
            for _, done in group:
                if not done.done():
                    done.set_result(None)

    async def _send(self, records: Sequence[Outgoing]) -> None:
        """All of them, partition by partition in their order."""
        by_partition: dict[tuple[str, int], list[Outgoing]] = {}
        counts: dict[str, int] = {}
        for record in records:
            if record.topic not in counts:
                counts[record.topic] = len(await self._producer.partitions_for(record.topic))
            partition = partition_of(record.key, counts[record.topic])
            by_partition.setdefault((record.topic, partition), []).append(record)
        futures: list[asyncio.Future[Any]] = []
        for (topic, partition), those in by_partition.items():
            batch = self._producer.create_batch()
            for record in those:
                if not _append(batch, record):
                    futures.append(await self._producer.send_batch(batch, topic, partition=partition))
                    batch = self._producer.create_batch()
                    _append(batch, record)
            futures.append(await self._producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*futures)

    def _give_up(self, group: Sequence[tuple[Sequence[Outgoing], asyncio.Future[None]]], why: str) -> None:
        for _, done in group:
            if not done.done():
                done.set_exception(BusyError(why))


def _append(batch: Any, record: Outgoing) -> bool:
    """Whether a batch had room for a record."""
    headers = [(SOURCE_HEADER, record.source)]
    key = record.key.encode("utf-8", "surrogatepass") or None
    return batch.append(key=key, value=record.value, timestamp=None, headers=headers) is not None
