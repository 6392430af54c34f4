"""docs/rules.md: every rule, and the messages that the tests make of it; `make rules` writes it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from alerts.context import AlertContext
from alerts.daily_digest import DigestItem, entries_of
from alerts.evaluation import evaluate_rules
from alerts.messages.daily_digest import build_daily_digest
from alerts.messages.plain_text import as_text
from alerts.rules import RULES, Rule
from stream.contracts.report import HealthReport
from tests.unit.alerts.rule_cases import RULE_CASES
from tests.unit.alerts.test_messages import a_week_later, alone, broken, messages_of, well, worse

AFTER_ANY_PAGE = datetime.max.replace(tzinfo=UTC)
PAGE = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
NAMES = {"ann": "Ann Lee (champion)", "bob": "Bob Roy"}
TONES = {"risk": "risk", "task": "to do", "opportunity": "good news"}
HEAD = """# The rules and their messages

Every rule as it is shipped, and its messages as people read them: first who and what, then health, worth and renewal,
then today's evidence, then the next step.

Settings, and rules of one's own: [alerting's configuration](alerting-configuration.md).

🚩 info and warning, 🚨 critical, 📌 to do, 🌱 good news, ✅ well again, ⚪ ended otherwise, ⏰ a reminder, 🗞 a digest.

| rule | finds | kind | told by | opens a red flag |
|---|---|---|---|---|
"""


def page() -> str:
    """The page: the table of all rules, then each with its messages."""
    return HEAD + "".join(_row(rule) for rule in RULES) + "".join(_section(rule) for rule in RULES)


def _row(rule: type[Rule]) -> str:
    """One rule as it is shipped."""
    shipped = rule()
    told = shipped.channel if shipped.critical_channel is None else f"{shipped.channel}; critical: a page"
    opens = "yes" if shipped.opens or shipped.channel == "page" else "critical" if shipped.critical_channel else "no"
    return f"| [`{rule.name}`](#{rule.name}) | {rule.about} | {TONES[rule.tone]} | {told} | {opens} |\n"


def _section(rule: type[Rule]) -> str:
    """What it says when it opens a red flag, when that gets worse, a week later, and when it is over."""
    about = f"{rule.about[0].upper()}{rule.about[1:]}"
    told = f"\n## `{rule.name}`\n\n*{about}.* Why it matters: {rule.why}.\n\nIn a digest: {digest_line(rule.name)}\n"
    for text in _messages(rule.name):
        told += "\n" + "".join(f"    {line}\n" for line in text.splitlines() if line)
    return told


def _messages(rule: str) -> Iterator[str]:
    reports: list[HealthReport] = [broken(rule)]
    if RULE_CASES[rule].worse:
        reports.append(worse(rule))
    reports += [a_week_later(rule, reports[-1]), well(rule)]
    return (as_text(message) for message in messages_of(rule, [told_of(report) for report in reports]))


def told_of(report: HealthReport) -> HealthReport:
    """The same of an account whose people and currency are known."""
    profile = replace(report.profile, currency="USD")
    measures: dict[str, Any] = {"mrr_active": profile.mrr, "top_user": "ann"}
    return replace(report, profile=profile, names=NAMES, measures={**measures, **report.measures})


def digest_line(rule: str) -> str:
    """The line of a rule in its owner's daily digest."""
    config, report = alone(rule, channel="digest"), told_of(broken(rule))
    rules = config.book.choose(report.profile)
    record = evaluate_rules(None, report, rules, report.as_of, AlertContext(config.lifecycle)).record
    assert record is not None
    item = DigestItem(owner=None, account_id=report.account_id, rule=rule, change="firing", at=AFTER_ANY_PAGE)
    entries = entries_of([item], {report.account_id: record}, {report.account_id: report})
    return as_text(build_daily_digest(None, entries, report.as_of, 12)).splitlines()[3]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
