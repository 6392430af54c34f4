"""What lies in the topics: one record of each is read, as whoever reads all of them would."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiokafka
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from alerts.alert_events import decode_alert_event
from alerts.commands import decode_command
from alerts.text import plural
from heartline.doctor.check import Check, broken, note, ok
from stream.config.settings import Settings
from stream.config.topic_decoders import topic_decoders
from stream.contracts.aliases import decode_waiting, read_link
from stream.contracts.dead_letters import read_dead_letter
from stream.contracts.errors import BadEvent, HeartlineError, PassedOver
from stream.contracts.quarantine import decode_entry
from stream.contracts.report import decode_report
from stream.contracts.scorecard_review import decode_review
from stream.engine.connection import client_arguments
from stream.kinds.decode import Decoder
from stream.kinds.envelopes import with_attributes
from stream.kinds.state import decode_state
from stream.worker.repartition import decode_repartitioned

TIMEOUT_SECONDS: Final = 5.0
BACK_RECORDS: Final = 8  # a transaction ends with a record that no reader is given

Reader = Callable[[Any], object]


def readers(settings: Settings) -> dict[str, Reader]:
    """Topic to what reads a record of it; raises what it raises where it can't."""
    topics = settings.kafka.topics
    found: dict[str, Reader] = {}
    for topic, decoder in topic_decoders(settings).items():
        found[topic] = _event_reader(decoder, topics.inputs[topic] == "account")
    return found | {
        topics.aliases: lambda record: read_link(record.key, record.value),
        topics.waiting_aliases: _of_value(decode_waiting),
        topics.repartition: _of_value(decode_repartitioned),
        topics.health: _of_value(decode_report),
        topics.alerts: _of_value(decode_alert_event),
        topics.alert_commands: _of_value(decode_command),
        topics.scorecard_reviews: lambda record: None if record.value is None else decode_review(record.value),
        topics.dead_letters: _of_value(read_dead_letter),
        topics.quarantine: _of_value(decode_entry),
        topics.changelog: _of_value(decode_state),
    }


def _event_reader(decoder: Decoder, may_be_empty: bool) -> Reader:
    def read(record: Any) -> object:
        if record.value is None and may_be_empty:
            return None  # it erases the account
        try:
            value = with_attributes(record.value, record.headers) if decoder.reads_headers else record.value
            return decoder.decode(value)
        except PassedOver:
            return None

    return read


def _of_value(decode: Callable[[bytes], object]) -> Reader:
    return lambda record: None if record.value is None else decode(record.value)


async def check_records(settings: Settings) -> list[Check]:
    """The newest record of each topic that has one: whether it can be had, unpacked and read."""
    wanted = readers(settings)
    consumer = aiokafka.AIOKafkaConsumer(
        **client_arguments(settings.kafka), enable_auto_commit=False, isolation_level="read_committed"
    )
    try:
        await asyncio.wait_for(consumer.start(), TIMEOUT_SECONDS)
        there = await asyncio.wait_for(consumer.topics(), TIMEOUT_SECONDS)
        found = {topic: await _read_one(consumer, topic, wanted[topic]) for topic in wanted if topic in there}
    except (KafkaError, OSError, TimeoutError):
        return []  # that no broker answers is a check of its own
    finally:
        await consumer.stop()
    return list(assess(found, set(settings.kafka.topics.inputs)))


def assess(found: Mapping[str, str | None], inputs: set[str]) -> list[Check]:
    """What was read.

    Args:
        found: topic to why its newest record can't be read; empty: it can, None: there is none.
        inputs: the topics that others write.
    """
    read, empty = [each for each in found if found[each] == ""], [each for each in found if found[each] is None]
    told = f"the newest record of {plural(len(read), 'topic')} can be read; {len(empty)} have none"
    checks = [ok("records", told)]
    for topic, problem in found.items():
        if problem and topic in inputs:
            advice = "it is a dead letter: name its fields in `feeds`, or correct the sender; docs/connect/kafka.md"
            checks.append(note("records", problem, advice))
        elif problem:
            advice = "something else than this release of Heartline wrote it, or a newer one did"
            checks.append(broken("records", problem, advice))
    silent = sorted(topic for topic in empty if topic in inputs)
    if len(silent) == len(inputs):
        checks.append(note("records", "no input topic has a record", "send an event: docs/connect.md"))
    return checks


async def _read_one(consumer: Any, topic: str, read: Reader) -> str | None:
    """Why the newest record of a topic can't be read; empty: it can, None: there is none."""
    numbers = await asyncio.wait_for(_numbers(consumer, topic), TIMEOUT_SECONDS)
    tps = [TopicPartition(topic, number) for number in numbers]
    begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    for tp in sorted(tps, key=lambda each: begins[each] - ends[each]):
        if ends[tp] <= begins[tp]:
            continue
        consumer.assign([tp])
        consumer.seek(tp, max(ends[tp] - BACK_RECORDS, begins[tp]))
        try:
            records = await asyncio.wait_for(_last(consumer, tp), TIMEOUT_SECONDS)
        except (KafkaError, TimeoutError, RuntimeError, ValueError, OSError) as error:
            return f"{topic}[{tp.partition}]: a record can't be fetched: {type(error).__name__}: {str(error)[:160]}"
        if not records:
            continue
        record = records[-1]
        where = f"{topic}[{tp.partition}]@{record.offset}"
        try:
            read(record)
        except BadEvent as error:
            return f"{where}: {error.detail}"
        except (HeartlineError, ValueError, TypeError) as error:
            return f"{where}: {type(error).__name__}: {str(error)[:160]}"
        return ""
    return None


async def _numbers(consumer: Any, topic: str) -> set[int]:
    """The partitions of a topic, which a consumer knows by itself only of what it is assigned."""
    numbers: set[int] = await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - it has no public way
    return numbers


async def _last(consumer: Any, tp: TopicPartition) -> list[Any]:
    """The records from the position to the end; none where only a transaction's end is there."""
    found: list[Any] = []
    for _ in range(3):
        fetched = await consumer.getmany(tp, timeout_ms=1_000)
        found += fetched.get(tp, [])
        if found:
            break
    return found
