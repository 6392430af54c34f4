"""Whether an evaluation is worth telling: what a person could notice since the last one that was published."""

from typing import Final

from stream.kinds.state import AccountState, PublishedReport, newest_ms, zone_of
from stream.kinds.subscription import terms
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.scoring.band_history import COMPARED_DAYS
from stream.scoring.evaluation import Evaluation, profile_of

NOTICEABLE_POINTS: Final = 1.0
NOTICEABLE_COVERAGE: Final = 0.05


def should_publish(before: PublishedReport, found: Evaluation, digest: str | None = None) -> bool:
    """Whether a person could notice the difference between what was published and what is so now.

    News is: another band, scorecard or override; the score moved by a point; coverage moved by 5 percent of the
    scorecard; the profile changed, or something came that people enter one by one (`profile_digest`); or a comparison
    that was published does not hold any more.

    Args:
        before: what is remembered of the last report.
        found: what holds now.
        digest: from `profile_digest`; None: unchanged.
    """
    if found.band != before.band or found.override != before.override:
        return True
    if digest is not None and digest != before.digest:
        return True
    if before.scorecard not in ("", found.scorecard):  # none is remembered from before scorecards were
        return True
    if _moved(before.score, found.score):
        return True
    if abs(before.coverage_ratio - found.coverage_ratio) >= NOTICEABLE_COVERAGE:
        return True
    return _is_stale(before, found)


def profile_digest(state: AccountState, as_of_ms: int, product: ProductConfig = NO_PRODUCT_CONFIG) -> str:
    """What people enter or wait for one by one, as text: each of it counts at once, whatever the score says.

    The profile; requests to cancel that are open; and, where there are any, the newest subscription event, touchpoint,
    outcome and answer, how many first steps were made, and what people are called. It holds no more than it takes to
    see that one came.

    Args:
        state: the account's facts.
        as_of_ms: the moment, epoch milliseconds.
        product: the product's key actions and milestones, and whether answers are followed up.
    """
    profile, parts = repr(profile_of(state, as_of_ms)), list[str]()
    if state.subscription.newest_ms:
        requests = sum([at.is_running and at.requested_ms is not None for at in terms(state.subscription, as_of_ms)])
        parts.append(f"subscriptions: {state.subscription.newest_ms}, requests to cancel: {requests}")
    contacts = state.touchpoint
    if contacts.newest_ms:
        parts.append(f"touchpoints: {len(contacts.touchpoints)}, {contacts.newest_ms}")
    if state.survey.newest_ms and (contacts.newest_ms or product.follow_up_ms is not None):
        parts.append(f"answers: {len(state.survey.answers)}, {state.survey.newest_ms}")
    if state.outcome.newest_ms:
        parts.append(f"outcomes: {sum(map(len, state.outcome.goals.values()))}, {state.outcome.newest_ms}")
    if state.user.changes:
        parts.append(f"people: {state.user.changes}")
    if product.key_actions or product.milestones:
        used = state.usage.features
        parts.append(f"steps: {sum([name in used for name in (*product.milestones, *product.key_actions)])}")
    return ", ".join((profile, *parts))


def of_later_day(before: PublishedReport, state: AccountState) -> bool:
    """Whether an event came of a later day than any that the published report knew of: that is news by itself."""
    newest = newest_ms(state)
    if newest is None or newest == before.last_event_ms:
        return False
    zone = zone_of(state)
    return before.last_event_ms is None or zone.day_of(newest) > zone.day_of(before.last_event_ms)


def _is_stale(before: PublishedReport, found: Evaluation) -> bool:
    """Whether the published comparison with an earlier day is another by now: "down 23 in 7 days" stands for days only.

    The closing scores of the days compared with tell it. Where they are not known, since the account was not evaluated
    then, a report that told of a move is renewed each day.
    """
    for days, then, now in zip(COMPARED_DAYS, before.closings, found.closings, strict=False):
        if then is not None and now is not None:
            if abs(now - then) >= NOTICEABLE_POINTS and days in (7, 28, before.reason_days):
                return True
        elif before.reason_days == days and found.day > before.day:
            return True
    return False


def _moved(before: float | None, now: float | None) -> bool:
    """Whether a score moved noticeably, or became known or unknown."""
    if before is None or now is None:
        return before is not now
    return abs(now - before) >= NOTICEABLE_POINTS
