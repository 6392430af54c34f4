"""The board's process: one thread reads Kafka, the loop serves pages."""

import signal
import sys
import threading
from typing import Final

from prometheus_client import CollectorRegistry

from consumers.board.app import make_app
from consumers.board.live_updates import Hub
from consumers.board.read_model import ReadModel
from consumers.board.server_secrets import make_secrets
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
    secrets = make_secrets(settings.board)
    settings = settings.model_copy(update={"board": secrets.options})
    check_access(settings.board)
    hub, stop = Hub(), threading.Event()
    registry = CollectorRegistry()
    read_model = ReadModel(settings, hub)
    app = make_app(settings, read_model, hub, registry, cookie_key=secrets.cookie_key)
    options = settings.board
    server = WebServer(
        app,
        options.host,
        options.port,
        "board.host, board.port",
        on_started=lambda: _say_ready_soon(read_model, server.url),
        on_stopping=hub.end,
    )
    if secrets.new_token is not None:
        sys.stdout.write(f"board token, generated now and kept in {settings.board.secrets_dir}: {secrets.new_token}\n")
        sys.stdout.flush()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn ends on both, and then raises them again
    failure: list[BaseException] = []
    watching = threading.Thread(target=app.state.board.lags.run, args=(stop,), name="lag", daemon=True)
    reader = threading.Thread(target=_read, args=(read_model, stop, server, failure), name="feed", daemon=True)
    stop_metrics = serve_metrics(
        "board",
        options.metrics_host,
        options.metrics_port,
        registry,
        readyz=lambda: None if read_model.topic_reader.loaded.is_set() else "reading Kafka",
    )
    try:
        reader.start()
        watching.start()
        server.run()
    finally:
        stop.set()
        reader.join(JOIN_SECONDS)
        read_model.close()
        app.state.board.lags.close()
        app.state.board.recent_events.close()
        app.state.board.commands.close()
        app.state.board.account_updates.close()
        app.state.board.reviews.close()
        stop_metrics()
    if failure:
        raise failure[0]
    log.info("board stopped")


def _read(read_model: ReadModel, stop: threading.Event, server: WebServer, failure: list[BaseException]) -> None:
    """The thread that reads; when it can't, the whole process ends, and says why."""
    try:
        read_model.topic_reader.run(stop)
    except BaseException as error:
        failure.append(error)
        server.stop()


def _say_ready_soon(read_model: ReadModel, address: str) -> None:
    """Not on the loop, which serves meanwhile."""
    threading.Thread(target=_say_ready, args=(read_model, address), daemon=True).start()


def _say_ready(read_model: ReadModel, address: str) -> None:
    """For whoever started us and waits."""
    log.info("the board listens", url=address)
    read_model.topic_reader.loaded.wait()
    sys.stdout.write(f"board ready on {address}\n")
    sys.stdout.flush()
