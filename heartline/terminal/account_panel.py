"""One account's report on a terminal."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from alerts.account_facts import AccountFacts
from alerts.messages.report_text import (
    cap_name,
    cap_value,
    change_name,
    change_values,
    heard,
    override_told,
    reason_beside,
    recount_told,
)
from alerts.text import measure_value, money, sparkline, tidy
from heartline.terminal.terminal_format import BAND_STYLE, label, movement
from stream.contracts.report import Change, GoalStanding, HealthReport
from stream.measures.wording import signed

SHOWN_POINTS: Final = 0.05  # a change of less shows as 0.0
_BAR_CELLS: Final = 12
_STANDING_STYLE: Final[dict[GoalStanding, str]] = {
    "reached": "green",
    "on track": "green",
    "off track": "dark_orange",
    "overdue": "bold red",
}


def account_panel(report: HealthReport) -> RenderableType:
    """Who it is and how it is, why, what changed, and every measure."""
    title = Text(tidy(report.name, 60), style="bold")
    if report.name != report.account_id:
        title.append(f"  {tidy(report.account_id, 60)}", style="not bold dim")
    parts: list[RenderableType] = [_verdict(report), Text(""), _why(report)]
    for days, before, changes in (
        (7, report.score_7d_ago, report.changes_7d),
        (28, report.score_28d_ago, report.changes_28d),
    ):
        moved = [change for change in changes if abs(change.points) >= SHOWN_POINTS]
        if moved:
            parts += [Text(""), _changes(days, before, report.score, moved)]
    if (recount := recount_told(report)) is not None:
        parts += [Text(""), Text(f"Counted by another rule than a week ago: {tidy(recount, 300)}", style="dim")]
    if report.goals:
        parts += [Text(""), _goals(report)]
    parts += [Text(""), _measures(report)]
    return Panel(Group(*parts), title=title, title_align="left", border_style=BAND_STYLE[report.band], padding=(1, 2))


def _verdict(report: HealthReport) -> RenderableType:
    style = BAND_STYLE[report.band]
    score = "no score" if report.score is None else f"{report.score:.0f} of 100"
    band = report.band.replace("_", " ")
    line = Text.assemble((score, f"bold {style}"), (f"  {band}  ", style), movement(report))
    line.append("   " + sparkline([score for _, score in report.history]), style=style)
    facts = Text(" · ").join(Text(fact, style="dim") for fact in _facts(report))
    by_hand = override_told(report)
    hands = [] if by_hand is None else [Text(f"✋ {by_hand}", style="bold")]
    if (accepted := report.profile.accepted_baseline) is not None:
        accepted_since = f"new normal since {accepted.accepted_at:%d %b %Y}, accepted by {tidy(accepted.owner, 60)}"
        hands.append(Text(f"{accepted_since}: {tidy(accepted.reason, 200)}"))
    return Group(line, *hands, Text(tidy(reason_beside(report), 400)), facts, *_sources(report))


def _sources(report: HealthReport) -> Iterator[RenderableType]:
    """When each source was heard of last; first those that are silent for everybody."""
    known, never = heard(report)
    for one in known:
        if one.is_stale:
            problem = f"no {tidy(one.source, 40)} of any account for days: a broken feed, not this account's silence"
            yield Text(problem, style="bold red")
    if known:
        said = [f"{tidy(one.source, 40)} {one.ago}" for one in known]
        yield Text("last heard: " + " · ".join(said + [f"{', '.join(never)} never"] * (never != [])), style="dim")


def _facts(report: HealthReport) -> Iterator[str]:
    profile = report.profile
    if profile.segment is not None:
        yield tidy(profile.segment, 40)
    if profile.owner is not None:
        yield f"owner {tidy(profile.owner, 40)}"
    facts = AccountFacts(report, datetime.now(UTC))
    if facts.number("cancellation_requested"):
        yield "cancellation requested"
    if facts.mrr is not None:
        yield f"{money(facts.mrr, facts.currency)} a month"
    if facts.seats is not None:
        yield f"{facts.seats:,.0f} seats"
    if facts.renewal_date is not None:
        yield f"renews {facts.renewal_date:%d %b %Y}"
    yield f"as of {_moment(report.as_of)}"
    if report.last_event_at is not None and not report.freshness:
        yield f"last event {_moment(report.last_event_at)}"
    yield f"{report.coverage_ratio:.0%} of scorecard {tidy(report.scorecard, 40)} known"


def _why(report: HealthReport) -> RenderableType:
    """Each measure that counts: what it is, what it is worth, and what it costs."""
    table = _table("Why")
    table.add_column("measure", min_width=34)
    table.add_column("value", justify="right")
    table.add_column("of 100", justify="right")
    table.add_column("weight", justify="right")
    table.add_column("points lost", justify="right")
    table.add_column("")
    for part in report.contributions:
        lost = part.points_lost
        bar = "█" * min(round(lost / 2), _BAR_CELLS)
        table.add_row(
            label(part.measure),
            measure_value(part.measure, part.value),
            f"{part.measure_score:.0f}",
            f"{part.weight_ratio:.0%}",
            Text(f"{lost:.1f}", style="red" if lost >= 1 else "dim"),
            Text(bar, style="red"),
        )
    for cap in report.caps:
        table.add_row(
            f"Held at {cap.cap_score:g}: {tidy(cap_name(cap), 160)}", cap_value(cap), "", "", f"{-cap.points:.1f}"
        )
    return table


def _changes(days: int, before: float | None, now: float | None, moved: list[Change]) -> RenderableType:
    """What moved the score since some days ago, the largest loss first."""
    known = before is not None and now is not None
    table = _table(f"In {days} days, from {before:.1f} to {now:.1f}" if known else f"In {days} days")
    table.add_column("measure", min_width=34)
    table.add_column(f"{days} days ago", justify="right")
    table.add_column("now", justify="right")
    table.add_column("points", justify="right")
    for change in moved:
        style = "red" if change.points <= -0.5 else "green" if change.points >= 0.5 else "dim"
        table.add_row(
            tidy(change_name(change), 160), *change_values(change), Text(signed(change.points, 1), style=style)
        )
    return table


def _goals(report: HealthReport) -> RenderableType:
    """What the customer wants, who answers for it, until when, and how far it has come."""
    table = _table("Goals")
    table.add_column("goal", min_width=34)
    table.add_column("owner")
    table.add_column("due")
    table.add_column("outcome", justify="right")
    table.add_column("target", justify="right")
    table.add_column("standing")
    for goal in report.goals:
        standing = goal.standing(report.as_of)
        owner = goal.owner or report.profile.owner
        table.add_row(
            tidy(goal.name, 60),
            "no owner" if owner is None else tidy(owner, 40),
            "no date" if goal.due_at is None else f"{goal.due_at:%d %b %Y}",
            "none" if goal.value is None else f"{goal.value:,.10g}",
            "none" if goal.target is None else f"{'≤ ' * (goal.direction == 'down')}{goal.target:,.10g}",
            Text(standing, style=_STANDING_STYLE.get(standing, "dim")),
        )
    return table


def _measures(report: HealthReport) -> RenderableType:
    """Every number, in two columns."""
    numbers = {name: value for name, value in report.measures.items() if isinstance(value, int | float)}
    table = _table("Measures", show_header=False)
    for _ in range(2):
        table.add_column(style="dim")
        table.add_column(justify="right")
    cells = [(label(name), measure_value(name, value)) for name, value in numbers.items()]
    half = (len(cells) + 1) // 2
    for left, right in zip(cells[:half], [*cells[half:], ("", "")], strict=False):
        table.add_row(*left, *right)
    return table


def _table(title: str, *, show_header: bool = True) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        header_style="dim",
        pad_edge=False,
        show_header=show_header,
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %b %Y %H:%M} UTC"
