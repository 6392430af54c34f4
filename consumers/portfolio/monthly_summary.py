"""A month for who leads the team: what was done, what it moved, what it is worth, and who made the difference.

The three phases are those of Metrics for a customer success team: activity, leading indicators, financial outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from alerts.messages.blocks import Payload, context, payload, section
from alerts.messages.headline import NAME_CHARS_MAX
from alerts.notification import AlertNotification, notice
from alerts.text import escape, tidy
from consumers.portfolio.days import Period
from consumers.portfolio.figures import Figure
from consumers.portfolio.money import shown
from consumers.portfolio.presentation import text, title_of
from consumers.portfolio.query import FigureValue, Part
from consumers.portfolio.renewals import BandRecord, ComingRenewal

PHASES: Final[Mapping[str, tuple[str, ...]]] = {
    "One: what we did": ("customer_base_coverage", "call_count", "qbr_count", "training_count"),
    "Two: what it moved": ("active_user_rate", "health_score", "nps", "csat"),
    "Three: what it is worth": ("arr", "nrr", "grr", "logo_churn", "expansion", "churn", "renewal_rate"),
}
MOVERS_MAX: Final = 5
AHEAD_DAYS: Final = 90


class FigureSource(Protocol):
    """What a summary asks: the ledger or the process."""

    def figures(
        self, ids: list[str] | None, periods: list[Period], by: str | None = None
    ) -> Sequence[tuple[Figure, FigureValue]]:
        """Figures of periods."""
        ...

    def explain(self, id_: str, period: Period) -> Sequence[Part]:
        """The accounts behind one."""
        ...

    def renewals(self, ahead_days: int) -> tuple[list[ComingRenewal], list[BandRecord]]:
        """Terms that end soon, and each band's record."""
        ...

    def arr_at_risk(self) -> int:
        """Revenue of customers at risk or critical today, in minor units."""
        ...


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One figure of the month.

    Attributes:
        value, before: in words; of the month and the one before.
        n: over how many; None: it is no rate.
    """

    figure: str
    title: str
    value: str
    before: str
    n: int | None


@dataclass(frozen=True, slots=True)
class MonthlySummary:
    """Everything that is told of a month.

    Attributes:
        phases: title to its lines.
        lost: customers of whom the most revenue was lost, with how much, in minor units.
        gained: the same, gained.
        coming_minor, expected_minor: revenue up for renewal in 90 days, and what the bands' own past lets expect of it;
            None: no band has a past.
        at_risk_minor: revenue of customers at risk or critical today.
    """

    month: str
    currency: str
    phases: Mapping[str, list[SummaryLine]]
    lost: list[tuple[str, int]]
    gained: list[tuple[str, int]]
    coming_minor: int
    expected_minor: int | None
    at_risk_minor: int


def monthly_summary(source: FigureSource, month: Period, currency: str) -> MonthlySummary:
    """A month's summary.

    Args:
        source: answers.
        month: which.
        currency: the company's.
    """
    before = month.previous()
    ids = [id_ for phase in PHASES.values() for id_ in phase]
    found = {(shape.id, value.period): (shape, value) for shape, value in source.figures(ids, [before, month])}

    def line(id_: str) -> SummaryLine:
        shape, value = found[id_, month.name]
        _, then = found.get((id_, before.name), (shape, None))
        was = "–" if then is None else text(shape, then.value, currency)
        n = value.n if value.denominator is not None else None
        return SummaryLine(id_, title_of(id_), text(shape, value.value, currency), was, n)

    phases = {title: [line(id_) for id_ in phase if (id_, month.name) in found] for title, phase in PHASES.items()}
    changes = [
        (part.name or part.account, int(part.numerator or 0) - int(part.denominator or 0))
        for part in source.explain("nrr", month)
    ]
    coming, bands = source.renewals(AHEAD_DAYS)
    expected = [each.expected_minor for each in bands if each.expected_minor is not None]
    return MonthlySummary(
        month.name,
        currency,
        phases,
        sorted([each for each in changes if each[1] < 0], key=lambda each: each[1])[:MOVERS_MAX],
        sorted([each for each in changes if each[1] > 0], key=lambda each: -each[1])[:MOVERS_MAX],
        sum(each.minor or 0 for each in coming),
        sum(expected) if expected else None,
        source.arr_at_risk(),
    )


def summary_message(summary: MonthlySummary) -> Payload:
    """The summary as a Block Kit message, of which e-mail is made as well."""
    blocks = []
    for title, lines in summary.phases.items():
        texts = [f"*{title}*"]
        for each in lines:
            n = "" if each.n is None else f", n {each.n:,}"
            texts.append(f"{escape(each.title)}: *{escape(each.value)}* (month before {escape(each.before)}{n})")
        blocks.append(section("\n".join(texts)))
    for title, movers in (("Lost the most", summary.lost), ("Gained the most", summary.gained)):
        amounts = [(tidy(name, NAME_CHARS_MAX), _amount(minor, summary.currency)) for name, minor in movers]
        texts = [f"{escape(name)}: {amount}" for name, amount in amounts if amount.strip("−-") != "0"]
        if texts:
            blocks.append(section("\n".join([f"*{title}, of who was a customer before*", *texts])))
    ahead = [f"up for renewal in {AHEAD_DAYS} days: *{_amount(summary.coming_minor, summary.currency)}*"]
    if summary.expected_minor is not None:
        ahead.append(f"expected of it, by each band's own past: *{_amount(summary.expected_minor, summary.currency)}*")
    ahead.append(f"at risk or critical today: *{_amount(summary.at_risk_minor, summary.currency)}*")
    blocks.append(section("\n".join(["*Ahead*", *ahead])))
    first = f"{summary.month} in customer success"
    return payload(
        first, first, [*blocks, context([f"annual recurring revenue in {summary.currency}", "– is not known"])]
    )


def summary_notification(summary: MonthlySummary) -> AlertNotification:
    """The message as receivers take it; its id is the month's, so that a repeat is known as one."""
    name, reason = f"monthly-summary-{summary.month}", f"{summary.month} is over"
    return notice(name, "monthly_summary", reason, summary_message(summary), datetime.now(UTC))


def summary_as_json(summary: MonthlySummary) -> dict[str, Any]:
    """The summary for a program; money in major units."""
    currency = summary.currency
    return {
        "month": summary.month,
        "currency": currency,
        "phases": {
            title: [{name: getattr(each, name) for name in each.__slots__} for each in lines]
            for title, lines in summary.phases.items()
        },
        "lost": [{"account": name, "arr": float(shown(minor, currency))} for name, minor in summary.lost],
        "gained": [{"account": name, "arr": float(shown(minor, currency))} for name, minor in summary.gained],
        "coming_arr": float(shown(summary.coming_minor, currency)),
        "expected_arr": None if summary.expected_minor is None else float(shown(summary.expected_minor, currency)),
        "arr_at_risk": float(shown(summary.at_risk_minor, currency)),
    }


def _amount(minor: int, currency: str) -> str:
    return f"{'−' if minor < 0 else ''}{shown(abs(minor), currency):,.0f}"
