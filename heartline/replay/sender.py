"""Records into batches, batches to Kafka, and every delivery confirmed.

Built on aiokafka's own batches: one call and one future a batch instead of one a record, which is what makes a replay
several times faster. The producer is idempotent, so a retry of its own never doubles a record.
"""

import asyncio
import contextlib
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from heartline.replay.lines import Record
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError, HeartlineError
from stream.contracts.partitioner import partition_of
from stream.engine.connection import client_arguments
from stream.engine.topology import prepare_topics

BATCH_BYTES: Final = 256 << 10
STALL_SECONDS: Final = 30.0
_IN_FLIGHT_MAX: Final = 64
_GOODBYE_SECONDS: Final = 5.0


class SendError(HeartlineError):
    """Kafka could not be reached, lacks a topic, or did not confirm what was sent."""


class Sender:
    """Sends records of any kind to the input topics, each account to the partition that Kafka's default gives it.

    Args:
        kafka: where Kafka is, how to sign in, what the topics are called, and whether missing ones may be created.
        topic: the input topic that everything goes to; None: to the one that Heartline has for its kind.
        stall_seconds: how long Kafka may confirm nothing at all; the idempotent producer itself would try for ever.
    """

    def __init__(self, kafka: KafkaSettings, topic: str | None = None, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._kafka = kafka
        self._stall_seconds = stall_seconds
        self._topics = kafka.topics
        self._topic = topic
        self._producer: AIOKafkaProducer = None
        self._partition_counts: dict[str, int] = {}
        self._partitions: dict[tuple[int, bytes], int] = {}
        self._open: dict[tuple[str, int], BatchBuilder] = {}
        self._in_flight: set[asyncio.Future[Any]] = set()
        self.confirmed = 0
        self.failure: str | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            SendError: no broker answers.
            ConfigError: a topic is missing and may not be created, or their partition counts differ.
        """
        self._producer = AIOKafkaProducer(
            **client_arguments(self._kafka),
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=4 * BATCH_BYTES,
            client_id="heartline-replay",
        )
        try:
            await prepare_topics(self._kafka)
            await self._producer.start()
            for topic in {**self._topics.inputs, **self._topics.ledger}:
                self._partition_counts[topic] = len(await self._producer.partitions_for(topic))
        except KafkaError as error:
            await self._producer.stop()
            raise SendError(
                f"Kafka at {self._kafka.bootstrap_servers} can't be used: {error}; `heartline doctor` looks closer"
            ) from None
        except ConfigError:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError):  # it would wait for a broker that is gone
            await asyncio.wait_for(self._producer.stop(), _GOODBYE_SECONDS)

    async def add(self, record: Record) -> None:
        """Put a record into its batch; waits only where Kafka is slower than the files are.

        Raises:
            SendError: an earlier batch was refused, or Kafka went away.
        """
        topic = self._topic or self._topics.topic_of(record.kind)
        target = topic, self._partition(topic, record.key)
        batch = self._open.get(target)
        if batch is None:
            batch = self._open[target] = self._producer.create_batch()
        if batch.append(key=record.key, value=record.value, timestamp=record.recorded_ms) is None:
            await self._send(target)
            batch = self._open[target] = self._producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=record.recorded_ms)

    async def flush(self) -> None:
        """Hand over every open batch."""
        for target in list(self._open):
            await self._send(target)

    async def confirm(self) -> None:
        """Hand over every open batch, and wait until Kafka has confirmed all.

        Raises:
            SendError: it has not; `confirmed` says how many records it did.
        """
        await self.flush()
        while self._in_flight:
            await self._one_more()
        if self.failure is not None:
            raise SendError(f"Kafka did not take what was sent to {self.failure}")

    def _partition(self, topic: str, key: bytes) -> int:
        """Murmur2 of the key, as Java producers place it; remembered, for accounts come again and again."""
        count = self._partition_counts[topic]
        partition = self._partitions.get((count, key))
        if partition is None:
            partition = self._partitions[count, key] = partition_of(key.decode(), count)
        return partition

    async def _send(self, target: tuple[str, int]) -> None:
        """Queue a batch behind its partition's last one, so that the order of a partition is the order of `add`."""
        batch = self._open.pop(target)
        while len(self._in_flight) >= _IN_FLIGHT_MAX:
            await self._one_more()
        if self.failure is not None:
            raise SendError(f"Kafka did not take what was sent to {self.failure}")
        try:
            delivery = await self._producer.send_batch(batch, target[0], partition=target[1])
        except KafkaError as error:
            raise SendError(f"Kafka did not take what was sent to {target[0]}[{target[1]}]: {error}") from None
        self._in_flight.add(delivery)
        delivery.add_done_callback(partial(self._delivered, target, batch.record_count()))

    async def _one_more(self) -> None:
        """Wait until one more batch is confirmed or has failed."""
        done, _ = await asyncio.wait(self._in_flight, timeout=self._stall_seconds, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise SendError(
                f"Kafka at {self._kafka.bootstrap_servers} has confirmed nothing for {self._stall_seconds:g} s; "
                "is it still running?"
            )

    def _delivered(self, target: tuple[str, int], count: int, delivery: asyncio.Future[Any]) -> None:
        self._in_flight.discard(delivery)
        if delivery.cancelled() or delivery.exception() is not None:
            self.failure = f"{target[0]}[{target[1]}]: {'cancelled' if delivery.cancelled() else delivery.exception()}"
        else:
            self.confirmed += count
