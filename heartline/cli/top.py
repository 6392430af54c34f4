"""`heartline top`: all accounts on a terminal, live."""

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from heartline.cli.options import Config

if TYPE_CHECKING:
    from consumers.board.knowledge import Knowledge
    from consumers.board.pipeline import LagWatch
    from consumers.board.portfolio import Query
    from heartline.top import View

_FRAME_SECONDS: Final = 1.0


def top(
    search: Annotated[str, typer.Option("--search", metavar="WORDS", help="Words in name, id, owner, segment.")] = "",
    sort: Annotated[str, typer.Option("--sort", help="health, movement, name, renewal or mrr.")] = "health",
    once: Annotated[bool, typer.Option("--once", help="Print it once and end; so also where no one watches.")] = False,
    config: Config = None,
) -> None:
    """Watch all accounts on this terminal: the least healthy first, with movement, band, alerts and why.

    It reads Kafka as any consumer would and changes nothing. Ctrl-C ends it.

    [bold]Examples[/]

    \b
    heartline top
    heartline top --sort movement --search enterprise
    heartline top --once | head -20
    """
    from rich.console import Console
    from rich.live import Live

    from consumers.board.asked import account_query
    from consumers.board.pipeline import LagWatch, groups
    from consumers.board.settings import BoardSettings
    from heartline.following import following
    from heartline.top import screen
    from stream.config.settings import load

    settings = load(BoardSettings, config)
    query = account_query(search, [], "", "", sort)
    console = Console()
    watch: LagWatch | None = None
    try:
        with following(settings) as found:
            watch = LagWatch(settings.kafka, groups(settings), found.knowledge.feed.next_offsets)
            if once or not sys.stdout.isatty():
                knowledge = found.wait_loaded()
                console.print(screen(_view(knowledge, watch, query), console.width, None))
                return
            with Live(console=console, screen=True, auto_refresh=False) as live:
                while True:
                    found.check()
                    live.update(screen(_view(found.knowledge, watch, query), *console.size), refresh=True)
                    time.sleep(_FRAME_SECONDS)
    except KeyboardInterrupt:
        return
    finally:
        if watch is not None:
            watch.close()


def _view(knowledge: "Knowledge", watch: "LagWatch", query: "Query") -> "View":
    from heartline.top import View

    lags, problem = watch.look()
    newest_ms = knowledge.feed.newest_ms.get(knowledge.topics.health)
    return View(
        rows=knowledge.portfolio.find(query).rows,
        alerts=knowledge.alerts.open_counts(),
        lags=lags,
        problem=problem,
        published_at=datetime.fromtimestamp(newest_ms / 1000, UTC) if newest_ms is not None else None,
        now=datetime.now(UTC),
        loaded=knowledge.feed.loaded.is_set(),
    )
