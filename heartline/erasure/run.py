"""One erasure: order it, look until it is gone everywhere, and report that with what only retention removes."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import aiokafka
import msgspec
import redis

from consumers.alerting.settings import AlertingSettings
from consumers.kafka_client import partition_count
from heartline.erasure import account_trace, user_trace
from heartline.erasure.account_trace import ALERT_LOG, TraceLocation
from heartline.erasure.expiry import Expiry, compacted_at, expiry_of, topic_settings
from heartline.errors import UnknownNameError
from stream.config.settings import KafkaSettings
from stream.contracts.partitioner import partition_of
from stream.engine.connection import client_arguments
from stream.kinds.erasure import user_digest

LOOK_SECONDS: Final = 0.5

Progress = Callable[[str], None]


@dataclass
class Report:
    """What became of an erasure.

    Attributes:
        what: that was erased, for a person.
        accounts: whose records were asked for.
        removed: by location, who removed it, or what was done there.
        left: by location, what is still there, and who removes it once it runs.
        expiries: topics that keep older records until their retention ends.
        overwritten: compacted topics, and when what was deleted there by key is gone from the disks.
    """

    what: str
    accounts: Sequence[str]
    removed: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    expiries: list[Expiry] = field(default_factory=list)
    overwritten: dict[str, datetime | None] = field(default_factory=dict)


async def erase_account(
    settings: AlertingSettings, client: redis.Redis | None, account_id: str, wait_seconds: float, tell: Progress
) -> Report:
    """Erase an account.

    Args:
        settings: of alerting.
        client: Redis; None: it is not used.
        account_id: whose.
        wait_seconds: how long to look for the worker and alerting to act.
        tell: called with what is being done.

    Raises:
        KafkaError, TopicUnreadableError, RedisError: one of them can't be reached; run it again.
    """
    tell("the tombstone is written")
    (erased_ms,) = await _write(settings.kafka, {account_id: None})
    report = Report(f"account {account_id}", [account_id])
    locations = account_trace.trace_locations(settings, client, account_id, erased_ms)
    _look(report, list(locations), wait_seconds, tell)
    await _tell_expiries(report, settings.kafka)
    return report


async def erase_user(
    settings: AlertingSettings,
    client: redis.Redis | None,
    user_id: str,
    account_id: str | None,
    wait_seconds: float,
    tell: Progress,
) -> Report:
    """Erase a user, from one account or from all that name them.

    Raises:
        UnknownNameError: no account's state names the user.
        KafkaError, TopicUnreadableError, RedisError: one of them can't be reached; run it again.
    """
    tell("the states are searched")
    accounts = [account_id] if account_id is not None else user_trace.accounts_of(settings.kafka, user_id)
    if not accounts:
        raise UnknownNameError(
            f"no account's state names the user {user_id[:80]!r}; name the account (--account) to have their records "
            "that are still on their way passed over, and the log of its alerts rewritten"
        )
    words = user_trace.words_of(settings.kafka, accounts, user_id)
    update = {"event_id": f"erase-{user_digest(user_id)[:16]}-{time.time_ns()}", "erase_users": [user_digest(user_id)]}
    updates = {each: msgspec.json.encode({"account_id": each, **update}) for each in accounts}
    tell("the updates are written")
    erased_ms = min(await _write(settings.kafka, updates))
    report = Report(f"user {user_id}", accounts)
    _look(report, list(user_trace.trace_locations(settings, client, accounts, words, erased_ms)), wait_seconds, tell)
    tell("the log of alerts is rewritten")
    count = partition_count(settings.kafka, settings.kafka.topics.alerts)
    steps = await user_trace.rewrite_log(settings.kafka, accounts, count, words)
    report.removed[ALERT_LOG] = f"{steps} steps rewritten"
    await _tell_expiries(report, settings.kafka)
    return report


async def _write(kafka: KafkaSettings, updates: Mapping[str, bytes | None]) -> list[int]:
    """Write to the account feed, each to its account's partition; the Kafka timestamps."""
    topic = kafka.topics.input("account")
    count, stamps = partition_count(kafka, topic), list[int]()
    async with aiokafka.AIOKafkaProducer(**client_arguments(kafka), acks="all", enable_idempotence=True) as producer:
        for account_id, value in updates.items():
            number = partition_of(account_id, count)
            sent = await producer.send_and_wait(topic, value, key=account_id.encode(), partition=number)
            stamps.append(sent.timestamp)
    return stamps


def _look(report: Report, locations: Sequence[TraceLocation], wait_seconds: float, tell: Progress) -> None:
    """Look at each location until nothing is left there, or the time is over."""
    deadline = time.monotonic() + wait_seconds
    for location in locations:
        while (left := location.left()) is not None and time.monotonic() < deadline:
            tell(f"{location.name}: {location.by} has not removed {left} yet")
            time.sleep(LOOK_SECONDS)
        if left is None:
            report.removed[location.name] = f"by {location.by}"
        else:
            report.left[location.name] = f"{left}; {location.by} removes it once it runs"


async def _tell_expiries(report: Report, kafka: KafkaSettings) -> None:
    """What Kafka keeps until the retention of each topic ends."""
    topics, now = kafka.topics, datetime.now(UTC)
    overwritten = [topics.changelog, topics.health, topics.alerts, topics.quarantine, topics.scorecard_reviews]
    expiring = [*topics.sources, topics.account_days, topics.dead_letters, topics.alert_commands]
    found = await topic_settings(kafka, [*overwritten, *expiring])
    report.expiries = [expiry_of(name, found[name], now) for name in dict.fromkeys(expiring) if name in found]
    report.overwritten = {name: compacted_at(found[name], now) for name in overwritten if name in found}


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "what": report.what,
        "accounts": list(report.accounts),
        "is_done": not report.left,
        "removed": report.removed,
        "left": report.left,
        "expires": {each.topic: None if each.at is None else each.at.isoformat() for each in report.expiries},
        "gone_from_disks": {name: None if at is None else at.isoformat() for name, at in report.overwritten.items()},
    }


def lines(report: Report) -> Iterable[str]:
    """The report for a person."""
    yield f"{report.what}: {'erased' if not report.left else 'not everywhere yet; run it again to go on'}"
    for name, by in report.removed.items():
        yield f"  removed  {name:<28} {by}"
    for name, what in report.left.items():
        yield f"  left     {name:<28} {what}"
    yield "gone from Kafka's disks, at the latest"
    for name, at in report.overwritten.items():
        yield f"  {name:<37} {_day(at)}"
    for each in report.expiries:
        yield f"  {each.topic:<37} {_day(each.at):<12} {each.why}"
    yield "The board and the portfolio's file drop it as their processes read it. What receivers were told, they have."


def _day(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%d %b %Y}"
