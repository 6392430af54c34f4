"""The newest dead letters, as many as are kept."""

import threading
from collections import Counter, deque
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from stream.contracts.dead_letters import DeadLetter, read_dead_letter

ORIGINAL_CHARS = 4000


class DeadLetterView(Struct, frozen=True):
    """One refused record, as people read it.

    Attributes:
        position: "topic[partition]@offset" of the original.
        account_id: the original's key; None when it had none.
        original: the original's value as text, cut to 4000 characters; None when it had none.
        cut: whether there is more of it.
    """

    position: str
    topic: str
    refused_at: datetime
    reason: str
    detail: str
    account_id: str | None
    original: str | None
    cut: bool


class DeadLetterLog:
    """The letters, newest first. Written by one thread, read by others.

    Args:
        kept: how many at most.
    """

    def __init__(self, kept: int) -> None:
        self._lock = threading.Lock()
        self._letters: deque[DeadLetterView] = deque(maxlen=kept)

    def add(self, value: bytes | None, timestamp_ms: int) -> bool:
        """Take a record of the topic; returns whether it was a dead letter."""
        try:
            letter = as_read(read_dead_letter(value or b""), timestamp_ms)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        with self._lock:
            self._letters.appendleft(letter)
        return True

    def forget(self, account_id: str) -> None:
        """An account is erased: nothing that it sent is shown any more."""
        with self._lock:
            self._letters = deque(
                (letter for letter in self._letters if letter.account_id != account_id), maxlen=self._letters.maxlen
            )

    def newest(self, number: int, reason: str | None = None) -> list[DeadLetterView]:
        """The newest ones, of one reason or all."""
        with self._lock:
            letters = list(self._letters)
        return [letter for letter in letters if reason is None or letter.reason == reason][:number]

    def reasons(self) -> list[tuple[str, int]]:
        """Reasons with their counts, the most frequent first."""
        with self._lock:
            counts = Counter(letter.reason for letter in self._letters)
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    def __len__(self) -> int:
        return len(self._letters)


def as_read(letter: DeadLetter, timestamp_ms: int) -> DeadLetterView:
    """A dead letter as people read it; what is not UTF-8 shows its bytes.

    Args:
        letter: the record.
        timestamp_ms: of its own record, epoch ms: when it was refused.
    """
    original = letter.value.decode("utf-8", "backslashreplace") if letter.value is not None else None
    return DeadLetterView(
        position=f"{letter.topic}[{letter.partition}]@{letter.offset}",
        topic=letter.topic,
        refused_at=datetime.fromtimestamp(timestamp_ms / 1000, UTC),
        reason=letter.reason,
        detail=letter.detail,
        account_id=letter.key.decode("utf-8", "backslashreplace") if letter.key is not None else None,
        original=original[:ORIGINAL_CHARS] if original is not None else None,
        cut=original is not None and (len(original) > ORIGINAL_CHARS or letter.value_bytes > len(letter.value or b"")),
    )
