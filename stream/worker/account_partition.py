"""One partition's accounts as the health processor keeps them: states, who waits to be evaluated, what scans need."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Final

from stream.contracts.quarantine import Step
from stream.engine.partition import Partition
from stream.kinds.state import AccountState, decode_state, encode_state, watermark_ms
from stream.worker.priority_queue import PriorityQueue
from stream.worker.quarantine import Quarantine
from stream.worker.waiting_aliases import WaitingAliases

UNKNOWN_MS: Final = 1 << 62


@dataclass(slots=True)
class AccountPartition(Partition[AccountState]):
    """The accounts of one partition.

    Attributes:
        pending: accounts whose measures may have changed since they were last evaluated, with the Kafka timestamp of
            the record that changed them.
        scheduled: accounts that the running scan has still to evaluate, the next one last.
        last_scan_ms: the moment at which the last scan over all accounts began; None before the first.
        last_midnight_scan_ms: the moment up to which new days have been looked for; None before the first scan.
        previous_scan_ms: when the scan before the running one began, whichever it was; None: there was none.
        moved: accounts that moved since what readers rest on was compared with what was published.
        pending_at_scan: accounts that were pending when the running scan began: their own evaluation stands for it.
        zones: the time zone of each account that has another than UTC, as far as they have been evaluated.
        open_since_ms: an event since then is of no day that was written to account-days; `UNKNOWN_MS`, later than any
            event, until all accounts are evaluated.
        quarantined: accounts whose state or events raise an error.
        waiting_aliases: ids whose events wait until somebody says whose they are.
        changelog: the topic of their states.
    """

    pending: PriorityQueue = field(default_factory=PriorityQueue)
    scheduled: list[str] = field(default_factory=list)
    last_scan_ms: int | None = None
    last_midnight_scan_ms: int | None = None
    previous_scan_ms: int | None = None
    moved: set[str] = field(default_factory=set)
    pending_at_scan: set[str] = field(default_factory=set)
    zones: dict[str, str] = field(default_factory=dict)
    open_since_ms: int = 0
    quarantined: Quarantine = field(default_factory=Quarantine)
    waiting_aliases: WaitingAliases = field(default_factory=WaitingAliases)
    changelog: str = ""

    def encode(self, state: AccountState) -> bytes:
        """The state as its changelog value."""
        return encode_state(state)

    def decode(self, value: bytes) -> AccountState:
        """The reverse of `encode`."""
        return decode_state(value)

    @property
    def pending_count(self) -> int:
        """How many accounts wait to be evaluated: something changed, or the scan has not come to them yet."""
        return len(self.pending) + len(self.scheduled)

    @property
    def quarantined_count(self) -> int:
        """How many accounts are in quarantine."""
        return len(self.quarantined)

    @property
    def waiting_counts(self) -> tuple[int, int]:
        """How many aliases wait for their accounts, and how many events of theirs."""
        return len(self.waiting_aliases), self.waiting_aliases.events

    def quarantine(self, key: str, step: Step, error: Exception) -> None:
        """The state of an account can't be read or saved: leave it alone from now on.

        Raises:
            Exception: the error, where the account is not at fault for it.
        """
        self.quarantined.add(key, step, error, self.changelog, self.number, None)
        if (state := self.states.get(key)) is not None:
            state.quarantined = state.needs_evaluation = True

    def forget(self, account_id: str) -> None:
        """Nothing of an account is kept any more, from the next checkpoint on not even in the changelog."""
        self.states.pop(account_id, None)
        self.cold.pop(account_id, None)
        self.saved_at.pop(account_id, None)
        self.zones.pop(account_id, None)
        self.moved.discard(account_id)
        self.pending_at_scan.discard(account_id)
        self.dirty.add(account_id)

    def pending_keys(self) -> list[str]:
        """The accounts where something changed."""
        return [account_id for account_id, _ in self.pending]

    def is_pending(self, state: AccountState) -> bool:
        """Whether facts have changed since the account was evaluated."""
        return state.needs_evaluation

    def restore_pending(self, keys: Iterable[str]) -> None:
        """These accounts waited when they were saved."""
        self.pending = PriorityQueue((account_id, None) for account_id in keys)

    def discard_pending(self, keys: Container[str]) -> None:
        """Forget which of these accounts wait."""
        if self.pending:
            self.pending = self.pending.without(keys)

    def on_restored(self, key: str, state: AccountState) -> None:
        """A state came back from the changelog."""
        restored_ms = watermark_ms(state)
        if restored_ms is not None and restored_ms > (self.watermark_ms or 0):
            self.watermark_ms = restored_ms
        self.open_since_ms = UNKNOWN_MS
        if state.published is not None and restored_ms != state.published.last_event_ms:
            self.moved.add(key)
        if state.needs_evaluation:
            self.pending.append((key, None))

    def take_oldest_pending_ms(self) -> int | None:
        """The oldest Kafka timestamp among the changes that were evaluated since the last call; None: none was."""
        oldest_ms, self.pending.oldest_ms = self.pending.oldest_ms, None
        return oldest_ms
