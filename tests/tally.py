"""The smallest processor that can tell a lost, doubled or reordered record: every account counts and remembers.

`run_tally` is the program of a worker around that processor.
"""

import os
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from stream.config.settings import Settings, load
from stream.contracts.partitioner import partition_of
from stream.engine.partition import Output, Partition
from stream.engine.processor import Record
from stream.worker.priority_queue import PriorityQueue
from stream.worker.repartition import RepartitionedRecord, decode_repartitioned, repartition


class Tally(msgspec.Struct, array_like=True):
    """What one account has seen: events by topic, and an order-sensitive digest per topic; is its report older?"""

    counts: dict[str, int] = {}
    digests: dict[str, int] = {}
    needs_evaluation: bool = False


@dataclass(slots=True)
class TallyPartition(Partition[Tally]):
    """Tallies, and who waits for a report."""

    pending: PriorityQueue = field(default_factory=PriorityQueue)

    def encode(self, state: Tally) -> bytes:
        return msgspec.msgpack.encode(state)

    def decode(self, value: bytes) -> Tally:
        return msgspec.msgpack.decode(value, type=Tally)

    @property
    def pending_count(self) -> int:
        return len(self.pending)

    def pending_keys(self) -> list[str]:
        return [key for key, _ in self.pending]

    def is_pending(self, state: Tally) -> bool:
        return state.needs_evaluation

    def restore_pending(self, keys: Iterable[str]) -> None:
        self.pending = PriorityQueue((key, None) for key in keys)

    def discard_pending(self, keys: Container[str]) -> None:
        self.pending = self.pending.without(keys)

    def on_restored(self, key: str, state: Tally) -> None:
        if state.needs_evaluation:
            self.pending.append((key, None))

    def take_oldest_pending_ms(self) -> int | None:
        oldest_ms, self.pending.oldest_ms = self.pending.oldest_ms, None
        return oldest_ms


class TallyProcessor:
    """Counts events per account; a report with the counts goes to the health topic; a value of b"noop" changes nothing.

    Values are the event's number in ASCII, padded as one likes with spaces; what isn't a number is a dead letter.
    """

    def __init__(self, settings: Settings) -> None:
        self._topics = settings.kafka.topics
        self.counts: Counter[tuple[str, str]] = Counter()

    def new_partition(self, number: int, count: int) -> TallyPartition:
        return TallyPartition(number, count)

    def fold(self, partition: TallyPartition, topic: str, records: Sequence[Record]) -> None:
        for record in records:
            if topic == self._topics.repartition:
                arrived = decode_repartitioned(record.value)
                self._fold_one(partition, arrived.topic, arrived.partition, arrived)
            else:
                self._fold_one(partition, topic, partition.number, record)

    def _fold_one(self, partition: TallyPartition, topic: str, number: int, record: Record) -> None:
        """Fold a record that arrived in that partition of a topic."""
        if record.value == b"noop":
            return
        try:
            value = int(record.value or b"")
        except ValueError:
            self.counts["dead_letter", "not_a_number"] += 1
            where = f"{topic}[{number}]@{record.offset}".encode()
            partition.outputs.append(Output(self._topics.dead_letters, record.key, where))
            return
        account_id = (record.key or b"").decode()
        home = partition_of(account_id, partition.count)
        if home != partition.number and account_id not in partition.states:
            assert account_id not in partition.cold
            arrived = RepartitionedRecord(topic, number, record.offset, record.timestamp, record.key, record.value)
            partition.outputs.append(repartition(self._topics.repartition, arrived, account_id, home))
            return
        tally = partition.state(account_id)
        if tally is None:
            tally = partition.states[account_id] = Tally({}, {})
        tally.counts[topic] = tally.counts.get(topic, 0) + 1
        tally.digests[topic] = digest(tally.digests.get(topic, 0), value)
        partition.dirty.add(account_id)
        if not tally.needs_evaluation:
            tally.needs_evaluation = True
            partition.pending.append((account_id, record.timestamp))

    def evaluate(self, partition: TallyPartition) -> Iterator[None]:
        while partition.pending and not partition.catching_up:
            account_id, _ = partition.pending.popleft()
            tally = partition.state(account_id)
            assert tally is not None
            tally.needs_evaluation = False
            partition.dirty.add(account_id)
            report = msgspec.json.encode(tally.counts)
            partition.outputs.append(Output(self._topics.health, account_id.encode(), report))
            yield


def digest(before: int, number: int) -> int:
    """A running digest that any lost, doubled or swapped number changes."""
    return (before * 1_000_003 + number + 1) & 0xFFFFFFFFFFFF


def run_tally() -> None:
    """A worker around that processor, configured as the real one is, with the faults that the environment names."""
    from stream.run import run_processor
    from tests.crash_points import hide_topics, install

    if crash_at := os.environ.get("CRASH_AT"):
        install(crash_at)
    if until := os.environ.get("TOPICS_UNKNOWN_UNTIL"):
        hide_topics(until)
    settings = load(Settings)
    run_processor(settings, TallyProcessor(settings))
