"""`heartline tail`: what arrives, event by event."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from consumers.event_tail import TailedEvent

_STYLES = {"accepted": "green", "repeated": "dim", "refused": "red"}


def tail(
    last: Annotated[int, typer.Option("--last", min=0, max=1000, help="Begin with so many of each partition.")] = 0,
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many events.")] = None,
    only: Annotated[str | None, typer.Option("--only", help="accepted, repeated or refused.")] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Watch events arrive: whose they are, what they say, and why one is refused.

    It reads the input topics beside the worker, takes nothing away, and knows the events of all sources: producers,
    `heartline import`, the intake. Ctrl-C ends it.

    [bold]Examples[/]

    \b
    heartline tail
    heartline tail --only refused --last 100
    heartline tail --json --count 1
    """
    from rich.console import Console

    from consumers.event_tail import follow

    console, shown = Console(highlight=False), 0
    try:
        for arrival in follow(load_settings(config, bootstrap_servers), last):
            if arrival is None or (only is not None and arrival.result != only):
                continue
            if as_json:
                at = datetime.fromtimestamp(arrival.arrived_ms / 1000, UTC).isoformat()
                print(json.dumps({"arrived_at": at, **arrival._asdict()}), flush=True)
            else:
                _show(console, arrival)
            shown += 1
            if count is not None and shown >= count:
                return
    except KeyboardInterrupt:
        return


def _show(console: "Console", arrival: "TailedEvent") -> None:
    from rich.text import Text

    from consumers.event_tail import time_of

    line = Text(f"{time_of(arrival)}  ", style="dim")
    line.append(f"{arrival.result:<8}", style=_STYLES[arrival.result])
    line.append(f"  {arrival.source:<16} {arrival.kind or '':<12} {arrival.account_id:<14} ", style="default")
    line.append(arrival.detail, style="red" if arrival.result == "refused" else "dim")
    console.print(line, soft_wrap=arrival.result == "refused", overflow="ellipsis", no_wrap=arrival.result != "refused")
