"""Did it work: days after a play was started, or the episode ended, whether the account recovered and stayed so."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from msgspec.structs import replace

from alerts.model import Alert
from alerts.red_flag import FollowUpResult, Transition
from alerts.text import plural, points

Action = Literal["play", "acknowledged", "none"]

ACTIONS: Final[tuple[Action, ...]] = get_args(Action)


@dataclass(frozen=True)
class FollowUp:
    """How it went.

    Args:
        days: after the play, or the end.
        result: lasted (recovered, and still well), ended (over without recovery), not_recovered (still open),
            came_back.
        sentence: the same for a person.
    """

    days: int
    result: FollowUpResult
    sentence: str


def anchor(alert: Alert) -> datetime | None:
    """From when follow-ups count: the last play, else the end; None while there is neither."""
    return alert.play_at or alert.resolved_at


def follow_up_due(alert: Alert, days: tuple[int, ...]) -> datetime | None:
    """When the next follow-up is due; None when all are made, or none counts yet."""
    start = anchor(alert)
    left = [day for day in days if day not in alert.followed_up_days]
    return start + timedelta(days=min(left)) if start is not None and left else None


def follow_up(alert: Alert, score: float | None, days: tuple[int, ...], now: datetime) -> Transition | None:
    """The follow-up that is due; None when none is. Of several that were missed only the last is made.

    Told to people only where a play was started: whoever acted wants to know; the audit log has all.

    Args:
        alert: after its step.
        score: the account's score now; None when unknown.
        days: when follow-ups are made.
        now: the moment of the decision.
    """
    start = anchor(alert)
    if start is None:
        return None
    due = [day for day in days if day not in alert.followed_up_days and start + timedelta(days=day) <= now]
    if not due:
        return None
    found = result_of(alert, score, max(due))
    after = replace(alert, followed_up_days=sorted({*alert.followed_up_days, *due}))
    if alert.play is None:
        return Transition("followed_up", after, found.sentence, follow_up_result=found.result)
    name = f"{alert.alert_id}:followed_up:{found.days}:{int(start.timestamp()):x}"
    followed = replace(after, last_notification=name)
    return Transition(
        "followed_up",
        followed,
        found.sentence,
        "followed_up",
        name,
        alert.last_notification,
        follow_up_result=found.result,
    )


def result_of(alert: Alert, score: float | None, days: int, play: str | None = None) -> FollowUp:
    """How an alert's account is doing, so many days later; `play` is the name of the one that was started."""
    named = play or (alert.play or "").replace("_", " ")
    since = f"{plural(days, 'day')} after " + (f"the play “{named}”" if alert.play is not None else "the end")
    now = f"health {points(score)}" if score is not None else "health unknown"
    was = f" (it was {points(alert.opening_score)} when the flag went up)" if alert.opening_score is not None else ""
    if alert.is_open and alert.reopened > 0:
        return FollowUp(days, "came_back", f"{since}: it recovered and came back; {now}{was}")
    if alert.is_open:
        return FollowUp(days, "not_recovered", f"{since}: not recovered yet; {now}{was}")
    if alert.recovered:
        return FollowUp(days, "lasted", f"{since}: recovered, and it has lasted; {now}{was}")
    return FollowUp(days, "ended", f"{since}: over without a recovery; {now}{was}")


def superseded(alert: Alert, days: tuple[int, ...], now: datetime) -> Transition | None:
    """The last follow-up of an episode whose place a new one takes; None when its follow-ups are all made."""
    if follow_up_due(alert, days) is None or alert.resolved_at is None or not alert.recovered:
        return None
    passed = plural(max((now - alert.resolved_at).days, 0), "day")
    reason = f"{passed} after the end: the same trouble came back as a new episode"
    return Transition("followed_up", alert, reason, follow_up_result="came_back")


def action_of(alert: Alert) -> Action:
    """What people did about an alert: started a play, took it on at least, or nothing that anybody told us of."""
    if alert.play is not None:
        return "play"
    return "acknowledged" if alert.acknowledged_at is not None else "none"
