"""All accounts on a terminal, live: the least healthy first, with movement, band, alerts and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from alerts.text import duration, plural, sparkline, tidy
from consumers.board.account_index import SPARK_UNKNOWN, AccountRow
from consumers.board.pipeline_status import Lag
from heartline.terminal.terminal_format import BAND_STYLE
from stream.contracts.report import BANDS, Band

# A shape for each band, so that colour is never the only sign; the same as on the board.
SHAPES: Final[dict[Band, str]] = {
    "healthy": "●",
    "watch": "◆",
    "at_risk": "▲",
    "critical": "■",
    "unknown": "○",
    "inactive": "–",
}
HEADER_LINES: Final = 4
WIDE: Final = 100  # from so many cells on the last days and the words of the summary have room


@dataclass(frozen=True)
class View:
    """What is shown.

    Attributes:
        rows: in order, all that a filter leaves.
        alerts: account to its open alerts.
        lags: how far the processes are behind.
        problem: why Kafka could not be asked for lags; None when it could.
        published_at: when the newest report was published; None before the first.
        now: the moment.
        loaded: whether all that was there at the start is read.
        standstills: which processes do not run, and that alerts are held: calm is no health then.
    """

    rows: Sequence[AccountRow]
    alerts: Mapping[str, int]
    lags: Sequence[Lag]
    problem: str | None
    published_at: datetime | None
    now: datetime
    loaded: bool
    standstills: Sequence[str] = ()


def screen(view: View, width: int, height: int | None) -> RenderableType:
    """The whole terminal.

    Args:
        view: what is shown.
        width: cells.
        height: lines; None: as many as there are accounts.
    """
    shown = len(view.rows) if height is None else max(height - HEADER_LINES, 1)
    parts: list[RenderableType] = [_summary(view, width), _pipeline(view, width), Text("")]
    if not view.rows:
        what = "no account has a health report yet" if view.loaded else "reading what Kafka holds"
        return Group(*parts, Text(what, style="dim"))
    return Group(*parts, _table(view, view.rows[:shown], width))


def _summary(view: View, width: int) -> Text:
    """How many accounts, by band; a narrow terminal has room for the shapes alone."""
    line = Text.assemble(("♥ Heartline  ", "bold magenta"), plural(len(view.rows), "account"), "  ")
    for band in (*reversed(BANDS[:4]), *BANDS[4:]):
        count = sum(row.band == band for row in view.rows)
        name = f" {band.replace('_', ' ')}" if width >= WIDE else ""
        line.append(f" {SHAPES[band]} {count}{name} ", style=BAND_STYLE[band])
    flags = sum(view.alerts.get(row.account_id, 0) for row in view.rows)
    line.append(f"  ⚑ {plural(flags, 'open alert')}", style="bold red" if flags > 0 else "dim")
    return _fitted(line, width)


def _pipeline(view: View, width: int) -> Text:
    """How fresh it is; what is wrong comes first, so that a narrow terminal cuts what is well."""
    line = Text()
    for sentence in view.standstills:
        line.append(f"{sentence}  ", style="bold red")
    if view.problem is not None:
        line.append(f"lag unknown: {view.problem}  ", style="red")
    if not view.loaded:
        line.append("still loading from Kafka  ", style="yellow")
    if view.published_at is None:
        line.append("no report published yet", style="dim")
    else:
        line.append(f"newest report {duration(max(view.now - view.published_at, timedelta()))} ago", style="dim")
    for process in dict.fromkeys(lag.process for lag in view.lags if view.problem is None):
        known = [lag.records for lag in view.lags if lag.process == process and lag.records is not None]
        line.append(f"  {process} lag {sum(known):,}" if known else f"  {process} lag unknown", style="dim")
    return _fitted(line, width)


def _fitted(line: Text, width: int) -> Text:
    line.no_wrap = True
    line.truncate(width, overflow="ellipsis")
    return line


def _table(view: View, rows: Sequence[AccountRow], width: int) -> Table:
    days = 28 if width >= 120 else 14 if width >= WIDE else 0
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("health", justify="right", no_wrap=True)
    table.add_column("band", no_wrap=True, min_width=10)
    table.add_column("account", no_wrap=True, min_width=16, max_width=30, overflow="ellipsis")
    table.add_column("7 days", justify="right", no_wrap=True)
    if days:
        table.add_column(f"{days} days", no_wrap=True, min_width=days)
    table.add_column("⚑", justify="right", no_wrap=True)
    table.add_column("why", no_wrap=True, ratio=1, overflow="ellipsis")
    for row in rows:
        style, flags = BAND_STYLE[row.band], view.alerts.get(row.account_id, 0)
        table.add_row(
            Text("?" if row.score is None else f"{row.score:.0f}", style=f"bold {style}"),
            Text(f"{SHAPES[row.band]} {row.band.replace('_', ' ')}", style=style),
            Text(tidy(row.name, 30 if days else 22), style="bold" if flags > 0 else ""),
            _movement(row.movement),
            *([Text(_spark(row.spark[-days:]), style=style)] if days else []),
            Text(f"{flags}" if flags > 0 else "", style="bold red"),
            Text(tidy(row.reason, 200), style="dim" if row.band == "healthy" else ""),
        )
    return table


def _movement(change: float | None) -> Text:
    if change is None:
        return Text("?", style="dim")
    if round(change) == 0:
        return Text("·", style="dim")
    return Text(f"▼{-change:.0f}", style="red") if change < 0 else Text(f"▲{change:.0f}", style="green")


def _spark(scores: bytes) -> str:
    """Bars; a blank where a day has no score."""
    return "".join(" " if score == SPARK_UNKNOWN else sparkline([score]) for score in scores)
