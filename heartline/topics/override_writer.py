"""What people set by hand: written to the account feed as any CRM would write it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from heartline.replay.lines import Record
from heartline.replay.sender import Sender
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError

_SPAN: Final = re.compile(r"(\d{1,3})([dhw])")
_UNITS: Final = {"d": "days", "h": "hours", "w": "weeks"}


def parse_expiry(text: str, now: datetime) -> datetime:
    """When an override ends: a span from now (36h, 14d, 3w), or the end of a day (2026-03-31, UTC).

    Raises:
        ConfigError: it is neither.

    >>> parse_expiry("14d", datetime(2026, 3, 1, tzinfo=UTC)).isoformat()
    '2026-03-15T00:00:00+00:00'
    >>> parse_expiry("2026-03-31", datetime(2026, 3, 1, tzinfo=UTC)).isoformat()
    '2026-04-01T00:00:00+00:00'
    """
    span = _SPAN.fullmatch(text)
    if span is not None:
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except ValueError:
        raise ConfigError(
            f"--until = {text!r}: expected a span from now, as 36h, 14d or 3w, or a day, as 2026-03-31"
        ) from None


async def send(kafka: KafkaSettings, account_id: str, value: bytes) -> None:
    """Write an account update, and wait until Kafka has it.

    Raises:
        SendError: Kafka can't be reached, or did not take it.
        ConfigError: a topic is missing and may not be created.
    """
    async with Sender(kafka) as sender:
        await sender.add(Record("account", account_id.encode(), value, None))
        await sender.confirm()
