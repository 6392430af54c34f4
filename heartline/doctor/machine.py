"""This machine: Python, packages, what the embedded servers need, ports."""

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from heartline.doctor.check import Check, broken, note, ok
from heartline.embedded import EmbeddedServerError
from heartline.embedded.java import find_java
from heartline.embedded.kafka import jar_repository, wanted_lock
from heartline.embedded.kafka_jars import missing_jars
from heartline.embedded.ports import is_free
from heartline.embedded.valkey import find_valkey
from heartline.processes.scrape import scrape

PYTHON_MIN: Final = (3, 11)


def check_machine() -> Iterator[Check]:
    """Python, the packages, and whether the embedded servers could start."""
    yield check_python(sys.version_info[:3])
    yield check_packages(_needed())
    yield _check_java()
    yield _check_embedded()


def check_python(version: tuple[int, int, int]) -> Check:
    """Python is new enough."""
    found = ".".join(map(str, version))
    if version < PYTHON_MIN:
        return broken("Python", found, "install Python 3.11 or newer, and make the environment anew")
    return ok("Python", found)


def check_packages(needed: list[str]) -> Check:
    """Everything that the distribution asks for is installed."""
    missing = []
    for name in needed:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return broken("packages", f"missing: {', '.join(missing)}", "install again: pip install 'heartline[embedded]'")
    return ok("packages", f"{len(needed)} installed")


def _needed() -> list[str]:
    """Names of the packages that are needed on every platform, without extras."""
    requirements = metadata.requires("heartline") or []
    plain = [item for item in requirements if "extra ==" not in item and "sys_platform" not in item]
    return [match[0] for item in plain if (match := re.match(r"[A-Za-z0-9._-]+", item))]


def _check_java() -> Check:
    try:
        java = find_java(wanted_lock().java)
    except EmbeddedServerError as error:
        return note("Java", str(error), "only the embedded Kafka needs it")
    return ok("Java", f"{java.version} ({java.found_by}), for the embedded Kafka")


def _check_embedded() -> Check:
    name = "embedded servers"
    try:
        lock = wanted_lock()
        absent = missing_jars(lock, jar_repository())
        find_valkey()
    except EmbeddedServerError as error:
        return note(name, str(error))
    if absent:
        return note(name, f"Apache Kafka {lock.version} is not fetched yet", "heartline servers fetch")
    return ok(name, f"Apache Kafka {lock.version} and Valkey are at hand")


def check_port(role: str, port: int | None) -> Check:
    """The port of a role's metrics page: free, or the role itself is behind it."""
    name = f"{role}'s metrics"
    if port is None or port == 0:
        return ok(name, "off" if port is None else "any free port")
    if is_free(port):
        return note(name, f"port {port} is free: no {role} runs here", f"heartline {role}")
    page = scrape(port)
    if page is None or not any(sample.startswith("heartline_") for sample, _, _ in page.samples):
        setting = f"HEARTLINE_{role.upper()}__METRICS_PORT"
        return broken(name, f"another program listens on port {port}", f"choose another port by {setting}")
    return ok(name, f"{role} answers on port {port}")
