"""A broker, a Redis, workers, alerting and a receiver, behind proxies, and what can be done to each."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from heartline.embedded import KafkaServer, ValkeyServer
from heartline.embedded.ports import free_ports
from stream.contracts.partitioner import partition_of
from stream.topics import Topics
from tests.chaos.company import Round
from tests.chaos.proxy import FaultyProxy

PARTITIONS: Final = 4
PREFIX: Final = "chaos-"
# A process whose wall clock a test steps: SIGUSR1 has it read by how many seconds.
STEPPED: Final = """
import signal, sys, time
real, offset = time.time_ns, [0]
time.time_ns = lambda: real() + offset[0]
def step(*_):
    offset[0] = int(open({path!r}).read() or 0) * 10**9
signal.signal(signal.SIGUSR1, step)
sys.argv = ["heartline", {role!r}]
from heartline.cli import main
main()
"""


class Receiver:
    """A webhook's other side: keeps what it took, and answers as the faults of the moment say."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, str]] = []  # (message id, kind, account)
        self.fault: str | None = None
        self.attempts = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                receiver.attempts += 1
                fault = receiver.fault
                if fault == "hang":
                    time.sleep(1.5)
                    self.close_connection = True
                    return
                if fault in ("429", "500"):
                    self._answer(int(fault))
                    return
                account = (body["data"]["account"] or {}).get("account_id") or ""
                receiver.taken.append((body["data"]["id"], body["type"], account))
                if fault == "lost answer":
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
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self._server.shutdown()


class Process:
    """One of the product's processes, started again whenever it has ended."""

    def __init__(self, role: str, env: dict[str, str], folder: Path, number: int) -> None:
        self.role, self.number = role, number
        self.log = folder / f"{role}-{number}.log"
        self._offset = folder / f"{role}-{number}.offset"
        self._offset.write_text("0")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
        self._env = kept | env
        self._process: subprocess.Popen[bytes] | None = None
        self.is_wanted = True
        self.starts = 0

    def keep_running(self) -> None:
        """What a supervisor does."""
        if self.is_wanted and (self._process is None or self._process.poll() is not None):
            code = STEPPED.format(path=str(self._offset), role=self.role)
            with self.log.open("ab") as out:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code], env=self._env, stdout=out, stderr=out, start_new_session=True
                )
            self.starts += 1

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def step_clock(self, seconds: int) -> None:
        self._offset.write_text(str(seconds))
        self.signal(signal.SIGUSR1)

    def end(self) -> None:
        self.is_wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)


class World:
    """All of it.

    Args:
        folder: for logs and stores.
        workers, alertings: how many of each.
    """

    def __init__(self, folder: Path, workers: int, alertings: int) -> None:
        self._folder, self._counts = folder, (workers, alertings)
        self.topics = Topics(PREFIX)
        self.receiver = Receiver()
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        kafka_port, redis_port, broker_port = free_ports(3)
        self.kafka = FaultyProxy(kafka_port, broker_port)
        address = f"PLAINTEXT://127.0.0.1:{kafka_port}"
        self.broker = KafkaServer(port=broker_port, properties={"advertised.listeners": address}).start()
        self.memory = ValkeyServer().start()
        self.redis = FaultyProxy(redis_port, self.memory.port)
        self.bootstrap = f"127.0.0.1:{kafka_port}"
        env = self._environment(self.bootstrap, f"redis://127.0.0.1:{redis_port}/0")
        workers, alertings = self._counts
        self.workers = [
            Process("worker", env | self._of_worker(number), self._folder, number) for number in range(workers)
        ]
        self.alertings = [Process("alerting", env, self._folder, number) for number in range(alertings)]
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()
        self._producer: Any = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._supervisor.join(5)
        for process in self.processes:
            process.end()
        self.kafka.close()
        self.redis.close()
        self.receiver.close()
        self.memory.close()
        self.broker.close()

    @property
    def processes(self) -> list[Process]:
        """All that are the product's."""
        return [*self.workers, *self.alertings]

    @property
    def redis_url(self) -> str:
        """Past the proxy."""
        return self.memory.url

    def _supervise(self) -> None:
        while not self._stop.wait(0.3):
            for process in self.processes:
                process.keep_running()

    def _environment(self, bootstrap: str, redis_url: str) -> dict[str, str]:
        config = self._folder / "alerting.yaml"
        receivers = {
            "hook": {
                "type": "webhook",
                "url": self.receiver.url,
                "secret_env": "CHAOS_SECRET",
                "messages_per_second": 500,
            }
        }
        lifecycle = {
            "pages": {"every_days": 0},
            "pipeline_incident": {"enabled": False},
            "digest": {"enabled": False},
            "daily_digest": {"enabled": False},
        }
        rules = {
            "breadth_collapsed": {"channel": "page"},
            "score_dropped": {"enabled": False},
            "score_low": {"enabled": False},
            "silence": {"enabled": False},
        }
        routes = [{"receivers": ["hook"]}]
        told = {"rules": rules, "lifecycle": lifecycle, "receivers": receivers, "routes": routes}
        config.write_text(json.dumps(told), "utf-8")
        return {
            "CHAOS_SECRET": "whsec_" + "A" * 43 + "=",
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "REDIS_URL": redis_url,
            "HEARTLINE_KAFKA__TOPIC_PREFIX": PREFIX,
            "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
            "HEARTLINE_REDIS__TIMEOUT_SECONDS": "2",
            "HEARTLINE_ALERTING__CONFIG": str(config),
            "HEARTLINE_ALERTING__METRICS_PORT": "null",
            "HEARTLINE_ALERTING__SESSION_TIMEOUT_SECONDS": "6",
            "HEARTLINE_WORKER__METRICS_PORT": "null",
            "HEARTLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
            "HEARTLINE_WORKER__REBALANCE_TIMEOUT_SECONDS": "10",
            "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.3",
        }

    def _of_worker(self, number: int) -> dict[str, str]:
        """Every other worker has a store on the disk, the first is a static member."""
        own = {"HEARTLINE_WORKER__STORE": str(self._folder / f"store-{number}")} if number % 2 == 0 else {}
        return own | ({"HEARTLINE_WORKER__GROUP_INSTANCE_ID": "static-0"} if number == 0 else {})

    def send(self, told: Round, chance: random.Random, seconds: float) -> None:
        """Send a round's events over some seconds, a tenth of them to a wrong partition; until Kafka has them all."""
        step = seconds / len(told.events)
        left = list(told.events)
        while left:
            try:
                if self._producer is None:
                    self._producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=5)
                waiting = []
                for kind, name, value in left:
                    own = partition_of(name, PARTITIONS)
                    at = own if chance.random() < 0.9 else (own + 1) % PARTITIONS
                    topic = self.topics.input(kind)  # type: ignore[arg-type]
                    waiting.append(self._producer.send(topic, value, name.encode(), partition=at))
                    time.sleep(step)
                for sent in waiting:
                    sent.get(timeout=60)
                left = []
            except (KafkaError, OSError):
                with contextlib.suppress(Exception):
                    self._producer.close(timeout=1)
                self._producer = None
                time.sleep(0.5)  # and all of them again: repeats are recognised
