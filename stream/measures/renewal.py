"""What the account has subscribed to, until when, and whether it wants to leave."""

from datetime import datetime
from typing import Final

from stream.calendar.day import DAY_MS, iso_date
from stream.calendar.zones import Zone
from stream.contracts.events import iso
from stream.kinds.state import AccountState
from stream.kinds.subscription import Term, money_of, terms
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures

WORTH_DAYS: Final = 90

_UNKNOWN: Final[Measures] = {
    "subscriptions_active": None,
    "cancellation_requested": None,
    "cancellation_requested_days": None,
    "cancellation_requested_at": None,
    "mrr_active": None,
    "mrr_90d_max": None,
    "seats_active": None,
}


@measures(
    Measure(
        "subscriptions_active",
        "subscriptions that run",
        "count",
        "subscriptions",
        "subscriptions that run, trials included",
        none_when="no subscription event",
        published="scan",
    ),
    Measure(
        "cancellation_requested",
        "requests to cancel",
        "count",
        "subscriptions",
        "subscriptions that run, with a request to cancel that was neither withdrawn nor settled by a renewal",
        none_when="no subscription event",
        reference="Math (save rate)",
        published="scan",
    ),
    Measure(
        "cancellation_requested_days",
        "days since they asked",
        "count",
        "days",
        "days since the oldest of these requests; 0 when there is none",
        none_when="no subscription event",
        published="clock",
    ),
    Measure(
        "mrr_active",
        "revenue a month that is at stake",
        "money",
        "money a month",
        "mrr of those that run and are no trials, where it is told",
        none_when="nobody told any; no subscription event",
        published="scan",
    ),
    Measure(
        "mrr_90d_max",
        "the most revenue a month of 90 days",
        "money",
        "money a month",
        "the highest `mrr_active` of the trailing 90 days, now included",
        none_when="nobody told any; no subscription event",
        reference="Math (retention)",
        published="scan",
    ),
    Measure(
        "seats_active",
        "seats of the subscriptions",
        "count",
        "seats",
        "seats of those that run, where they are told",
        none_when="nobody told any; no subscription event",
        published="scan",
    ),
    Measure(
        "days_to_renewal",
        "days to the renewal",
        "count",
        "days",
        "days to the earliest `renewal_at` of the subscriptions that run, else to that of the account"
        " feed; negative when it has passed",
        none_when="neither is known; every subscription has ended",
        reference="Math",
        published="clock",
    ),
    Measure(
        "cancellation_requested_at",
        "asked to cancel at",
        "word",
        "ISO time, UTC",
        "when the oldest of these requests was made",
        none_when="there is none",
        published="scan",
    ),
    Measure(
        "renews_on",
        "day of the renewal",
        "word",
        "ISO date",
        "the day that `days_to_renewal` counts to",
        none_when="as days_to_renewal",
        published="scan",
    ),
    source="subscriptions",
    available=lambda known: known.renewal,
    moved_by=("subscriptions",),
)
def renewal(context: MeasureContext) -> Measures:
    """Subscriptions that run, their worth, open requests to cancel, and the days until the next renewal.

    Without any subscription event all but the renewal are None. Source: docs/metrics.md, subscriptions.
    """
    day, zone, known = context.day, context.zone, context.terms
    until = renewal_day(context.state, known, zone)
    left: Measures = {
        "days_to_renewal": until - day if until is not None else None,
        "renews_on": iso_date(until) if until is not None else None,
    }
    if not known:
        return _UNKNOWN | left
    running = [at for at in known if at.is_running]
    requested = [at.requested_ms for at in running if at.requested_ms is not None]
    seats = [at.seats for at in running if at.seats is not None]
    worth = _worth(known)
    return left | {
        "subscriptions_active": len(running),
        "cancellation_requested": len(requested),
        "cancellation_requested_days": day - zone.day_of(min(requested)) if requested else 0,
        "cancellation_requested_at": iso(min(requested)) if requested else None,
        "mrr_active": worth,
        "mrr_90d_max": _most_worth(context, worth),
        "seats_active": sum(seats) if seats else None,
    }


def _worth(known: list[Term]) -> float | None:
    """Money a month of those that run and are no trials; None where nobody told any, or in several currencies."""
    return money_of(known)[0]


def _most_worth(context: MeasureContext, now: float | None) -> float | None:
    """The most money a month of the trailing 90 days: as they began, and after each change since."""
    subscriptions, as_of_ms = context.state.subscription, context.as_of_ms
    first_ms = as_of_ms - WORTH_DAYS * DAY_MS
    moments = {
        change.ms
        for changes in subscriptions.changes.values()
        for change in changes
        if first_ms < change.ms <= as_of_ms
    }
    found = [_worth(terms(subscriptions, ms)) for ms in (first_ms, *sorted(moments))]
    return max([worth for worth in (now, *found) if worth is not None], default=None)


def renewal_day(state: AccountState, known: list[Term], zone: Zone) -> int | None:
    """The day of the next renewal: the earliest of the subscriptions that run, else the account feed's.

    None where neither is known, and where every subscription has ended.
    """
    running = [at for at in known if at.is_running]
    dated = [at.renewal_ms for at in running if at.renewal_ms is not None]
    if dated:
        return zone.day_of(min(dated))
    given = state.profile.get("renewal_at", (None, 0))[0]
    if given is None or (known and not running):
        return None
    return zone.day_of(round(datetime.fromisoformat(given).timestamp() * 1000))
