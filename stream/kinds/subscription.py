"""An account's subscriptions: every one as the sorted set of its changes.

A set of changes is the same in whatever order and however often its members arrive. What a subscription is as of a
moment - whether it runs, at which price, until when - is derived from it.
"""

from bisect import bisect_left
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta, Struct
from pydantic import Field

from stream.contracts.errors import BadEvent
from stream.contracts.events import DatedEvent, Fast, Id, Moment, NotNegative, Seats, Text256, Words
from stream.kinds.kind import EventKind

# Two changes at one moment are taken in this order.
Status = Literal[
    "trial_started",
    "started",
    "trial_converted",
    "reactivated",
    "renewed",
    "resumed",
    "upgraded",
    "downgraded",
    "paused",
    "cancellation_requested",
    "cancellation_withdrawn",
    "trial_expired",
    "cancelled",
    "moved",
    "changed",
]
BillingInterval = Literal["month", "quarter", "year"]

# Steps of a customer's way that money takes, as `product.milestones` names them.
CommercialStep = Literal[
    "subscription.trial", "subscription.paid", "subscription.upsell", "subscription.cross_sell", "subscription.renewal"
]
COMMERCIAL_STEPS: Final[tuple[CommercialStep, ...]] = get_args(CommercialStep)
COMMERCIAL: Final = "subscription."  # what their names begin with
CHANGES: Final[tuple[Status, ...]] = get_args(Status)
STATUS_WORDS: Final[dict[str, Status]] = {name: name for name in CHANGES} | {
    "canceled": "cancelled",
    "unpaused": "resumed",
}
INTERVAL_WORDS: Final[dict[str, BillingInterval]] = {name: name for name in get_args(BillingInterval)} | {
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annual": "year",
}
MONTHS: Final[dict[BillingInterval, int]] = {"month": 1, "quarter": 3, "year": 12}
LEAVES: Final = 14  # the day of an end that was announced: it ends unless the request was settled before
CODE: Final = {name: code + (code >= LEAVES) for code, name in enumerate(CHANGES)}
TRIAL_STARTED, REQUESTED, WITHDRAWN = (
    CODE["trial_started"],
    CODE["cancellation_requested"],
    CODE["cancellation_withdrawn"],
)
_BEGINS: Final = frozenset(
    CODE[name] for name in ("trial_started", "started", "trial_converted", "reactivated", "renewed")
)
_ENDS: Final = frozenset(CODE[name] for name in ("trial_expired", "cancelled", "moved"))
_STEP_OF: Final[dict[int, CommercialStep]] = {
    CODE["upgraded"]: "subscription.upsell",
    CODE["renewed"]: "subscription.renewal",
}
_CHANGED: Final = CODE["changed"]  # price, plan or seats are others, whichever way
_PAUSED, _RESUMED, _MOVED, _TRIAL_EXPIRED = (CODE[name] for name in ("paused", "resumed", "moved", "trial_expired"))
_PAYS_NOTHING: Final = frozenset({*_ENDS, REQUESTED, WITHDRAWN, CODE["paused"], LEAVES})

SUBSCRIPTIONS_MAX: Final = 200
CHANGES_MAX: Final = 32


class SubscriptionEvent(DatedEvent):
    """One of the account's subscriptions changed; applied once per subscription and change."""

    subscription_id: Id
    status: Annotated[Status, Words(STATUS_WORDS)]
    effective_at: Moment | None = Field(
        None, description="when it takes effect, as at the end of the paid term; the timestamp is when it was said"
    )
    product: Text256 = None
    plan: Text256 = None
    mrr: NotNegative | None = Field(None, description="monthly recurring revenue from then on; left out: as before")
    amount: NotNegative | None = Field(
        None, description="the price of an interval from then on, before the discount; wants a currency"
    )
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$"), Fast(Annotated[str, Meta(pattern="^[A-Z]{3}$")])] | None = (
        Field(None, description="ISO 4217, as EUR")
    )
    interval: Annotated[BillingInterval, Words(INTERVAL_WORDS)] = Field("month", description="of the amount")
    discount: Annotated[float, Field(ge=0, le=1), Fast(Annotated[float, Meta(ge=0, le=1)])] | None = Field(
        None, description="the share of the amount that is taken off, 0 to 1"
    )
    seats: Seats | None = Field(None, description="licensed seats from then on; left out: as before")
    renewal_at: Moment | None = Field(
        None, description="when it is next up for renewal; left out: as before, and unknown once it started or renewed"
    )
    term_end: Moment | None = Field(
        None, description="the same by another name: the end of the paid term, or the trial"
    )
    reason: Text256 = Field(None, description="why it was cancelled")
    involuntary: Annotated[bool, Fast(bool)] = Field(False, description="cancelled because a payment failed")
    campaign: Text256 = Field(None, description="the campaign or channel that won it")
    moved_to: Id | None = Field(None, description="the account that has it from then on (status moved)")

    @classmethod
    def complete(cls, event: Any) -> None:
        """An amount says its currency, and a move where to."""
        if event.amount is not None and event.currency is None:
            raise BadEvent("missing_field", "subscription event: currency: expected one beside the amount, as EUR")
        if event.status == "moved" and event.moved_to is None:
            raise BadEvent("missing_field", "subscription event: moved_to: expected the account that has it now")
        if event.renewal_at is None:
            event.renewal_at = event.term_end


class SubscriptionChange(Struct, array_like=True, gc=False, frozen=True, order=True):
    """One change of a subscription, in its newest version; ordered by time first. -1 and empty: nobody says.

    Attributes:
        ms: when, epoch ms.
        code: as CODE has it, or LEAVES.
        mrr, seats, renewal_ms, product, currency: as they are from then on.
    """

    ms: int
    code: int
    mrr: float = -1.0
    seats: int = -1
    renewal_ms: int = -1
    product: str = ""
    currency: str = ""

    @property
    def of(self) -> tuple[int, int]:
        """What it is a version of: when, and which."""
        return self.ms, self.code

    def over(self, known: "SubscriptionChange") -> "SubscriptionChange":
        """The version that holds where this one arrives after another one: what it does not say stays."""
        return SubscriptionChange(
            self.ms,
            self.code,
            self.mrr if self.mrr >= 0 else known.mrr,
            self.seats if self.seats >= 0 else known.seats,
            self.renewal_ms if self.renewal_ms >= 0 else known.renewal_ms,
            self.product or known.product,
            self.currency or known.currency,
        )


class SubscriptionState(Struct, array_like=True, gc=False):
    """All subscriptions of an account.

    Attributes:
        changes: subscription_id to its changes, sorted, each once; the newest CHANGES_MAX of them.
        newest_ms: the newest change seen; 0 before the first.
        late: changes before the oldest that is kept of their subscription.
        overflow: changes of subscriptions that were not kept because there were SUBSCRIPTIONS_MAX already.
    """

    changes: dict[str, list[SubscriptionChange]] = {}
    newest_ms: int = 0
    late: int = 0
    overflow: int = 0


class Term(Struct, gc=False):
    """A subscription as of one moment; moments in epoch ms, None: has not happened or is not known.

    Attributes:
        is_running: neither ended nor yet to begin; a trial runs, too.
        is_trial: it runs and was never paid for.
        is_paused: it runs, and is neither used nor paid for until it is resumed.
        is_expired_trial: it ended, and was never paid for.
        since_ms: when it started or was last renewed.
        requested_ms: since when a request to cancel it is open.
    """

    is_running: bool = False
    is_trial: bool = False
    since_ms: int | None = None
    requested_ms: int | None = None
    mrr: float | None = None
    seats: int | None = None
    renewal_ms: int | None = None
    product: str | None = None
    currency: str | None = None
    is_paused: bool = False
    is_expired_trial: bool = False


def fold(subscriptions: SubscriptionState, event: SubscriptionEvent) -> bool:
    """Count one change in, in any order; returns whether it changed anything."""
    if event.status == "cancelled" and event.effective_at is not None and event.effective_at > event.timestamp:
        asked = _fold_change(subscriptions, event, SubscriptionChange(event.timestamp, REQUESTED))
        return _fold_change(subscriptions, event, SubscriptionChange(event.effective_at, LEAVES)) or asked
    mrr = mrr_of(event)
    change = SubscriptionChange(
        event.timestamp if event.effective_at is None else event.effective_at,
        CODE[event.status],
        mrr if mrr is not None else -1.0,
        event.seats if event.seats is not None else -1,
        event.renewal_at if event.renewal_at is not None else -1,
        event.product or "",
        event.currency or "",
    )
    return _fold_change(subscriptions, event, change)


def mrr_of(event: SubscriptionEvent) -> float | None:
    """What it is worth a month from then on, net of a discount; None: the event does not say."""
    if event.amount is None:
        return event.mrr
    return event.amount / MONTHS[event.interval] * (1 - (event.discount or 0))


def _fold_change(subscriptions: SubscriptionState, event: SubscriptionEvent, change: SubscriptionChange) -> bool:
    changes = subscriptions.changes.get(event.subscription_id)
    if changes is None:
        if len(subscriptions.changes) >= SUBSCRIPTIONS_MAX:
            subscriptions.overflow += 1
            return False
        changes = subscriptions.changes[event.subscription_id] = []
    subscriptions.newest_ms = max(subscriptions.newest_ms, event.timestamp)
    at = bisect_left(changes, change.of, key=lambda each: each.of)
    if at < len(changes) and changes[at].of == change.of:
        known, changes[at] = changes[at], change.over(changes[at])
        return changes[at] != known
    if len(changes) >= CHANGES_MAX:
        if at == 0:
            subscriptions.late += 1
            return False
        del changes[0]
        at -= 1
    changes.insert(at, change)
    return True


def merge(kept: SubscriptionState, other: SubscriptionState) -> None:
    """Take another account's subscriptions in, as if one account had had all of them."""
    for subscription_id, theirs in other.changes.items():
        mine = kept.changes.get(subscription_id)
        if mine is None and len(kept.changes) >= SUBSCRIPTIONS_MAX:
            kept.overflow += len(theirs)
            continue
        changes = {change.of: change for change in theirs}
        for change in mine or ():
            changes[change.of] = change.over(changes[change.of]) if change.of in changes else change
        kept.changes[subscription_id] = [changes[of] for of in sorted(changes)][-CHANGES_MAX:]
    kept.late += other.late
    kept.overflow += other.overflow
    kept.newest_ms = max(kept.newest_ms, other.newest_ms)


def term(changes: list[SubscriptionChange], as_of_ms: int) -> Term:
    """What a subscription was at a moment.

    It runs from its first change on - where its start was before anyone told us, too - until it is cancelled, and again
    from a later start or renewal. Either of them begins a new term and settles a request to cancel; when the new term
    ends is unknown unless the change says it.
    """
    at = Term()
    for change in changes:
        if change.ms > as_of_ms:
            break
        code = change.code
        if code in _BEGINS:
            at.is_running, at.is_trial, at.is_paused, at.is_expired_trial = True, code == TRIAL_STARTED, False, False
            at.since_ms, at.requested_ms, at.renewal_ms = change.ms, None, None
        elif code in _ENDS or (code == LEAVES and at.requested_ms is not None):
            at.is_expired_trial = code == _TRIAL_EXPIRED or ((at.is_trial or at.is_expired_trial) and code != _MOVED)
            at.is_running, at.is_trial, at.is_paused, at.requested_ms = False, False, False, None
        elif change is changes[0]:
            at.is_running = True
        if code in (_PAUSED, _RESUMED) and at.is_running:
            at.is_paused = code == _PAUSED
        if code == REQUESTED and at.is_running and at.requested_ms is None:
            at.requested_ms = change.ms
        elif code == WITHDRAWN:
            at.requested_ms = None
        at.mrr = change.mrr if change.mrr >= 0 else at.mrr
        at.seats = change.seats if change.seats >= 0 else at.seats
        at.renewal_ms = change.renewal_ms if change.renewal_ms >= 0 else at.renewal_ms
        at.product = change.product or at.product
        at.currency = change.currency or at.currency
    return at


def terms(subscriptions: SubscriptionState, as_of_ms: int) -> list[Term]:
    """Every subscription that had begun, or was first heard of, by a moment."""
    if not subscriptions.changes:
        return []
    return [term(changes, as_of_ms) for changes in subscriptions.changes.values() if changes[0].ms <= as_of_ms]


def commercial_steps(subscriptions: SubscriptionState) -> dict[CommercialStep, int]:
    """When the account first took each step, epoch ms; without those that it has not taken. Some may lie ahead.

    A trial begins; a subscription is paid for; one that was paid for before is upgraded, or renewed; a product is paid
    for that was not before. Of a subscription with more than CHANGES_MAX changes the oldest are not known any more.
    """
    found: list[tuple[int, CommercialStep]] = []
    bought: list[tuple[int, str]] = []
    for changes in subscriptions.changes.values():
        is_trial, is_paid, mrr, product = False, False, -1.0, ""
        for change in changes:
            grows = change.code == _CHANGED and change.mrr > mrr >= 0
            mrr = change.mrr if change.mrr >= 0 else mrr
            product = change.product or product
            if change.code == TRIAL_STARTED:
                is_trial = True
                found.append((change.ms, "subscription.trial"))
                continue
            if is_paid and change.code in _STEP_OF:
                found.append((change.ms, _STEP_OF[change.code]))
            elif is_paid and grows:
                found.append((change.ms, "subscription.upsell"))
            is_trial = is_trial and change.code not in _BEGINS
            if not (is_paid or is_trial or mrr == 0 or change.code in _PAYS_NOTHING):
                is_paid = True
                bought.append((change.ms, product))
    bought.sort()
    found += [(ms, "subscription.paid") for ms, _ in bought[:1]]
    found += [(ms, "subscription.cross_sell") for ms, product in bought if product and product != bought[0][1]]
    firsts: dict[CommercialStep, int] = {}
    for ms, step in sorted(found):
        firsts.setdefault(step, ms)
    return firsts


def _takes_effect_later(event: SubscriptionEvent, now_ms: int) -> None:
    """Billing dates a cancellation at the end of the paid term: it is said now, and takes effect then."""
    if event.effective_at is None:
        event.effective_at = event.timestamp
    event.timestamp = now_ms


def seats_of(found: list[Term]) -> int | None:
    """The seats of the subscriptions that run, together; None where none says how many."""
    seats = [each.seats for each in found if each.is_running and each.seats is not None]
    return sum(seats) if seats else None


def money_of(found: list[Term]) -> tuple[float | None, str | None]:
    """What the subscriptions that run and are paid for are worth a month, and in which currency.

    Both None where none says it; in several currencies there is no sum.
    """
    paid = [each for each in found if each.is_running and not each.is_trial and each.mrr is not None]
    currencies = {each.currency for each in paid if each.currency is not None}
    if len(currencies) > 1:
        return None, None
    worth = [each.mrr for each in paid if each.mrr is not None]
    return (sum(worth) if worth else None), next(iter(currencies), None)


KIND = EventKind(
    name="subscription",
    topic="subscriptions",
    contract=SubscriptionEvent,
    state=SubscriptionState,
    fold=fold,
    merge=merge,
    source="subscriptions",
    ahead=_takes_effect_later,
)
