"""The bar that long commands over files show on stderr where someone watches."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heartline.snapshot import Progress


@contextmanager
def progress_bar() -> Iterator["Progress"]:
    """A bar on stderr where someone watches; gives what to tell it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("reading the events", total=None)

        def tell(done: int, total: int, what: str) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield tell
