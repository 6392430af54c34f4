"""Whether an evaluation is worth telling: what a person could notice since the last one that was published."""

from collections.abc import Callable
from typing import Final, Literal

from stream.calendar.day import DAY_MS
from stream.history import daily
from stream.history.daily import Days
from stream.kinds.state import AccountState, PublishedReport, newest_ms, zone_of
from stream.kinds.ticket import counts_by_hours
from stream.measures.catalogue import SCAN_FACTS
from stream.measures.contact import FOLLOW_UP_MS
from stream.measures.product_config import ProductConfig
from stream.measures.registry import MovedBy
from stream.measures.renewal import WORTH_DAYS
from stream.scoring.band_history import COMPARED_DAYS
from stream.scoring.evaluation import NO_PROFILE, DetailedEvaluation, Evaluation
from stream.scoring.facts import facts_of, scan_facts

FactsDue = Literal["score", "scan", "day"]

NOTICEABLE_POINTS: Final = 1.0
CLOSE_DIGITS: Final = 1  # as exactly as the score of a closed day is kept
NOTICEABLE_COVERAGE: Final = 0.05
_NO_PROFILE_TEXT: Final = repr(NO_PROFILE)


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


def facts_due(
    state: AccountState, day: int, now_ms: int, product: ProductConfig, is_scan: bool, has_moved: bool
) -> FactsDue | None:
    """What of all that readers rest on is to be compared with what was published; None: nothing now.

    Comparing measures costs as much as evaluating, so that an account that moves is looked at once a scan, and every
    account when its day turns; on other scans the score in whole points can have moved. An answer becomes one that
    waits for a reply by time alone.

    Args:
        state: the account's facts, with the day that was closed last.
        day: the account's day.
        now_ms: the moment, epoch milliseconds.
        product: how long an answer may wait.
        is_scan: whether this evaluation is a scan's, and not for an event between two scans.
        has_moved: whether it moved since facts were compared.
    """
    if state.closed_day < day - 1:
        return "day"
    if not is_scan:
        return None
    return "scan" if has_moved or _has_open_answer(state, now_ms, product) else "score"


def rests_today(state: AccountState, now_ms: int, product: ProductConfig) -> bool:
    """Whether time alone moves nothing of an account before its day ends: what counts by days was found with them.

    It is so where no event is of today, nor ahead of the clock, no override expires, and nothing is there that moves
    a measure by the moment (`MOVES_TODAY`).
    """
    newest, zone = newest_ms(state), zone_of(state)
    if newest is None or state.overrides or zone.day_of(newest) >= zone.day_of(now_ms):
        return False
    for moves_today in MOVES_TODAY.values():  # noqa: SIM110  # asked of every account with every scan
        if moves_today(state, now_ms, product):
            return False
    return True


def _has_open_answer(state: AccountState, now_ms: int, product: ProductConfig) -> bool:
    """Whether an answer is so new that it may become one that waits for a reply."""
    answered_ms = state.survey.newest_ms
    wait_ms = FOLLOW_UP_MS if product.follow_up_ms is None else product.follow_up_ms
    return answered_ms > 0 and now_ms - answered_ms < wait_ms + DAY_MS


def _has_ticket_by_hours(state: AccountState, now_ms: int, product: ProductConfig) -> bool:
    """Whether a ticket is open that is urgent or was escalated."""
    return any(map(counts_by_hours, state.ticket.tickets.values()))


def _has_change_at_the_line(state: AccountState, now_ms: int, product: ProductConfig) -> bool:
    """Whether a subscription's change leaves the days of which the most money counts, on this day or beside it."""
    line_ms = now_ms - WORTH_DAYS * DAY_MS
    return any(
        abs(change.ms - line_ms) < 2 * DAY_MS for changes in state.subscription.changes.values() for change in changes
    )


# By what measures say moves them within a day (`moved_by`), whether an account has something of the kind.
MOVES_TODAY: Final[dict[MovedBy, Callable[[AccountState, int, ProductConfig], bool]]] = {
    "answers": _has_open_answer,
    "subscriptions": _has_change_at_the_line,
    "tickets": _has_ticket_by_hours,
}


def facts_changed(before: PublishedReport, found: DetailedEvaluation, due: FactsDue, days: Days) -> bool:
    """Whether readers would rest on something else if they knew what holds now.

    Args:
        before: what is remembered of the last report.
        found: what holds now.
        due: what to compare: the score; what alert rules read; or everything, and how the last day closed.
        days: the closing scores.
    """
    if due == "score":
        known = before.score is not None and found.score is not None
        return known and round(before.score or 0.0) != round(found.score or 0.0)
    if due == "scan":
        return scan_facts(found.complete(SCAN_FACTS), found.score) != before.scan_facts
    (closed,) = daily.scores_at(days, found.day, (1,))
    if closed is not None and before.score is not None and round(before.score, CLOSE_DIGITS) != closed:
        return True
    found.facts = facts_of(found.complete(), found.score)
    return found.facts[1] != before.day_facts


def profile_digest(found: DetailedEvaluation) -> str:
    """What people enter or wait for one by one, as text: each of it counts at once, whatever the score says.

    The profile and its goals; requests to cancel that are open; and, where there are any, the newest subscription
    event, touchpoint, outcome and answer, how many first steps were made, and what people are called. It holds no more
    than it takes to see that one came.

    Args:
        found: the account as of a moment.
    """
    state, product = found.context.state, found.context.account.product
    profile, parts = found.profile(), list[str]()
    if state.subscription.newest_ms:
        requests = sum([at.is_running and at.requested_ms is not None for at in found.context.terms])
        parts.append(f"subscriptions: {state.subscription.newest_ms}, requests to cancel: {requests}")
    contacts = state.touchpoint
    if contacts.newest_ms:
        parts.append(f"touchpoints: {len(contacts.touchpoints)}, {contacts.newest_ms}")
    if state.survey.newest_ms and (contacts.newest_ms or product.follow_up_ms is not None):
        parts.append(f"answers: {len(state.survey.answers)}, {state.survey.newest_ms}")
    if "goals" in state.profile:
        parts.append(f"goals: {state.profile['goals'][0]}")
    if state.outcome.newest_ms:
        parts.append(f"outcomes: {sum(map(len, state.outcome.goals.values()))}, {state.outcome.newest_ms}")
    if state.user.changes:
        parts.append(f"people: {state.user.changes}")
    if product.key_actions or product.milestones:
        used = state.usage.features
        parts.append(f"steps: {sum([name in used for name in (*product.milestones, *product.key_actions)])}")
    return ", ".join((_NO_PROFILE_TEXT if profile is NO_PROFILE else repr(profile), *parts))


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
