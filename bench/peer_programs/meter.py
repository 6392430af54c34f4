"""What each peer counts with, so that all count alike: from the first to the last event, start excluded."""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunSettings:
    """What the environment tells a peer.

    Attributes:
        bootstrap: bootstrap servers.
        topics: of usage, tickets and answers.
        group: an id of its own.
        partitions: of each topic.
        events: how many to fold.
        commit_seconds: how often to save what the folding made.
    """

    bootstrap: str
    topics: list[str]
    group: str
    partitions: int
    events: int
    commit_seconds: int


def from_environment() -> RunSettings:
    """The settings of this run."""
    environ = os.environ
    return RunSettings(
        environ["BOOTSTRAP"],
        environ["TOPICS"].split(","),
        environ["GROUP"],
        int(environ["PARTITIONS"]),
        int(environ["EVENTS"]),
        int(environ["COMMIT_SECONDS"]),
    )


class Meter:
    """Counts events; after the last one it prints what they cost and ends the process.

    Args:
        events: how many there are.
    """

    def __init__(self, events: int) -> None:
        self._events = events
        self._count = 0
        self._started = 0.0
        self._cpu_before: float | None = None
        self._cpu_halfway = 0.0

    def begin(self) -> None:
        """An event comes in; the first one starts the clocks."""
        if self._cpu_before is None:
            self._started, self._cpu_before = time.monotonic(), time.process_time()

    def folded(self, count: int = 1) -> None:
        """Events are done; the last one prints one JSON object as the last line of stdout and ends the process."""
        before = self._count
        self._count += count
        if before < self._events // 2 <= self._count:
            self._cpu_halfway = time.process_time()
        if self._count < self._events or self._cpu_before is None:
            return
        cpu = time.process_time()
        results = {
            "events": self._count,
            "seconds": time.monotonic() - self._started,
            "cpu_seconds": cpu - self._cpu_before,
            "second_half_cpu_seconds": cpu - self._cpu_halfway,
            "peak_rss_mb": peak_rss_mb(),
        }
        sys.__stdout__.write(f"\n{json.dumps(results)}\n")
        sys.__stdout__.flush()
        os._exit(0)


def peak_rss_mb() -> float:
    """The most memory that this process ever had resident, in MiB, from Linux's own books.

    What `getrusage` says would begin with the memory of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    return next(int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:"))
