"""What the account has subscribed to, until when, and whether it wants to leave."""

from datetime import datetime
from typing import Final

from stream.calendar.zones import Zone
from stream.kinds.state import AccountState
from stream.kinds.subscription import Term
from stream.measures.active_users import Measures
from stream.measures.context import MeasureContext

_UNKNOWN: Final[Measures] = {
    "subscriptions_active": None,
    "cancellation_requested": None,
    "cancellation_requested_days": None,
    "mrr_active": None,
}


def renewal(context: MeasureContext) -> Measures:
    """Subscriptions that run, their worth, open requests to cancel, and the days until the next renewal.

    Without any subscription event all but the renewal are None. Source: docs/metrics.md, subscriptions.
    """
    day, zone, known = context.day, context.zone, context.terms
    until = renewal_day(context.state, known, zone)
    left = {"days_to_renewal": until - day if until is not None else None}
    if not known:
        return _UNKNOWN | left
    running = [at for at in known if at.is_running]
    requested = [at.requested_ms for at in running if at.requested_ms is not None]
    worth = [at.mrr for at in running if at.mrr is not None and not at.is_trial]
    return left | {
        "subscriptions_active": len(running),
        "cancellation_requested": len(requested),
        "cancellation_requested_days": day - zone.day_of(min(requested)) if requested else 0,
        "mrr_active": sum(worth) if worth else None,
    }


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
