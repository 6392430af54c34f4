"""The demo on a terminal: who is how healthy, what moved, and the Slack messages as they come."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from heartline.demo.slack_standin import render
from heartline.demo.watch import Seen
from heartline.terminal.terminal_format import BAND_STYLE, account_table, worst_first
from stream.contracts.report import BANDS

_WIDE: Final = 132  # from this width on, messages stand beside the table
_HEADER_LINES: Final = 5
_MESSAGE_LINES: Final = 11


@dataclass(frozen=True)
class Moment:
    """Where the demo is.

    Attributes:
        day: of the stories, from 1.
        days: how many there are.
        now: the newest event's own time; None before the first.
        sent: events that Kafka has confirmed.
        elapsed_seconds: since the start of the command.
        phase: what is going on, in a few words.
        board: the board's address; None before it is up.
    """

    day: int
    days: int
    now: datetime | None
    sent: int
    elapsed_seconds: float
    phase: str
    board: str | None = None


def dashboard(moment: Moment, seen: Seen, width: int, height: int) -> RenderableType:
    """The whole screen."""
    layout = Layout()
    top = Layout(_header(moment, seen), size=_HEADER_LINES)
    body = Layout()
    layout.split_column(top, body)
    if width >= _WIDE:
        beside = width * 3 // 8
        table, messages = Layout(), Layout(size=beside)
        body.split_row(table, messages)
        table.update(_accounts(seen, height - _HEADER_LINES - 3, width - beside - 4))
        messages.update(_messages(seen, count=max((height - _HEADER_LINES) // _MESSAGE_LINES, 1)))
        return layout
    shown = 1 if height >= 30 else 0
    table, messages = Layout(), Layout(size=shown * _MESSAGE_LINES)
    body.split_column(table, *([messages] if shown else []))
    table.update(_accounts(seen, height - _HEADER_LINES - 3 - shown * _MESSAGE_LINES, width - 4))
    messages.update(_messages(seen, count=shown))
    return layout


def _header(moment: Moment, seen: Seen) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True)
    line.add_column(ratio=1)
    line.add_column(no_wrap=True, justify="right")
    address = moment.board if moment.board is not None and moment.board not in moment.phase else None  # told once
    when = f"{moment.now:%a %d %b %Y}, day {moment.day} of {moment.days}  " if moment.now is not None else ""
    line.add_row(
        Text.assemble(("♥ Heartline demo  ", "bold magenta"), when),
        ProgressBar(total=moment.days, completed=moment.day, complete_style="magenta", finished_style="magenta"),
        Text.assemble(
            (f"  board {address}" if address is not None else "", "bold cyan"),
            (f"  {moment.elapsed_seconds:.0f} s", "dim"),
        ),
    )
    totals = Text.assemble(
        (f"{moment.sent:,}", "bold"), " events   ",
        (f"{seen.published:,}", "bold"), " health reports   ",
        (f"{seen.alerts('opened')}", "bold red"), " red flags opened   ",
        (f"{seen.alerts('resolved')}", "bold green"), " resolved   ",
        (f"{seen.delivered}", "bold"), " Slack messages",
        no_wrap=True,
    )  # fmt: skip
    bands = Counter(report.band for report in seen.reports.values())
    last = Table.grid(expand=True)
    last.add_column(no_wrap=True)
    last.add_column(no_wrap=True, justify="right", ratio=1, overflow="ellipsis", style="dim")
    counts = Text("  ").join(
        Text(f"{bands[band]} {band.replace('_', ' ')}", style=BAND_STYLE[band] if bands[band] else "dim")
        for band in BANDS
    )
    last.add_row(counts, f"  {moment.phase}")
    return Panel(Group(line, totals, last), padding=(0, 1), border_style="magenta", height=_HEADER_LINES)


def _accounts(seen: Seen, rows: int, width: int) -> RenderableType:
    """The accounts that fit."""
    reports = worst_first(seen.reports)
    table = account_table(reports[: max(rows, 1)], width)
    more = len(reports) - rows
    title = f"{len(reports)} accounts, the least healthy first" + (f" ({more} more below)" if more > 0 else "")
    return Panel(table, title=title, title_align="left", border_style="dim", padding=(0, 1))


def _messages(seen: Seen, count: int) -> RenderableType:
    """The newest Slack messages, the newest first."""
    newest = [render(item.payload) for item in reversed(seen.messages[-count:])] if count else []
    body: RenderableType = Group(*newest) if newest else Text("none yet", style="dim")
    title = "Slack, the newest message first"
    return Panel(body, title=title, title_align="left", border_style="dim", padding=(0, 0))
