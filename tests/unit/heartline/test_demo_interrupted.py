"""The demo is interrupted while it starts: at any moment, even one in which Python swallows the interrupt."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from heartline.demo import run
from heartline.demo.display import Lines


class Collected:
    """Something that is collected just as somebody presses Ctrl-C: what is raised in a destructor is dropped."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10_000):  # the handler runs within
            pass


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_a_destructor_swallowed_ends_the_demo_at_its_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = []

    @contextmanager
    def set_up(say: Callable[[str], None]) -> Iterator[Any]:
        say("starting")
        collected = Collected()
        del collected
        said.append("Valkey is up")
        say("Kafka is up")
        said.append("Kafka is up")
        yield None

    monkeypatch.setattr(run, "set_up", set_up)
    monkeypatch.setattr(run, "events", lambda now: [])
    result = run.Demo(10.0, Lines(time.monotonic()), time.monotonic()).run()
    assert result.interrupted
    assert said == ["Valkey is up"]
