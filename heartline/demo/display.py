"""Where the demo is shown: a live screen, or plain lines on stderr."""

import sys
import time
from typing import Final

from rich.console import Console
from rich.live import Live

from heartline.demo.view import Moment, dashboard
from heartline.demo.watch import Seen

_LINE_SECONDS: Final = 5.0


class Lines:
    """Plain lines on stderr: what happens, every message's headline, and the numbers every few seconds.

    Args:
        started: when the command was started, on the monotonic clock.
    """

    def __init__(self, started: float) -> None:
        self._started = started
        self._shown_count = 0
        self._next_seconds = 0.0
        self._numbers = ""

    def say(self, text: str) -> None:
        """One line with the seconds since the start."""
        print(f"[{time.monotonic() - self._started:5.1f} s] {text}", file=sys.stderr, flush=True)  # noqa: T201

    def show(self, moment: Moment, seen: Seen) -> None:
        """The headlines that are new, and now and then the numbers."""
        for item in seen.messages[self._shown_count :]:
            self.say(f"Slack: {item.payload.get('text', '')}")
        self._shown_count = len(seen.messages)
        if moment.now is not None and moment.elapsed_seconds >= self._next_seconds:
            self._next_seconds = moment.elapsed_seconds + _LINE_SECONDS
            numbers = (
                f"day {moment.day} of {moment.days}: {moment.sent:,} events, {seen.published:,} health reports, "
                f"{seen.alerts('opened')} red flags, {seen.alerts('resolved')} resolved"
            )
            if numbers != self._numbers:  # with --stay nothing moves any more
                self.say(numbers)
            self._numbers = numbers

    def end(self) -> None:
        """Nothing to put away."""


class Screen:
    """The whole terminal, redrawn in place; the shell's own content is back at the end."""

    def __init__(self) -> None:
        self._console = Console()
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """A line while nothing is shown yet; later the header says it."""
        if self._live is None:
            self._console.print(f"  {text}", style="dim", highlight=False)

    def show(self, moment: Moment, seen: Seen) -> None:
        """Redraw; begins with the first report."""
        if not seen.reports:
            return
        if self._live is None:
            self._live = Live(console=self._console, screen=True, auto_refresh=False)
            self._live.start()
        self._live.update(dashboard(moment, seen, *self._console.size), refresh=True)

    def end(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None
