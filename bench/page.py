"""What the commands of this folder write into docs/benchmarks.md, and how they describe the machine."""

import os
import platform
import time
from pathlib import Path

import psutil

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def hardware(kafka_version: str | None) -> str:
    """What it was measured on."""
    memory_gb = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory_gb:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, Apache Kafka {kafka_version} on the same machine"
    )


def machine(kafka_version: str | None) -> str:
    """The date, the machine, and how busy it is: one line below a table."""
    return f"{time.strftime('%Y-%m-%d')}, {hardware(kafka_version)}; load average at the end {os.getloadavg()[0]:.1f}."


def write(name: str, text: str) -> None:
    """Put a text between the marks of that name."""
    page = PAGE.read_text("utf-8")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, after = page.index(begin) + len(begin), page.index(end)
    PAGE.write_text(f"{page[:before]}\n{text}\n{page[after:]}", "utf-8")
