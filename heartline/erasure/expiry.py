"""When Kafka itself lets go of what was written before an erasure: by the retention that each topic has now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.config.settings import KafkaSettings
from stream.engine.connection import client_arguments

_WANTED: Final = ("cleanup.policy", "retention.ms", "segment.ms", "max.compaction.lag.ms", "delete.retention.ms")
_YEAR_10000_DAYS: Final = 365 * 1000


@dataclass(frozen=True)
class Expiry:
    """What becomes of a topic's older records.

    Attributes:
        topic: its name.
        at: when the last of them is gone from the brokers' disks; None: never by itself.
        why: the settings behind it, for a person.
    """

    topic: str
    at: datetime | None
    why: str


async def topic_settings(kafka: KafkaSettings, topics: Sequence[str]) -> dict[str, dict[str, str]]:
    """By topic, of those that exist, the settings that decide how long records stay.

    Raises:
        KafkaError: Kafka can't be reached, or refuses.
    """
    admin = AIOKafkaAdminClient(**client_arguments(kafka))
    await admin.start()
    try:
        names = sorted(set(topics) & set(await admin.list_topics()))
        found: dict[str, dict[str, str]] = {name: {} for name in names}
        wanted: dict[str, Any] = dict.fromkeys(_WANTED)
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=wanted) for name in names]
        for response in await admin.describe_configs(resources) if resources else ():
            for _, _, _, name, entries in response.resources:
                found[name].update({key: value for key, value, *_ in entries if key in wanted})
        return found
    finally:
        await admin.close()


def expiry_of(topic: str, settings: Mapping[str, str], now: datetime) -> Expiry:
    """When what a topic held at a moment is gone, at the latest. Pure.

    A closed segment is deleted when its newest record is older than the retention, so a record waits for its segment
    to be closed, too.

    >>> day = str(86_400_000)
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> expiry_of("t", {"cleanup.policy": "delete", "retention.ms": day, "segment.ms": day}, now).at.isoformat()
    '2026-01-03T00:00:00+00:00'
    >>> expiry_of("t", {"cleanup.policy": "delete", "retention.ms": "-1"}, now).at is None
    True
    """
    retention_ms, segment_ms = int(settings.get("retention.ms", "-1")), int(settings.get("segment.ms", "0"))
    if retention_ms < 0:
        return Expiry(topic, None, "kept for ever; heartline repartition --leave-out makes topics without it")
    return Expiry(topic, _after(now, retention_ms + segment_ms), f"retention {_days(retention_ms)}")


def compacted_at(settings: Mapping[str, str], now: datetime) -> datetime | None:
    """When what is overwritten or deleted by key is gone from the disks of a compacted topic; None: no bound is set."""
    lag_ms = int(settings.get("max.compaction.lag.ms", str(_YEAR_10000_DAYS * 86_400_000)))
    return _after(now, lag_ms + 86_400_000)


def _after(now: datetime, span_ms: int) -> datetime | None:
    days = span_ms / 86_400_000
    return None if days >= _YEAR_10000_DAYS else (now + timedelta(days=days)).astimezone(UTC)


def _days(span_ms: int) -> str:
    days = span_ms / 86_400_000
    return f"{days:.0f} days" if days >= 2 else f"{span_ms / 3_600_000:g} hours"
