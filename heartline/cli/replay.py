"""`heartline replay`: files of events onto Kafka."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heartline.cli.options import BootstrapServers, Config, Files, Json, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from heartline.replay.lines import BadLine
    from heartline.replay.run import Summary
    from stream.config.settings import Settings

_BAD_LINES_SHOWN = 20


def replay(
    files: Files,
    topic: Annotated[
        str | None, typer.Option(metavar="NAME", help="The input topic whose records the lines are, as they are.")
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="max|Nx", help="As fast as it goes, or N times faster than it happened.")
    ] = "max",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 when a line was bad.")] = False,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Send files of events to Kafka: each line's [bold]type[/] picks the topic, its [bold]account_id[/] the partition.

    Lines are JSON objects whose type is a kind of event; the values travel as they are, byte for byte, and are read by
    the names that `feeds` gives them. Lines of a topic of your own are sent with [bold]--topic[/], and need no type.
    Several files become one stream, in the order in which the events happened; a file that is newest first, or in no
    order, is sorted. A line that is not an event is reported with its number and does not stop the rest; if all are bad
    the status is 1. Nothing counts as sent before Kafka has confirmed it. Missing topics are created, unless the
    settings say otherwise.

    [bold]Examples[/]

    \b
    heartline replay events.jsonl.gz
    heartline replay usage.jsonl tickets.jsonl.zst --speed 3600x    [dim]# an hour a second[/]
    heartline replay dump.jsonl --topic app-events                  [dim]# one of feeds.usage.topics[/]
    zcat old/*.gz | heartline replay - --strict --json
    """
    from heartline.jsonl import check_json_lines
    from heartline.replay.pace import parse_speed

    pace = parse_speed(speed)
    for file in files:
        check_json_lines(file)
    settings = load_settings(config, bootstrap_servers)
    summary = _run(files, settings, topic, pace)
    _report(summary, as_json)
    if status := status_of(summary, strict):
        raise typer.Exit(status)


def status_of(summary: "Summary", strict: bool) -> int:
    """0 where it went well, 130 where it was interrupted, 1 where something broke or nothing could be read."""
    nothing_read = summary.bad > 0 and summary.read == 0
    if summary.broken is not None or nothing_read or (strict and summary.bad > 0):
        return 1
    return 130 if summary.interrupted else 0


def _run(files: list[Path], settings: "Settings", topic: str | None, speed: float | None) -> "Summary":
    """The replay, with a progress bar where someone watches and the bad lines as they are met."""
    from rich.console import Console

    from heartline.replay.run import Summary, Watcher
    from heartline.replay.run import replay as run

    console = Console(stderr=True)
    summary = Summary()
    with _bar(console, files, summary) as on_read:

        def on_bad(line: "BadLine") -> None:
            if summary.bad <= _BAD_LINES_SHOWN:
                console.print(f"bad line  {line}", style="yellow", markup=False, highlight=False, soft_wrap=True)
            if summary.bad == _BAD_LINES_SHOWN:
                console.print("further bad lines are counted only", style="dim")

        async def all_of_it() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await run(
                files,
                settings,
                topic=topic,
                speed=speed,
                stop=stop,
                summary=summary,
                watcher=Watcher(on_read, on_bad),
            )

        asyncio.run(all_of_it())
    return summary


@contextmanager
def _bar(console: "Console", files: list[Path], summary: "Summary") -> Iterator[Callable[[int], None]]:
    """A progress bar over the bytes of the files as they are stored; gives what to tell it."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from heartline.jsonl import STDIN

    total = None if STDIN in files else sum(file.stat().st_size for file in files)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %" if total is not None else ""),
        TextColumn("{task.fields[confirmed]:>12,} confirmed  {task.fields[rate]:>9,.0f}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("replaying", total=total, confirmed=0, rate=0.0)
        started = time.monotonic()

        def on_read(count: int) -> None:
            rate = summary.confirmed / max(time.monotonic() - started, 0.001)
            progress.update(task, advance=count, confirmed=summary.confirmed, rate=rate)

        yield on_read


def _report(summary: "Summary", as_json: bool) -> None:
    """What is known at the end: one JSON object, or a few sentences."""
    from heartline.processes.running_installation import find_running

    if summary.broken is not None:
        print(f"heartline: {summary.broken}", file=sys.stderr)
    if as_json:
        print(json.dumps(_figures(summary)))
        return
    rate = summary.confirmed / max(summary.seconds, 0.001)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(summary.by_kind.items())) or "none"
    print(f"sent      {summary.confirmed:,} events of {len(summary.accounts):,} accounts ({kinds})")
    if summary.read > summary.confirmed:
        print(f"lost      {summary.read - summary.confirmed:,} were read and not confirmed; send the files again")
    print(f"bad       {summary.bad:,} lines")
    if summary.passed_over > 0:
        print(f"passed    {summary.passed_over:,} lines over, which the feed does not take")
    for path in summary.sorted_files:
        print(f"sorted    {path}: its lines were not in the order of time")
    if summary.late > 0:
        print(f"late      {summary.late:,} events were more than a day older than one before them: of standard input")
        print("          nothing is sorted, and a worker that runs may take them for late; name the file instead")
    print(f"took      {summary.seconds:,.1f} s, {rate:,.0f} events/s")
    if summary.first_ms is not None and summary.last_ms is not None:
        print(f"events    from {_moment(summary.first_ms)} to {_moment(summary.last_ms)}")
    if (running := find_running()) is not None:
        print(f"board     {running.board_url}")
    if summary.interrupted:
        print("stopped   before the end, as asked; everything counted above is on Kafka")


def _figures(summary: "Summary") -> dict[str, Any]:
    return {
        "sent": summary.confirmed,
        "read": summary.read,
        "bad": summary.bad,
        "passed_over": summary.passed_over,
        "late": summary.late,
        "sorted_files": summary.sorted_files,
        "accounts": len(summary.accounts),
        "by_kind": dict(summary.by_kind),
        "first_event": _moment(summary.first_ms),
        "last_event": _moment(summary.last_ms),
        "seconds": round(summary.seconds, 3),
        "interrupted": summary.interrupted,
        "broken": summary.broken,
    }


def _moment(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
