"""All of an installation: brokers, Redis, workers, alerting, intake, portfolio and a receiver, behind proxies."""

import base64
import contextlib
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from heartline.embedded.ports import free_ports
from stream.contracts.partitioner import partition_of
from stream.topics import Topics
from tests.chaos.company import Round
from tests.chaos.process import Process
from tests.chaos.receiver import Receiver
from tests.chaos.servers import Disk, kafka_cluster, redis_server

PARTITIONS: Final = 4
PREFIX: Final = "chaos-"
WRITE_KEY: Final = "the-key-of-an-app"
READ_TOKEN: Final = "the-token-of-a-reader"
DISK_MIB: Final = {"stores": 24, "redis": 48, "broker": 1024}


@dataclass(frozen=True)
class Shape:
    """How large an installation.

    Attributes:
        brokers: 1, or 3 with three replicas of which two must be in sync.
        workers: every other one has a store on its disk, the first is a static member.
        alertings: processes of alerting.
        intakes: 1: a tenth of the events comes by HTTP; 0: none.
        portfolios: 1: the ledger is compared, too; 0: there is none.
        release: the Python of an earlier release's environment that all processes run on until they are upgraded.
    """

    brokers: int = 3
    workers: int = 3
    alertings: int = 2
    intakes: int = 1
    portfolios: int = 1
    release: Path | None = None


class World:
    """All of it; usable within a `with` block.

    Args:
        folder: for logs and stores.
        shape: how large.
    """

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._folder, self._shape = folder, shape
        self.topics = Topics(PREFIX)
        self.receiver = Receiver()
        self.disks: dict[str, Disk] = {}
        self._stop = threading.Event()
        self._producer: Any = None

    def __enter__(self) -> Self:
        shape = self._shape
        with contextlib.suppress(PermissionError):
            for name, mib in DISK_MIB.items():
                self.disks[name] = Disk(self._folder / f"{name}-disk", mib)
        self.brokers = kafka_cluster(shape.brokers, self._on_disk("broker"))
        self.memory, redis_port = redis_server(self._on_disk("redis"))
        for server in self.servers:
            server.start()
        for server in self.servers:
            server.wait_until_up()
        self.bootstrap = ",".join(f"127.0.0.1:{each.proxy.port}" for each in self.brokers)
        self.inner_bootstrap = ",".join(f"127.0.0.1:{each.inner_port}" for each in self.brokers)
        self._intake_port, self._portfolio_port = free_ports(2)
        env = self._environment(self.bootstrap, f"redis://127.0.0.1:{redis_port}/0")
        self.workers = [self._process("worker", [], env | self._of_worker(each), each) for each in range(shape.workers)]
        self.alertings = [self._process("alerting", [], env, each) for each in range(shape.alertings)]
        port = str(self._intake_port)
        self.intakes = [self._process("intake", ["--port", port], env, each) for each in range(shape.intakes)]
        ledger = ["serve", "--port", str(self._portfolio_port), "--file", str(self._folder / "ledger.duckdb")]
        self.portfolios = [self._process("portfolio", ledger, env, each) for each in range(shape.portfolios)]
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._supervisor.join(20)
        for process in self.processes:
            process.end()
        for server in self.servers:
            server.close()
        self.receiver.close()
        for disk in self.disks.values():
            disk.close()

    @property
    def processes(self) -> list[Process]:
        """All that are the product's."""
        return [*self.workers, *self.alertings, *self.intakes, *self.portfolios]

    @property
    def servers(self) -> list[Any]:
        """All that the product stands on."""
        return [*self.brokers, self.memory]

    @property
    def has_ledger(self) -> bool:
        """Whether there is a portfolio."""
        return bool(self.portfolios)

    @property
    def is_of_earlier_release(self) -> bool:
        """Whether any process still runs on an earlier release."""
        return any(process.release is not None for process in self.processes)

    @property
    def redis_url(self) -> str:
        """Past the proxy."""
        return f"redis://127.0.0.1:{self.memory.inner_port}/0"

    def ledger(self) -> dict[str, int]:
        """By account its revenue a year, in cents, as the portfolio says it.

        Raises:
            OSError: it does not answer.
        """
        today = time.gmtime()
        asked = f"figure=arr&period={today.tm_year}-Q{(today.tm_mon + 2) // 3}"
        request = urllib.request.Request(f"http://127.0.0.1:{self._portfolio_port}/api/v1/portfolio/accounts?{asked}")
        request.add_header("Authorization", f"Bearer {READ_TOKEN}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, int] = {}
            for row in json.load(answer):
                found[row["account_id"]] = found.get(row["account_id"], 0) + row["numerator"]
            return found

    def _on_disk(self, name: str) -> Path | None:
        return self.disks[name].folder if name in self.disks else None

    def _process(self, role: str, arguments: Sequence[str], env: dict[str, str], number: int) -> Process:
        return Process(role, arguments, env, self._folder, number, self._shape.release)

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
            "HEARTLINE_KAFKA__REPLICATION_FACTOR": str(self._shape.brokers),
            "HEARTLINE_REDIS__TIMEOUT_SECONDS": "2",
            "HEARTLINE_ALERTING__CONFIG": str(config),
            "HEARTLINE_ALERTING__METRICS_PORT": "null",
            "HEARTLINE_ALERTING__SESSION_TIMEOUT_SECONDS": "6",
            "HEARTLINE_BOARD__READ_TOKEN": READ_TOKEN,
            "HEARTLINE_INTAKE__KAFKA_TIMEOUT_SECONDS": "10",
            "HEARTLINE_INTAKE__METRICS_PORT": "null",
            "HEARTLINE_INTAKE__WRITE_KEYS": json.dumps({"app": WRITE_KEY}),
            "HEARTLINE_PORTFOLIO__METRICS_PORT": "null",
            "HEARTLINE_WORKER__METRICS_PORT": "null",
            "HEARTLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
            "HEARTLINE_WORKER__REBALANCE_TIMEOUT_SECONDS": "10",
            "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.3",
        }

    def _of_worker(self, number: int) -> dict[str, str]:
        """Every other worker has a store on the disk, the first is a static member."""
        stores = self._on_disk("stores") or self._folder
        own = {"HEARTLINE_WORKER__STORE": str(stores / f"store-{number}")} if number % 2 == 0 else {}
        return own | ({"HEARTLINE_WORKER__GROUP_INSTANCE_ID": "static-0"} if number == 0 else {})

    def send(self, told: Round, chance: random.Random, seconds: float) -> None:
        """Send a round's events over some seconds: each until whoever takes it has it.

        A tenth of the usage comes by HTTP, and a tenth of the rest goes to a wrong partition.
        """
        by_http = [each for each in told.events if each[0] == "usage" and chance.random() < 0.1 and self.intakes]
        posting = threading.Thread(target=self._post, args=(by_http, seconds), daemon=True)
        posting.start()
        posted = set(map(id, by_http))
        left = [each for each in told.events if id(each) not in posted]
        step = seconds / len(left)
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
        posting.join()

    def _post(self, events: Sequence[tuple[str, str, bytes]], seconds: float) -> None:
        """Each batch until the intake has answered that Kafka has it."""
        batches = [events[at : at + 20] for at in range(0, len(events), 20)]
        login = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        for batch in batches:
            body = b"[" + b",".join(value for _, _, value in batch) + b"]"
            while not self._stop.is_set():
                request = urllib.request.Request(f"http://127.0.0.1:{self._intake_port}/v1/events/usage", body)
                request.add_header("Authorization", f"Basic {login}")
                request.add_header("Content-Type", "application/json")
                try:
                    with urllib.request.urlopen(request, timeout=30) as answer:
                        assert not json.load(answer).get("refusals"), body
                        break
                except urllib.error.HTTPError as error:
                    if error.code != 503:
                        raise
                    time.sleep(0.5)
                except OSError:
                    time.sleep(0.5)
            time.sleep(seconds / len(batches))
