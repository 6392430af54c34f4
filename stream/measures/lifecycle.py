"""At which stage of its life with the product an account is."""

from typing import Final

from stream.calendar.zones import Zone
from stream.contracts.report import UNSCORED_STAGES, LifecycleStage
from stream.kinds.state import AccountState
from stream.kinds.subscription import Term, terms
from stream.measures.context import MeasureContext
from stream.measures.milestones import first_value_day, started_day
from stream.measures.registry import Measure, Measures, measures
from stream.measures.renewal import renewal_day

# Choices of this project; docs/metrics.md, lifecycle, has the reasons.
ONBOARDING_DAYS: Final = 90  # where no key action says when the first value was reached
RETURNED_DAYS: Final = 90  # so long an account counts as one that came back
AWAY_DAYS: Final = 182  # after half a year without any use; or after all of its subscriptions had ended
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
        "as the account feed gives it, else derived: trial, onboarding, active, renewing, returned, churned,"
        " expired_trial, paused, ignored; see below",
        none_when="the beginning is unknown and no subscription says it",
        reference="Math, That matter",
        published="scan",
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
    stage = _derived(context)
    return {"lifecycle_stage": stage, "lifecycle_stage_basis": "derived"} if stage is not None else NO_STAGE


def unscored_stage(context: MeasureContext) -> LifecycleStage | None:
    """The stage of an account that is to have no score; None where it is to have one. Quicker than `lifecycle`."""
    given = context.state.profile.get("lifecycle_stage", (None, 0))[0]
    if given is not None:
        return given if given in UNSCORED_STAGES else None
    return _ended(context.terms) if context.state.subscription.changes else None


def _ended(known: list[Term]) -> LifecycleStage | None:
    """What an account is whose subscriptions have all ended, or wait until they are resumed; None: one runs."""
    running = [at for at in known if at.is_running]
    if running:
        return "paused" if all(at.is_paused for at in running) else None
    if not known:
        return None
    return "expired_trial" if all(at.is_expired_trial for at in known) else "churned"


def _derived(context: MeasureContext) -> LifecycleStage | None:
    """From the subscriptions, then the renewal, then its use. Source: docs/metrics.md, lifecycle."""
    state, day, known, product = context.state, context.day, context.terms, context.account.product
    if known:
        if (ended := _ended(known)) is not None:
            return ended
        if all(at.is_trial for at in known if at.is_running):
            return "trial"
    started = started_day(state)
    if started is None or started > day:
        return None
    age_days = day - started
    if age_days >= ONBOARDING_DAYS and _is_renewing(state, known, day, context.zone):
        return "renewing"
    if (known and _has_subscribed_again(context)) or _is_used_again(context):
        return "returned"
    if first_value_day(state, day, product) is None if product.key_actions else age_days < ONBOARDING_DAYS:
        return "onboarding"
    return "active"


def _has_subscribed_again(context: MeasureContext) -> bool:
    """Whether the newest start of what runs, within 90 days, came after everything before it had ended."""
    starts = [at.since_ms for at in context.terms if at.is_running and at.since_ms is not None]
    if not starts or context.day - context.zone.day_of(max(starts)) >= RETURNED_DAYS:
        return False
    before = terms(context.state.subscription, max(starts) - 1)
    return before != [] and not any(at.is_running for at in before)


def _is_used_again(context: MeasureContext) -> bool:
    """Whether use began again within 90 days, after half a year without any."""
    if context.days_known is None or context.days_known <= AWAY_DAYS:
        return False
    bits = context.active_bits
    recent = bits & (1 << RETURNED_DAYS) - 1
    if recent == 0:
        return False
    back = recent.bit_length() - 1  # the first active day of these
    older = bits >> back + 1
    away_days = (older & -older).bit_length() if older else context.days_known - 1 - back
    return away_days > AWAY_DAYS


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
