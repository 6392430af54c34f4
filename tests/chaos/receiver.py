"""A webhook's other side: keeps what it took, and answers as the faults of the moment say."""

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Taken:
    """A message that the receiver took.

    Attributes:
        message: its id.
        kind: of the event that it tells.
        account: whose it is; empty: nobody's.
        is_answered: False: the answer was lost on purpose, so that the sender can't know.
    """

    message: str
    kind: str
    account: str
    is_answered: bool


class Receiver:
    """Listens on a free port from the start."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.fault: str | None = None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                fault = receiver.fault
                if fault == "hang":
                    time.sleep(1.5)
                    self.close_connection = True
                    return
                if fault in ("429", "500"):
                    self._answer(int(fault))
                    return
                account = (body["data"]["account"] or {}).get("account_id") or ""
                is_lost = fault == "lost answer"
                receiver.taken.append(Taken(body["data"]["id"], body["type"], account, not is_lost))
                if is_lost:
                    self.close_connection = True
                    return
                self._answer(200)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hung up is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
