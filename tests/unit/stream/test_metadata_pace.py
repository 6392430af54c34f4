"""A client asks the brokers who leads a partition so often and no more often, whatever happens."""

import asyncio

import pytest

from stream.config.metadata_pace import BURST, MetadataPace


class Clock:
    """A clock that moves when someone waits, and by itself when it is asked."""

    def __init__(self, step_seconds: float) -> None:
        self.now, self.step_seconds = 1_000.0, step_seconds

    def seconds(self) -> float:
        self.now += self.step_seconds
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("step_seconds", "requests", "took_seconds"),
    [
        (0.0, BURST, 0.0),  # a start asks for topic after topic: nobody waits
        (0.0, BURST + 1, 0.1),
        (0.0, 5 * BURST, 4.0),  # a topic that is not there is asked for over and over
        (1.0, 5 * BURST, None),  # who asks seldom never waits
    ],
)
def test_what_is_asked_too_soon_waits(step_seconds: float, requests: int, took_seconds: float | None) -> None:
    clock, waited = Clock(step_seconds), list[float]()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await clock.sleep(seconds)

    async def ask() -> None:
        pace = MetadataPace(clock.seconds, sleep)
        for _ in range(requests):
            await pace.wait()

    asyncio.run(ask())
    if took_seconds is None:
        assert waited == []
    else:
        assert clock.now - 1_000.0 == pytest.approx(took_seconds)
