"""Fetch: Faust's aiokafka consumer, but one message per fetched (topic, partition) chunk instead of one per record.

Invariant: every chunk says where it starts (`chunk.FetchPositions`), positions are set only by `perform_seek`, to what
the engine holds, and offsets are committed only by checkpoints. Faust's own accounting of acknowledged offsets is not
used: it may skip records (`_new_offset`, `_add_gap`), and nothing here relies on it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiokafka
from aiokafka import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode import Service

from stream.config.logs import get_logger
from stream.engine.chunk import Chunk, FetchPositions
from stream.engine.connection import client_arguments
from stream.engine.event_loop import new_event_loop
from stream.engine.failstop import ExitCode
from stream.engine.group import look_at_group
from stream.engine.record_parser import patch_record_parser
from stream.engine.watchdog import CATCH_UP_SECONDS, WATCH_SECONDS, Watchdog

log = get_logger(__name__)

FETCH_WAIT_MS = 200
GROUP_LOOK_DEADLINE_SECONDS = 10.0


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread with its own event loop in which the consumer lives, so that heartbeats go on while the fold runs."""

    mundane_level = "debug"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._positions = FetchPositions()
        self._close_thread_loop_on_stop = True  # nobody else has the loop that it is given

    def _create_worker_consumer(self, transport: Any) -> Any:
        """As Faust's, but read_committed, with bounded chunks, and with a fetch that does not linger.

        aiokafka has one fetch in flight per broker: a partition that was just consumed waits for the fetch of the
        idle ones, so the wait bounds the latency.
        """
        app = self.app
        settings = app.partition_manager.settings
        self._assignor = app.assignor
        patch_record_parser()
        return aiokafka.AIOKafkaConsumer(
            **client_arguments(settings.kafka),
            client_id=f"{settings.kafka.installation}-worker",
            group_id=app.conf.id,
            group_instance_id=settings.worker.group_instance_id,
            partition_assignment_strategy=[self._assignor],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=app.conf.broker_max_poll_records,
            max_poll_interval_ms=int(app.conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=settings.worker.chunk_bytes_max,
            fetch_max_bytes=max(settings.worker.chunk_bytes_max, settings.worker.in_flight_bytes_max // 4),
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=int(app.conf.broker_request_timeout * 1000),
            session_timeout_ms=int(app.conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(app.conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(app.conf.broker_heartbeat_interval * 1000),
        )

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Before Faust hears of it: nothing fetched so far counts, and the changelog is not fetched here at all."""
        manager = self.app.partition_manager
        try:
            self._positions.on_seek({}, 0)
            sources = manager.settings.kafka.topics.sources
            others = [TopicPartition(tp.topic, tp.partition) for tp in assigned if tp.topic not in sources]
            self._ensure_consumer().pause(*others)
            await super().on_partitions_assigned(assigned, generation_id)
        except Exception as error:  # aiokafka would log it and go on
            manager.stop(ExitCode.ASSIGNMENT, f"taking the assignment of generation {generation_id}", error)

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> dict[TP, Chunk]:
        fetched = await super()._fetch_records(*args, **kwargs)
        # No await between the consumer's own step and this: see FetchPositions.
        ends = {number: self._known_ends(number) for number in {tp.partition for tp in fetched}}
        chunks = {tp: self._positions.chunk(tp, records, ends[tp.partition]) for tp, records in fetched.items()}
        return {tp: chunk for tp, chunk in chunks.items() if chunk is not None}

    def _known_ends(self, number: int) -> dict[str, int]:
        """Where the input topics end in one partition, by the last fetch of each; asked on the event clock alone."""
        settings, consumer = self.app.partition_manager.settings, self._ensure_consumer()
        if settings.worker.clock != "event":
            return {}
        assignment, ends = consumer.assignment(), {}
        for topic in settings.kafka.topics.inputs:
            tp = TopicPartition(topic, number)
            end = consumer.last_stable_offset(tp) if tp in assignment else None
            if end is not None and end >= 0:
                ends[topic] = end
        return ends

    async def seek_all(self, positions: dict[TopicPartition, int], seek: int) -> None:
        """Put the consumer at these positions, as the seek of this number; runs in this thread."""
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        positions = {tp: offset for tp, offset in positions.items() if tp in assigned}
        for tp, offset in positions.items():
            consumer.seek(tp, offset)
        self._positions.on_seek(positions, seek)

    async def ends(self) -> tuple[dict[TopicPartition, int], dict[TopicPartition, tuple[int, int]]]:
        """Per input partition the offset up to which there is something to fold; runs in this thread.

        A partition that is read to its end ends with its last chunk: what follows are markers of transactions, from
        the first to before the second offset of what is returned beside the ends.
        """
        consumer = self._ensure_consumer()
        ends, markers = {}, {}
        for tp in self._positions.positions():
            if tp not in consumer.assignment():
                continue
            end = consumer.last_stable_offset(tp)
            if end is None or end < 0:
                continue
            position = await consumer.position(tp)
            covered = self._positions.positions().get(tp)  # no await in between: see FetchPositions
            if position < end or covered is None:
                ends[tp] = end
            else:
                ends[tp], markers[tp] = covered, (covered, position)
        return ends, markers

    async def all_ends(self) -> dict[TopicPartition, int]:
        """Where every input partition ends, whoever has it; runs in this thread."""
        kafka = self.app.partition_manager.settings.kafka
        tps = [TopicPartition(topic, number) for topic in kafka.topics.sources for number in range(kafka.partitions)]
        ends: dict[TopicPartition, int] = await self._ensure_consumer().end_offsets(tps)
        return ends

    async def refresh_metadata(self) -> None:
        """Ask for the topics anew; a leader that learns of more starts a rebalance. Runs in this thread."""
        await self._ensure_consumer()._client.force_metadata_update()  # noqa: SLF001  # it has no public way to ask


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, fed with chunks and committing nothing."""

    mundane_level = "debug"
    _thread: ConsumerThread

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon, thread_loop=new_event_loop())

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """One message per chunk; its value is the chunk, its offset the last record's. None while the limit is reached.

        Chunks that are dropped here because the flow stopped or the group's generation changed come again: every way
        back to an active flow leads through `perform_seek`.
        """
        in_flight = self.app.partition_manager.in_flight
        if not await in_flight.has_room(timeout):
            return
        fetched, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if fetched is None or self.should_stop:
            return
        for tp, chunk in fetched.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if active is None or tp in active or tp in self._buffered_partitions:
                last = chunk.records[-1]
                in_flight.add(chunk)
                yield (
                    tp,
                    ConsumerMessage(
                        tp.topic,
                        tp.partition,
                        last.offset,
                        last.timestamp / 1000,
                        last.timestamp_type,
                        None,
                        None,
                        chunk,
                        None,
                        0,
                        0,
                        tp,
                        generation_id=generation,
                    ),
                )

    async def perform_seek(self) -> None:
        """Go to the engine's next offsets: recovered from the last checkpoint, or kept through the rebalance."""
        seek, positions = self.app.partition_manager.begin_seek()
        await self._thread.call_thread(self._thread.seek_all, positions, seek)
        for tp, offset in positions.items():
            self._read_offset[TP(tp.topic, tp.partition)] = offset or None

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Nothing: offsets travel in the checkpoints."""
        return False

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: gaps between offsets are the chunk's affair."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: the watchdog looks at offsets, and acts."""

    async def wait_empty(self) -> None:
        """The flow is stopped, on revocation or shutdown: checkpoint what was folded, forget what was not."""
        await self.app.partition_manager.drain()
        self._unacked_messages.clear()

    async def on_stop(self) -> None:
        """Drain, then let go of the partitions."""
        await super().on_stop()
        await self.app.partition_manager.close()

    @Service.task  # type: ignore[untyped-decorator]
    async def _watch(self) -> None:
        manager = self.app.partition_manager
        watchdog = Watchdog(stall_seconds=2 * manager.settings.worker.rebalance_timeout_seconds)
        while not self.should_stop:
            await self.sleep(CATCH_UP_SECONDS if manager.catching_up else WATCH_SECONDS)
            ends = await self._ends()
            if ends is not None:
                manager.observe_ends(*ends)
            lagging = self.app.rebalancing or ends is None or sum(manager.lags().values()) > 0
            waiting = lagging and not manager.recovering
            manager.liveness.beat(manager.not_ready)
            await self._look_at_group()
            idle_seconds = watchdog.idle_seconds(time.monotonic(), waiting, manager.progress())
            if idle_seconds is not None and not self.should_stop:
                state = "rebalancing" if self.app.rebalancing else f"lag {manager.lags()}"
                manager.stop(ExitCode.STALLED, f"nothing moved for {idle_seconds:.0f} s with {state}")

    async def _look_at_group(self) -> None:
        """See that every partition is assigned to a worker; if not, refresh the metadata at once, and leave in the end.

        The leader of the group assigns what its metadata has. Refreshed, it starts a rebalance by itself.
        """
        manager = self.app.partition_manager
        liveness, kafka = manager.liveness, manager.settings.kafka
        if self.app.rebalancing or not liveness.wants_look:
            return
        if manager.has_all_partitions:
            liveness.observe_group(frozenset(), manager.lags())
            return
        try:
            async with asyncio.timeout(GROUP_LOOK_DEADLINE_SECONDS):
                ends = await self._thread.call_thread(self._thread.all_ends)
                view = await look_at_group(kafka, ends)
        except Exception as error:
            log.warning("the group could not be looked at", group=kafka.installation, error=repr(error))
            return
        problem = liveness.observe_group(view.unassigned, view.lags)
        if problem is not None and not self.should_stop:
            manager.stop(ExitCode.ASSIGNMENT, problem)
        if view.unassigned:
            log.warning(
                "partitions %s are assigned to no worker: the metadata of the group's leader lacks topics, as when it "
                "joins while the broker starts; refreshing it",
                sorted(view.unassigned),
                group=kafka.installation,
            )
            await self._thread.call_thread(self._thread.refresh_metadata)

    async def _ends(self) -> tuple[dict[TopicPartition, int], dict[TopicPartition, tuple[int, int]]] | None:
        """Where the inputs end; None while the consumer's thread does not answer or a rebalance runs."""
        if self.app.rebalancing:
            return None
        try:
            async with asyncio.timeout(WATCH_SECONDS):
                found: tuple[
                    dict[TopicPartition, int], dict[TopicPartition, tuple[int, int]]
                ] = await self._thread.call_thread(self._thread.ends)
                return found
        except Exception as error:
            log.debug("the consumer did not say where its partitions end: %r", error)
            return None


class Transport(driver.Transport):  # type: ignore[misc]
    """The entry point `faust.transports`: heartline."""

    Consumer = Consumer
