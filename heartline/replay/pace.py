"""When a record is due: at once, or as far after the first as it happened after the first, so many times faster."""

import re
from dataclasses import dataclass, field
from typing import Final

from stream.contracts.errors import ConfigError

_SPEED: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)x?", re.IGNORECASE)


class SpeedError(ConfigError):
    """The speed that was asked for can't be understood."""


def parse_speed(text: str) -> float | None:
    """How many times faster than life, from `max` (None: no pace at all) or `60x`.

    Raises:
        SpeedError: it is neither, or not above zero.
    """
    if text.lower() == "max":
        return None
    match = _SPEED.fullmatch(text.strip())
    if match is None or (speed := float(match[1])) <= 0:
        raise SpeedError(f"--speed {text}: expected max, or how many times faster than life, as 60x")
    return speed


@dataclass
class Pace:
    """Tells when a record is due.

    Attributes:
        speed: event seconds per real second; None: everything is due at once.
    """

    speed: float | None
    _first_ms: int | None = field(default=None, init=False)

    def due_seconds(self, timestamp_ms: int | None) -> float:
        """Seconds after the start at which a record of this moment is due; 0 where it says no moment."""
        if self.speed is None or timestamp_ms is None:
            return 0.0
        if self._first_ms is None:
            self._first_ms = timestamp_ms
        return (timestamp_ms - self._first_ms) / 1000 / self.speed
