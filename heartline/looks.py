"""How health looks on a terminal: the colours of the bands, movement, and the table of accounts."""

from typing import Final

from rich.table import Table
from rich.text import Text

from alerts.wording import sparkline, tidy
from stream.report import Band, HealthReport

BAND_STYLE: Final[dict[Band, str]] = {
    "healthy": "green",
    "watch": "yellow",
    "at_risk": "dark_orange",
    "critical": "bold red",
    "unknown": "dim",
}
_SPARK_DAYS: Final = 28


def worst_first(reports: dict[str, HealthReport]) -> list[HealthReport]:
    """The least healthy first; those without a score last."""
    return sorted(reports.values(), key=lambda report: (report.score is None, report.score or 0.0, report.account_id))


def account_table(reports: list[HealthReport], *, wide: bool) -> Table:
    """One row an account: how healthy, the change in a week, four weeks at a glance, and why."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("account", no_wrap=True, min_width=16)
    table.add_column("health", justify="right", no_wrap=True)
    table.add_column("week", justify="right", no_wrap=True)
    table.add_column("4 weeks", no_wrap=True, min_width=_SPARK_DAYS if wide else 14)
    table.add_column("band", no_wrap=True)
    table.add_column("why", no_wrap=True, ratio=1, overflow="ellipsis")
    for report in reports:
        style = BAND_STYLE[report.band]
        days = [score for _, score in report.history][-(_SPARK_DAYS if wide else 14) :]
        table.add_row(
            Text(tidy(report.name, 40)),
            Text("?" if report.score is None else f"{report.score:.0f}", style=f"bold {style}"),
            movement(report),
            Text(sparkline(days), style=style),
            Text(report.band.replace("_", " "), style=style),
            Text(tidy(report.reason, 200), style="dim" if report.band == "healthy" else ""),
        )
    return table


def movement(report: HealthReport) -> Text:
    """The change of the score in seven days; nothing where it is unknown or not worth a look."""
    if report.score is None or report.score_7d_ago is None:
        return Text("")
    change = report.score - report.score_7d_ago
    if abs(change) < 1:
        return Text("·", style="dim")
    return Text(f"▼{-change:.0f}", style="red") if change < 0 else Text(f"▲{change:.0f}", style="green")
