"""What must hold of every message, whatever life it tells: its numbers are those of its moment, its words are right.

`check_message` is called for each message of the tables of lives and of random lives.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import msgspec

from alerts.account_facts import AccountFacts
from alerts.daily_digest import DigestItem, entries_of
from alerts.evaluation import AccountEvaluation
from alerts.messages.compose import make_notification
from alerts.messages.daily_digest import build_daily_digest
from alerts.messages.plain_text import as_text
from alerts.model import Alert, Signal
from alerts.playbooks import Play
from alerts.rules import Rule, tone_of
from alerts.text import moment_words
from stream.contracts.report import AlertReportView, HealthReport

_NUMBER: Final = re.compile(r"(?<![\w.-])−?\d[\d,]*(?:\.\d+)?(?![\w-])")
_ONE_OF_MANY: Final = re.compile(r"(?<![\d.,])1 (days|hours|users|seats|tickets|goals|answers|people|points|months)\b")
_MANY_OF_ONE: Final = re.compile(r"\b(?:[2-9]|\d\d+) (?:day|hour|user|ticket|goal|answer|person|point)\b(?!-)")
_UNMOVED: Final = re.compile(r"(?:^|: |from )([^:→]+?) (?:→|to) \1(?= |$)", re.MULTILINE)
_STILL: Final = re.compile(r"\bstill\b(?! (?:healthy|alive|are)\b)")
_DATE: Final = re.compile(r"\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?: \d{4})?\b")
_STEP: Final = re.compile(r"^👉.*$", re.MULTILINE)  # a play's own words have numbers of their own
_RED: Final = ("🚩", "🚨")
AFTER_ANY_PAGE: Final = datetime.max.replace(tzinfo=UTC)
_RATIO_MAX: Final = 3  # what may be told in per cent
# What a signal remembers of the moment in which it fired; every other number of it must be one of today.
REMEMBERED: Final = ("from_score", "users_before", "limit_days", "mrr_before")
NO_PLAYS: Final[Mapping[str, Sequence[Play]]] = {}


def check_evaluation(
    evaluation: AccountEvaluation, report: HealthReport, now: datetime, rules: Sequence[Rule]
) -> Iterator[str]:
    """Every message and digest line that an evaluation comes to, checked; their texts."""
    facts = AccountFacts(report, now)
    for transition in evaluation.changes:
        if transition.notification_id is not None and transition.alert is not None:
            message = make_notification(transition, report, facts, NO_PLAYS).message
            yield check_message(as_text(message), report, facts, transition.alert, rules)
    record = evaluation.record
    if record is None:
        return
    items = [
        DigestItem(
            owner=None, account_id=report.account_id, rule=step.signal.rule, change=step.change, at=AFTER_ANY_PAGE
        )
        for step in evaluation.signals
        if step.signal is not None and step.change is not None
    ]
    entries = entries_of(items, {report.account_id: record}, {report.account_id: report})
    if entries:
        text = as_text(build_daily_digest(None, entries, now, 12))
        _check_numbers(text, _numbers_known(report, facts, None, [entry.signal for entry in entries], rules), now)
        for line in text.splitlines():
            assert not line.startswith(_RED) or any(tone_of(entry.signal.rule) != "opportunity" for entry in entries), (
                f"good news with a red flag: {line}"
            )
        yield _check_words(text, report)


def check_message(text: str, report: HealthReport, facts: AccountFacts, alert: Alert, rules: Sequence[Rule]) -> str:
    """The text, which is as it must be.

    Args:
        text: of the whole message.
        report: of the moment.
        facts: what time has made of it.
        alert: the red flag as the message tells of it.
        rules: that were evaluated; their thresholds may be told.
    """
    _check_words(text, report)
    _check_numbers(text, _numbers_known(report, facts, alert, alert.signals, rules), facts.now)
    health = re.search(r"^Health (\d+)", text, re.MULTILINE)
    assert health is None or (report.score is not None and int(health[1]) == round(report.score)), text
    return text


def _check_numbers(text: str, known: Iterator[float], now: datetime) -> None:
    """Every number is one of the moment, but for those in the words of a play."""
    numbers = set(known)
    for line in _STEP.sub("", text).splitlines():
        for number in _NUMBER.findall(_DATE.sub("", line)):
            value = float(number.replace(",", "").replace("−", "-"))
            assert value in numbers, f"{number} is no number of {moment_words(now)}: {line}\n{text}"


def _check_words(text: str, report: AlertReportView) -> str:
    assert not re.search(r"(?<![\w-])-\d", text), f"an ASCII minus: {text}"
    assert not re.search(r"−0(?![\d.,])", text), f"a zero with a sign: {text}"
    assert not _ONE_OF_MANY.search(text), f"a wrong plural: {text}"
    assert not _MANY_OF_ONE.search(text), f"a wrong singular: {text}"
    assert not _UNMOVED.search(text), f"what did not move is no evidence: {text}"
    assert not _STILL.search(_STEP.sub("", text)), f"a stale word: {text}"
    assert not re.search(r"\bNone\b(?! of )", text), text
    assert "nan" not in re.findall(r"\w+", text), text
    for user_id, name in getattr(report, "names", {}).items():
        if name != user_id:
            assert not re.search(rf"\b{re.escape(user_id)}\b", text), f"an id where a name is known: {text}"
    return text


def _numbers_known(
    report: HealthReport, facts: AccountFacts, alert: Alert | None, signals: Sequence[Signal], rules: Sequence[Rule]
) -> Iterator[float]:
    """Every number that may stand in a message of the moment, in each form in which people write it."""
    own = (*_values(report, facts, signals, rules), *(_values_of_alert(alert, facts) if alert is not None else ()))
    for value in own:
        for form in (value, 100 * value) if abs(value) <= _RATIO_MAX else (value,):
            yield from (float(round(form)), float(abs(round(form))), round(form, 1))


def _values(
    report: HealthReport, facts: AccountFacts, signals: Sequence[Signal], rules: Sequence[Rule]
) -> Iterator[float]:
    """Of the account and of the signals that are told."""
    yield from (0, 1, 2, 7, 28, 30, 100)
    now = list(_floats([report.score, report.score_7d_ago]))
    scores = [value for _, value in report.history] + now
    yield from scores
    high = [
        *scores,
        *_floats(value for each in signals for value in (each.ceiling_score, each.evidence.get("from_score"))),
    ]
    yield from (*high, *(round(top) - round(low) for top in high for low in now))
    for measure, value in report.measures.items():
        yield from _of_measure(value, facts, facts.older_days(measure) if isinstance(value, int | float) else None)
        yield from _days({measure: value})
    for part in (*report.changes_7d, *report.contributions, *report.caps):
        yield from _floats(msgspec.to_builtins(part).values())
    for name in ("quiet_days", "quiet_working_days", "days_to_renewal", "escalation_hours", "mrr", "seats"):
        yield from _floats([getattr(facts, name)])
        yield from _days({name: getattr(facts, name)})
    for since in [report.profile.started_at, *(each.since for each in signals)]:
        if since is not None:
            yield from _ago(since, facts)
    for signal in signals:
        kept = signal.evidence if not signal.is_firing else {name: signal.evidence.get(name) for name in REMEMBERED}
        yield from (*_floats(kept.values()), *_days(kept), len(signal.names))
        if "days_before" in signal.evidence:
            yield signal.evidence["days_before"] + max((facts.now - signal.since).days, 0)
    for before, after in pairwise(scores):
        yield round(before) - round(after)
    yield from (len(report.history), *range(len(facts.closes()) + 1))
    firing = {signal.rule for signal in signals}
    for rule in (rule for rule in rules if rule.name in firing):
        settings = rule.model_dump(exclude={"overrides"})
        yield from _floats(settings.values())
        yield from _days(settings)


def _values_of_alert(alert: Alert, facts: AccountFacts) -> Iterator[float]:
    """Of the red flag itself."""
    low = list(_floats([facts.report.score, facts.report.score_7d_ago]))
    for high in _floats([alert.opening_score, alert.lowest_score, alert.last_score]):
        yield from (high, *(round(high) - round(each) for each in low))
    for since in (alert.opened_at, alert.resolved_at, alert.snoozed_until):
        if since is not None:
            yield from _ago(since, facts)
    if alert.resolved_at is not None:
        hours = (alert.resolved_at - alert.opened_at).total_seconds() / 3600
        yield from (hours, hours / 24)
    yield from (*alert.followed_up_days, alert.episode, alert.reopened)


def _of_measure(value: Any, facts: AccountFacts, older: float | None) -> Iterator[float]:
    if isinstance(value, Mapping):
        found = list(_floats(value.values()))
        words = Counter(word for word in value.values() if isinstance(word, str))
        yield from (*words.values(), *(one + other for one, other in pairwise(words.values())))
        yield from (*found, sum(found), *(one + other for one, other in pairwise(found)))
    elif isinstance(value, list):
        yield from (len(value), max(len(value) - 3, 0))
        for part in value:
            yield from _of_measure(part, facts, None)
    elif isinstance(value, str):
        try:
            since = datetime.fromisoformat(value)
        except ValueError:
            return  # a word
        yield from _ago(since if since.tzinfo is not None else since.replace(tzinfo=UTC), facts)
    else:
        yield from _floats([value, older, None if older is None else facts.hours_passed + float(value)])


def _ago(since: datetime, facts: AccountFacts) -> Iterator[float]:
    """Since a moment: hours, and days as calendars and as clocks count them."""
    hours = (facts.now - since).total_seconds() / 3600
    yield from (hours, hours // 24, hours // 24 + 1, round(hours / 24))


def _days(named: Mapping[str, Any]) -> Iterator[float]:
    """Numbers of hours as days."""
    for name, value in named.items():
        if "hours" in name:
            yield from (hours / 24 for hours in _floats([value]))


def _floats(values: Any) -> Iterator[float]:
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield float(value)
