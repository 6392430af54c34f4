"""Where Prometheus scrapes a process, and where a supervisor asks whether it lives and is ready: one server for all.

`/livez` and `/readyz` answer 200, or 503 with the reason in one line. A process that does not live should be restarted;
one that is not ready does not do its part yet, or no longer.
"""

import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from stream.config.logs import get_logger
from stream.contracts.errors import ConfigError

log = get_logger(__name__)

# Why not; None: nothing speaks against it. Called from the server's threads.
Check = Callable[[], str | None]


def _no_objection() -> None:
    """The check of a process that has none of its own: it answers, so it lives."""


class _Server(ThreadingWSGIServer):
    """As the Prometheus client's own; with the address family of its host."""


class _Quiet(WSGIRequestHandler):
    """Requests are not logged."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a scrape every few seconds is no news."""


def serve_metrics(
    section: str,
    host: str,
    port: int | None,
    registry: CollectorRegistry,
    livez: Check = _no_objection,
    readyz: Check = _no_objection,
) -> Callable[[], None]:
    """Serve `/metrics`, `/livez` and `/readyz` on a thread; returns what stops it.

    Args:
        section: of the settings, whose `metrics_host` and `metrics_port` these are.
        host, port: where; port 0 is any free one, None: nowhere.
        registry: what is served.
        livez: why the process should be restarted.
        readyz: why it does not do its part.

    Raises:
        ConfigError: it can't listen there.
    """
    if port is None:
        return lambda: None
    metrics, checks = make_wsgi_app(registry), {"/livez": livez, "/readyz": readyz}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        check = checks.get(environ.get("PATH_INFO", ""))
        if check is None:
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        problem = check()
        body = (problem or "ok").encode() + b"\n"
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response("200 OK" if problem is None else "503 Service Unavailable", headers)
        return [body]

    try:
        family, address = _family_of(host, port)
        server_class = type("_ServerOfFamily", (_Server,), {"address_family": family})
        server: WSGIServer = make_server(address, port, app, server_class, _Quiet)
    except OSError as error:
        raise ConfigError(
            f"{section}.metrics_host, {section}.metrics_port = {host}:{port}: can't listen there ({error.strerror}); "
            f"end what listens there, or set HEARTLINE_{section.upper()}__METRICS_PORT to another port "
            "(0: any free one, null: none)"
        ) from None
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="metrics")
    thread.start()
    log.info("metrics served", url=f"http://{host}:{server.server_port}/metrics")

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def _family_of(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    """The address family of a host, and its address.

    Raises:
        OSError: the host is unknown.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return family, str(address[0])
