"""What the ledger reads out of a record: one typed entry a kind, or the sentence why it can't be read.

The ledger keeps every record whole, also those that no figure can use; an entry is what the figures stand on. What is
not recurring - refunds, one-off charges, taxes, usage charges - is kept and counts nowhere.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from consumers.portfolio.days import PeriodError, day_number, parse_period
from stream.contracts.account_day import AccountDay
from stream.contracts.errors import HeartlineError
from stream.kinds.subscription import CHANGES, INTERVAL_WORDS, STATUS_WORDS, BillingInterval, Status
from stream.kinds.touchpoint import ADVOCACY, CONTACT_WORDS, CONTACTS

EntryKind = Literal[
    "subscription", "touchpoint", "survey", "ticket", "account", "referral", "account_day", "cost", "rate", "alias"
]

# Of two changes at one moment the earlier one here comes first.
STATUSES: Final = CHANGES
NOT_RECURRING: Final = frozenset({"refunded", "one_off", "tax", "usage_charged"})

CONTACT_KINDS: Final = frozenset(CONTACTS) - {"play"}  # a play that began is no word with anybody yet
ADVOCACY_KINDS: Final = ADVOCACY

_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class EntryError(HeartlineError):
    """A record that no figure can use."""


_Id = Annotated[str, Meta(min_length=1, max_length=256)]
_Moment = datetime | int


class SubscriptionEntry(Struct, gc=False):
    """One change of a subscription. None: the event does not say, and it stays as it was.

    Attributes:
        said_ms: when it was said (the event's timestamp).
        effective_ms: when it takes effect: before or after that, or the same.
        amount, currency, interval: the price before the discount; `mrr` alone is one a month.
        discount: the share of the price taken off, 0 to 1.
        term_end_ms: the end of the paid term, or of the trial.
        moved_to: the account that has it from then on (status moved).
    """

    account: str
    subscription: str
    status: Status
    said_ms: int
    effective_ms: int
    event_id: str
    product: str | None = None
    plan: str | None = None
    seats: int | None = None
    amount: Decimal | None = None
    currency: str | None = None
    interval: BillingInterval = "month"
    discount: Decimal | None = None
    term_end_ms: int | None = None
    reason: str | None = None
    involuntary: bool = False
    campaign: str | None = None
    moved_to: str | None = None


class _Subscription(Struct):
    """A subscription event as it is sent."""

    account_id: _Id
    subscription_id: _Id
    status: str
    timestamp: _Moment
    effective_at: _Moment | None = None
    product: str | None = None
    plan: str | None = None
    seats: Annotated[int, Meta(ge=0)] | None = None
    amount: Decimal | None = None
    mrr: Decimal | None = None
    currency: str | None = None
    interval: str | None = None
    discount: Decimal | None = None
    term_end: _Moment | None = None
    renewal_at: _Moment | None = None
    reason: str | None = None
    involuntary: bool = False
    campaign: str | None = None
    moved_to: str | None = None


class TouchpointEntry(Struct, gc=False):
    """Someone of ours was in contact with the account."""

    account_id: _Id
    kind: str
    timestamp: _Moment
    owner: str | None = None
    user_id: str | None = None
    play: str | None = None
    alert_id: str | None = None


class SurveyEntry(Struct, gc=False):
    """Someone answered a survey."""

    account_id: _Id
    survey: str
    score: int
    timestamp: _Moment
    user_id: str | None = None
    response_id: str | None = None


class TicketEntry(Struct, gc=False):
    """A ticket changed."""

    account_id: _Id
    ticket_id: str
    status: str
    timestamp: _Moment
    category: str | None = None


class AccountEntry(Struct, gc=False):
    """What the CRM says of an account; a field left out (UNSET) stays, a null clears."""

    account_id: _Id
    timestamp: _Moment | None = None
    name: str | msgspec.UnsetType | None = msgspec.UNSET
    segment: str | msgspec.UnsetType | None = msgspec.UNSET
    owner: str | msgspec.UnsetType | None = msgspec.UNSET
    lifecycle_stage: str | msgspec.UnsetType | None = msgspec.UNSET


class AliasEntry(Struct, gc=False):
    """Whose an id is; `moved_to` None: nobody's any more. Of several of one id the one with the latest moment holds."""

    account_id: _Id
    moved_to: str | None = None
    timestamp: _Moment | None = None


class ReferralEntry(Struct, gc=False):
    """An account brought another one; amount and currency: the revenue a year, once it is won."""

    account_id: _Id
    referred: str
    timestamp: _Moment
    amount: Decimal | None = None
    currency: str | None = None


class CostEntry(Struct, gc=False):
    """What acquiring or looking after customers cost in a period (a month, a quarter, a year or a day, by its name)."""

    period: str
    kind: Literal["acquisition", "customer_success"]
    amount: Decimal
    currency: str
    timestamp: _Moment | None = None
    campaign: str | None = None
    team: str | None = None
    owner: str | None = None


class RateEntry(Struct, gc=False):
    """From a day on, 1 unit of a currency is `rate` units of the company's."""

    date: date
    currency: str
    rate: Decimal
    timestamp: _Moment | None = None


Entry = (
    SubscriptionEntry
    | TouchpointEntry
    | SurveyEntry
    | TicketEntry
    | AccountEntry
    | AliasEntry
    | ReferralEntry
    | AccountDay
    | CostEntry
    | RateEntry
)


def read_entry(kind: EntryKind, body: bytes | str, event_id: str) -> Entry | None:
    """The entry in a record; None: it is kept, and counts nowhere.

    Raises:
        EntryError: it can't be read; the message names field and value.
    """
    try:
        return _READERS[kind](body, event_id)
    except msgspec.ValidationError as error:
        raise EntryError(f"{kind} event {event_id}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EntryError(f"{kind} event {event_id}: not JSON: {error}") from None


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def epoch_ms(moment: datetime | int, field: str, event_id: str) -> int:
    """A moment as epoch milliseconds.

    Raises:
        EntryError: it has no time zone.
    """
    if isinstance(moment, int):
        return moment
    if moment.tzinfo is None:
        raise EntryError(f"event {event_id}: {field} = {moment.isoformat()}: the zone is missing: add Z or an offset")
    return (moment - _EPOCH) // _MS


def check_currency(currency: str | None, what: str, event_id: str) -> str:
    """The currency's code.

    Raises:
        EntryError: there is none, or it is none.
    """
    if currency is None:
        raise EntryError(
            f"event {event_id}: {what}: expected a currency beside it, as EUR; without one it is no amount"
        )
    if not _CURRENCY.fullmatch(currency):
        raise EntryError(f"event {event_id}: currency = {currency!r}: expected a code of ISO 4217, as EUR")
    return currency


_decode_subscription = msgspec.json.Decoder(_Subscription).decode


def _subscription(body: bytes | str, event_id: str) -> SubscriptionEntry | None:
    event = _decode_subscription(body)
    word = event.status.lower()
    if word in NOT_RECURRING:
        return None
    status = STATUS_WORDS.get(word)
    if status is None:
        raise EntryError(f"subscription event {event_id}: status = {event.status!r}: expected {', '.join(STATUSES)}")
    amount, currency = event.amount, event.currency
    interval = INTERVAL_WORDS.get((event.interval or "month").lower())
    if interval is None:
        words = ", ".join(INTERVAL_WORDS)
        raise EntryError(f"subscription event {event_id}: interval = {event.interval!r}: expected {words}")
    if amount is not None:
        check_currency(currency, f"amount = {amount}", event_id)
    elif event.mrr is not None:
        amount, interval = event.mrr, "month"
    if currency is not None:
        check_currency(currency, "", event_id)
    if amount is not None and (not amount.is_finite() or amount < 0):
        raise EntryError(f"subscription event {event_id}: amount = {amount}: expected 0 or more; a refund is no change")
    if event.discount is not None and not 0 <= event.discount <= 1:
        raise EntryError(f"subscription event {event_id}: discount = {event.discount}: expected a share, 0 to 1")
    if status == "moved" and not event.moved_to:
        raise EntryError(f"subscription event {event_id}: moved_to is missing: the account that has it from then on")
    said_ms = epoch_ms(event.timestamp, "timestamp", event_id)
    term_end = event.term_end if event.term_end is not None else event.renewal_at
    return SubscriptionEntry(
        account=event.account_id,
        subscription=event.subscription_id,
        status=status,
        said_ms=said_ms,
        effective_ms=said_ms if event.effective_at is None else epoch_ms(event.effective_at, "effective_at", event_id),
        event_id=event_id,
        product=event.product,
        plan=event.plan,
        seats=event.seats,
        amount=amount,
        currency=currency,
        interval=interval,
        discount=event.discount,
        term_end_ms=None if term_end is None else epoch_ms(term_end, "term_end", event_id),
        reason=event.reason,
        involuntary=event.involuntary,
        campaign=event.campaign,
        moved_to=event.moved_to,
    )


def _plain(cls: type[Any]) -> Callable[[bytes | str, str], Any]:
    """Reads what is sent in the form in which it is used, but for its moment in epoch milliseconds."""
    decode = msgspec.json.Decoder(cls).decode

    def read(body: bytes | str, event_id: str) -> Any:
        entry = decode(body)
        if entry.timestamp is not None:
            entry.timestamp = epoch_ms(entry.timestamp, "timestamp", event_id)
        return entry

    return read


_read_touchpoint = _plain(TouchpointEntry)
_read_cost = _plain(CostEntry)
_read_rate = _plain(RateEntry)
_read_referral = _plain(ReferralEntry)


def _touchpoint(body: bytes | str, event_id: str) -> TouchpointEntry:
    entry: TouchpointEntry = _read_touchpoint(body, event_id)
    kind = entry.kind.lower()
    entry.kind = CONTACT_WORDS.get(kind, kind)
    return entry


def _referral(body: bytes | str, event_id: str) -> ReferralEntry:
    entry: ReferralEntry = _read_referral(body, event_id)
    if entry.amount is not None:
        check_currency(entry.currency, f"amount = {entry.amount}", event_id)
    return entry


def _cost(body: bytes | str, event_id: str) -> CostEntry:
    entry: CostEntry = _read_cost(body, event_id)
    check_currency(entry.currency, "amount", event_id)
    try:
        parse_period(entry.period)
    except PeriodError as error:
        raise EntryError(f"cost event {event_id}: {error}") from None
    return entry


def _rate(body: bytes | str, event_id: str) -> RateEntry:
    entry: RateEntry = _read_rate(body, event_id)
    check_currency(entry.currency, "rate", event_id)
    if not entry.rate.is_finite() or entry.rate <= 0:
        raise EntryError(f"rate event {event_id}: rate = {entry.rate}: expected more than 0")
    return entry


_READERS: Final[dict[EntryKind, Callable[[bytes | str, str], Entry | None]]] = {
    "subscription": _subscription,
    "touchpoint": _touchpoint,
    "survey": _plain(SurveyEntry),
    "ticket": _plain(TicketEntry),
    "account": _plain(AccountEntry),
    "alias": _plain(AliasEntry),
    "referral": _referral,
    "account_day": _plain(AccountDay),
    "cost": _cost,
    "rate": _rate,
}


def rate_day(entry: RateEntry) -> int:
    """The first day on which a rate holds."""
    return day_number(entry.date)
