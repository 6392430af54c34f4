"""`heartline snapshot`: the worker's fold over files, without Kafka."""

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from typer.core import TyperCommand

from heartline.cli.options import Config, Files, Json, load_settings
from heartline.cli.progress import progress_bar

if TYPE_CHECKING:
    from heartline.snapshot import Summary

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class DatesInARow(TyperCommand):
    """A command whose `--at` takes several dates in a row: `--at 2024-03-31 2024-06-30`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the option's name before each further date."""
        return super().parse_args(ctx, list(_spread(args)))


def _spread(args: list[str]) -> Iterator[str]:
    """The arguments with `--at` repeated.

    >>> list(_spread(["f", "--at", "2024-03-31", "2024-06-30", "--out", "x"]))
    ['f', '--at', '2024-03-31', '--at', '2024-06-30', '--out', 'x']
    """
    among_dates, before = False, ""
    for arg in args:
        is_date = _DATE.fullmatch(arg) is not None
        if is_date and among_dates and before != "--at":
            yield "--at"
        among_dates = arg == "--at" or arg.startswith("--at=") or (is_date and among_dates)
        before = arg
        yield arg


def snapshot(
    files: Files,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.csv", help="The CSV to write; replaced when it is there.")
    ],
    at: Annotated[
        list[str] | None, typer.Option("--at", metavar="DATE...", help="Days to look at, as 2024-03-31.")
    ] = None,
    every: Annotated[
        Literal["day", "week", "month", "quarter"] | None,
        typer.Option("--every", help="The end of every such period that the events span."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Evaluate accounts from files, without Kafka: one row per account and date, by the worker's own fold.

    A row says what the worker would have said at the end of that UTC day, from the account's first event on: activity,
    tickets, survey answers, score and band. An empty cell is unknown, which is not 0. Lines that are no events are
    reported and left out.

    [bold]Examples[/]

    \b
    heartline snapshot events.jsonl.gz --every quarter --out health.csv
    heartline snapshot usage.jsonl tickets.jsonl.zst --at 2024-03-31 2024-06-30 --out health.csv
    """
    from heartline.jsonl import check_json_lines
    from heartline.snapshot import DateRule, parse_date, write_snapshot
    from stream.contracts.errors import ConfigError

    if bool(at) == (every is not None):
        raise ConfigError("snapshot: give either --at DATE (as 2024-03-31) or --every day|week|month|quarter")
    dates = DateRule(tuple(parse_date(day) for day in at or ()), every)
    for file in files:
        check_json_lines(file)
    started = time.monotonic()
    with progress_bar() as progress:
        summary = write_snapshot(files, dates, out, load_settings(config), progress)
    _report(summary, out, time.monotonic() - started, as_json)


def _report(summary: "Summary", out: Path, seconds: float, as_json: bool) -> None:
    for line in summary.errors:
        print(f"bad line  {line}", file=sys.stderr)
    if summary.rejected > len(summary.errors):
        print(f"bad line  ... and {summary.rejected - len(summary.errors):,} more", file=sys.stderr)
    if as_json:
        figures = {
            "events": summary.events,
            "bad": summary.rejected,
            "accounts": summary.accounts,
            "rows": summary.rows,
            "out": str(out),
            "seconds": round(seconds, 3),
        }
        print(json.dumps(figures))
        return
    print(f"folded    {summary.events:,} events of {summary.accounts:,} accounts in {seconds:,.1f} s")
    print(f"bad       {summary.rejected:,} lines")
    print(f"wrote     {summary.rows:,} rows to {out}")
