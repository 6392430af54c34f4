"""Redis, the memory of alerting: what is remembered of each account, and the offset that it was remembered at.

Keys, all under the prefix, one of each per partition of the health topic, so that two processes never share one:

    <prefix>next_offset:<partition>      the first offset of account-health that is not in the state yet; the fence
    <prefix>commands_offset:<partition>  the same for alert-commands
    <prefix>topic_id:<partition>         the id of the account-health that next_offset counts in
    <prefix>accounts:<partition>         hash: account (hashed) to AccountRecord, JSON
    <prefix>reports:<partition>          hash: account (hashed) to its latest report, as on the topic
    <prefix>erased:<partition>           hash: erased account (hashed) to its tombstone's time, after Redis was lost
    <prefix>due:<partition>              sorted set: account (hashed) to when time alone makes it worth evaluating again

and for all together

    <prefix>silences                     hash: silence id to Silence, JSON
    <prefix>partition_health             hash: partition to PartitionHealth, JSON; see `pipeline_health`

A batch is one MULTI: records, reports, due times, audit steps, outbox entries and the offset are all written, or none.
The fence is watched and written by every batch, so that a batch can neither be applied twice nor on top of another
process's, and a loss of Redis shows.
"""

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import msgspec
import redis

from alerts.alert_events import AlertEvent
from alerts.daily_digest import DigestItem
from alerts.model import AccountRecord
from alerts.pipeline_incident import PartitionHealth
from alerts.silences import Silence
from consumers.alerting.audit_log import AuditLog, ErasedAt
from consumers.alerting.digest_queue import DigestQueue
from consumers.alerting.outbox import Outbox, OutboxEntry
from consumers.alerting.rebuild_state import Rebuilt
from consumers.alerting.unreadable import SetAside
from consumers.errors import StateMovedError
from stream.config.logs import get_logger
from stream.contracts.errors import BadEvent
from stream.contracts.report import HealthReport, decode_report

WATCH_TRIES = 5
FIELDS_PER_COMMAND = 100  # a command of megabytes takes ten times the processor time to put together
SCAN_COUNT = 1000
ERASED_SECONDS = 30 * 86_400  # longer than the health topic keeps what was overwritten
FIELDS_KEPT = 4096  # more than the accounts of a batch, which needs each field four times

log = get_logger(__name__)

_decoder = msgspec.json.Decoder(AccountRecord)
_silence_decoder = msgspec.json.Decoder(Silence)
_encoder = msgspec.json.Encoder()


@dataclass
class Changes:
    """What one batch does to the state.

    Args:
        next_offset: the offset after the batch.
        records: account to its new record; None to forget it.
        reports: account to its latest report, encoded; None to forget it.
        entries: messages to deliver.
        due: account to when it is worth evaluating again, epoch milliseconds; None: never.
        steps: for the audit log: (the account or the silence, step), in order; an account's erasure among them.
        silences: by id.
        commands_offset: the offset of alert-commands after the batch; None: unchanged.
        digest: what the next daily digests of their owners are to tell.
        partition_health: what the partition shows of the pipeline after the batch; None: unchanged.
    """

    next_offset: int
    records: dict[str, AccountRecord | None] = field(default_factory=dict)
    reports: dict[str, bytes | None] = field(default_factory=dict)
    entries: list[OutboxEntry] = field(default_factory=list)
    due: dict[str, int | None] = field(default_factory=dict)
    steps: list[tuple[str, AlertEvent | ErasedAt]] = field(default_factory=list)
    silences: dict[str, Silence] = field(default_factory=dict)
    commands_offset: int | None = None
    partition_health: PartitionHealth | None = None
    digest: list[DigestItem] = field(default_factory=list)

    @property
    def changes(self) -> "Changes":
        """Itself: a decision may be nothing but changes."""
        return self


@dataclass(frozen=True)
class LoadedState:
    """What is remembered of some accounts.

    Args:
        records: by account; who is not here is not known.
        reports: their latest reports, where they were asked for.
    """

    records: Mapping[str, AccountRecord]
    reports: Mapping[str, HealthReport] = field(default_factory=dict)


class HasChanges(Protocol):
    """What a decision comes to."""

    @property
    def changes(self) -> Changes:
        """What is written."""


R = TypeVar("R", bound=HasChanges)


class StateStore:
    """The state of all partitions, one batch at a time.

    Args:
        client: from `consumers.redis_client.connect`.
        prefix: put before every key.
        outbox: where the notifications of a batch go, in the same transaction.
        audit: where its events go, the same way.
        digests: where what the daily digests are to tell goes, the same way; None: there are none.
    """

    def __init__(
        self, client: redis.Redis, prefix: str, outbox: Outbox, audit: AuditLog, digests: DigestQueue | None = None
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._outbox = outbox
        self._audit = audit
        self._digests = digests
        self._set_aside = SetAside(client, prefix)

    def load(self, partition: int) -> tuple[int | None, int | None, list[AccountRecord]]:
        """The next offsets of a partition's reports and commands (None: nothing stored), and every account in it."""
        stored = self._client.get(self._key("next_offset", partition))
        if stored is None:
            return None, None, []
        commands = self._client.get(self._key("commands_offset", partition))
        key = self._key("accounts", partition)
        pairs = cast("Iterable[tuple[bytes, bytes]]", self._client.hscan_iter(key, count=SCAN_COUNT))
        records = [record for _, record in self._set_aside.readable(key, pairs, _decoder.decode)]
        return int(cast(bytes, stored)), int(cast(bytes, commands)) if commands is not None else None, records

    def topic_id(self, partition: int) -> str | None:
        """The id of the health topic that the stored offset counts in; None: not known."""
        stored = cast("bytes | None", self._client.get(self._key("topic_id", partition)))
        return stored.decode() if stored is not None else None

    def bind_topic(self, partition: int, topic_id: str, expected: int, next_offset: int) -> None:
        """Keep the id of the health topic, and the offset to go on from in it, together.

        Args:
            partition: of the health topic.
            topic_id: its id now.
            expected: the next offset as this process last read it.
            next_offset: from now on.

        Raises:
            StateMovedError: another process wrote meanwhile.
        """
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            pipe.watch(self._key("next_offset", partition))
            self._compare(pipe, "next_offset", partition, expected)
            pipe.multi()
            pipe.set(self._key("topic_id", partition), topic_id)
            pipe.set(self._key("next_offset", partition), next_offset)
            try:
                pipe.execute()
            except redis.WatchError:
                raise StateMovedError(partition, expected, None) from None

    def check(self, expected: Mapping[int, int | None]) -> None:
        """Look whether some partitions' states are where this process left them.

        Raises:
            StateMovedError: one is not.
        """
        partitions = list(expected)
        if not partitions:
            return
        values = cast("list[bytes | None]", self._client.mget([self._key("next_offset", n) for n in partitions]))
        for partition, value in zip(partitions, values, strict=True):
            found = int(value) if value is not None else None
            if found != expected[partition]:
                raise StateMovedError(partition, expected[partition], found)

    def due(self, partition: int, now_ms: int, count: int) -> list[str]:
        """Accounts that time alone makes worth evaluating again by now, the longest due first."""
        found = self._client.zrange(
            self._key("due", partition), "-inf", cast(Any, now_ms), byscore=True, offset=0, num=count
        )
        names = cast("list[bytes]", found)
        if not names:
            return []
        values = cast("list[bytes | None]", self._client.hmget(self._key("accounts", partition), names))
        gone = [name for name, value in zip(names, values, strict=True) if value is None]
        if gone:
            self._client.zrem(self._key("due", partition), *gone)
        pairs = [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
        readable = dict(self._set_aside.readable(self._key("accounts", partition), pairs, _decoder.decode))
        if broken := [name for name, _ in pairs if name not in readable]:
            self._client.zrem(self._key("due", partition), *broken)
        return [record.account_id for record in readable.values()]

    def expedite(self, partition: int, at_ms: int) -> None:
        """Make everybody due who waits for a time: what they wait for may have changed."""
        key = self._key("due", partition)
        waiting = cast("list[bytes]", self._client.zrange(key, 0, -1))
        if waiting:
            self._client.zadd(key, dict.fromkeys(waiting, at_ms), xx=True, lt=True)

    def silences(self) -> tuple[Silence, ...]:
        """All silences that are known."""
        key = f"{self._prefix}silences"
        stored = cast("dict[bytes, bytes]", self._client.hgetall(key))
        found = dict(self._set_aside.readable(key, stored.items(), _silence_decoder.decode))
        if broken := stored.keys() - found.keys():
            self._client.hdel(key, *broken)
        return tuple(found.values())

    def restore(self, partition: int, rebuilt: Rebuilt) -> None:
        """Write what the audit log tells of a partition that was lost; its reports are read from their beginning."""
        changes = Changes(0, dict[str, AccountRecord | None]({record.account_id: record for record in rebuilt.records}))
        changes.silences = rebuilt.silences
        changes.commands_offset = rebuilt.commands_offset
        if rebuilt.erased:
            key: Any = self._key("erased", partition)
            self._client.hset(key, mapping=cast(Any, rebuilt.erased))
            self._client.expire(key, ERASED_SECONDS)
        self.apply(partition, None, (), lambda known: changes)

    def erased(self, partition: int) -> dict[str, int]:
        """By hash of an account's id, up to which Kafka timestamp its reports are of what was erased; after a loss."""
        stored = cast("dict[bytes, bytes]", self._client.hgetall(self._key("erased", partition)))
        return {name.decode(): int(ms) for name, ms in stored.items()}

    def apply(
        self,
        partition: int,
        expected: int | None,
        accounts: Iterable[str],
        decide: Callable[[LoadedState], R],
        *,
        with_reports: bool = False,
        commands: tuple[int | None] | None = None,
    ) -> R:
        """Read what is remembered of some accounts, decide, and write what comes of it.

        Args:
            partition: of the health topic.
            expected: the next offset as this process last read or wrote it; None when nothing was stored.
            accounts: ids that `decide` may need.
            decide: pure; may be called again when another process wrote meanwhile. Its result's changes are written.
            with_reports: read their latest reports, too.
            commands: the next offset of the commands that is expected; None: not asked, the batch is not of commands.

        Raises:
            StateMovedError: the stored next offset is not the expected one.
            redis.RedisError: the store is away; whether the batch was written then shows in the next call.
        """
        ids = list(dict.fromkeys(accounts))
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            for _ in range(WATCH_TRIES):
                try:
                    pipe.watch(self._key("next_offset", partition))
                    self._compare(pipe, "next_offset", partition, expected)
                    if commands is not None:
                        self._compare(pipe, "commands_offset", partition, commands[0])
                    result = decide(self._read(pipe, partition, ids, with_reports))
                    pipe.multi()
                    self._write(pipe, partition, result.changes)
                    pipe.execute()
                except redis.WatchError:
                    continue
                return result
        raise redis.TimeoutError(f"state of health partition {partition}: {WATCH_TRIES} writes in a row were disturbed")

    def _compare(self, pipe: Any, name: str, partition: int, expected: int | None) -> None:
        stored = cast("bytes | None", pipe.get(self._key(name, partition)))
        found = int(stored) if stored is not None else None
        if found != expected:
            raise StateMovedError(partition, expected, found)

    def read(self, partition: int, accounts: Iterable[str]) -> LoadedState:
        """What is remembered of some accounts of a partition, with their latest reports."""
        return self._read(self._client, partition, list(dict.fromkeys(accounts)), with_reports=True)

    def report(self, account_id: str, partitions: int) -> HealthReport | None:
        """The latest report of one account, None when there is none.

        Args:
            account_id: the account.
            partitions: how many partitions the health topic has; all are asked, so that no partitioner matters.
        """
        with self._client.pipeline(transaction=False) as pipe:
            for partition in range(partitions):
                pipe.hget(self._key("reports", partition), _field(account_id))
            values = pipe.execute()
        return max(_readable(values), key=lambda report: report.as_of, default=None)

    def latest_reports(self, partition: int, accounts: Sequence[str]) -> list[HealthReport]:
        """The latest reports of some accounts of one partition; who has none there is left out."""
        if not accounts:
            return []
        values = self._client.hmget(self._key("reports", partition), [_field(account_id) for account_id in accounts])
        return list(_readable(cast("list[bytes | None]", values)))

    def _read(self, pipe: Any, partition: int, ids: list[str], with_reports: bool) -> LoadedState:
        if not ids:
            return LoadedState({})
        fields = [_field(account_id) for account_id in ids]
        key = self._key("accounts", partition)
        values = pipe.hmget(key, fields)
        pairs = [(name.encode(), value) for name, value in zip(ids, values, strict=True) if value is not None]
        records = {name.decode(): each for name, each in self._set_aside.readable(key, pairs, _decoder.decode)}
        if not with_reports:
            return LoadedState(records)
        values = pipe.hmget(self._key("reports", partition), fields)
        return LoadedState(records, {report.account_id: report for report in _readable(values)})

    def _write(self, pipe: Any, partition: int, changes: Changes) -> None:
        records = {account_id: _encoder.encode(record) for account_id, record in changes.records.items() if record}
        gone = [account_id for account_id, record in changes.records.items() if record is None]
        _write_hash(pipe, self._key("accounts", partition), records, gone)
        reports = {account_id: report for account_id, report in changes.reports.items() if report is not None}
        gone = [account_id for account_id, report in changes.reports.items() if report is None]
        _write_hash(pipe, self._key("reports", partition), reports, gone)
        self._write_due(pipe, partition, changes)
        for entry in changes.entries:
            self._outbox.add(pipe, entry)
        if self._digests is not None:
            self._digests.add(pipe, changes.digest)
        for owner, step in changes.steps:
            if isinstance(step, ErasedAt):
                self._audit.erase(pipe, partition, owner, step)
            else:
                self._audit.add(pipe, partition, owner, step)
        for silence in changes.silences.values():
            pipe.hset(f"{self._prefix}silences", silence.silence_id, _encoder.encode(silence))
        if changes.partition_health is not None:
            pipe.hset(f"{self._prefix}partition_health", str(partition), _encoder.encode(changes.partition_health))
        if changes.commands_offset is not None:
            pipe.set(self._key("commands_offset", partition), changes.commands_offset)
        pipe.set(self._key("next_offset", partition), changes.next_offset)

    def _write_due(self, pipe: Any, partition: int, changes: Changes) -> None:
        key = self._key("due", partition)
        coming = {_field(account_id): at_ms for account_id, at_ms in changes.due.items() if at_ms is not None}
        if coming:
            pipe.zadd(key, coming)
        if never := [_field(account_id) for account_id, at_ms in changes.due.items() if at_ms is None]:
            pipe.zrem(key, *never)

    def _key(self, name: str, partition: int) -> str:
        return f"{self._prefix}{name}:{partition}"


@functools.lru_cache(maxsize=FIELDS_KEPT)
def _field(account_id: str) -> bytes:
    """An account's field: a hash, so that what customers choose as ids never becomes a name in the store."""
    return hashlib.sha256(account_id.encode()).digest()[:16]


def _readable(values: Iterable[bytes | None]) -> Iterator[HealthReport]:
    """The reports that are stored; one whose words can't be read was evaluated by its view, and is passed over."""
    for value in values:
        if value is not None:
            try:
                yield decode_report(value)
            except BadEvent as error:
                log.error("stored report passed over", error=str(error))


def _write_hash(pipe: Any, key: str, values: Mapping[str, bytes], gone: Iterable[str]) -> None:
    coming = [(_field(account_id), value) for account_id, value in values.items()]
    for first in range(0, len(coming), FIELDS_PER_COMMAND):
        pipe.hset(key, mapping=dict(coming[first : first + FIELDS_PER_COMMAND]))
    if fields := [_field(account_id) for account_id in gone]:
        pipe.hdel(key, *fields)
