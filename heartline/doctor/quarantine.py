"""The quarantine: whether the worker leaves accounts alone, since their state or events raise an error."""

from collections.abc import Iterator, Sequence

from consumers.errors import TopicUnreadableError
from heartline.doctor.check import Check, note, ok
from heartline.topics.quarantine import quarantined
from stream.config.settings import KafkaSettings
from stream.contracts.quarantine import QuarantineEntry

NAMED_MAX = 3


def check_quarantine(kafka: KafkaSettings) -> Iterator[Check]:
    """Whether any account is in it; nothing where the topic is missing, which has a check of its own."""
    try:
        yield assess(quarantined(kafka))
    except TopicUnreadableError:
        return


def assess(entries: Sequence[QuarantineEntry]) -> Check:
    """What they mean."""
    if not entries:
        return ok("quarantine", "no account")
    first = [f"{entry.account_id[:40]!r} ({entry.step}: {entry.error[:80]})" for entry in entries[:NAMED_MAX]]
    more = f" and {len(entries) - NAMED_MAX} more" if len(entries) > NAMED_MAX else ""
    return note(
        "quarantine",
        f"{len(entries)} accounts get no health: {', '.join(first)}{more}",
        "heartline quarantine list says where; put right what raised, then heartline quarantine release",
    )
