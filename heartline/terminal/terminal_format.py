"""How health looks on a terminal: the colours of the bands, movement, and the table of accounts."""

from typing import Final

from rich.table import Table
from rich.text import Text

from alerts.messages.report_text import cap_name, change_name
from alerts.text import measure_name, sparkline, tidy
from stream.contracts.report import Band, HealthReport

BAND_STYLE: Final[dict[Band, str]] = {
    "healthy": "green",
    "watch": "yellow",
    "at_risk": "dark_orange",
    "critical": "bold red",
    "unknown": "dim",
    "inactive": "dim",
}

DRIVERS_SHOWN: Final = 3


def worst_first(reports: dict[str, HealthReport]) -> list[HealthReport]:
    """The least healthy first; those without a score last."""
    return sorted(reports.values(), key=lambda report: (report.score is None, report.score or 0.0, report.account_id))


def account_table(reports: list[HealthReport], width: int) -> Table:
    """One row an account: how healthy, the change in a week, the last days at a glance, and why.

    Args:
        reports: in the order of the rows.
        width: cells that it may fill; the more, the more days.
    """
    days_shown = 28 if width >= 120 else 14 if width >= 96 else 10
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("account", no_wrap=True, min_width=16)
    table.add_column("health", justify="right", no_wrap=True)
    table.add_column("week", justify="right", no_wrap=True)
    table.add_column(f"{days_shown} days", no_wrap=True, min_width=days_shown)
    table.add_column("band", no_wrap=True, min_width=8)
    table.add_column("why", no_wrap=True, ratio=1, overflow="ellipsis")
    for report in reports:
        style = BAND_STYLE[report.band]
        days = [score for _, score in report.history][-days_shown:]
        table.add_row(
            Text(tidy(report.name, 40)),
            Text("?" if report.score is None else f"{report.score:.0f}", style=f"bold {style}"),
            movement(report),
            Text(sparkline(days), style=style),
            Text(report.band.replace("_", " ") + (" ✋" if report.override is not None else ""), style=style),
            Text(why(report), style="dim" if report.band == "healthy" else ""),
        )
    return table


def why(report: HealthReport) -> str:
    """What cost the most points this week or, on a steady account that is not healthy, what holds it down."""
    if report.score is None:
        return tidy(report.reason, 200)
    if report.score_7d_ago is not None and report.score_7d_ago - report.score >= 1:
        lost = [(change_name(change), -change.points) for change in report.changes_7d]
    elif report.band != "healthy":
        lost = [(cap_name(cap), -cap.points) for cap in report.caps]
        lost += [(measure_name(part.measure), part.points_lost) for part in report.contributions]
    else:
        return ""
    shown = [f"{tidy(name, 60)} −{points:.0f}" for name, points in lost if points >= 0.5]
    return " · ".join(shown[:DRIVERS_SHOWN])


def label(measure: str) -> str:
    """What a measure is called; an unknown one by its id, which a stranger may have written onto the topic."""
    return tidy(measure_name(measure), 60)


def movement(report: HealthReport) -> Text:
    """The change of the score in seven days; nothing where it is unknown or not worth a look."""
    if report.score is None or report.score_7d_ago is None:
        return Text("")
    change = report.score - report.score_7d_ago
    if abs(change) < 1:
        return Text("·", style="dim")
    return Text(f"▼{-change:.0f}", style="red") if change < 0 else Text(f"▲{change:.0f}", style="green")
