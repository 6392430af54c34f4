"""A subscription's changes, in any order, to what they mean: intervals of revenue, terms, trials, requests to cancel.

Pure, and the same for the same set of changes: they are taken by the moment at which they take effect. A day is one of
the company's; what a day ends with holds for the whole of it, so that changes of one day net out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from typing import Final, Literal

from consumers.portfolio.days import FOREVER, day_at
from consumers.portfolio.entries import STATUSES, SubscriptionEntry
from consumers.portfolio.money import annual_minor, discounted
from stream.kinds.subscription import Status

_RANK: Final[dict[Status, int]] = {status: rank for rank, status in enumerate(STATUSES)}
_KEEPS: Final = frozenset({"cancellation_withdrawn", "renewed", "reactivated", "started", "trial_converted"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a company may decide for itself.

    Attributes:
        zone: in which its days lie.
        currency: the company's; that of an amount that names none (`mrr` alone).
        grace_days: how long after a term's end a renewal still renews it; then the subscription has ended. None: it
            never ends unsaid.
        saved_after_days: a request to cancel is turned around when the subscription lives so long after it.
        pause_is_churn: whether a customer who pauses everything is gone until it is resumed.
    """

    zone: tzinfo
    currency: str
    grace_days: int | None = 30
    saved_after_days: int = 90
    pause_is_churn: bool = False


@dataclass(slots=True)
class RevenueInterval:
    """What a subscription was worth from a day up to, but without, another.

    Attributes:
        arr_minor: a year, in minor units of its currency; 0 while it is paused.
        event_id: of the change that began it.
    """

    subscription: str
    product: str | None
    plan: str | None
    campaign: str | None
    currency: str
    from_day: int
    to_day: int
    arr_minor: int
    seats: int | None
    paused: bool
    event_id: str
    end_event_id: str | None = None
    end_reason: str | None = None
    involuntary: bool = False


@dataclass(slots=True)
class Term:
    """A paid term, up for renewal on the day it ends.

    Attributes:
        arr_minor: what was up for renewal, in minor units of its currency.
        outcome: renewed, or ended; decided on `decided_day`, which may lie ahead (the end of the grace).
    """

    subscription: str
    product: str | None
    currency: str
    from_day: int
    end_day: int
    arr_minor: int
    outcome: Literal["renewed", "ended"] = "ended"
    decided_day: int = FOREVER
    event_id: str | None = None


@dataclass(slots=True)
class Trial:
    """A trial; `ended_day` is when it was converted or expired, None while that has no known day."""

    subscription: str
    plan: str | None
    campaign: str | None
    from_day: int
    outcome: Literal["converted", "expired"] = "expired"
    ended_day: int = FOREVER
    first_upsell_day: int | None = None


@dataclass(slots=True)
class CancellationRequest:
    """A customer asked to leave; at most one is open at a time."""

    subscription: str
    day: int
    outcome: Literal["saved", "lost"] = "saved"
    decided_day: int = FOREVER
    reason: str | None = None
    event_id: str | None = None
    said_ms: int = 0


@dataclass(slots=True)
class SubscriptionHistory:
    """Everything that a subscription's changes say."""

    subscription: str
    intervals: list[RevenueInterval] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    requests: list[CancellationRequest] = field(default_factory=list)


def history(subscription: str, changes: Iterable[SubscriptionEntry], rules: Rules) -> SubscriptionHistory:
    """What a subscription's changes mean.

    Args:
        subscription: its id.
        changes: all of them, each event once, in any order.
        rules: the company's.
    """
    walk = _Walk(subscription, rules)
    for step in _timeline(list(changes)):
        walk.take(day_at(step.moment_ms, rules.zone), step)
    return walk.finished()


@dataclass(frozen=True, slots=True)
class _Step:
    """One change at the moment at which it counts; `announces` is set where it is only said then, not done."""

    moment_ms: int
    change: SubscriptionEntry
    status: Status
    announces: Literal["end", "nothing"] | None = None

    @property
    def order(self) -> tuple[int, int, int, str]:
        return self.moment_ms, _RANK[self.status], self.change.said_ms, self.change.event_id


def _timeline(changes: list[SubscriptionEntry]) -> list[_Step]:
    """Every change where it takes effect, in order.

    A cancellation for a later day is a request when it is said, and an end when it takes effect unless something said
    in between keeps the subscription.
    """
    steps: list[_Step] = []
    for change in changes:
        if change.status == "cancelled" and change.effective_ms > change.said_ms:
            withdrawn = any(_keeps(other, change) for other in changes)
            if not change.involuntary:
                announced: Literal["end", "nothing"] = "nothing" if withdrawn else "end"
                steps.append(_Step(change.said_ms, change, "cancellation_requested", announced))
            if withdrawn:
                continue
        steps.append(_Step(change.effective_ms, change, change.status))
    return sorted(steps, key=lambda step: step.order)


def _keeps(other: SubscriptionEntry, cancelled: SubscriptionEntry) -> bool:
    """Whether another change, said after a cancellation and before it takes effect, withdraws it."""
    return (
        other.status in _KEEPS
        and cancelled.said_ms < other.said_ms < cancelled.effective_ms
        and other.effective_ms <= cancelled.effective_ms
    )


class _Walk:
    """Takes one change after the other."""

    def __init__(self, subscription: str, rules: Rules) -> None:
        self._rules = rules
        self._found = SubscriptionHistory(subscription)
        self._state: Literal["none", "trial", "active", "paused", "ended"] = "none"
        self._product: str | None = None
        self._plan: str | None = None
        self._campaign: str | None = None
        self._seats: int | None = None
        self._currency = rules.currency
        self._gross_minor = 0
        self._discount = Decimal(0)
        self._interval: RevenueInterval | None = None
        self._term: Term | None = None
        self._trial: Trial | None = None
        self._trial_end = FOREVER
        self._request: CancellationRequest | None = None
        self._ends_later = False  # a cancellation is said that has not taken effect

    def take(self, day: int, step: _Step) -> None:
        """One change on a day not before the last one's."""
        self._pass_time(day)
        change = step.change
        if self._state == "none" and step.status in _RUNS_ALREADY:
            self._state = "active"
        if step.announces is None:
            self._remember(change)
        _STEPS[step.status](self, day, change)
        self._ends_later = self._ends_later or step.announces == "end"
        if step.announces is None:
            self._cut(day, change.event_id)

    def finished(self) -> SubscriptionHistory:
        """Everything, with what time alone decides after the last change."""
        self._pass_time(FOREVER)
        if self._interval is not None:
            self._found.intervals.append(self._interval)
        return self._found

    def trial_started(self, day: int, change: SubscriptionEntry) -> None:
        """It may be used for nothing until the trial's end, which is the event's `term_end`."""
        if self._state not in ("none", "ended"):
            return
        self._state = "trial"
        self._trial = Trial(self._found.subscription, self._plan, self._campaign, day)
        self._trial_end = FOREVER if change.term_end_ms is None else self._day_at(change.term_end_ms)
        self._found.trials.append(self._trial)

    def trial_expired(self, day: int, change: SubscriptionEntry) -> None:
        """The trial is over, and nothing came of it."""
        if self._trial is not None and self._state == "trial":
            self._trial.ended_day = day
            self._state = "ended"

    def begin(self, day: int, change: SubscriptionEntry) -> None:
        """It runs and is paid for: started, converted, renewed or come back."""
        trial = self._trial
        if trial is not None and (self._state == "trial" or change.status == "trial_converted"):
            trial.outcome, trial.ended_day = "converted", day
        if change.status == "renewed" and self._state in ("active", "paused"):
            self._renew(day, change.event_id)
        if self._state != "paused" or change.status != "renewed":
            self._state = "active"
        self._settle_request(day, change)
        self._agree_term(day, change)

    def change(self, day: int, change: SubscriptionEntry) -> None:
        """Upgraded, downgraded or changed either way: whatever it names holds from then on."""
        if self._state not in ("active", "paused"):
            return
        trial = self._trial
        grows = self._interval is not None and self._arr_minor > self._interval.arr_minor
        upgraded = change.status == "upgraded" or (change.status == "changed" and grows)
        if trial is not None and trial.outcome == "converted" and upgraded:
            trial.first_upsell_day = trial.first_upsell_day or day
        if self._term is not None and change.term_end_ms is not None and self._term.end_day < day:
            self._renew(day, change.event_id)
        self._agree_term(day, change)

    def pause(self, day: int, change: SubscriptionEntry) -> None:
        """It is worth nothing until it is resumed."""
        if self._state in ("none", "active"):
            self._state = "paused"

    def resume(self, day: int, change: SubscriptionEntry) -> None:
        """It is worth what it was."""
        if self._state == "paused":
            self._state = "active"

    def ask_to_leave(self, day: int, change: SubscriptionEntry) -> None:
        """A request to cancel, unless one is open."""
        if self._state in ("active", "paused") and self._request is None:
            self._request = CancellationRequest(
                self._found.subscription, day, reason=change.reason, event_id=change.event_id, said_ms=change.said_ms
            )
            self._found.requests.append(self._request)

    def stay(self, day: int, change: SubscriptionEntry) -> None:
        """The request is withdrawn."""
        self._settle_request(day, change)

    def cancel(self, day: int, change: SubscriptionEntry) -> None:
        """It ends; who leaves without having asked asks and leaves at once."""
        if self._state == "trial":
            self.trial_expired(day, change)
        elif self._state in ("active", "paused"):
            if not change.involuntary:
                self.ask_to_leave(day, change)
            self._end(day, change.reason, involuntary=change.involuntary, event_id=change.event_id)

    def move(self, day: int, change: SubscriptionEntry) -> None:
        """It belongs to another account from then on, which is where all of it counts."""

    def _day_at(self, moment_ms: int) -> int:
        return day_at(moment_ms, self._rules.zone)

    @property
    def _arr_minor(self) -> int:
        return discounted(self._gross_minor, self._discount) if self._discount else self._gross_minor

    def _remember(self, change: SubscriptionEntry) -> None:
        """What the change names holds from then on; a new price ends the old discount."""
        self._product = change.product if change.product is not None else self._product
        self._plan = change.plan if change.plan is not None else self._plan
        self._seats = change.seats if change.seats is not None else self._seats
        self._campaign = change.campaign if self._campaign is None else self._campaign
        if change.amount is not None:
            self._currency = change.currency or self._rules.currency
            self._gross_minor = annual_minor(change.amount, self._currency, change.interval)
            self._discount = Decimal(0)
        if change.discount is not None:
            self._discount = change.discount

    def _pass_time(self, day: int) -> None:
        """What happens unsaid before a day: trials expire, requests are survived, terms lapse."""
        if self._trial is not None and self._state == "trial" and self._trial_end < day:
            self._trial.ended_day = self._trial_end
            self._state = "ended"
        term, grace_days, request = self._term, self._rules.grace_days, self._request
        lapse = FOREVER if term is None or grace_days is None else term.end_day + grace_days + 1
        if request is not None and not self._ends_later:
            survived = request.day + self._rules.saved_after_days
            if survived < min(day, lapse):
                request.decided_day, self._request = survived, None
        if lapse <= day:
            self._end(lapse, "not renewed", involuntary=False, event_id=None)

    def _end(self, day: int, reason: str | None, *, involuntary: bool, event_id: str | None) -> None:
        if self._interval is not None:
            self._interval.end_reason, self._interval.involuntary = reason, involuntary
            self._interval.end_event_id = event_id
            self._close_interval(day)
        if self._term is not None:
            self._term.outcome, self._term.decided_day, self._term.event_id = "ended", day, event_id
            self._term = None
        if self._request is not None:
            self._request.outcome, self._request.decided_day = "lost", day
            self._request = None
        self._state, self._ends_later = "ended", False

    def _renew(self, day: int, event_id: str) -> None:
        """The term is renewed; one of which nobody said the end ended with that."""
        term = self._term
        if term is None:
            held = self._interval
            currency, arr_minor = (self._currency, 0) if held is None else (held.currency, held.arr_minor)
            term = Term(self._found.subscription, self._product, currency, day, day, arr_minor)
            self._found.terms.append(term)
        term.outcome, term.decided_day, term.event_id = "renewed", day, event_id
        self._term = None

    def _agree_term(self, day: int, change: SubscriptionEntry) -> None:
        """The end that a change names is that of the term that runs, else it begins one."""
        if change.term_end_ms is None:
            return
        end_day = self._day_at(change.term_end_ms)
        if self._term is not None:
            self._term.end_day = end_day
        elif end_day > day:
            self._term = Term(self._found.subscription, self._product, self._currency, day, end_day, self._arr_minor)
            self._found.terms.append(self._term)

    def _settle_request(self, day: int, change: SubscriptionEntry) -> None:
        """Whoever asked to leave stays, if this was said after it."""
        if self._request is not None and change.said_ms >= self._request.said_ms:
            self._request.decided_day, self._request = day, None

    def _close_interval(self, day: int) -> None:
        """What did not last a day is gone; how it ended is how the one before it ended."""
        interval, self._interval = self._interval, None
        assert interval is not None
        if interval.from_day < day:
            interval.to_day = day
            self._found.intervals.append(interval)
        elif self._found.intervals and self._found.intervals[-1].to_day == day:
            before = self._found.intervals[-1]
            before.end_reason, before.involuntary = interval.end_reason, interval.involuntary
            before.end_event_id = interval.end_event_id

    def _cut(self, day: int, event_id: str) -> None:
        """Begin a new interval where anything of the present one has changed."""
        if self._state not in ("active", "paused"):
            return
        paused = self._state == "paused"
        arr_minor = 0 if paused else self._arr_minor
        if self._term is not None:
            self._term.arr_minor, self._term.currency = self._arr_minor, self._currency
        now = (self._product, self._plan, self._campaign, self._currency, arr_minor, self._seats, paused)
        if (old := self._interval) is not None:
            if now == (old.product, old.plan, old.campaign, old.currency, old.arr_minor, old.seats, old.paused):
                return
            self._close_interval(day)
        self._interval = RevenueInterval(
            subscription=self._found.subscription,
            product=self._product,
            plan=self._plan,
            campaign=self._campaign,
            currency=self._currency,
            from_day=day,
            to_day=FOREVER,
            arr_minor=arr_minor,
            seats=self._seats,
            paused=paused,
            event_id=event_id,
        )


# A subscription of which this is the first that is heard has been running.
_RUNS_ALREADY: Final = frozenset(
    {"renewed", "resumed", "upgraded", "downgraded", "changed", "cancellation_requested", "cancellation_withdrawn"}
)

_STEPS: Final[dict[Status, Callable[[_Walk, int, SubscriptionEntry], None]]] = {
    "trial_started": _Walk.trial_started,
    "started": _Walk.begin,
    "trial_converted": _Walk.begin,
    "reactivated": _Walk.begin,
    "renewed": _Walk.begin,
    "resumed": _Walk.resume,
    "upgraded": _Walk.change,
    "downgraded": _Walk.change,
    "changed": _Walk.change,
    "paused": _Walk.pause,
    "cancellation_requested": _Walk.ask_to_leave,
    "cancellation_withdrawn": _Walk.stay,
    "trial_expired": _Walk.trial_expired,
    "cancelled": _Walk.cancel,
    "moved": _Walk.move,
}
