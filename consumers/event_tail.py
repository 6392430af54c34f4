"""What arrives on the input topics, event by event: accepted, repeated or refused, and why."""

import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, get_args

from kafka import TopicPartition
from kafka.errors import KafkaError

from consumers.intake.writer import SOURCE_HEADER
from consumers.kafka_client import committed_consumer, connect, partitions_there
from stream.config.settings import ProcessSettings
from stream.config.topic_decoders import topic_decoders
from stream.contracts.dead_letters import read_dead_letter
from stream.contracts.errors import BadEvent, HeartlineError, PassedOver
from stream.kinds.envelopes import with_attributes
from stream.topics import Kind

POLL_MS: Final = 250  # an event is shown well within a second
LOOK_SECONDS: Final = 5.0  # so soon it reads topics and partitions that were made after it began
IDS_KEPT: Final = 20_000

Result = Literal["accepted", "repeated", "refused", "passed over"]
RESULTS: Final[tuple[Result, ...]] = get_args(Result)


class TailedEvent(NamedTuple):
    """One event as it arrived.

    Attributes:
        arrived_ms: its Kafka timestamp, epoch milliseconds.
        source: who sent it to the intake, else the topic.
        kind: the kind of event; None for what the intake refused.
        account_id, event_id: whose it is, and its own id; empty where it can't be read.
        result: what becomes of it.
        detail: of a refused one, and of one that is not of the feed's kind, the sentence; of any other what it says.
    """

    arrived_ms: int
    source: str
    kind: Kind | None
    account_id: str
    event_id: str
    result: Result
    detail: str


class Tail:
    """Reads records as the worker does, and remembers which ids it has seen.

    Args:
        settings: for the feeds' own names.
    """

    def __init__(self, settings: ProcessSettings) -> None:
        topics = settings.kafka.topics
        self._kinds = topics.inputs
        self._dead_letters = topics.dead_letters
        self._decoders = topic_decoders(settings)
        self._seen: OrderedDict[str, None] = OrderedDict()

    @property
    def topics(self) -> list[str]:
        """What is read: the inputs, and the dead letters for what the intake refuses."""
        return [*self._kinds, self._dead_letters]

    def event_of(
        self,
        topic: str,
        value: bytes | None,
        arrived_ms: int,
        source: str | None,
        now_ms: int,
        headers: Sequence[tuple[str, bytes | None]] = (),
        key: bytes | None = None,
    ) -> TailedEvent | None:
        """One record; None for a dead letter of something that was shown when it arrived.

        Args:
            topic: where it lies.
            value: its value.
            arrived_ms: its Kafka timestamp.
            source: what the intake says of its sender; None: it came otherwise.
            now_ms: epoch milliseconds.
            headers: the record's.
            key: the record's.
        """
        if topic == self._dead_letters:
            return _refused_by_intake(value, arrived_ms)
        kind = self._kinds[topic]
        if value is None and key and kind == "account":
            whose = key.decode("utf-8", "replace")
            return TailedEvent(arrived_ms, source or topic, kind, whose, "", "accepted", "no value: it is erased")
        if self._decoders[topic].reads_headers:
            value = with_attributes(value, headers)
        event = self._decoders[topic].decode_all([value], now_ms)[0]
        if isinstance(event, BadEvent):
            result: Result = "passed over" if isinstance(event, PassedOver) else "refused"
            return TailedEvent(arrived_ms, source or topic, kind, "", "", result, event.detail)
        event_id = getattr(event, "event_id", None) or ""
        result = "repeated" if event_id and self._known(f"{kind}:{event.account_id}:{event_id}") else "accepted"
        return TailedEvent(arrived_ms, source or topic, kind, event.account_id, event_id, result, _said(event))

    def _known(self, event_id: str) -> bool:
        """Whether an id was seen among the last ones; then it is one of them."""
        if event_id in self._seen:
            self._seen.move_to_end(event_id)
            return True
        self._seen[event_id] = None
        if len(self._seen) > IDS_KEPT:
            self._seen.popitem(last=False)
        return False


def follow(
    settings: ProcessSettings, last: int, on_ready: Callable[[int], None] | None = None
) -> Generator[TailedEvent | None, None, None]:
    """Everything that arrives from now on, for ever; None where nothing did for a moment.

    Topics and partitions that are made later are read from their beginning: processes start in any order, and brokers
    tell of a topic some time after it was made.

    Args:
        settings: where Kafka is, and the feeds' own names.
        last: how many of the records that each partition has already come first.
        on_ready: told of how many topics, once nothing that arrives is missed.

    Raises:
        HeartlineError: Kafka can't be read, or has none of the topics.
    """
    tail = Tail(settings)
    consumer: Any = connect(settings.kafka, lambda: committed_consumer(settings.kafka, "heartline-tail"))
    try:
        assigned = partitions_there(consumer, tail.topics)
        if not assigned:
            raise HeartlineError(
                f"Kafka at {settings.kafka.bootstrap_servers} has none of the input topics yet; they are made when the "
                "worker, the intake, `heartline import` or `heartline replay` first starts"
            )
        _read_also(consumer, [], assigned, last)
        looked = time.monotonic()
        if on_ready is not None:
            on_ready(len({partition.topic for partition in assigned}))
        while True:
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                new = [each for each in partitions_there(consumer, tail.topics) if each not in assigned]
                _read_also(consumer, assigned, new, None)
                assigned += new
            batches: Mapping[Any, Sequence[Any]] = consumer.poll(timeout_ms=POLL_MS)
            records = sorted((each for batch in batches.values() for each in batch), key=lambda each: each.timestamp)
            now_ms = int(time.time() * 1000)
            for record in records:
                arrival = tail.event_of(
                    *(record.topic, record.value, record.timestamp, source_of(record)),
                    *(now_ms, record.headers, record.key),
                )
                if arrival is not None:
                    yield arrival
            if not records:
                yield None
    except KafkaError as error:
        raise HeartlineError(
            f"Kafka at {settings.kafka.bootstrap_servers} can't be read ({type(error).__name__}); `heartline doctor` "
            "looks closer"
        ) from None
    finally:
        consumer.close(autocommit=False)


def source_of(record: Any) -> str | None:
    """What the intake says of a record's sender; None: it came otherwise."""
    sender = dict(record.headers).get(SOURCE_HEADER)
    return sender.decode("utf-8", "replace") if sender is not None else None


def _read_also(
    consumer: Any, assigned: Sequence[TopicPartition], new: Sequence[TopicPartition], last: int | None
) -> None:
    """Assign new partitions beside the others, each so many records before its end; None: at its beginning."""
    if not new:
        return
    consumer.assign([*assigned, *new])
    begins, ends = consumer.beginning_offsets(new), consumer.end_offsets(new)
    for partition in new:
        begin = begins[partition]
        consumer.seek(partition, begin if last is None else max(begin, ends[partition] - last))


def _refused_by_intake(value: bytes | None, arrived_ms: int) -> TailedEvent | None:
    try:
        letter = read_dead_letter(value or b"")
    except ValueError:
        return None
    source = letter.topic.removeprefix("intake:")
    if source == letter.topic:
        return None
    detail = letter.detail.partition("]@-1: ")[2] or letter.detail
    return TailedEvent(arrived_ms, source, None, "", "", "refused", detail)


def _said(event: Any) -> str:
    """What an event says, in a few words."""
    fields = ("feature", "ticket_id", "status", "survey", "score", "kind", "goal", "subscription_id", "user_id", "name")
    said = [(name, getattr(event, name, None)) for name in fields]
    return " ".join(
        f"{name}={value}" for name, value in said if value not in (None, "") and not isinstance(value, dict)
    )


def time_of(arrival: TailedEvent) -> str:
    """When it arrived, by the hour in UTC."""
    return datetime.fromtimestamp(arrival.arrived_ms / 1000, UTC).strftime("%H:%M:%S")
