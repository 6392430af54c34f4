"""A real Prometheus that scrapes what a test names, and answers its queries."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from heartline.embedded.ports import free_ports
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import wait_for

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules"


class Prometheus:
    """One running server.

    Args:
        port: where it listens on loopback.
    """

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with urlopen(f"{self._base}/-/ready", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """An instant query: labels (without the scrape's own) to value."""
        with urlopen(f"{self._base}/api/v1/query?query={quote(expression)}", timeout=30) as answer:
            result = json.load(answer)["data"]["result"]
        own = ("job", "instance", "__name__")
        return {
            frozenset((k, v) for k, v in series["metric"].items() if k not in own): float(series["value"][1])
            for series in result
        }


@contextmanager
def prometheus(targets: dict[str, str], folder: Path) -> Iterator[Prometheus]:
    """Run it over jobs (name to host:port) with the shipped rules, scraping every second.

    The test fails where there is no Prometheus.
    """
    program = shutil.which("prometheus")
    if program is None:
        pytest.fail("no prometheus on PATH: install it (Debian: apt-get install prometheus), or run make test as root")
    jobs = "".join(
        f"  - job_name: {job}\n    static_configs:\n      - targets: ['{target}']\n" for job, target in targets.items()
    )
    config = folder / "prometheus.yml"
    intervals = "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n"
    config.write_text(f"{intervals}rule_files: ['{RULES}/*.yml']\nscrape_configs:\n{jobs}", "utf-8")
    port = free_ports(1)[0]
    log = folder / "prometheus.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=out,
            stderr=out,
        )
    try:
        server = Prometheus(port)
        wait_for(server.ready, 30, f"Prometheus is ready; its log: {log}")
        yield server
    finally:
        process.terminate()
        process.wait(HANG_SECONDS)
