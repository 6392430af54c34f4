"""`heartline import`: other tools' exports as events, onto Kafka or into a file."""

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings
from stream.contracts.errors import HeartlineError

if TYPE_CHECKING:
    from heartline.event_sorter import Sorter
    from heartline.imports.run import InputFile, Summary
    from stream.config.settings import KafkaSettings

_COLUMNS_SHOWN = 8


def import_(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Exports; `zendesk=tickets.csv` names its tool.")
    ],
    tool: Annotated[
        str | None, typer.Option("--from", metavar="TOOL", help="Which tool wrote the files that name none.")
    ] = None,
    column_map: Annotated[
        Path | None, typer.Option("--map", metavar="YAML", help="Which column is which field, for `--from csv`.")
    ] = None,
    aliases: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Columns alias, account_id and perhaps source: the tools' ids.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would become of what.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write events to a file (.jsonl, .gz, .zst), not to Kafka.")
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Bring in the exports of other tools: segment, zendesk, delighted, typeform, stripe, hubspot, or any table.

    Files are CSV, JSON lines or one JSON document, plain or packed, in any order: events are sorted by time, and what
    describes accounts comes first. Rows have ids, so an import that is run again changes nothing.

    [bold]Examples[/]

    \b
    heartline import tickets.csv --from zendesk --dry-run
    heartline import segment=calls.jsonl.gz zendesk=tickets.json stripe=subscriptions.csv --aliases ids.csv
    heartline import logins.csv --from csv --map logins.yaml --out events.jsonl.gz
    """
    from heartline.event_sorter import Sorter
    from heartline.imports.run import read_aliases, read_all, write_lines

    inputs = _inputs(files, tool, column_map)
    known = read_aliases(aliases)
    kafka = None if dry_run or out is not None else load_settings(config, bootstrap_servers).kafka
    with Sorter() as sorter:
        summary = read_all(inputs, known, sorter, int(time.time() * 1000))
        if out is not None and not dry_run:
            summary.confirmed = write_lines(sorter.items(), out)
        elif kafka is not None:
            summary.confirmed = asyncio.run(_send(sorter, kafka))
    if as_json:
        print(json.dumps(_figures(summary)))
    else:
        _show(summary, dry_run, out)
    if summary.events == 0:
        raise typer.Exit(1)


def _inputs(files: list[str], tool: str | None, column_map: Path | None) -> "list[InputFile]":
    """Each file with the tool that wrote it."""
    from heartline.imports.columns import mapped_source, read_column_map
    from heartline.imports.run import InputFile
    from heartline.imports.sources import make_sources
    from heartline.jsonl import check_readable

    sources = make_sources()
    if column_map is not None:
        sources["csv"] = mapped_source(read_column_map(column_map))
    inputs = []
    for each in files:
        named, equals, rest = each.partition("=")
        name, path = (named, Path(rest)) if equals and named in (*sources, "csv") else (tool or "", Path(each))
        if name not in sources:
            needs_map = "; a table of your own needs --map" if name == "csv" else ""
            raise HeartlineError(
                f"{path}: from which tool? expected --from {', '.join(make_sources())} or csv{needs_map}"
            )
        check_readable(path)
        inputs.append(InputFile(path, sources[name]))
    return inputs


async def _send(sorter: "Sorter", kafka: "KafkaSettings") -> int:
    """All events to Kafka; how many it has confirmed."""
    from heartline.replay.lines import Record
    from heartline.replay.sender import Sender

    async with Sender(kafka) as sender:
        for count, item in enumerate(sorter.items()):
            moment = item.timestamp_ms if item.timestamp_ms >= 0 else None
            await sender.add(Record(item.kind, item.account_id.encode(), item.value, moment))
            if count % 500 == 0:
                await asyncio.sleep(0)  # the network's turn
        await sender.confirm()
        return sender.confirmed


def _show(summary: "Summary", dry_run: bool, out: Path | None) -> None:
    """What became of what, as a table."""
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("from", "records", "events", "ignored", "refused"):
        table.add_column(heading, justify="left" if heading in ("from", "events") else "right")
    for name, became in summary.by_source.items():
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in became.events.most_common()) or "none"
        table.add_row(name, f"{became.records:,}", kinds, f"{became.ignored.total():,}", f"{became.refused:,}")
    console.print(table)
    for name, became in summary.by_source.items():
        for reason, count in became.ignored.most_common():
            console.print(f"ignored   {count:,} of {name}: {reason}", markup=False, soft_wrap=True)
        if became.unused_columns:
            shown = ", ".join(column for column, _ in became.unused_columns.most_common(_COLUMNS_SHOWN))
            more = len(became.unused_columns) - _COLUMNS_SHOWN
            others = f" and {more} more" if more > 0 else ""
            console.print(f"not read  {name}: {shown}{others}", markup=False, soft_wrap=True)
    for refusal in summary.refusals:
        console.print(f"refused   {refusal}", markup=False, style="yellow", soft_wrap=True)
    if summary.refused > len(summary.refusals):
        console.print(f"          and {summary.refused - len(summary.refusals):,} more", style="yellow")
    if summary.first_ms is not None and summary.last_ms is not None:
        first, last = (datetime.fromtimestamp(ms / 1000, UTC).date() for ms in (summary.first_ms, summary.last_ms))
        console.print(f"accounts  {len(summary.accounts):,}, events from {first} to {last}")
    if dry_run:
        console.print("nothing was sent: this was a dry run", style="dim")
    elif summary.confirmed is not None:
        done = f"written   {summary.confirmed:,} events to {out}" if out else f"sent      {summary.confirmed:,} events"
        console.print(done, markup=False, soft_wrap=True)


def _figures(summary: "Summary") -> dict[str, Any]:
    return {
        "events": summary.events,
        "accounts": len(summary.accounts),
        "confirmed": summary.confirmed,
        "refused": summary.refused,
        "refusals": [str(refusal) for refusal in summary.refusals],
        "by_source": {
            name: {
                "records": became.records,
                "events": dict(became.events),
                "ignored": dict(became.ignored),
                "refused": became.refused,
                "unused_columns": sorted(became.unused_columns),
            }
            for name, became in summary.by_source.items()
        },
    }
