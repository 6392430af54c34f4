"""Whether a judgement is worth telling: what a person could notice since the last one that was published."""

from typing import Final

from stream.account import AccountState, Judged, newest_ms, zone_of
from stream.health.judge import Evaluation, profile_of
from stream.health.memory import COMPARED_DAYS
from stream.subscriptions import terms

NOTICEABLE_POINTS: Final = 1.0
NOTICEABLE_COVERAGE: Final = 0.05


def is_news(before: Judged, found: Evaluation, described: str | None = None) -> bool:
    """Whether a person could notice the difference between what was published and what is so now.

    News is: another band, scorecard or override; the score moved by a point; coverage moved by 5 percent of the
    scorecard; the profile changed, or a request to cancel came or went; or a comparison that was published does not
    hold any more.

    Args:
        before: what is remembered of the last report.
        found: what holds now.
        described: from `described_of`; None: unchanged.
    """
    if found.band != before.band or found.override != before.override:
        return True
    if described is not None and described != before.described:
        return True
    if before.scorecard not in ("", found.scorecard):  # none is remembered from before scorecards were
        return True
    if _moved(before.score, found.score):
        return True
    if abs(before.coverage_ratio - found.coverage_ratio) >= NOTICEABLE_COVERAGE:
        return True
    return _is_stale(before, found)


def described_of(state: AccountState, as_of_ms: int) -> str:
    """The profile as text, and whether a request to cancel is open: each day counts then, whatever the score says."""
    requests = sum([at.is_running and at.requested_ms is not None for at in terms(state.subscriptions, as_of_ms)])
    profile = repr(profile_of(state))
    return f"{profile}, requests to cancel: {requests}" if requests else profile


def of_later_day(before: Judged, state: AccountState) -> bool:
    """Whether an event came of a later day than any that the published report knew of: that is news by itself."""
    newest = newest_ms(state)
    if newest is None or newest == before.last_event_ms:
        return False
    zone = zone_of(state)
    return before.last_event_ms is None or zone.day_of(newest) > zone.day_of(before.last_event_ms)


def _is_stale(before: Judged, found: Evaluation) -> bool:
    """Whether the published comparison with an earlier day is another by now: "down 23 in 7 days" stands for days only.

    The closing scores of the days compared with tell it. Where they are not known, since the account was not judged
    then, a report that told of a move is renewed each day.
    """
    for days, then, now in zip(COMPARED_DAYS, before.closings, found.closings, strict=False):
        if then is not None and now is not None:
            if abs(now - then) >= NOTICEABLE_POINTS and days in (7, 28, before.told_days):
                return True
        elif before.told_days == days and found.day > before.day:
            return True
    return False


def _moved(before: float | None, now: float | None) -> bool:
    """Whether a score moved noticeably, or became known or unknown."""
    if before is None or now is None:
        return before is not now
    return abs(now - before) >= NOTICEABLE_POINTS
