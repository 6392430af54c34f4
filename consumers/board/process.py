"""The board's process: one thread reads Kafka, the loop serves pages."""

import logging
import signal
import sys
import threading
from typing import Any, Final

from prometheus_client import CollectorRegistry, start_http_server

from consumers.board.app import make_app
from consumers.board.knowledge import Knowledge
from consumers.board.live import Hub
from consumers.board.settings import BoardSettings, check_access
from consumers.web_server import WebServer
from stream.config.logs import configure_logging
from stream.contracts.errors import ConfigError

JOIN_SECONDS: Final = 10.0

log = logging.getLogger(__name__)


def run_board(settings: BoardSettings) -> None:
    """Serve until SIGTERM or SIGINT; returns when everything is closed.

    Prints `board ready on <address>` once it listens and has read what there is.

    Raises:
        ConfigError: nobody says who may see it, no broker answered, or a port is taken.
    """
    configure_logging(("kafka", "uvicorn"))
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
    exporter = _export(settings, registry)
    try:
        reader.start()
        server.run()
    finally:
        stop.set()
        reader.join(JOIN_SECONDS)
        knowledge.close()
        app.state.board.lags.close()
        app.state.board.orders.close()
        if exporter is not None:
            exporter.shutdown()
            exporter.server_close()
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
    log.info("the board is at %s", address)
    knowledge.feed.loaded.wait()
    sys.stdout.write(f"board ready on {address}\n")
    sys.stdout.flush()


def _export(settings: BoardSettings, registry: CollectorRegistry) -> Any:
    """The server for Prometheus; None when it is not wanted."""
    host, port = settings.board.metrics_host, settings.board.metrics_port
    if port is None:
        return None
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigError(
            f"board.metrics_host, metrics_port = {host}:{port}: can't listen there ({error.strerror}); "
            "end what listens, or set HEARTLINE_BOARD__METRICS_PORT to another port (0: any free one)"
        ) from None
    log.info("metrics on http://%s:%d/metrics", host, server.server_port)
    return server
