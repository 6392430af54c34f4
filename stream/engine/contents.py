"""What a local copy holds, in memory and in its frames: one checkpoint's states, or all of a partition's."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from msgspec import Struct

VERSION: Final = 1
STATES_A_FRAME: Final = 1000


class Identity(Struct, array_like=True, frozen=True):
    """What a copy is of; one of anything else is worthless.

    Attributes:
        version: of the files.
        changelog: the topic.
        changelog_id: its id, which a topic of the same name made later does not have; None: the broker has none.
        number: the partition.
        count: how many there are.
    """

    version: int
    changelog: str
    changelog_id: str | None
    number: int
    count: int


class Saved(Struct, array_like=True):
    """What one checkpoint saved, or a part of a base.

    Attributes:
        position: the changelog's offset behind it.
        saved_ms: when, epoch milliseconds.
        watermark_ms: of the partition, epoch milliseconds; None: not known.
        states: account id to its encoded state; None: the account is gone.
        unjudged: accounts among them that wait to be judged.
    """

    position: int
    saved_ms: int
    watermark_ms: int | None
    states: dict[str, bytes | None]
    unjudged: list[str]


@dataclass(slots=True)
class Contents:
    """What a copy holds: everything that the changelog says below `position`; the rest as in `Saved`."""

    position: int = 0
    saved_ms: int = 0
    watermark_ms: int | None = None
    states: dict[str, bytes | None] = field(default_factory=dict)
    unjudged: dict[str, None] = field(default_factory=dict)

    def add(self, saved: Saved) -> None:
        """What came after."""
        if self.unjudged:
            for key in saved.states.keys() & self.unjudged.keys():
                del self.unjudged[key]
        self.states.update(saved.states)
        self.unjudged.update(dict.fromkeys(saved.unjudged))
        self.position, self.saved_ms, self.watermark_ms = saved.position, saved.saved_ms, saved.watermark_ms

    def parts(self) -> Iterator[Saved]:
        """As frames."""
        items = iter(self.states.items())
        while part := dict(islice(items, STATES_A_FRAME)):
            unjudged = list(part.keys() & self.unjudged.keys())
            yield Saved(self.position, self.saved_ms, self.watermark_ms, part, unjudged)
