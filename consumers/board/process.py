"""The board's process: one thread reads Kafka, the loop serves pages."""

import logging
import signal
import sys
import threading
from typing import Any, Final

import uvicorn
from prometheus_client import CollectorRegistry, start_http_server

from consumers.board.app import make_app
from consumers.board.knowledge import Knowledge
from consumers.board.live import Hub
from consumers.board.settings import BoardSettings, check_access
from stream.config.logs import log_readably
from stream.contracts.errors import ConfigError

JOIN_SECONDS: Final = 10.0
SHUTDOWN_SECONDS: Final = 3

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Says where it is once it listens, and ends the pages' streams before it ends."""

    def __init__(self, config: uvicorn.Config, knowledge: Knowledge, hub: Hub) -> None:
        super().__init__(config)
        self._knowledge = knowledge
        self._hub = hub

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            threading.Thread(target=_say_ready, args=(self._knowledge, f"http://{shown}:{port}"), daemon=True).start()

    async def shutdown(self, sockets: Any = None) -> None:
        self._hub.end()
        await super().shutdown(sockets)


def run_board(settings: BoardSettings) -> None:
    """Serve until SIGTERM or SIGINT; returns when everything is closed.

    Prints `board ready on <address>` once it listens and has read what there is.

    Raises:
        ConfigError: nobody says who may see it, no broker answered, or a port is taken.
    """
    log_readably(("kafka", "uvicorn"))
    check_access(settings.board)
    hub, stop = Hub(), threading.Event()
    registry = CollectorRegistry()
    knowledge = Knowledge(settings, hub)
    app = make_app(settings, knowledge, hub, registry)
    options = settings.board
    server = _Server(
        uvicorn.Config(
            app,
            host=options.host,
            port=options.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ),
        knowledge,
        hub,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn ends on both, and then raises them again
    failure: list[BaseException] = []
    reader = threading.Thread(target=_read, args=(knowledge, stop, server, failure), name="feed", daemon=True)
    exporter = _export(settings, registry)
    try:
        reader.start()
        server.run()
    except SystemExit:  # uvicorn's word for a port that is taken
        if not failure:
            raise ConfigError(
                f"board.host, port = {options.host}:{options.port}: can't listen there; end what listens, or set "
                "HEARTLINE_BOARD__PORT to another port (0: any free one)"
            ) from None
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


def _read(knowledge: Knowledge, stop: threading.Event, server: uvicorn.Server, failure: list[BaseException]) -> None:
    """The thread that reads; when it can't, the whole process ends, and says why."""
    try:
        knowledge.feed.run(stop)
    except BaseException as error:
        failure.append(error)
        server.should_exit = True


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
