"""What the board knows, for a command: Kafka read along in a thread for as long as it is needed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from consumers.board.live_updates import Hub
from consumers.board.read_model import ReadModel
from consumers.board.settings import BoardSettings
from stream.contracts.errors import HeartlineError

LOAD_SECONDS: Final = 120.0
_JOIN_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1


class KafkaFollower:
    """A thread that reads along.

    Args:
        settings: everything.
    """

    def __init__(self, settings: BoardSettings) -> None:
        self.read_model = ReadModel(settings, Hub())
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def wait_loaded(self) -> ReadModel:
        """Wait until everything that is there has been read.

        Raises:
            HeartlineError: Kafka can't be read, or not to its end within two minutes.
        """
        deadline = time.monotonic() + LOAD_SECONDS
        while not self.read_model.topic_reader.loaded.wait(_POLL_SECONDS):
            self.check()
            if time.monotonic() > deadline:
                raise HeartlineError(f"Kafka was not read to its end within {LOAD_SECONDS:.0f} seconds; try again")
        return self.read_model

    def check(self) -> None:
        """Do nothing while it reads.

        Raises:
            HeartlineError: it does not any more.
        """
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)
        self.read_model.close()

    def _run(self) -> None:
        try:
            self.read_model.topic_reader.run(self._stop)
        except BaseException as error:  # told by the thread that waits
            self._error = error


@contextmanager
def follow_kafka(settings: BoardSettings) -> Iterator[KafkaFollower]:
    """Read along for as long as this lasts."""
    found = KafkaFollower(settings)
    try:
        yield found
    finally:
        found.close()
