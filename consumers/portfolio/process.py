"""The portfolio's process: one thread reads Kafka into the ledger, the loop answers."""

import gc
import signal
import sys
import threading
from typing import Final

import duckdb
from prometheus_client import CollectorRegistry

from consumers.alerting.settings import LOOPBACK_HOSTS
from consumers.portfolio.app import make_app
from consumers.portfolio.ledger_reader import LedgerReader
from consumers.portfolio.metrics import PortfolioCollector
from consumers.portfolio.service import PortfolioService
from consumers.portfolio.settings import PortfolioSettings
from consumers.portfolio.store import Store
from consumers.web_server import WebServer
from stream.config.logs import configure_logging, get_logger
from stream.config.metrics_server import serve_metrics
from stream.contracts.errors import ConfigError

JOIN_SECONDS: Final = 20.0
# Millions of records pass when it starts anew, and none of them is in a circle.
GC_THRESHOLDS: Final = (50_000, 20, 50)

log = get_logger(__name__)


def run_portfolio(settings: PortfolioSettings) -> None:
    """Serve until SIGTERM or SIGINT; returns when everything is closed.

    Prints `portfolio ready on <address>` once it listens and its figures hold everything that Kafka held at the start.

    Raises:
        ConfigError: nobody says who may see it, no broker answered, a port is taken, or the file can't be opened.
    """
    configure_logging(settings.logs, ("kafka", "aiokafka", "uvicorn"))
    gc.set_threshold(*GC_THRESHOLDS)
    options = settings.portfolio
    if options.host not in LOOPBACK_HOSTS and not settings.board.asks:
        raise ConfigError(
            f"portfolio.host = {options.host!r} is reached from other machines, and nothing says who may see revenue; "
            "set HEARTLINE_BOARD__READ_TOKEN, or listen on 127.0.0.1"
        )
    store = Store(options.rules, options.file, options.threads)
    reader = LedgerReader(settings.kafka, store)
    service = PortfolioService(options, store, reader, settings.product.launches)
    stop, failure = threading.Event(), list[BaseException]()
    server = WebServer(make_app(service, settings.board), options.host, options.port, "portfolio.host, portfolio.port")
    registry = CollectorRegistry()
    registry.register(PortfolioCollector(service, reader))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn ends on both, and then raises them again
    stop_metrics = serve_metrics(
        "portfolio",
        options.metrics_host,
        options.metrics_port,
        registry,
        readyz=lambda: None if service.is_ready else "reading Kafka",
    )
    reading = threading.Thread(target=_read, args=(reader, stop, server, failure), name="ledger", daemon=True)
    announcing = threading.Thread(target=_say_ready, args=(reader, service, server.url), daemon=True)
    try:
        reading.start()
        announcing.start()
        server.run()
    finally:
        stop.set()
        reading.join(JOIN_SECONDS)
        stop_metrics()
        store.close()
    if failure:
        raise failure[0]
    log.info("portfolio stopped")


def _read(reader: LedgerReader, stop: threading.Event, server: WebServer, failure: list[BaseException]) -> None:
    """The thread that reads; when it can't, the whole process ends, and says why."""
    try:
        reader.run(stop)
    except BaseException as error:
        if stop.is_set() and isinstance(error, duckdb.Error):
            return  # closing the file interrupted it; what it had not committed is read again at the next start
        failure.append(error)
        server.stop()


def _say_ready(reader: LedgerReader, service: PortfolioService, address: str) -> None:
    """For whoever started us and waits; then what looks at years of days is looked for once, before anybody asks."""
    log.info("the portfolio listens", url=address)
    reader.caught_up.wait()
    sys.stdout.write(f"portfolio ready on {address}\n")
    sys.stdout.flush()
    try:
        service.warm()
    except duckdb.Error as error:  # the file was closed meanwhile; else whoever asks is told
        log.debug("nothing was looked for in advance", error=type(error).__name__)
