"""What holds for every test: which run, in which order, and on which servers.

A test marked `long` runs only by `make test-long`. With pytest-xdist all processes share a Kafka, each has a Redis of
its own, and tests that share an expensive fixture go to one process, as long as the run says `--dist loadgroup`.
"""

import gc
import os
import shutil
import tempfile

import pytest

from tests import servers
from tests.atomic_parsing import parse_without_interruption
from tests.cpu_seconds import CpuSeconds
from tests.examples import LONG
from tests.shared_kafka import KafkaOwner

# What is imported and collected is no garbage: to look through it over and over takes a third of the collection.
gc.disable()

# The slowest kind first, so that no process is left alone with it at the end.
ORDER = ("tests/integration/", "tests/functional/", "tests/unit/")


def pytest_configure(config: pytest.Config) -> None:
    """No installation that runs on this machine is found by the commands of a test, and none of a test's by others."""
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="heartline-tests-state-")
    config.pluginmanager.register(CpuSeconds())
    parse_without_interruption()
    if config.getoption("tx", None) and not hasattr(config, "workerinput"):
        config.add_cleanup(KafkaOwner().close)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing stays."""
    shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)


def pytest_report_header() -> str:
    """Name the servers that the integration tests of this run use."""
    return servers.header()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is for a long run, and begin with what takes longest."""
    if not LONG:
        items[:] = [item for item in items if item.get_closest_marker("long") is None]
    items.sort(key=lambda item: next((n for n, part in enumerate(ORDER) if part in item.path.as_posix()), 0))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for garbage again, but in what the tests leave alone.

    Stop where groups come to nothing: each process would start a stack of its own for the same tests.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if session.config.getoption("loadgroup", False) and any("@" not in item.nodeid for item in grouped):
        pytest.exit("pytest-xdist ignores xdist_group with this pytest; take the versions of requirements/dev.txt", 4)
