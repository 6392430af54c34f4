"""The demo from start to summary."""

import asyncio
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from heartline.demo import watch
from heartline.demo.play import as_records, send, split, use_first
from heartline.demo.stage import Stage, set_up
from heartline.demo.view import Moment
from heartline.demo.watch import Seen
from heartline.processes.child_process import READY_SECONDS, ChildProcessEnded
from heartline.replay.lines import Record
from heartline.replay.pace import Pace
from heartline.replay.sender import Sender
from heartline.synthetic import DAYS, HISTORY_DAYS, events, story_start

PLAY_SECONDS_MIN: Final = 15.0
_SETTLE_SECONDS: Final = 4.0  # kept free at the end of the duration
_READY_POLL_SECONDS: Final = 0.05
_BASELINE_SECONDS: Final = 10.0
_FRAME_SECONDS: Final = 0.25


class Display(Protocol):
    """Where the demo is shown."""

    def say(self, text: str) -> None:
        """Something happened."""

    def show(self, moment: Moment, seen: Seen) -> None:
        """The state of things, several times a second."""

    def end(self) -> None:
        """The show is over; what follows is said on an ordinary terminal."""


@dataclass(frozen=True)
class Result:
    """What a demo came to; every number is read from Kafka, the metrics pages or the Slack stand-in.

    Attributes:
        events: confirmed by Kafka.
        accounts: with a health report.
        alerts_opened, alerts_resolved: as the alerting process counts them.
        notifications_delivered: messages that the Slack stand-in accepted.
        pages_delivered: those of them that were pages: a red flag opened, come back or worse.
        digests_delivered: those of them that were an owner's daily digest.
        first_red_flag_seconds: from the start of the command to the first message; None without one.
        seconds: from the start of the command to the end of the play.
        kafka_version: of the broker.
        interrupted: whether somebody ended it early.
    """

    events: int
    accounts: int
    alerts_opened: int
    alerts_resolved: int
    notifications_delivered: int
    pages_delivered: int
    digests_delivered: int
    first_red_flag_seconds: float | None
    seconds: float
    kafka_version: str | None
    interrupted: bool


class Demo:
    """One demo.

    Args:
        duration_seconds: about how long it takes, from the start of the command.
        display: where it is shown.
        started: when the command was started, on the monotonic clock.
        show_board: opens the board's address for whoever watches, who may then look around for as long as they like;
            None: nobody does.
        stay: whether everything stays up in any case, until somebody ends it.
    """

    def __init__(
        self,
        duration_seconds: float,
        display: Display,
        started: float,
        show_board: Callable[[str], object] | None = None,
        *,
        stay: bool = False,
    ) -> None:
        self._duration_seconds = duration_seconds
        self._display = display
        self._started = started
        self._now = datetime.now(UTC)
        self._seen = Seen()
        self._sender: Sender | None = None
        self._kafka_version: str | None = None
        self._phase = "starting"
        self._interrupted = False
        self._was_asked_to_end = False
        self._show_board = show_board
        self._stays = stay or show_board is not None
        self._board_url: str | None = None
        self._is_over = False

    @property
    def seen(self) -> Seen:
        """What came out so far."""
        return self._seen

    def run(self) -> Result:
        """Set up, play, take down. Ctrl-C and SIGTERM end it early, and all the same cleanly.

        Raises:
            HeartlineError: a server or a process could not be started, or ended by itself.
        """
        self._interrupt_once()
        try:
            with ThreadPoolExecutor(1) as pool:
                company = pool.submit(lambda: as_records(events(self._now)))
                with set_up(self._announce) as stage:
                    self._kafka_version = stage.kafka_version
                    try:
                        asyncio.run(self._perform(stage, company.result()))
                    finally:
                        self._interrupt_once()
                        self._display.end()
                    if self._seen.alerts("opened") == 0 and not self._interrupted:
                        for role in (stage.worker, stage.alerting):
                            self._display.say(f"the last that the {role.name} said:\n{role.log_tail()}")
        except KeyboardInterrupt:
            self._interrupted = True
        return self._result()

    async def _perform(self, stage: Stage, company: list[Record]) -> None:
        """Play and watch; ends when the play does, or as soon as something fails."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt, stop)
        play = asyncio.create_task(self._play(stage, company, stop))
        frames = asyncio.create_task(self._frames())
        try:
            await _first_of(play, frames)
        finally:
            await _cancel(play, frames)

    async def _play(self, stage: Stage, company: list[Record], stop: asyncio.Event) -> None:
        start = story_start(self._now)
        past, stories = split(company, round(start.timestamp() * 1000))
        use, rest = use_first(past)
        async with Sender(stage.kafka) as sender:
            self._sender = sender
            self._say(f"{len(past):,} events of {HISTORY_DAYS} quiet days go onto Kafka at once")
            stage.alerting.start()
            await send(use, sender, Pace(None), stop)
            stage.worker.start()
            await self._until(lambda: stage.worker.ready and stage.alerting.ready, stop, READY_SECONDS)
            if stop.is_set():
                return
            for role in (stage.worker, stage.alerting):
                role.insist_ready()
            self._say("worker and alerting are ready")
            stage.board.start()
            health = asyncio.create_task(watch.follow_health(stage, self._seen))
            numbers = asyncio.create_task(watch.follow_numbers(stage, self._seen))
            board = asyncio.create_task(self._open_board(stage, stop))
            sending = asyncio.create_task(self._tell(rest, stories, sender, stop))
            try:
                await _first_of(sending, health, numbers)
                await self._stay(stop)
            finally:
                await _cancel(sending, health, numbers, board)

    async def _open_board(self, stage: Stage, stop: asyncio.Event) -> None:
        """Say where the board is once it is up, and open it for whoever watches; the demo goes on without it, too."""
        try:
            await self._until(lambda: stage.board.ready, stop, READY_SECONDS)
        except ChildProcessEnded as error:
            self._display.say(str(error))
            return
        if not stop.is_set():
            self._board_url = stage.board_url
            self._say(f"the board is at {stage.board_url}")
            if self._show_board is not None:
                await asyncio.to_thread(self._show_board, stage.board_url)

    async def _stay(self, stop: asyncio.Event) -> None:
        """Leave the board up for whoever looks at it."""
        if self._stays and self._board_url is not None and not stop.is_set():
            self._is_over = True
            self._say(f"everything has come out; look around at {self._board_url}, Ctrl-C ends the demo")
            await stop.wait()

    async def _tell(self, rest: list[Record], stories: list[Record], sender: Sender, stop: asyncio.Event) -> None:
        """The rest of the past, and then, over a baseline that is there, the stories at their pace."""
        await self._until(lambda: self._seen.caught_up(sender.confirmed), stop, _BASELINE_SECONDS)
        await send(rest, sender, Pace(None), stop)
        await self._until(lambda: self._seen.caught_up(sender.confirmed), stop, _BASELINE_SECONDS)
        left = self._duration_seconds - self._elapsed() - _SETTLE_SECONDS
        speed = timedelta(days=DAYS).total_seconds() / max(left, PLAY_SECONDS_MIN)
        self._say(f"{len(stories):,} events of {DAYS} days follow, {speed / 3600:,.0f} hours a second")
        await send(stories, sender, Pace(speed), stop, lambda: self._seen.folded)
        self._say("waiting until everything has come out")
        await watch.settle(self._seen, sender.confirmed, stop)

    async def _until(self, reached: Callable[[], bool], stop: asyncio.Event, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        while not reached() and not stop.is_set() and (deadline is None or time.monotonic() < deadline):
            await asyncio.sleep(_READY_POLL_SECONDS)

    async def _frames(self) -> None:
        while True:
            self._display.show(self._moment(), self._seen)
            await asyncio.sleep(_FRAME_SECONDS)

    def _moment(self) -> Moment:
        newest = max((report.as_of for report in self._seen.reports.values()), default=None)
        day = (newest - story_start(self._now)).days + 1 if newest is not None else 0
        sent = self._sender.confirmed if self._sender is not None else 0
        return Moment(min(max(day, 0), DAYS), DAYS, newest, sent, self._elapsed(), self._phase, self._board_url)

    def _say(self, text: str) -> None:
        self._phase = text
        self._display.say(text)

    def _announce(self, text: str) -> None:
        """A step of the beginning, unless it is to end: an interrupt that came within a destructor was swallowed there.

        Raises:
            KeyboardInterrupt: it came before.
        """
        if self._was_asked_to_end:
            raise KeyboardInterrupt
        self._display.say(text)

    def _interrupt_once(self) -> None:
        """The first Ctrl-C or SIGTERM interrupts; later ones must not disturb the taking down."""

        def interrupt(number: int, frame: object) -> None:
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, signal.SIG_IGN)
            self._was_asked_to_end = True
            raise KeyboardInterrupt

        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, interrupt)

    def _interrupt(self, stop: asyncio.Event) -> None:
        self._interrupted = not self._is_over
        stop.set()

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _result(self) -> Result:
        seen = self._seen
        return Result(
            events=self._sender.confirmed if self._sender is not None else 0,
            accounts=len(seen.reports),
            alerts_opened=seen.alerts("opened"),
            alerts_resolved=seen.alerts("resolved"),
            notifications_delivered=len(seen.messages),
            pages_delivered=seen.pages,
            digests_delivered=seen.digests,
            first_red_flag_seconds=round(seen.messages[0].at_seconds - self._started, 1) if seen.messages else None,
            seconds=round(self._elapsed(), 1),
            kafka_version=self._kafka_version,
            interrupted=self._interrupted,
        )


async def _first_of(*tasks: asyncio.Task[Any]) -> None:
    """Wait for the first to end, and raise its error if that is how it ended."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
