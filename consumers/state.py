"""Redis, the memory of alerting: what is remembered of each account, and the offset that it was remembered at.

Keys, all under the prefix, one of each per partition of the health topic, so that two processes never share one:

    <prefix>next_offset:<partition>   the first offset that is not in the state yet
    <prefix>accounts:<partition>      hash: account (hashed) to AccountRecord, JSON
    <prefix>reports:<partition>       hash: account (hashed) to its latest report, as on the topic

A batch is one MULTI: records, reports, outbox entries and the next offset are all written, or none. The key of the next
offset is watched, so a batch can neither be applied twice nor on top of another process's, and a loss of Redis shows.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alerts.model import AccountRecord
from consumers.errors import StateMovedError
from consumers.outbox import Notification, Outbox
from consumers.settings import RedisSettings
from stream.report import HealthReport, decode_report

WATCH_TRIES = 5
SCAN_COUNT = 1000

_decoder = msgspec.json.Decoder(AccountRecord)
_encoder = msgspec.json.Encoder()


@dataclass
class Changes:
    """What one batch does to the state.

    Args:
        next_offset: the offset after the batch.
        records: account to its new record; None to forget it.
        reports: account to its latest report, encoded; None to forget it.
        notifications: messages to deliver.
    """

    next_offset: int
    records: dict[str, AccountRecord | None] = field(default_factory=dict)
    reports: dict[str, bytes | None] = field(default_factory=dict)
    notifications: list[Notification] = field(default_factory=list)


def connect(settings: RedisSettings) -> redis.Redis:
    """A client that reports a lost connection instead of repeating the command.

    redis-py repeats by default, and a repeated EXEC or SET NX whose first answer was lost does not mean what it seems
    to. Whoever calls repeats here, after reading what is there.
    """
    return redis.Redis.from_url(
        settings.url.get_secret_value(),
        socket_timeout=settings.timeout_seconds,
        socket_connect_timeout=settings.timeout_seconds,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
    )


class StateStore:
    """The state of all partitions, one batch at a time.

    Args:
        client: from `connect`.
        prefix: put before every key.
        outbox: where the notifications of a batch go, in the same transaction.
    """

    def __init__(self, client: redis.Redis, prefix: str, outbox: Outbox) -> None:
        self._client = client
        self._prefix = prefix
        self._outbox = outbox

    def load(self, partition: int) -> tuple[int | None, list[AccountRecord]]:
        """The next offset of a partition (None: nothing stored) and every account that is remembered under it."""
        stored = self._client.get(self._next_offset_key(partition))
        if stored is None:
            return None, []
        pairs = self._client.hscan_iter(self._accounts_key(partition), count=SCAN_COUNT)
        return int(cast(bytes, stored)), [_decoder.decode(value) for _, value in cast("Iterable[Any]", pairs)]

    def apply(
        self,
        partition: int,
        expected: int | None,
        accounts: Iterable[str],
        decide: Callable[[Mapping[str, AccountRecord]], Changes],
    ) -> Changes:
        """Read what is remembered of some accounts, decide, and write what comes of it.

        Args:
            partition: of the health topic.
            expected: the next offset as this process last read or wrote it; None when nothing was stored.
            accounts: ids that `decide` may need.
            decide: pure; may be called again when another process wrote meanwhile.

        Raises:
            StateMovedError: the stored next offset is not the expected one.
            redis.RedisError: the store is away; whether the batch was written then shows in the next call.
        """
        key, ids = self._next_offset_key(partition), list(dict.fromkeys(accounts))
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            for _ in range(WATCH_TRIES):
                try:
                    pipe.watch(key)
                    stored = cast("bytes | None", pipe.get(key))
                    found = int(stored) if stored is not None else None
                    if found != expected:
                        raise StateMovedError(partition, expected, found)
                    changes = decide(self._read(pipe, partition, ids))
                    pipe.multi()
                    self._write(pipe, partition, changes)
                    pipe.execute()
                except redis.WatchError:
                    continue
                return changes
        raise redis.TimeoutError(f"state of health partition {partition}: {WATCH_TRIES} writes in a row were disturbed")

    def report(self, account_id: str, partitions: int) -> HealthReport | None:
        """The latest report of one account, None when there is none.

        Args:
            account_id: the account.
            partitions: how many partitions the health topic has; all are asked, so that no partitioner matters.
        """
        with self._client.pipeline(transaction=False) as pipe:
            for partition in range(partitions):
                pipe.hget(self._reports_key(partition), _field(account_id))
            values = [value for value in pipe.execute() if value is not None]
        return max((decode_report(value) for value in values), key=lambda report: report.as_of, default=None)

    def latest_reports(self, partition: int, accounts: Sequence[str]) -> list[HealthReport]:
        """The latest reports of some accounts of one partition; who has none there is left out."""
        if not accounts:
            return []
        values = self._client.hmget(self._reports_key(partition), [_field(account_id) for account_id in accounts])
        return [decode_report(value) for value in cast("list[bytes | None]", values) if value is not None]

    def _read(self, pipe: Any, partition: int, ids: list[str]) -> dict[str, AccountRecord]:
        if not ids:
            return {}
        values = pipe.hmget(self._accounts_key(partition), [_field(account_id) for account_id in ids])
        return {
            account_id: _decoder.decode(value)
            for account_id, value in zip(ids, values, strict=True)
            if value is not None
        }

    def _write(self, pipe: Any, partition: int, changes: Changes) -> None:
        records = {account_id: _encoder.encode(record) for account_id, record in changes.records.items() if record}
        gone = [account_id for account_id, record in changes.records.items() if record is None]
        _write_hash(pipe, self._accounts_key(partition), records, gone)
        reports = {account_id: report for account_id, report in changes.reports.items() if report is not None}
        gone = [account_id for account_id, report in changes.reports.items() if report is None]
        _write_hash(pipe, self._reports_key(partition), reports, gone)
        for notification in changes.notifications:
            self._outbox.add(pipe, notification)
        pipe.set(self._next_offset_key(partition), changes.next_offset)

    def _next_offset_key(self, partition: int) -> str:
        return f"{self._prefix}next_offset:{partition}"

    def _accounts_key(self, partition: int) -> str:
        return f"{self._prefix}accounts:{partition}"

    def _reports_key(self, partition: int) -> str:
        return f"{self._prefix}reports:{partition}"


def _field(account_id: str) -> bytes:
    """An account's field: a hash, so that what customers choose as ids never becomes a name in the store."""
    return hashlib.sha256(account_id.encode()).digest()[:16]


def _write_hash(pipe: Any, key: str, values: Mapping[str, bytes], gone: Iterable[str]) -> None:
    if values:
        pipe.hset(key, mapping={_field(account_id): value for account_id, value in values.items()})
    if fields := [_field(account_id) for account_id in gone]:
        pipe.hdel(key, *fields)
