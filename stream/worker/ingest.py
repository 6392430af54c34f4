"""Records of the input topics into the accounts of one partition: decode, refuse, route to the owner, fold.

A chunk is folded account by account: its events are decoded together and grouped by account, and what a chunk holds of
one account is one account batch for its fold. The events of an account stay in order; accounts are independent.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

from stream.calendar.clock import Clock
from stream.contracts.dead_letters import KEY_BYTES_MAX, dead_letter
from stream.contracts.errors import BadEvent, PassedOver
from stream.contracts.events import InputEvent
from stream.contracts.partitioner import partition_of
from stream.contracts.quarantine import QUARANTINED
from stream.engine.partition import Output
from stream.engine.processor import Record
from stream.kinds.account import aliases_of
from stream.kinds.alias import AliasState
from stream.kinds.decode import Decoder
from stream.kinds.envelopes import with_attributes
from stream.kinds.erasure import erase_users, erased_account, is_erased, is_nothing
from stream.kinds.folding import counted_folds
from stream.kinds.kind import NO_CHANGE
from stream.kinds.state import AccountState
from stream.scoring.publish_policy import of_later_day
from stream.topics import Kind, Topics
from stream.worker.account_partition import UNKNOWN_MS, AccountPartition
from stream.worker.aliases import AliasRouter
from stream.worker.day_closing import reopen_days
from stream.worker.priority_queue import Priority
from stream.worker.repartition import (
    FORGET,
    MERGE,
    RELEASE,
    UNLINK,
    RepartitionedRecord,
    decode_repartitioned,
    repartition,
)

_NO_ALIASES: Final[list[str]] = []


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """Records as they arrived in one partition of an input topic.

    Attributes:
        topic, partition: where.
        records: in order.
        repartitioned: whether another worker has sent them on: then they can't belong elsewhere again.
        account_id: whose they are, where they came under an alias; empty: whose they say.
        hops: how many aliases led here.
    """

    topic: str
    partition: int
    records: Sequence[Record]
    repartitioned: bool = False
    account_id: str = ""
    hops: int = 0


class Ingest:
    """Folds chunks. Bad input becomes a dead letter among the partition's outputs; nothing raises.

    A record of the account feed without a value erases the account that its key names, in its turn among the others.

    Args:
        topics: the names of the topics.
        decoders: by topic.
        counts: gets ("dead_letter", reason), ("erased", kind), ("late", kind), ("overflow", kind),
            ("repartitioned", kind), ("repeated", kind), ("unknown_account", kind), and what `AliasRouter` counts.
        wall: by which events from the future are refused, whatever clock accounts are evaluated by.
        tools: whose ids are never an account's own; see `AliasRouter`.

    Attributes:
        newest_ms: by kind, the newest event time of all partitions, epoch milliseconds.
    """

    def __init__(
        self,
        topics: Topics,
        decoders: Mapping[str, Decoder],
        counts: Counter[tuple[str, str]],
        wall: Clock,
        tools: frozenset[str] = frozenset(),
    ) -> None:
        self._kinds = topics.inputs
        self._aliases_topic = topics.aliases
        self._repartition_topic = topics.repartition
        self._dead_letter_topic = topics.dead_letters
        self._health_topic = topics.health
        self._decoders = decoders
        self._counts = counts
        self._fold = counted_folds(counts)
        self._wall = wall
        self._aliases = AliasRouter(topics, tools, counts, self._fold_one)
        self.newest_ms: dict[Kind, int] = {}

    def fold(self, partition: AccountPartition, topic: str, records: Sequence[Record]) -> None:
        """Fold one chunk; what is refused goes to the dead letters, what belongs elsewhere on its way."""
        if topic == self._repartition_topic:
            self._fold_repartitioned(partition, records)
        elif topic == self._aliases_topic:
            for record in records:
                self._link(partition, SourceBatch(topic, partition.number, records), record)
        else:
            self._fold_batch(partition, SourceBatch(topic, partition.number, records))

    def _fold_repartitioned(self, partition: AccountPartition, records: Sequence[Record]) -> None:
        """Fold records that another partition has sent here, each as what it was where it arrived."""
        for record in records:
            try:
                original = decode_repartitioned(record.value)
                if original.topic in (RELEASE, FORGET):
                    self._release(partition, record, original)
                    continue
                if original.topic not in (*self._kinds, self._aliases_topic, MERGE, UNLINK):
                    raise BadEvent("wrong_type", f"repartitioned from {original.topic[:80]!r}, which is no input topic")
            except BadEvent as error:
                self._refuse(partition, SourceBatch(self._repartition_topic, partition.number, records), record, error)
            else:
                self._fold_one(partition, original)

    def _fold_one(self, partition: AccountPartition, original: RepartitionedRecord) -> None:
        """Fold a record that was sent to this partition, or that an alias of it led to one of its accounts."""
        source = (original.topic, original.partition, [original])
        batch = SourceBatch(*source, repartitioned=True, account_id=original.account_id, hops=original.hops)
        if original.topic == self._aliases_topic:
            self._link(partition, batch, original)
        elif original.topic in (MERGE, UNLINK):
            self._tell(partition, batch, original)
        else:
            self._fold_batch(partition, batch)

    def _link(self, partition: AccountPartition, batch: SourceBatch, record: Record) -> None:
        """Take in whose id an alias is."""
        try:
            elsewhere = self._aliases.link(partition, record)
        except BadEvent as error:
            self._refuse(partition, batch, record, error, (record.key or b"").decode(errors="replace"))
        except Exception as error:
            self._hold_record(partition, batch, record, (record.key or b"").decode(errors="replace"), error)
        else:
            if elsewhere is not None:
                home = partition_of(elsewhere, partition.count)
                self._route_to_owner(partition, batch, record, elsewhere, home)

    def _tell(self, partition: AccountPartition, batch: SourceBatch, told: RepartitionedRecord) -> None:
        """An account hears of one of its aliases."""
        try:
            self._aliases.tell(partition, told)
        except BadEvent as error:
            self._refuse(partition, batch, told, error, told.account_id)
        except Exception as error:
            self._hold_record(partition, batch, told, told.account_id, error)

    def _hold_record(
        self, partition: AccountPartition, batch: SourceBatch, record: Record, account_id: str, error: Exception
    ) -> None:
        """What a record asks of an account raised: hold it, leave the account alone."""
        one = SourceBatch(batch.topic, batch.partition, [record])
        self._quarantine(partition, one, account_id, [0], error)

    def _fold_batch(self, partition: AccountPartition, batch: SourceBatch) -> None:
        """Fold what arrived in one input topic, and erase what it says is to be erased."""
        if self._kinds[batch.topic] != "account" or not any(map(_is_tombstone, batch.records)):
            self._fold_events(partition, batch)
            return
        for is_tombstone, records in groupby(batch.records, _is_tombstone):
            part = replace(batch, records=list(records))
            if is_tombstone:
                for record in part.records:
                    self._erase(partition, part, record)
            else:
                self._fold_events(partition, part)

    def _fold_events(self, partition: AccountPartition, batch: SourceBatch) -> None:
        """Fold events of one kind."""
        decoder = self._decoders[batch.topic]
        if decoder.reads_headers:
            batch = replace(batch, records=[_with_attributes(batch, record) for record in batch.records])
        kind, records = self._kinds[batch.topic], batch.records
        events = decoder.decode_all([record.value for record in records], self._wall.now_ms(None) or 0)
        if batch.account_id:
            for event in events:
                if not isinstance(event, BadEvent):
                    event.account_id = batch.account_id
        fold, states, mark_dirty = self._fold[kind], partition.states, partition.dirty.add
        is_account_feed = kind == "account"
        note_moved = partition.moved.add
        is_rare = kind != "usage"  # what people enter one by one; so is an account's first report
        away: set[str] = set()
        account_batches, newest_ms, late = self._account_batches(partition, batch, events)
        partition.expect(account_batches)
        for account_id, indexes in account_batches.items():
            try:
                state = states.get(account_id)
                if state is None:
                    state = partition.load(account_id) or self._start(partition, batch, account_id, indexes)
                    if state is None:
                        away.add(account_id)
                        continue
                if state.quarantined:
                    partition.quarantined.remember(account_id)
                    self._hold(partition, batch, account_id, indexes)
                    continue
                if state.erasures and not (indexes := self._not_erased(state, kind, records, events, indexes)):
                    continue
                if state.alias is not None:
                    away.add(account_id)
                    self._take_aliased(partition, batch, account_id, state.alias, indexes)
                    continue
                known = aliases_of(state) if is_account_feed else _NO_ALIASES
                first_change_index = fold(
                    state,
                    [events[at] for at in indexes] if len(indexes) > 1 else [events[indexes[0]]],
                )
                if kind == "account" and self._erase_users(partition, state, records, events, indexes):
                    first_change_index = max(first_change_index, 0)
            except Exception as error:
                self._quarantine(partition, batch, account_id, indexes, error)
                continue
            if is_account_feed and (new := [alias for alias in aliases_of(state) if alias not in known]):
                self._aliases.announce(partition, account_id, new, state.profile["aliases"][1])
            if first_change_index != NO_CHANGE and (is_rare or not state.needs_evaluation or state.published is None):
                waiting = (account_id, records[indexes[first_change_index]].timestamp)
                if is_rare or state.published is None:
                    priority = Priority.HIGH
                else:
                    priority = Priority.NORMAL if of_later_day(state.published, state) else Priority.LOW
                partition.pending.append(waiting, priority)
                state.needs_evaluation = True
            elif first_change_index == NO_CHANGE:
                note_moved(account_id)  # a repetition moves counts of events: the next scan compares them
            mark_dirty(account_id)
        if late:
            reopen_days(partition, events, late)
        self._note_newest(partition, batch.topic, _newest_ms(events, away) if away else newest_ms)

    def _erase(self, partition: AccountPartition, batch: SourceBatch, record: Record) -> None:
        """Erase an account: its state, and the report that others know it by."""
        account_id = batch.account_id or (record.key or b"").decode(errors="replace")
        home = partition_of(account_id, partition.count)
        if home != partition.number and account_id not in partition.states and account_id not in partition.cold:
            self._route_to_owner(partition, batch, record, account_id, home)
            return
        alias = None if account_id in partition.quarantined else self._aliases.known(partition, account_id)
        if alias is not None and alias.account_id:
            self._take_aliased(partition, replace(batch, records=[record]), account_id, alias, [0])
            return
        partition.forget(account_id)
        partition.quarantined.release(account_id)
        partition.states[account_id] = erased_account(record.timestamp)
        partition.erased = True
        if alias is not None:
            partition.states[account_id].alias = AliasState()
            partition.waiting_aliases.leave(account_id)
        partition.outputs.append(Output(self._health_topic, account_id.encode(), None))
        self._counts["erased", "account"] += 1

    def _erase_users(
        self,
        partition: AccountPartition,
        state: AccountState,
        records: Sequence[Record],
        events: Sequence[Any],
        indexes: Sequence[int],
    ) -> bool:
        """Erase the users that account updates name; returns whether there is an account that is now without them."""
        asked = [at for at in indexes if events[at].erase_users]
        for at in asked:
            erase_users(state, events[at].erase_users, records[at].timestamp)
            partition.erased = True
        return bool(asked) and not is_nothing(state)

    def _not_erased(
        self,
        state: AccountState,
        kind: Kind,
        records: Sequence[Record],
        events: Sequence[Any],
        indexes: list[int],
    ) -> list[int]:
        """The events that Kafka had only after what they are of was erased; the others are passed over."""
        kept = [
            at for at in indexes if not is_erased(state, getattr(events[at], "user_id", None), records[at].timestamp)
        ]
        if len(kept) < len(indexes):
            self._counts["erased", kind] += len(indexes) - len(kept)
        return kept

    def _quarantine(
        self,
        partition: AccountPartition,
        batch: SourceBatch,
        account_id: str,
        indexes: Sequence[int],
        error: Exception,
    ) -> None:
        """An account's state could not be read, or one of these events not be folded: hold them, leave it alone.

        Raises:
            Exception: the error, where the account is not at fault for it.
        """
        if account_id in partition.states:
            offset = batch.records[indexes[0]].offset
            partition.quarantined.add(account_id, "fold", error, batch.topic, batch.partition, offset)
            state = partition.states[account_id]
            state.quarantined = state.needs_evaluation = True
            partition.dirty.add(account_id)
        else:
            partition.quarantine(account_id, "decode", error)
        self._hold(partition, batch, account_id, indexes)

    def _hold(self, partition: AccountPartition, batch: SourceBatch, account_id: str, indexes: Sequence[int]) -> None:
        """Keep events of an account in quarantine among the dead letters, until it is released."""
        for at in indexes:
            held = BadEvent(QUARANTINED, "its account is in quarantine; heartline quarantine release folds it")
            self._refuse(partition, batch, batch.records[at], held, account_id)

    def _release(self, partition: AccountPartition, record: Record, release: RepartitionedRecord) -> None:
        """Fold and evaluate an account again; the events that were held follow this record.

        One whose state still can't be read stays, unless its state is to be forgotten.
        """
        account_id = (release.key or b"").decode(errors="replace")
        if release.topic == FORGET:
            partition.forget(account_id)
        else:
            try:
                state = partition.state(account_id)
            except Exception as error:
                partition.quarantined.release(account_id)
                partition.quarantine(account_id, "decode", error)
                return
            if state is not None:
                state.quarantined, state.needs_evaluation = False, True
                partition.pending.append((account_id, record.timestamp), Priority.HIGH)
                partition.dirty.add(account_id)
        partition.quarantined.release(account_id)

    def _account_batches(
        self, partition: AccountPartition, batch: SourceBatch, events: Sequence[InputEvent | BadEvent]
    ) -> tuple[dict[str, list[int]], int, list[int]]:
        """By account the indexes of its events in the batch, their newest time, and the indexes of those that may be of
        a day that is written already; what is no event is refused.
        """
        account_batches: dict[str, list[int]] = {}
        newest_ms = 0
        open_since_ms = UNKNOWN_MS if partition.last_scan_ms is None and partition.cold else partition.open_since_ms
        late: list[int] = []
        for at, event in enumerate(events):
            if isinstance(event, BadEvent):
                self._refuse(partition, batch, batch.records[at], event)
                continue
            ms: Any = event.timestamp  # epoch milliseconds; None: an update without a time
            if ms is not None:
                if ms > newest_ms:
                    newest_ms = ms
                if ms < open_since_ms:
                    late.append(at)
            indexes = account_batches.get(event.account_id)
            if indexes is None:
                account_batches[event.account_id] = [at]
            else:
                indexes.append(at)
        return account_batches, newest_ms, late

    def _note_newest(self, partition: AccountPartition, topic: str, newest_ms: int) -> None:
        """Keep how recent a source is, and the partition's watermark."""
        if newest_ms <= 0:
            return
        kind = self._kinds[topic]
        partition.newest_ms[topic] = max(partition.newest_ms.get(topic, 0), newest_ms)
        self.newest_ms[kind] = max(self.newest_ms.get(kind, 0), newest_ms)
        partition.watermark_ms = max(partition.watermark_ms or 0, newest_ms)

    def _start(
        self, partition: AccountPartition, batch: SourceBatch, account_id: str, indexes: Sequence[int]
    ) -> AccountState | None:
        """Start an account; None where it is of another partition: its records are sent there."""
        home = partition_of(account_id, partition.count)
        if home != partition.number:
            for at in indexes:
                self._route_to_owner(partition, batch, batch.records[at], account_id, home)
            return None
        kind = self._kinds[batch.topic]
        try:
            alias = self._aliases.start(partition, account_id)
        except BadEvent as error:
            for at in indexes:
                self._refuse(partition, batch, batch.records[at], error)
            return None
        if kind != "account" and alias is None:
            self._counts["unknown_account", kind] += 1
        state = partition.states[account_id] = AccountState(alias=alias)
        return state

    def _take_aliased(
        self,
        partition: AccountPartition,
        batch: SourceBatch,
        name: str,
        alias: AliasState,
        indexes: Sequence[int],
    ) -> None:
        """Events that came under an alias: on to its account, or to wait."""
        for at in indexes:
            record = batch.records[at]
            source = (batch.topic, batch.partition, record.offset, record.timestamp)
            try:
                self._aliases.take(
                    partition, name, alias, RepartitionedRecord(*source, record.key, record.value, hops=batch.hops)
                )
            except BadEvent as error:
                self._refuse(partition, batch, record, error)

    def _route_to_owner(
        self, partition: AccountPartition, batch: SourceBatch, record: Record, account_id: str, home: int
    ) -> None:
        """Send a record to its account's partition: folding it here would make a second, half account.

        One that has been sent already, and not to its account's partition, is refused.
        """
        if batch.repartitioned:
            error = BadEvent(
                "misrouted",
                f"account {account_id[:80]!r} belongs to partition {home} of {partition.count}, the record was sent "
                f"to {partition.number}; did something else than a worker write to the repartition topic?",
            )
            self._refuse(partition, batch, record, error)
            return
        self._counts["repartitioned", self._kinds.get(batch.topic, "account")] += 1
        source = (batch.topic, batch.partition, record.offset)
        arrived = RepartitionedRecord(*source, record.timestamp, record.key, record.value)
        partition.outputs.append(repartition(self._repartition_topic, arrived, account_id, home))

    def _refuse(
        self,
        partition: AccountPartition,
        batch: SourceBatch,
        record: Record,
        error: BadEvent,
        account_id: str | None = None,
    ) -> None:
        """Put a record among the dead letters; the account is told where it folds it later."""
        if isinstance(error, PassedOver):
            self._counts["passed_over", self._kinds[batch.topic]] += 1
            return
        self._counts["dead_letter", error.reason] += 1
        source = (batch.topic, batch.partition, record.offset)
        value = dead_letter(*source, record.timestamp, record.key, record.value, error, account_id)
        key = record.key[:KEY_BYTES_MAX] if record.key is not None else None
        partition.outputs.append(Output(self._dead_letter_topic, key, value))


def _is_tombstone(record: Record) -> bool:
    """Whether a record of the account feed erases its account."""
    return record.value is None and bool(record.key)


def _with_attributes(batch: SourceBatch, record: Record) -> Record:
    """A record with what its headers say in its value, so that it stays there wherever the record is sent on to."""
    headers = getattr(record, "headers", ())  # one that was repartitioned has none: they are in its value
    value = with_attributes(record.value, headers)
    if value is record.value:
        return record
    return RepartitionedRecord(batch.topic, batch.partition, record.offset, record.timestamp, record.key, value)


def _newest_ms(events: Sequence[InputEvent | BadEvent], away: Container[str]) -> int:
    """The newest time of the events, but for accounts that are of another partition; 0: none has one."""
    here = [event for event in events if not isinstance(event, BadEvent) and event.account_id not in away]
    times: list[Any] = [event.timestamp for event in here if event.timestamp is not None]
    return max(times, default=0)
