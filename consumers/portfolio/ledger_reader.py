"""The thread that writes: Kafka's topics into the ledger, and what is derived from it after them.

It belongs to no consumer group: where it goes on is in the ledger itself, committed with the rows. While it has much to
catch up it only appends, in a thread beside the one that reads on, and derives once at the end; live, it derives after
each batch.
"""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from consumers.async_kafka import async_connection
from consumers.kafka_client import CONNECT_SECONDS_MAX, ensure_topics
from consumers.portfolio.alias_links import link_body
from consumers.portfolio.ledger_record import LedgerRecord
from consumers.portfolio.store import Store
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError
from stream.engine.record_parser import patch_record_parser

POLL_MS: Final = 250
RECORDS_MAX: Final = 20_000
BATCH_RECORDS: Final = 200_000  # appended at once while catching up
LOOK_SECONDS: Final = 5.0  # how often for topics and partitions that were not there yet
RETRY_SECONDS: Final = 3.0
FETCH_BYTES: Final = 1 << 20
CLIENT_ID: Final = "heartline-portfolio"

log = get_logger(__name__)


class LedgerReader:
    """Reads until stopped.

    Args:
        kafka: where.
        store: takes the records; this reader alone writes into it, one batch after the other.
    """

    def __init__(self, kafka: KafkaSettings, store: Store) -> None:
        self._kafka = kafka
        self._topics: dict[str, Any] = kafka.topics.ledger | {kafka.topics.aliases: "alias"}
        self._store = store
        self._consumer: Any = None
        self._admin: Any = None
        self._assigned: list[TopicPartition] = []
        self._ends: dict[TopicPartition, int] = {}  # where each partition ended when it was first seen
        self._looked = -LOOK_SECONDS
        self._waiting: list[LedgerRecord] = []
        self._appending: asyncio.Task[int] | None = None
        self.caught_up = threading.Event()
        self.records = 0
        self.newest_ms = 0  # Kafka's timestamp of the newest record that is derived

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set.

        Raises:
            ConfigError: no broker answered within a minute, or the file is of other topics.
        """
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        if not await self._connect(stop):
            return
        try:
            ensure_topics(self._kafka, list(self._topics))
            self._store.refresh()  # what a process that died had appended and not derived
            while not stop.is_set():
                try:
                    await self._turn()
                except KafkaError as error:
                    log.warning("Kafka is away: waiting, figures stay as they are", error=type(error).__name__)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            try:
                await self._appended()
            finally:
                await self._consumer.stop()
                await self._admin.close()

    async def _connect(self, stop: threading.Event) -> bool:
        """Whether a broker answered; it is asked again until then, unless stopped.

        Raises:
            ConfigError: none did within a minute.
        """
        deadline = time.monotonic() + CONNECT_SECONDS_MAX
        patch_record_parser()
        while not stop.is_set():
            self._consumer = AIOKafkaConsumer(
                **async_connection(self._kafka, CLIENT_ID),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                max_partition_fetch_bytes=FETCH_BYTES,
            )
            self._admin = AIOKafkaAdminClient(**async_connection(self._kafka, CLIENT_ID))
            try:
                await self._consumer.start()
                await self._admin.start()
                return True
            except KafkaError:
                await self._consumer.stop()
                await self._admin.close()
                if time.monotonic() > deadline:
                    raise ConfigError(
                        f"kafka.bootstrap_servers = {self._kafka.bootstrap_servers!r}: no broker answered within "
                        f"{CONNECT_SECONDS_MAX:.0f} seconds; check the address (KAFKA_BOOTSTRAP_SERVERS) and the broker"
                    ) from None
                await asyncio.sleep(1)
        return False

    async def _turn(self) -> None:
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            await self._look()
        if not self._assigned:
            await asyncio.sleep(RETRY_SECONDS)
            return
        batches = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_MAX)
        for tp, records in batches.items():
            self._waiting += _ledger_records(tp, self._topics[tp.topic], records)
        at_the_ends = await self._at_the_ends()
        if len(self._waiting) >= BATCH_RECORDS or (self._waiting and at_the_ends):
            await self._appended()
            newest_ms = max(record.recorded_ms for record in self._waiting)
            self._appending = asyncio.create_task(asyncio.to_thread(self._store.append, self._waiting))
            self._waiting = []
            if at_the_ends:
                await self._appended()
                self._store.refresh()
                self.newest_ms = max(self.newest_ms, newest_ms)
        if at_the_ends and not self.caught_up.is_set():
            await self._appended()
            self._store.refresh()
            self.caught_up.set()

    async def _appended(self) -> None:
        """Wait until the batch that is being appended is in the ledger.

        Raises:
            duckdb.Error: it can't be, as on a full disk.
        """
        if self._appending is not None:
            appending, self._appending = self._appending, None
            self.records += await appending

    async def _at_the_ends(self) -> bool:
        """Whether everything that was there when the partitions were first seen has been read."""
        if self.caught_up.is_set():
            return True
        for tp in list(self._ends):
            if await self._consumer.position(tp) < self._ends[tp]:
                return False
            del self._ends[tp]
        return True

    async def _look(self) -> None:
        """Take in topics and partitions that were not there before.

        Raises:
            ConfigError: the ledger has read further than a partition reaches: it is of other topics.
        """
        self._looked = time.monotonic()
        new = sorted(await self._partitions() - set(self._assigned))
        if not new:
            return
        await self._appended()
        known = self._store.next_offsets()
        ends, begins = await self._consumer.end_offsets(new), await self._consumer.beginning_offsets(new)
        for tp in new:
            if known.get((tp.topic, tp.partition), 0) > ends[tp]:
                raise ConfigError(
                    f"{tp.topic}[{tp.partition}] ends at {ends[tp]}, and the portfolio's file has read until "
                    f"{known[tp.topic, tp.partition]}: it is of another topic of this name. Delete portfolio.file; "
                    "it is derived again from Kafka"
                )
        at = {tp: await self._consumer.position(tp) for tp in self._assigned}
        self._assigned += new
        self._consumer.assign(self._assigned)
        for tp in new:
            at[tp] = max(begins[tp], known.get((tp.topic, tp.partition), 0))
        for tp, offset in at.items():
            self._consumer.seek(tp, offset)
        self._ends |= {tp: ends[tp] for tp in new}

    async def _partitions(self) -> set[TopicPartition]:
        """All partitions of the ledger's topics that there are."""
        return {
            TopicPartition(topic["topic"], each["partition"])
            for topic in await self._admin.describe_topics(list(self._topics))
            if topic["error_code"] == 0
            for each in topic["partitions"]
        }


def _ledger_records(tp: TopicPartition, kind: Any, records: Sequence[Any]) -> Iterator[LedgerRecord]:
    """What the ledger takes of a partition's records."""
    topic, partition = tp
    for each in records:
        if kind == "alias":
            body = link_body(each.key, each.value)
            if body is not None:
                yield LedgerRecord(topic, partition, each.offset, kind, each.timestamp, body)
        elif each.value is not None:
            yield LedgerRecord(topic, partition, each.offset, kind, each.timestamp, each.value)
        elif kind == "account" and each.key:
            erased = each.key.decode(errors="replace")
            yield LedgerRecord(topic, partition, each.offset, kind, each.timestamp, b"", erased)
