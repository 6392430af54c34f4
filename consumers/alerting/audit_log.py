"""The audit log on its way: steps wait in Redis, where their transaction put them, until they are on Kafka.

    <prefix>audit:<partition>   stream: the key and value of each record of `account-alerts` that is not on Kafka yet

No crash loses a step: before the transaction there is none, after it the step waits in the stream, and it leaves the
stream only once Kafka has confirmed it. A crash between the two puts it on Kafka twice, with the same `seq`. When
Redis is lost with steps waiting, what led to them is evaluated again from the health topic and the commands.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, cast

import msgspec
import redis
from kafka import KafkaProducer
from kafka.errors import KafkaError

from alerts.alert_events import AlertEvent, decode_alert_event, encode_alert_event, key_of
from consumers.alerting.erasure import mark, mark_key, steps_to_erase
from consumers.alerting.outbox import OutboxEntry
from consumers.errors import STORE_AWAY, TopicUnreadableError
from consumers.kafka_client import connection, read_to_end
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.contracts.errors import BadEvent

RELAY_MAX: Final = 500
IDLE_SECONDS: Final = 0.25
PAUSE_SECONDS: Final = 2.0
SEND_SECONDS: Final = 30.0
# In the place of a step: the account is erased, by a tombstone of this Kafka timestamp.
_ERASE: Final = b"erase "
PLAY_CHARS_MAX: Final = 128  # as the contract of touchpoints has it, for owners too

log = get_logger(__name__)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class ErasedAt:
    """In the place of a step: the account is erased, with all that the log has of it until here.

    Args:
        ms: the Kafka timestamp of the tombstone.
    """

    ms: int


class AuditLog:
    """Steps that wait for Kafka.

    Args:
        client: from `consumers.alerting.state.connect`.
        prefix: put before every key.
        clock_ms: the current time, epoch milliseconds.
    """

    def __init__(self, client: redis.Redis, prefix: str, clock_ms: Callable[[], int] = _now_ms) -> None:
        self._client = client
        self._prefix = prefix
        self._clock_ms = clock_ms

    def add(self, pipe: Any, partition: int, owner: str, step: AlertEvent) -> None:
        """Write down a step of an account, a silence or the pipeline, within the caller's transaction."""
        pipe.xadd(self._key(partition), {"key": key_of(owner, step), "step": encode_alert_event(step)})

    def erase(self, pipe: Any, partition: int, account_id: str, erased: ErasedAt) -> None:
        """Write down, behind an account's steps, that it is erased, within the caller's transaction."""
        pipe.xadd(self._key(partition), {"key": account_id, "step": _ERASE + str(erased.ms).encode()})

    def waiting(self, partition: int) -> list[tuple[bytes, bytes, bytes]]:
        """(name, key, value) of the oldest steps that wait."""
        found = cast("list[Any]", self._client.xrange(self._key(partition), count=RELAY_MAX))
        return [(name, fields[b"key"], fields[b"step"]) for name, fields in found]

    def forget(self, partition: int, names: Sequence[bytes]) -> None:
        """They are on Kafka. The names are exact, so that two relays of one partition can't drop each other's steps."""
        self._client.xdel(self._key(partition), *names)

    def note_delivered(self, pipe: Any, entry: OutboxEntry) -> None:
        """A receiver took a message: what Queue calls in the transaction that removes it."""
        notification = entry.notification
        if entry.partition is None or notification.account_id is None:
            return
        step = AlertEvent(
            seq=self._clock_ms(),
            kind="delivered",
            at=notification.at,
            reason=f"{entry.receiver} took it",
            account_id=notification.account_id,
            notification_id=entry.id,
            receiver=entry.receiver,
        )
        self.add(pipe, entry.partition, notification.account_id, step)

    def _key(self, partition: int) -> str:
        return f"{self._prefix}audit:{partition}"


class AuditRelay:
    """The thread that puts waiting steps onto Kafka, in their order, for as long as it takes.

    Args:
        audit: where they wait.
        kafka: where they go.
        partitions: those that this process has at the moment.
        forget: called with an account that is erased, for what else waits of it.
    """

    def __init__(
        self,
        audit: AuditLog,
        kafka: KafkaSettings,
        partitions: Callable[[], Iterable[int]],
        forget: Callable[[str], object] = lambda account_id: None,
    ) -> None:
        self._audit = audit
        self._kafka = kafka
        self._partitions = partitions
        self._forget = forget
        self._producer: Any = None

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then once more, for what the last batch left."""
        while not stop.is_set():
            stop.wait(self._turn_or_pause())
        self._turn_or_pause()
        if self._producer is not None:
            self._producer.close(timeout=1)

    def _turn_or_pause(self) -> float:
        """One turn; the seconds to wait until the next."""
        try:
            return 0.0 if self.turn() else IDLE_SECONDS
        except STORE_AWAY as error:
            log.debug("audit log: Redis is away", error=type(error).__name__)
        except (KafkaError, TopicUnreadableError) as error:
            log.warning("audit log: Kafka is away; the steps wait in Redis", error=type(error).__name__)
        return PAUSE_SECONDS

    def turn(self) -> int:
        """Relay what waits; how many steps that was."""
        count = 0
        for partition in list(self._partitions()):
            waiting = self._audit.waiting(partition)
            for is_erasure, entries in groupby(waiting, lambda entry: entry[2].startswith(_ERASE)):
                steps = list(entries)
                if is_erasure:
                    for _, account_id, value in steps:
                        self._erase(partition, account_id.decode(), int(value.removeprefix(_ERASE)))
                else:
                    self._relay(partition, [(key, value) for _, key, value in steps])
                self._audit.forget(partition, [name for name, _, _ in steps])
                count += len(steps)
        return count

    def _relay(self, partition: int, steps: Sequence[tuple[bytes, bytes]]) -> None:
        """Put steps onto Kafka; returns once they are there."""
        sent = [self._send(self._kafka.topics.alerts, key, value, partition) for key, value in steps]
        for _, value in steps:
            if (event := touchpoint_of(value)) is not None:
                sent.append(self._send(self._kafka.topics.input("touchpoint"), *event))
        for future in sent:
            future.get(timeout=SEND_SECONDS)

    def _erase(self, partition: int, account_id: str, erased_ms: int) -> None:
        """Delete an account's steps from the log, and what else waits of it."""
        found = steps_to_erase(self._log(partition), account_id, erased_ms)
        if found.is_done:
            return
        self._forget(account_id)
        topic, now = self._kafka.topics.alerts, datetime.now(UTC)
        sent = [self._send(topic, key, None, partition) for key in found.keys]
        for future in sent:
            future.get(timeout=SEND_SECONDS)
        tombstone = encode_alert_event(mark(account_id, erased_ms, found.commands_offset, now))
        self._send(topic, mark_key(account_id, erased_ms).encode(), tombstone, partition).get(timeout=SEND_SECONDS)
        log.info("an account's alerts are erased", partition=partition, steps=len(found.keys))

    def _log(self, partition: int) -> Iterable[tuple[bytes, bytes | None]]:
        """Every record of a partition of the log."""
        for record in read_to_end(self._kafka, self._kafka.topics.alerts, [partition], "heartline-alerting"):
            yield record.key or b"", record.value

    def _send(self, topic: str, key: bytes, value: bytes | None, partition: int | None = None) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(
                **connection(self._kafka), acks="all", enable_idempotence=True, linger_ms=5, metrics_enabled=False
            )
        return self._producer.send(topic, key=key, value=value, partition=partition)


def touchpoint_of(value: bytes) -> tuple[bytes, bytes] | None:
    """Key and value of the input event that a step amounts to: starting a play is a touchpoint; None for other steps.

    Its event_id is the command's, so that a step that goes to Kafka twice is one touchpoint.
    """
    if b'"play_started"' not in value:
        return None
    try:
        step = decode_alert_event(value)
    except BadEvent:
        return None
    if step.kind != "play_started" or step.alert is None or step.account_id is None:
        return None
    event = {
        "event_id": step.command_id or f"{step.alert.alert_id}:{step.seq}",
        "account_id": step.account_id,
        "kind": "play",
        "play": (step.alert.play or "")[:PLAY_CHARS_MAX],
        "alert_id": step.alert.alert_id,
        "owner": step.by[:PLAY_CHARS_MAX],
        "timestamp": step.at,
    }
    return step.account_id.encode(), msgspec.json.encode(event)
