"""What a release leaves behind in Redis and in the log of alerts: accounts, messages that wait, a digest's items.

Written by the product's own classes into a real server, then kept key by key, so that a later release meets exactly
what an earlier one left.
"""

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import redis

from alerts.alert_events import decode_alert_event
from alerts.commands import AddSilence
from alerts.context import AlertContext
from alerts.daily_digest import DigestItem
from alerts.routing import everything_to
from alerts.silences import Silence
from consumers.alerting.audit_log import AuditLog
from consumers.alerting.batch import Batch, DecodedRecord, evaluate_batch
from consumers.alerting.digest_queue import DigestQueue
from consumers.alerting.outbox import Outbox
from consumers.alerting.outbox_queue import Queue
from consumers.alerting.rebuild_state import rebuild
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import Changes, LoadedState, StateStore
from stream.contracts.report import encode_report
from tests.paged import PAGED
from tests.reports import MONDAY, make_report

RECIPIENTS: Final = Recipients(everything_to("slack"), {"slack": lambda kind: True}, PAGED.playbooks)
PARTITION: Final = 3
_NOW_MS: Final = int(MONDAY.timestamp() * 1000)


@dataclass(frozen=True)
class AlertingMemory:
    """The parts of alerting that read and write Redis, under one prefix."""

    client: redis.Redis
    prefix: str

    @property
    def digests(self) -> DigestQueue:
        """What the daily digests are to tell."""
        return DigestQueue(self.client, self.prefix, lambda owner, at: at + timedelta(hours=8))

    @property
    def store(self) -> StateStore:
        """What is remembered of accounts."""
        audit = AuditLog(self.client, self.prefix)
        return StateStore(self.client, self.prefix, Outbox(self.client, self.prefix), audit, self.digests)


def write_redis(memory: AlertingMemory) -> None:
    """Three accounts: one recovered, one is flagged, one is flagged and its message is dead; a silence, a digest."""
    offset: int | None = None
    reports = [("acme", 40.0, 0), ("beta", 20.0, 0), ("coda", 45.0, 0), ("acme", 80.0, 1)]
    for next_offset, (account_id, score, day) in enumerate(reports, 1):
        report = make_report(account_id, score, as_of=MONDAY + timedelta(days=day))
        item = DecodedRecord(account_id, report, encode_report(report), _NOW_MS)
        _apply(memory, offset, item, next_offset)
        offset = next_offset
    silence = Silence(
        silence_id="s1", by="ann", why="migration", starts_at=MONDAY, ends_at=MONDAY + timedelta(days=9), rule="silence"
    )

    def add_silence(known: LoadedState) -> Changes:
        context = AlertContext(PAGED.lifecycle)
        batch = Batch(known, PAGED, context, RECIPIENTS, partition=PARTITION, next_offset=offset or 0, now_ms=_NOW_MS)
        batch.silence(AddSilence(command_id="s", by="ann", at=MONDAY, silence=silence), {}, MONDAY)
        batch.commands_until(7)
        item = DigestItem(
            owner="Dana Fields", account_id="beta", rule="seats_low", change="firing", at=MONDAY, partition=PARTITION
        )
        batch.result.changes.digest.append(item)
        return batch.result.changes

    memory.store.apply(PARTITION, offset, [], add_silence)
    queue = Queue(memory.client, memory.prefix, "slack", note=AuditLog(memory.client, memory.prefix).note_delivered)
    for entry in queue.due(_NOW_MS + 90_000_000):
        if entry.notification.account_id == "coda":
            queue.dead_letter(entry, "invalid_blocks", _NOW_MS)
    first = queue.claim(_NOW_MS + 90_000_000)
    if first is not None:
        queue.delivered(first, b"thread 17", keep_open=True, sent=("one", _NOW_MS))


def _apply(memory: AlertingMemory, offset: int | None, item: DecodedRecord, next_offset: int) -> None:
    def decide(known: LoadedState) -> Changes:
        result = evaluate_batch(
            [item],
            known,
            PAGED,
            next_offset=next_offset,
            now_ms=_NOW_MS + next_offset,
            event_clock=True,
            recipients=RECIPIENTS,
            partition=PARTITION,
        )
        return result.changes

    memory.store.apply(PARTITION, offset, [item.account_id], decide)


def facts(memory: AlertingMemory) -> dict[str, Any]:
    """What any release must still know of it."""
    next_offset, commands_offset, records = memory.store.load(PARTITION)
    accounts = [record.account_id for record in records]
    outbox = Outbox(memory.client, memory.prefix)
    steps = [decode_alert_event(step) for _, _, step in AuditLog(memory.client, memory.prefix).waiting(PARTITION)]
    rebuilt = rebuild(steps)
    return {
        "next_offset": next_offset,
        "commands_offset": commands_offset,
        "open": {r.account_id: r.alert.alert_id if r.alert and r.alert.is_open else None for r in records},
        "severities": {r.account_id: r.alert.severity for r in records if r.alert},
        "reports": {report.account_id: report.score for report in memory.store.latest_reports(PARTITION, accounts)},
        "silences": [silence.silence_id for silence in memory.store.silences()],
        "waiting": [entry.id for entry in outbox.waiting("slack")],
        "dead": {letter.entry.id: letter.reason for letter in outbox.dead("slack")},
        "still_open": [each.id for each in Queue(memory.client, memory.prefix, "slack").still_open()],
        "digest": [item.account_id for item in memory.digests.items(memory.client, "Dana Fields")],
        "steps": [[step.kind, step.account_id] for step in steps],
        "rebuilt": {r.account_id: r.alert.alert_id for r in rebuilt.records if r.alert},
    }


def dump(memory: AlertingMemory, path: Path) -> None:
    """Every key under the prefix with all that it holds, and the facts."""
    client: Any = memory.client
    keys = {
        key.decode().removeprefix(memory.prefix): _kept(client, key)
        for key in sorted(client.scan_iter(f"{memory.prefix}*"))
    }
    path.write_text(json.dumps({"facts": facts(memory), "keys": keys}, indent=1, ensure_ascii=False) + "\n")


def _kept(client: Any, key: bytes) -> tuple[str, Any]:
    """The type of a key, and what it holds."""
    kind = client.type(key).decode()
    if kind == "string":
        return kind, _text(client.get(key))
    if kind == "hash":
        return kind, sorted([_text(name), _text(value)] for name, value in client.hgetall(key).items())
    if kind == "set":
        return kind, sorted(map(_text, client.smembers(key)))
    if kind == "zset":
        return kind, [[_text(name), at] for name, at in client.zrange(key, 0, -1, withscores=True)]
    if kind == "list":
        return kind, [_text(value) for value in client.lrange(key, 0, -1)]
    return kind, [
        [entry_id.decode(), {name.decode(): _text(value) for name, value in fields.items()}]
        for entry_id, fields in client.xrange(key)
    ]


def load(memory: AlertingMemory, path: Path) -> dict[str, Any]:
    """Put a release's keys under the prefix; returns the facts as they were when they were written."""
    kept = json.loads(path.read_text())
    client: Any = memory.client
    for name, (kind, content) in kept["keys"].items():
        key = memory.prefix + name
        if kind == "string":
            client.set(key, _bytes(content))
        elif kind == "hash":
            client.hset(key, mapping={_bytes(k): _bytes(v) for k, v in content})
        elif kind == "set":
            client.sadd(key, *map(_bytes, content))
        elif kind == "zset":
            client.zadd(key, {_bytes(k): at for k, at in content})
        elif kind == "list":
            client.rpush(key, *map(_bytes, content))
        else:
            for entry_id, fields in content:
                client.xadd(key, {k: _bytes(v) for k, v in fields.items()}, id=entry_id)
    found: dict[str, Any] = kept["facts"]
    return found


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(value: str) -> bytes:
    return base64.b64decode(value)
