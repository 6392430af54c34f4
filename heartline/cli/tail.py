"""`heartline tail`: what arrives, event by event."""

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from consumers.event_tail import TailedEvent

_STYLES = {"accepted": "green", "repeated": "dim", "refused": "red", "passed over": "dim"}

Shown = Literal["accepted", "repeated", "refused", "passed over"]


def tail(
    last: Annotated[int, typer.Option("--last", min=0, max=1000, help="Begin with so many of each partition.")] = 0,
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many events.")] = None,
    only: Annotated[Shown | None, typer.Option("--only", help="Only these.")] = None,
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
    settings = load_settings(config, bootstrap_servers)
    where = settings.kafka.bootstrap_servers

    def on_ready(topics: int) -> None:
        print(f"watching {topics} topics at {where}; Ctrl-C ends it", file=sys.stderr, flush=True)

    try:
        for arrival in follow(settings, last, None if as_json else on_ready):
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
    if arrival.account_id:
        line.append(f"  {arrival.source:<10} {arrival.kind:<8} {arrival.account_id:<12} ", style="default")
        line.append(arrival.detail, style="dim")
        console.print(line, overflow="ellipsis", no_wrap=True)
    else:  # in full, however long: whoever sent it must read why
        line.append(f"  {arrival.source:<10} ", style="default")
        line.append(arrival.detail, style="red")
        console.print(line, soft_wrap=True)
