"""The first line of each message: what happened, readable at a glance; and why it matters, rule by rule."""

from collections.abc import Mapping
from typing import Final

from alerts.lifecycle import Transition
from alerts.model import Alert, Severity
from alerts.rules import ABOUT_SCORE, TONES, Tone
from alerts.text import plural, points, tidy
from stream.contracts.report import Band, HealthReport

NAME_CHARS_MAX: Final = 80
REASON_CHARS_MAX: Final = 120

FLAG: Final[Mapping[Severity, str]] = {"info": "🌱", "warning": "🚩", "critical": "🚨"}
BAND: Final[Mapping[Band, str]] = {
    "healthy": "healthy",
    "watch": "on watch",
    "at_risk": "at risk",
    "critical": "critical",
    "unknown": "unknown",
}

# Why a rule is worth a message; what moved the score needs no such sentence.
MATTERS: Final[Mapping[str, str]] = {
    "cancellation_requested": "each day counts: what is not offered in the first days is seldom heard",
    "silence": "a product that nobody opens is not missed at the renewal",
    "champion_gone": "whoever brought the product in may have left, and nobody else defends it yet",
    "breadth_collapsed": "with so few users left, one more departure can end it",
    "renewal_near": "a plan to turn an account around takes about a quarter",
    "escalation_open": "an escalation without an end is what people remember at the renewal",
    "outcome_off_track": "customers stay for their outcome, whatever their usage says",
    "onboarding_stuck": "the longer the first value takes, the likelier a customer leaves before it",
    "milestone_stuck": "where the steps end, so do the reasons to pay for more",
    "licences_low": "unused seats are the first thing that is cut at the renewal",
    "detractor_follow_up": "an unhappy customer who is called back often stays; one who is not tells others",
    "promoter_follow_up": "glad customers say yes to a reference or a review, while they are glad",
    "licences_high": "full seats are the moment to talk about growth, before they have to ask",
}

# What an alert is called, by the tone of its rule.
_NOUN: Final[Mapping[Tone, str]] = {"trouble": "red flag", "task": "task", "opportunity": "good news"}


def tone_of(rule: str) -> Tone:
    """What kind of news a rule brings; a rule that is not known any more brings trouble."""
    return TONES.get(rule, "trouble")


def noun_of(rule: str) -> str:
    """What an alert of a rule is called in a sentence.

    >>> noun_of("band_entered"), noun_of("licences_high")
    ('red flag', 'good news')
    """
    return _NOUN[tone_of(rule)]


def raised(transition: Transition, alert: Alert, report: HealthReport) -> str:
    """The headline of an alert that is up."""
    name = tidy(report.name, NAME_CHARS_MAX)
    return f"{FLAG[alert.severity]} {name}{_what_happened(transition, alert, report)}"


def _what_happened(transition: Transition, alert: Alert, report: HealthReport) -> str:
    """The rest of it, after the account's name: state, score and fall."""
    again = transition.notification_kind in ("reminded", "reopened")
    if alert.rule not in ABOUT_SCORE or report.score is None:
        worse = (
            "worse now, "
            if transition.notification_kind == "updated"
            else "still: "
            if transition.notification_kind == "reminded"
            else ""
        )
        return f": {worse}{alert.reason}"
    now, band = points(report.score), BAND[report.band]
    if alert.rule == "score_dropped":
        further = "keeps falling, " if transition.notification_kind == "updated" else ""
        lost, days = points(alert.evidence["drop_points"]), plural(int(alert.evidence["days"]), "day")
        return f" {further}lost {lost} points of health in {days}: now {now}, {band}"
    state = (
        f"got worse, now {band}"
        if transition.notification_kind == "updated"
        else f"is {'still ' if again else ''}{band}"
    )
    if transition.notification_kind == "reopened":
        state = f"is {band} again"
    fall = round(report.score_7d_ago) - round(report.score) if report.score_7d_ago is not None else 0
    return f" {state}: health {now}" + (f", down {fall} in a week" if fall > 0 else "")


def over(transition: Transition, alert: Alert, report: HealthReport | None) -> str:
    """The headline of an alert that has ended."""
    name = tidy(report.name if report is not None else alert.account_name, NAME_CHARS_MAX)
    told = tidy(alert.reason, REASON_CHARS_MAX)
    if report is None or alert.closed_by is not None or (alert.rule in ABOUT_SCORE and report.score is None):
        return f"◽ {name}: {noun_of(alert.rule)} closed, {told}"
    mark = "✅" if transition.recovered else "◽"
    if alert.rule not in ABOUT_SCORE or report.score is None:
        return f"{mark} {name}: {told}"
    what = "has recovered" if transition.recovered else "has stopped falling"
    return f"{mark} {name} {what}: health {points(report.score)}, {BAND[report.band]}"
