"""What a run is at: one line that changes where someone watches, a line a step where no one does; always on stderr."""

import time
from types import TracebackType
from typing import Self

from rich import progress as rich_progress
from rich.console import Console


class Progress:
    """The steps of a run; use it in `with`."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._started = time.monotonic()
        self._bar = rich_progress.Progress(
            rich_progress.SpinnerColumn(),
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task: rich_progress.TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.stop()

    def step(self, what: str, total: int | None = None) -> None:
        """The next step begins; `total` is how often `advance` will have been told of one, None when not at all."""
        if not self._console.is_terminal:
            self.note(what)
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=total)

    def advance(self, count: int) -> None:
        """So many more of the step are done."""
        if self._task is not None:
            self._bar.advance(self._task, count)

    def note(self, what: str) -> None:
        """A line that stays, with the seconds since the start."""
        seconds = time.monotonic() - self._started
        self._console.print(f"[{seconds:5.1f} s] {what}", markup=False, highlight=False, soft_wrap=True)
