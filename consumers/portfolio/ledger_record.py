"""A record as it came from Kafka, and what of it is kept: its row, the ids it links, what it erases, its day."""

from typing import Final

import msgspec

from consumers.portfolio.alias_links import link_bodies
from consumers.portfolio.derivation import Row
from consumers.portfolio.entries import EntryError, EntryKind, read_entry
from consumers.portfolio.erasure import Erasure, Erasures, of_account, of_users
from stream.contracts.account_day import AccountDay

WITHOUT_ACCOUNT: Final = ("cost", "rate")
_BRACE: Final = ord("{")


class LedgerRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as it came.

    Attributes:
        recorded_ms: when it was recorded: Kafka's timestamp.
        erased: the account that it erases: it has no value; "": none.
    """

    topic: str
    partition: int
    offset: int
    kind: EntryKind
    recorded_ms: int
    body: bytes
    erased: str = ""


class _Envelope(msgspec.Struct):
    """What the ledger files a record by."""

    account_id: str | None = None
    event_id: str | None = None
    day: str | None = None
    date: str | None = None
    currency: str | None = None
    status: str | None = None
    moved_to: str | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


class _BareDay(AccountDay, forbid_unknown_fields=True, gc=False):
    """An account's day with nothing beside what it may say, so that its bytes can be kept as they came."""

    type: str | None = None


class _SourcedDay(AccountDay, kw_only=True, gc=False):
    """An account's day with where it came from."""

    topic: str
    partition: int
    offset: int
    recorded_ms: int


_decode_day = msgspec.json.Decoder(AccountDay).decode
_decode_bare_day = msgspec.json.Decoder(_BareDay).decode
_decode_sourced_day = msgspec.json.Decoder(_SourcedDay).decode
_encode = msgspec.json.Encoder().encode


def erasures_of(record: LedgerRecord, recorded_ms: int) -> tuple[str, list[Erasure]]:
    """What a record of the account feed erases, and of which account; nothing for nearly all of them."""
    if record.erased:
        return record.erased, [of_account(record.erased, recorded_ms)]
    if b'"erase_users"' not in record.body:
        return "", []
    try:
        account = _decode_envelope(record.body).account_id or ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", []
    return account, of_users(account, record.body, recorded_ms, f"{record.partition}-{record.offset}")


class DayLines:
    """Account-days of a batch, each as a line of JSON with where it came from.

    What says only what an account's day may say is kept as it came: to write it again takes longer than all else.

    Args:
        erasures: whose are left out.
    """

    def __init__(self, erasures: Erasures) -> None:
        self._erasures = erasures
        self._lines: list[bytes] = []
        self._source: tuple[str, int] = "", -1
        self._head = b""

    @property
    def count(self) -> int:
        """How many."""
        return len(self._lines)

    def add(self, record: LedgerRecord, recorded_ms: int) -> str | None:
        """Take a record, or leave it out; returns why it can't be used, else None."""
        body = record.body
        try:
            entry: AccountDay = _decode_bare_day(body)
            if body[0] != _BRACE:
                body = _encode(entry)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            try:
                entry = _decode_day(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                return f"{record.topic}[{record.partition}]@{record.offset}: {error}"
            body = _encode(entry)
        if self._erasures and self._erasures.left_of(entry.account_id, recorded_ms, b"") is None:
            return None
        if record.partition != self._source[1] or record.topic != self._source[0]:
            self._source = record.topic, record.partition
            self._head = b'{"topic":%s,"partition":%d,' % (_encode(record.topic), record.partition)
        self._lines.append(b'%b"offset":%d,"recorded_ms":%d,%b' % (self._head, record.offset, recorded_ms, body[1:]))
        return None

    def text(self) -> bytes:
        """All of them, as they came where each of them is a line."""
        text = b"\n".join(self._lines)
        return text if text.count(b"\n") < self.count and b"\r" not in text else self.text_anew()

    def text_anew(self) -> bytes:
        """All of them, written anew: each field once, and no more than the fields."""
        return b"\n".join([_encode(_decode_sourced_day(line)) for line in self._lines])


def links_of(record: LedgerRecord) -> list[LedgerRecord]:
    """What an account update says of the account's other ids, as records beside it."""
    if record.kind != "account":
        return []
    where = f"{record.topic}[{record.partition}]@{record.offset}"
    location = record.topic, record.partition, record.offset
    return [LedgerRecord(*location, "alias", record.recorded_ms, body) for body in link_bodies(record.body, where)]


def filed(record: LedgerRecord, recorded_ms: int, erasures: Erasures, problem: str | None = None) -> Row | None:
    """The record's row in the ledger; None: it is of what was erased.

    Args:
        record: as it came.
        recorded_ms: when it was recorded, in order.
        erasures: whose records are left out, or lose a user's id.
        problem: why it can't be used, where that is known already.
    """
    envelope = _Envelope()
    try:
        envelope = _decode_envelope(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = f"not an event: {error}"
    own = f"{record.topic}[{record.partition}]@{record.offset}"
    event_id = envelope.event_id or own
    if record.kind == "rate" and envelope.event_id is None and envelope.currency and envelope.date:
        event_id = f"{envelope.currency}/{envelope.date}"
    account = None if record.kind in WITHOUT_ACCOUNT else envelope.account_id
    left = erasures.left_of(account, recorded_ms, record.body)
    if left is None:
        return None
    if problem is None:
        try:
            read_entry(record.kind, left, event_id)
        except EntryError as error:
            problem = str(error)
    body = left.decode("utf-8", "backslashreplace")
    return (
        *(record.topic, record.partition, record.offset, record.kind, event_id, account),
        *(envelope.moved_to, recorded_ms, body, problem),
    )
