"""At which stage of its life with the product an account is."""

from typing import Final

from stream.calendar.zones import Zone
from stream.kinds.state import AccountState
from stream.kinds.subscription import Term
from stream.measures.context import MeasureContext
from stream.measures.milestones import first_value_day, started_day
from stream.measures.registry import Measure, Measures, measures
from stream.measures.renewal import renewal_day

# Choices of this project; docs/metrics.md, lifecycle, has the reasons.
ONBOARDING_DAYS: Final = 90  # where no key action says when the first value was reached
ADOPTING_DAYS: Final = 180
RENEWING_DAYS: Final = 90
RENEWING_SHARE: Final = 4  # or the last quarter of a shorter term
OVERDUE_DAYS: Final = 30  # a renewal date that passed without news

NO_STAGE: Final[Measures] = {"lifecycle_stage": None, "lifecycle_stage_basis": None}


@measures(
    Measure(
        "lifecycle_stage",
        "lifecycle stage",
        "word",
        "word",
        "as the account feed gives it, else derived: see below",
        none_when="the beginning is unknown and no subscription says it",
        reference="Math, That matter",
    ),
    Measure(
        "lifecycle_stage_basis",
        "lifecycle stage basis",
        "word",
        "word",
        "which of the two: `given` or `derived`",
        none_when="there is no stage",
    ),
    source="subscriptions",
    available=lambda known: known.use or known.renewal or known.stages,
)
def lifecycle(context: MeasureContext) -> Measures:
    """The stage as the account feed gives it, else derived; None where it is not known when the account began."""
    given = context.state.profile.get("lifecycle_stage", (None, 0))[0]
    if given is not None:
        return {"lifecycle_stage": given, "lifecycle_stage_basis": "given"}
    stage = _derived(context, context.terms)
    return {"lifecycle_stage": stage, "lifecycle_stage_basis": "derived"} if stage is not None else NO_STAGE


def _derived(context: MeasureContext, known: list[Term]) -> str | None:
    """From the subscriptions, then the renewal, then first value and age. Source: docs/metrics.md, lifecycle."""
    state, day, product = context.state, context.day, context.account.product
    running = [at for at in known if at.is_running]
    if known and not running:
        return "churned"
    if running and all(at.is_trial for at in running):
        return "trial"
    started = started_day(state)
    if started is None or started > day:
        return None
    age_days = day - started
    if age_days >= ONBOARDING_DAYS and _is_renewing(state, known, day, context.zone):
        return "renewing"
    if first_value_day(state, day, product) is None if product.key_actions else age_days < ONBOARDING_DAYS:
        return "onboarding"
    return "adopting" if age_days < ADOPTING_DAYS else "mature"


def _is_renewing(state: AccountState, known: list[Term], day: int, zone: Zone) -> bool:
    """Whether the renewal is near: within 90 days, or the last quarter of a shorter term, or just overdue."""
    until = renewal_day(state, known, zone)
    if until is None:
        return False
    since = max([at.since_ms for at in known if at.is_running and at.since_ms is not None], default=None)
    ahead = RENEWING_DAYS
    if since is not None:
        ahead = min(ahead, (until - zone.day_of(since)) // RENEWING_SHARE)
    return -OVERDUE_DAYS <= until - day <= ahead
