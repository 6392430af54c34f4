"""`heartline top`: all accounts on a terminal, live."""

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from heartline.cli.options import Config, Json

if TYPE_CHECKING:
    from consumers.board.account_index import AccountQuery, AccountRow
    from consumers.board.pipeline_status import LagMonitor
    from consumers.board.read_model import ReadModel
    from heartline.terminal.top_screen import View

_FRAME_SECONDS: Final = 1.0


def top(
    search: Annotated[str, typer.Option("--search", metavar="WORDS", help="Words in name, id, owner, segment.")] = "",
    sort: Annotated[str, typer.Option("--sort", help="health, movement, name, renewal or mrr.")] = "health",
    once: Annotated[bool, typer.Option("--once", help="Print it once and end; so also where no one watches.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Watch all accounts on this terminal: the least healthy first, with movement, band, alerts and why.

    It reads Kafka as any consumer would and changes nothing. Ctrl-C ends it.

    [bold]Examples[/]

    \b
    heartline top
    heartline top --sort movement --search enterprise
    heartline top --once | head -20
    heartline top --json | jq -r 'select(.band == "critical") | .account_id'   [dim]# an object a line[/]
    """
    from rich.console import Console
    from rich.live import Live

    from consumers.board.pipeline_status import LagMonitor, groups
    from consumers.board.query_params import account_query
    from consumers.board.settings import BoardSettings
    from heartline.terminal.top_screen import screen
    from heartline.topics.kafka_follower import follow_kafka
    from stream.config.settings import load

    settings = load(BoardSettings, config)
    query = account_query(search=search, band=[], sort=sort)
    console = Console()
    watch: LagMonitor | None = None
    try:
        with follow_kafka(settings) as found:
            watch = LagMonitor(settings.kafka, groups(settings), found.read_model.topic_reader.next_offsets)
            if as_json:
                for row in found.wait_loaded().accounts.find(query).rows:
                    print(json.dumps(_object(row), ensure_ascii=False))
                return
            if once or not sys.stdout.isatty():
                read_model = found.wait_loaded()
                console.print(screen(_view(read_model, watch, query), console.width, None))
                return
            with Live(console=console, screen=True, auto_refresh=False) as live:
                while True:
                    found.check()
                    live.update(screen(_view(found.read_model, watch, query), *console.size), refresh=True)
                    time.sleep(_FRAME_SECONDS)
    except KeyboardInterrupt:
        return
    finally:
        if watch is not None:
            watch.close()


def _view(read_model: "ReadModel", watch: "LagMonitor", query: "AccountQuery") -> "View":
    from consumers.board.pipeline_status import standstills
    from heartline.terminal.top_screen import View

    lags, problem = watch.look()
    newest_ms = read_model.topic_reader.newest_ms.get(read_model.topics.health)
    return View(
        rows=read_model.accounts.find(query).rows,
        alerts=read_model.alerts.open_counts(),
        lags=lags,
        problem=problem,
        published_at=datetime.fromtimestamp(newest_ms / 1000, UTC) if newest_ms is not None else None,
        now=datetime.now(UTC),
        loaded=read_model.topic_reader.loaded.is_set(),
        standstills=standstills(watch, read_model.alerts.pipeline_incident),
    )


def _object(row: "AccountRow") -> dict[str, Any]:
    """One account for a program; null is unknown."""
    return {
        "account_id": row.account_id,
        "name": row.name,
        "band": row.band,
        "health_score": row.score,
        "movement_7d": row.movement,
        "reason": row.reason,
        "segment": row.segment,
        "owner": row.owner,
        "renewal_date": row.renewal.isoformat() if row.renewal is not None else None,
        "as_of": row.as_of.isoformat(),
    }
