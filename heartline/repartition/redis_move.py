"""What alerting remembers, into the keys of the new partitions; nothing of the old keys is changed.

Everything is written by key, so a run that was cut off is repeated. The offset of each new partition is written last:
where it stands, the move is done.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from alerts.alert_events import owner_of_key
from alerts.daily_digest import DigestItem
from alerts.model import AccountRecord
from consumers.alerting.outbox import Keys, Outbox
from consumers.alerting.outbox import decode as decode_entry
from consumers.alerting.outbox import encode as encode_entry
from stream.contracts.partitioner import partition_of

_record: Final = msgspec.json.Decoder(AccountRecord)
_item: Final = msgspec.json.Decoder(DigestItem)


def processed(client: Any, prefix: str, partitions: int) -> tuple[dict[int, int], dict[int, int]]:
    """Up to where alerting has processed reports and commands, by partition; a partition that it has not is missing."""
    found = []
    for name in ("next_offset", "commands_offset"):
        values = client.mget([f"{prefix}{name}:{number}" for number in range(partitions)])
        found.append({number: int(value) for number, value in enumerate(values) if value is not None})
    return found[0], found[1]


def move(
    client: Any,
    old_prefix: str,
    new_prefix: str,
    counts: tuple[int, int],
    reports: Mapping[int, int],
    commands: Mapping[int, int],
) -> int:
    """Move everything; returns how many accounts.

    Args:
        client: of Redis.
        old_prefix, new_prefix: of the keys.
        counts: how many partitions there were, and are.
        reports, commands: by new partition, where alerting goes on in account-health and alert-commands.

    Raises:
        RedisError: Redis is away; run it again.
    """
    old_count, new_count = counts
    if client.get(f"{new_prefix}next_offset:{new_count - 1}") is not None:
        return 0
    accounts = 0
    for number in range(old_count):
        accounts += _move_accounts(client, old_prefix, new_prefix, number, new_count)
    _move_steps(client, old_prefix, new_prefix, old_count, new_count)
    _move_outbox(client, old_prefix, new_prefix, new_count)
    _move_digests(client, old_prefix, new_prefix, new_count)
    silences = client.hgetall(f"{old_prefix}silences")
    if silences:
        client.hset(f"{new_prefix}silences", mapping=silences)
    for number in range(new_count):
        client.set(f"{new_prefix}commands_offset:{number}", commands.get(number, 0))
        client.set(f"{new_prefix}next_offset:{number}", reports.get(number, 0))
    return accounts


def _move_accounts(client: Any, old: str, new: str, number: int, count: int) -> int:
    """The records of one old partition, each with its report and the moment at which it is due."""
    moved = 0
    due = dict(client.zrange(f"{old}due:{number}", 0, -1, withscores=True))
    for name, value in client.hscan_iter(f"{old}accounts:{number}", count=1000):
        at = partition_of(_record.decode(value).account_id, count)
        client.hset(f"{new}accounts:{at}", name, value)
        report = client.hget(f"{old}reports:{number}", name)
        if report is not None:
            client.hset(f"{new}reports:{at}", name, report)
        if name in due:
            client.zadd(f"{new}due:{at}", {name: due[name]})
        moved += 1
    return moved


def _move_steps(client: Any, old: str, new: str, old_count: int, count: int) -> None:
    """Steps on their way to the log, in their order."""
    waiting: dict[int, list[dict[bytes, bytes]]] = defaultdict(list)
    for number in range(old_count):
        for _, fields in client.xrange(f"{old}audit:{number}"):
            waiting[partition_of(owner_of_key(fields[b"key"]), count)].append(fields)
    for number in range(count):
        with client.pipeline(transaction=True) as pipe:
            pipe.delete(f"{new}audit:{number}")
            for fields in waiting[number]:
                pipe.xadd(f"{new}audit:{number}", fields)
            pipe.execute()


def _move_outbox(client: Any, old: str, new: str, count: int) -> None:
    for receiver in Outbox(client, old).receivers():
        client.sadd(f"{new}outbox:receivers", receiver)
        before, after = Keys(old, receiver), Keys(new, receiver)
        for name in client.zrange(before.created, 0, -1):
            value = client.get(before.entry(name.decode()))
            if value is not None:
                entry = decode_entry(value)
                account_id = entry.notification.account_id
                if entry.partition is not None and account_id is not None:
                    entry = replace(entry, partition=partition_of(account_id, count), owner=None)
                client.set(after.entry(entry.id), encode_entry(entry))
        for one, other in ((before.due, after.due), (before.created, after.created), (before.sent, after.sent)):
            if scores := dict(client.zrange(one, 0, -1, withscores=True)):
                client.zadd(other, scores)
        for one, other in ((before.dead, after.dead), (before.open, after.open)):
            if fields := client.hgetall(one):
                client.hset(other, mapping=fields)
        for key in list(client.scan_iter(before.memory("*"))):
            client.set(new + key.decode().removeprefix(old), client.get(key), px=max(client.pttl(key), 1))


def _move_digests(client: Any, old: str, new: str, count: int) -> None:
    if due := dict(client.zrange(f"{old}digest:due", 0, -1, withscores=True)):
        client.zadd(f"{new}digest:due", due)
    for key in list(client.scan_iter(f"{old}digest:items:*")):
        target = new + key.decode().removeprefix(old)
        with client.pipeline(transaction=True) as pipe:
            pipe.delete(target)
            for value in client.lrange(key, 0, -1):
                item = _item.decode(value)
                moved = replace(item, partition=partition_of(item.account_id, count))
                pipe.rpush(target, msgspec.json.encode(moved))
            pipe.execute()
