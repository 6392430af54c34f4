"""`heartline metrics`: every Prometheus metric, with type, unit and meaning."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from heartline.cli.options import Json

INTRODUCTION = """# Prometheus metrics

Every metric of every process. Each process exports what it has: several workers, or several alerting processes, each
export their own partitions, so add up over instances. Per-account series are bounded: the worst accounts and the pinned
ones; a series ends when its account recovers, leaves or moves to another process. `make metrics` writes this page from
the code, and a test keeps both the same.

"""


def metrics(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the page there instead of printing it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List every Prometheus metric of every process: name, labels, type, unit, meaning.

    [bold]Examples[/]

    \b
    heartline metrics
    heartline metrics --out docs/prometheus.md
    """
    from heartline.reference.metric_list import metric_list, page

    if out is not None:
        out.write_text(INTRODUCTION + page(), "utf-8")
        print(out)
        return
    if as_json:
        found = metric_list()
        print(json.dumps({process: [asdict(line) for line in lines] for process, lines in found.items()}))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(page()))
