"""Ids that are no account's own: their links, their events on the way to the account, and events that wait for a link.

An alias lives in the partition of its own key, as an account would. So whatever comes under it meets its link there, in
any order and under any crash:

- no link yet: the id is an account of its own; or, where it begins with a tool's name and a colon, its events wait
- a link comes: what waited, and what the id had as an account, go to the account, which takes them in
- a link is there: every event goes on by the repartition topic to the account's partition, and is folded there

Everything is written in the transaction that moves the offsets, so that each event counts once. An event whose id is an
account's own takes no step of this.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from stream.contracts.aliases import AliasLink, encode_link, read_link
from stream.contracts.errors import BadEvent
from stream.contracts.partitioner import partition_of
from stream.contracts.quarantine import QUARANTINED
from stream.engine.partition import Output
from stream.engine.processor import Record
from stream.kinds import alias as alias_state
from stream.kinds.account import add_aliases, aliases_of, drop_alias
from stream.kinds.alias import AliasState
from stream.kinds.merging import merge_states
from stream.kinds.state import AccountState, decode_state, encode_state, newest_ms
from stream.topics import Kind, Topics
from stream.worker.account_partition import AccountPartition
from stream.worker.priority_queue import Priority
from stream.worker.repartition import MERGE, UNLINK, RepartitionedRecord, repartition

# Aliases of one partition whose events wait. More are no single tool's: somebody makes ids up.
WAITING_ALIASES_MAX: Final = 5_000
HOPS_MAX: Final = 8


class AliasRouter:
    """What happens under ids that are no account's own.

    Args:
        topics: the names of the topics.
        tools: ids that begin with one of these and a colon are never an account's own.
        counts: gets ("waiting_alias", kind) and ("aliased", kind).
        fold: takes what belongs to another account of the same partition, as if it had come by the repartition topic.
    """

    def __init__(
        self,
        topics: Topics,
        tools: frozenset[str],
        counts: Counter[tuple[str, str]],
        fold: Callable[[AccountPartition, RepartitionedRecord], None],
    ) -> None:
        self._topics = topics
        self._kinds = topics.inputs
        self._tools = tools
        self._counts = counts
        self._fold = fold

    def start(self, partition: AccountPartition, account_id: str) -> AliasState | None:
        """What a new id is: None for an account.

        Raises:
            BadEvent: too many aliases wait already.
        """
        tool, colon, _ = account_id.partition(":")
        if not colon or tool not in self._tools:
            return None
        if len(partition.waiting_aliases) >= WAITING_ALIASES_MAX:
            raise BadEvent(
                "unknown_alias",
                f"account_id = {account_id[:80]!r}: nobody said whose it is, and {WAITING_ALIASES_MAX:,} ids of the "
                "partition wait for that already; see heartline alias waiting",
            )
        return AliasState()

    def known(self, partition: AccountPartition, name: str) -> AliasState | None:
        """What an id is by now; None for an account, and for one whose state can't be read."""
        try:
            state = partition.state(name)
        except Exception:  # it is about to be erased: nothing of it is needed
            return None
        return None if state is None else state.alias

    def take(self, partition: AccountPartition, name: str, alias: AliasState, arrived: RepartitionedRecord) -> None:
        """An event under an alias: on to its account, or to wait.

        Raises:
            BadEvent: it can do neither.
        """
        kind: Kind = self._kinds[arrived.topic]
        if alias.account_id:
            self._counts["aliased", kind] += 1
            self._deliver(partition, arrived, alias.account_id, arrived.hops + 1)
            return
        where = (arrived.topic, arrived.partition, arrived.offset, arrived.timestamp)
        if not alias_state.wait(alias, (*where, arrived.key, arrived.value)):
            raise BadEvent(
                "unknown_alias",
                f"account_id = {name[:80]!r}: nobody said whose it is, and {len(alias.waiting):,} events wait for that "
                "already; name it in `aliases` of an account",
            )
        self._counts["waiting_alias", kind] += 1
        partition.dirty.add(name)
        partition.waiting_aliases.note(name, alias)

    def announce(self, partition: AccountPartition, account_id: str, aliases: Iterable[str], at_ms: int) -> None:
        """Tell the partitions of an account's new aliases whose they are."""
        for alias in aliases:
            if alias != account_id:
                home = partition_of(alias, partition.count)
                partition.outputs.append(
                    Output(self._topics.aliases, alias.encode(), encode_link(account_id, at_ms), home)
                )

    def link(self, partition: AccountPartition, record: Record) -> str | None:
        """Take a link in; returns the alias where it is of another partition, which is to get the record.

        Raises:
            BadEvent: it is no link, or leads in a circle.
            Exception: the state of the alias can't be read.
        """
        name, link = read_link(record.key, record.value)
        if partition_of(name, partition.count) != partition.number:
            return name
        state = partition.state(name)
        if state is not None and state.quarantined:
            raise BadEvent(QUARANTINED, f"{name[:80]!r} is in quarantine; heartline quarantine release links it")
        if link is None:
            self._unlink(partition, name, state, record.timestamp)
        elif link.account_id == name:
            if state is not None and state.alias is not None:
                self._own(partition, name, state)
        else:
            self._link(partition, name, state, link, record.timestamp)
        return None

    def _link(
        self, partition: AccountPartition, name: str, state: AccountState | None, link: AliasLink, kafka_ms: int
    ) -> None:
        """From now on an id is an account's; what it had goes there."""
        at_ms = link.timestamp or 0
        before = None if state is None else state.alias
        if (
            before is not None
            and before.account_id
            and (before.account_id == link.account_id or at_ms < before.linked_ms)
        ):
            return
        if state is not None and link.account_id in aliases_of(state):
            raise BadEvent(
                "out_of_range",
                f"alias {name[:80]!r}: account_id = {link.account_id[:80]!r} is an alias of it already, which would be "
                f"a circle; take that back first: heartline alias unlink {link.account_id[:80]}",
            )
        if before is not None and before.account_id:
            self._deliver(partition, _about(UNLINK, partition, name, kafka_ms), before.account_id, 1)
        had = encode_state(state) if state is not None and state.alias is None else None
        if state is not None and state.published is not None:
            partition.outputs.append(Output(self._topics.health, name.encode(), None))
        partition.forget(name)
        partition.states[name] = AccountState(alias=AliasState(link.account_id, at_ms))
        self._deliver(partition, _about(MERGE, partition, name, kafka_ms, had), link.account_id, 1)
        if before is not None:
            partition.waiting_aliases.leave(name)
            for arrived in alias_state.take_waiting(before):
                self._deliver(partition, RepartitionedRecord(*arrived), link.account_id, 1)

    def _unlink(self, partition: AccountPartition, name: str, state: AccountState | None, kafka_ms: int) -> None:
        """From now on an id is nobody's; what was counted stays where it is."""
        if state is None or state.alias is None or not state.alias.account_id:
            return
        self._deliver(partition, _about(UNLINK, partition, name, kafka_ms), state.alias.account_id, 1)
        partition.forget(name)

    def _own(self, partition: AccountPartition, name: str, state: AccountState) -> None:
        """An id is an account's own after all; what waited under it is folded."""
        alias, state.alias = state.alias, None
        partition.dirty.add(name)
        if alias is not None:
            partition.waiting_aliases.leave(name)
            for arrived in alias_state.take_waiting(alias):
                self._deliver(partition, RepartitionedRecord(*arrived), name, 1)

    def tell(self, partition: AccountPartition, record: RepartitionedRecord) -> None:
        """An account hears of one of its aliases: MERGE or UNLINK.

        Raises:
            BadEvent: aliases lead in a circle, or the account is in quarantine.
            Exception: one of the two states can't be read, or not be merged.
        """
        account_id, alias = record.account_id, (record.key or b"").decode(errors="replace")
        state = partition.state(account_id)
        if state is not None and state.alias is not None and state.alias.account_id:
            self._deliver(partition, record, state.alias.account_id, record.hops + 1)
            return
        if state is not None and state.quarantined:
            raise BadEvent(QUARANTINED, f"account {account_id[:80]!r} is in quarantine, and can't take {alias!r} in")
        if record.topic == UNLINK:
            if state is not None:
                drop_alias(state, alias)
                partition.dirty.add(account_id)
            return
        other = None if record.value is None else decode_state(record.value)
        if state is None:
            state = partition.states[account_id] = AccountState()
        elif state.alias is not None:
            self._own(partition, account_id, state)
        if other is not None:
            merge_states(state, other)
        add_aliases(state, [alias], 0)
        partition.dirty.add(account_id)
        if newest_ms(state) is not None or other is not None:
            state.needs_evaluation = True
            partition.pending.append((account_id, record.timestamp), Priority.HIGH)

    def _deliver(self, partition: AccountPartition, record: RepartitionedRecord, account_id: str, hops: int) -> None:
        """Send something to an account, or fold it here where the account is of this partition.

        Raises:
            BadEvent: aliases lead in a circle.
        """
        if hops > HOPS_MAX:
            raise BadEvent(
                "misrouted",
                f"account {account_id[:80]!r}: more than {HOPS_MAX} aliases lead to it, so they lead in a circle; take "
                "one of them back with heartline alias unlink",
            )
        record.account_id, record.hops = account_id, hops
        home = partition_of(account_id, partition.count)
        if home == partition.number:
            self._fold(partition, record)
        else:
            partition.outputs.append(repartition(self._topics.repartition, record, account_id, home))


def _about(
    what: str, partition: AccountPartition, name: str, kafka_ms: int, value: bytes | None = None
) -> RepartitionedRecord:
    """What an account is told of one of its aliases."""
    return RepartitionedRecord(what, partition.number, 0, kafka_ms, name.encode(), value)
