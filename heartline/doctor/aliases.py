"""Ids of other tools: whether events wait until somebody says whose they are."""

from collections.abc import Iterator, Sequence

from consumers.errors import TopicUnreadableError
from heartline.doctor.check import Check, note, ok
from heartline.topics.account_aliases import waiting
from stream.config.settings import KafkaSettings
from stream.contracts.aliases import WaitingAlias

NAMED_MAX = 3


def check_aliases(kafka: KafkaSettings) -> Iterator[Check]:
    """Whether anything waits; nothing where the topic is missing, which has a check of its own."""
    try:
        yield assess(waiting(kafka))
    except TopicUnreadableError:
        return


def assess(entries: Sequence[WaitingAlias]) -> Check:
    """What they mean."""
    if not entries:
        return ok("aliases", "no event waits for its account")
    first = [f"{entry.alias[:40]!r} ({entry.events:,})" for entry in entries[:NAMED_MAX]]
    more = f" and {len(entries) - NAMED_MAX} more" if len(entries) > NAMED_MAX else ""
    return note(
        "aliases",
        f"{sum(entry.events for entry in entries):,} events wait for the account of {', '.join(first)}{more}",
        "heartline alias link ALIAS ACCOUNT, or `aliases` in the account feed",
    )
