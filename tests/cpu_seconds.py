"""What each test file costs: seconds of processor time of this process and of all that it started.

A run ends with its costliest files. With pytest-xdist each process sums up its own tests, and hands the figures over
with their reports; what a broker does that all processes share is in the sum alone.
"""

import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

COSTLIEST: Final = 10
_PROPERTY: Final = "cpu_seconds"


def spent() -> float:
    """Processor seconds of this process, and of all below it that live or that have been waited for.

    0 where the system has no /proc.
    """
    seconds: dict[int, float] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        pid = int(path.parent.name)
        children[int(fields[1])].append(pid)
        # Its own, and those of the children that it has waited for. Source: proc_pid_stat(5), fields 14 to 17.
        seconds[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    total, ahead = 0.0, [os.getpid()]
    while ahead:
        pid = ahead.pop()
        total += seconds.get(pid, 0.0)
        ahead += children[pid]
    return total


class CpuSeconds:
    """Looks where one file's tests end and another's begin, so that a file's own fixtures are in its figure."""

    def __init__(self) -> None:
        self._before = spent()
        self._next: pytest.Item | None = None
        self._by_file: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Remember what follows."""
        self._next = nextitem

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """In the process that runs the tests: put what a file cost into the report of its last one."""
        report = yield
        if call.when == "teardown" and (self._next is None or self._next.path != item.path):
            now = spent()
            report.user_properties.append((_PROPERTY, now - self._before))
            self._before = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In the process that was asked for the run: add it up."""
        costs = dict(report.user_properties) if report.when == "teardown" else {}
        self._by_file[report.nodeid.partition("::")[0]] += float(str(costs.get(_PROPERTY, 0)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the costliest files; the sum is of everything, imports, servers and the other processes among it."""
        terminalreporter.section(f"costliest files, of {spent():.0f} s of processor time in all")
        for path, seconds in sorted(self._by_file.items(), key=lambda item: -item[1])[:COSTLIEST]:
            terminalreporter.line(f"{seconds:7.1f} s  {path}")
