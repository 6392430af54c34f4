"""The board's process: one thread reads Kafka, the loop serves pages."""

import signal
import sys
import threading
from typing import Final

from prometheus_client import CollectorRegistry

from consumers.board.app import make_app
from consumers.board.knowledge import Knowledge
from consumers.board.live import Hub
from consumers.board.settings import BoardSettings, check_access
from consumers.web_server import WebServer
from stream.config.logs import configure_logging, get_logger
from stream.config.metrics_server import serve_metrics

JOIN_SECONDS: Final = 10.0

log = get_logger(__name__)


def run_board(settings: BoardSettings) -> None:
    """Serve until SIGTERM or SIGINT; returns when everything is closed.

    Prints `board ready on <address>` once it listens and has read what there is.

    Raises:
        ConfigError: nobody says who may see it, no broker answered, or a port is taken.
    """
    configure_logging(settings.logs, ("kafka", "uvicorn"))
    check_access(settings.board)
    hub, stop = Hub(), threading.Event()
    registry = CollectorRegistry()
    knowledge = Knowledge(settings, hub)
    app = make_app(settings, knowledge, hub, registry)
    options = settings.board
    server = WebServer(
        app,
        options.host,
        options.port,
        "board.host, board.port",
        on_started=lambda: _say_ready_soon(knowledge, server.url),
        on_stopping=hub.end,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn ends on both, and then raises them again
    failure: list[BaseException] = []
    reader = threading.Thread(target=_read, args=(knowledge, stop, server, failure), name="feed", daemon=True)
    stop_metrics = serve_metrics("board", options.metrics_host, options.metrics_port, registry)
    try:
        reader.start()
        server.run()
    finally:
        stop.set()
        reader.join(JOIN_SECONDS)
        knowledge.close()
        app.state.board.lags.close()
        app.state.board.orders.close()
        stop_metrics()
    if failure:
        raise failure[0]
    log.info("board stopped")


def _read(knowledge: Knowledge, stop: threading.Event, server: WebServer, failure: list[BaseException]) -> None:
    """The thread that reads; when it can't, the whole process ends, and says why."""
    try:
        knowledge.feed.run(stop)
    except BaseException as error:
        failure.append(error)
        server.stop()


def _say_ready_soon(knowledge: Knowledge, address: str) -> None:
    """Not on the loop, which serves meanwhile."""
    threading.Thread(target=_say_ready, args=(knowledge, address), daemon=True).start()


def _say_ready(knowledge: Knowledge, address: str) -> None:
    """For whoever started us and waits."""
    log.info("the board listens", url=address)
    knowledge.feed.loaded.wait()
    sys.stdout.write(f"board ready on {address}\n")
    sys.stdout.flush()
