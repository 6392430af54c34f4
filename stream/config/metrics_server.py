"""Where Prometheus scrapes a process: one server for all processes."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, start_http_server

from stream.config.logs import get_logger
from stream.contracts.errors import ConfigError

log = get_logger(__name__)


def serve_metrics(section: str, host: str, port: int | None, registry: CollectorRegistry) -> Callable[[], None]:
    """Serve `/metrics` on a thread; returns what stops it.

    Args:
        section: of the settings, whose `metrics_host` and `metrics_port` these are.
        host, port: where; port 0 is any free one, None: nowhere.
        registry: what is served.

    Raises:
        ConfigError: it can't listen there.
    """
    if port is None:
        return lambda: None
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigError(
            f"{section}.metrics_host, {section}.metrics_port = {host}:{port}: can't listen there ({error.strerror}); "
            f"end what listens there, or set HEARTLINE_{section.upper()}__METRICS_PORT to another port "
            "(0: any free one, null: none)"
        ) from None
    log.info("metrics served", url=f"http://{host}:{server.server_port}/metrics")

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
