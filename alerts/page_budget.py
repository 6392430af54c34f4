"""How often one account may be a page: not more than once in so many days, unless it is clearly worse. Pure.

What is over the budget is in the owner's next digest instead, and is a page once the budget allows it, if it is still
true then. Source: measured over real histories (docs/alerting.md): a team that is paged oftener stops listening.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from alerts.context import PageSettings
from alerts.model import SEVERITY_RANK, AccountRecord, Severity, Signal
from alerts.text import moment_words

SUSTAINED_RULE = "score_low"


class LastPage(Struct, frozen=True):
    """The account's last page: when it was written, and what it spoke of.

    Args:
        at: when.
        severity: of the worst signal in it.
        rules: of the signals in it.
    """

    at: datetime
    severity: Severity
    rules: tuple[str, ...]

    @classmethod
    def of(cls, record: AccountRecord | None) -> "LastPage | None":
        """That of an account; None before the first."""
        if record is None or record.paged_at is None:
            return None
        return cls(record.paged_at, record.paged_severity or "info", tuple(record.paged_rules))


class OverBudget(Struct, frozen=True):
    """A page that is not allowed before a moment, and why."""

    until: datetime
    reason: str


def over_budget(
    last: LastPage | None, paging: Sequence[Signal], now: datetime, settings: PageSettings
) -> OverBudget | None:
    """Why signals are no page now; None: they may be one.

    Args:
        last: the account's last page; None before the first.
        paging: the signals that are to be a page, the worst first; at least one.
        now: the moment.
        settings: the budget.
    """
    if last is None or SEVERITY_RANK[paging[0].severity] > SEVERITY_RANK[last.severity]:
        return None
    if any(signal.rule in settings.always and signal.since > last.at for signal in paging):
        return None
    is_sustained = all(signal.rule == SUSTAINED_RULE for signal in paging)
    days = settings.score_every_days if is_sustained else settings.every_days
    until = last.at + timedelta(days=days)
    if now >= until:
        return None
    return OverBudget(until, f"the account was a page on {last.at:%Y-%m-%d}: at most one until {moment_words(until)}")
