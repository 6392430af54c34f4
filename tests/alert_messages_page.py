"""docs/alert-messages.md, of the messages that the tests make: `python -m tests.alert_messages_page` writes it."""

from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from alerts.messages.plain_text import as_text
from alerts.rules import RULES
from stream.contracts.report import HealthReport
from tests.unit.alerts.test_messages import TROUBLES, broken, messages_of, well

PAGE = Path(__file__).resolve().parent.parent / "docs" / "alert-messages.md"


def page() -> str:
    """The page: each rule with what it says when it opens a red flag, a week later, and when it is over."""
    parts = [
        "# What messages say",
        "",
        "Each rule's page as people read it: opened, the reminder a week later, and resolved. First who and what, then",
        "health, worth and renewal, then today's evidence, then the next step. In a digest a signal is one sentence.",
        "",
        "🚩 info and warning, 🚨 critical, 📌 to do, 🌱 good news, ✅ well again, ⚪ ended otherwise,",
        "⏰ a reminder, 🗞 a digest.",
    ]
    for rule in RULES:
        if rule.name not in TROUBLES:
            continue
        first = broken(rule.name)
        texts = [as_text(message) for message in messages_of(rule.name, [first, _later(rule.name), well(rule.name)])]
        parts += [
            "",
            f"## `{rule.name}`",
            "",
            f"*{rule.about[0].upper()}{rule.about[1:]}.* Why it matters: {rule.why}.",
            "",
        ]
        for text in texts:
            parts += [*(f"    {line}".rstrip() for line in text.splitlines()), ""]
        parts.pop()
    return "\n".join(parts) + "\n"


def _later(rule: str) -> HealthReport:
    """The same a week later."""
    first = broken(rule)
    return replace(first, as_of=first.as_of + timedelta(days=7))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
