"""Accounts that the worker leaves alone, since their state or their events raise an error: one can't stop the rest.

An account comes in with the first error, is reported once to the quarantine topic, and leaves by a release record in
the repartition topic, behind which its held events follow.

Invariant: an account in quarantine is neither folded nor evaluated, and none of its events is lost: each is a dead
letter with the reason `quarantined`. The state says so itself, where there is one that can be read.
"""

from dataclasses import dataclass
from typing import Final

from stream.config.logs import get_logger
from stream.contracts.errors import EngineError
from stream.contracts.quarantine import QuarantineEntry, Step, words_of
from stream.engine.store_files import UnreadableStateError

log = get_logger(__name__)

# Of one partition. More are no single accounts' fault, and the process leaves instead of holding everything.
ACCOUNTS_MAX: Final = 100
# What no account is at fault for: another release's states, a broken disk, a full memory.
NOT_THE_ACCOUNTS: Final = (EngineError, UnreadableStateError, MemoryError)


@dataclass(frozen=True, slots=True)
class Failure:
    """What raised.

    Attributes:
        step: what the worker was doing.
        error: the exception's class and words.
        topic, partition, offset: where the record lies; the offset is None where none is known.
    """

    step: Step
    error: str
    topic: str
    partition: int
    offset: int | None = None

    def entry(self, account_id: str, now_ms: int) -> QuarantineEntry:
        """As it is reported."""
        return QuarantineEntry(
            account_id=account_id,
            step=self.step,
            error=self.error,
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
            since_ms=now_ms,
        )


class Quarantine:
    """The accounts of one partition that are in quarantine."""

    def __init__(self) -> None:
        self._accounts: set[str] = set()
        self._unreported: dict[str, Failure | None] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def __contains__(self, account_id: str) -> bool:
        return account_id in self._accounts

    def add(
        self, account_id: str, step: Step, error: Exception, topic: str, partition: int, offset: int | None
    ) -> None:
        """An account's state or event raised; one that is in quarantine already stays as it came in.

        Raises:
            Exception: the error itself, where the account is not at fault for it.
            EngineError: there are too many: the cause is another one.
        """
        if isinstance(error, NOT_THE_ACCOUNTS):
            raise error
        if account_id in self._accounts:
            return
        if len(self._accounts) >= ACCOUNTS_MAX:
            raise EngineError(
                f"account {account_id[:80]!r} raised {words_of(error)} at {topic}[{partition}]@{offset}, and "
                f"{ACCOUNTS_MAX} accounts of the partition are in quarantine already: that is no single account's "
                "fault. See heartline quarantine list; update or roll back the worker, then release them"
            ) from error
        self._accounts.add(account_id)
        self._unreported[account_id] = Failure(step, words_of(error), topic, partition, offset)
        log.error(
            "account is in quarantine, its events are held in the dead letters; see heartline quarantine list",
            account_id=account_id[:80],
            step=step,
            topic=topic,
            partition=partition,
            offset=offset,
            exc_info=error,
        )

    def remember(self, account_id: str) -> None:
        """Its state says that it is in quarantine, since before this process began."""
        self._accounts.add(account_id)

    def release(self, account_id: str) -> None:
        """It is folded and evaluated again."""
        self._accounts.discard(account_id)
        self._unreported[account_id] = None

    def take_unreported(self) -> dict[str, Failure | None]:
        """By account what came in since the last call, None for one that left."""
        unreported, self._unreported = self._unreported, {}
        return unreported
