"""Was every event counted, and once? What the changelog holds, against the tally of what was sent."""

import asyncio
from collections.abc import Mapping
from typing import Final

from consumers.kafka_client import latest_values
from heartline.bench.worker_process import BenchError
from heartline.bench.workload import Tally, account_id
from stream.config.settings import KafkaSettings
from stream.kinds.state import AccountState, decode_state

_SHOWN_MAX: Final = 5

Counts = tuple[int, int, int]


async def read_states(kafka: KafkaSettings) -> dict[str, AccountState]:
    """The last committed state of every account, as a recovery would read it.

    Raises:
        TopicUnreadableError: the changelog can't be read to its end.
    """
    return {
        name.decode(): decode_state(value)
        for name, value in (await asyncio.to_thread(latest_values, kafka, kafka.topics.changelog)).items()
    }


async def read_counts(kafka: KafkaSettings) -> dict[str, Counts]:
    """How many events of each kind the last committed state of every account holds; one state in memory at a time.

    Raises:
        TopicUnreadableError: the changelog can't be read to its end.
    """
    return {
        name.decode(): counted(decode_state(value))
        for name, value in (await asyncio.to_thread(latest_values, kafka, kafka.topics.changelog)).items()
    }


def counted(state: AccountState) -> Counts:
    """How many usage events, ticket events and answers an account's state holds."""
    support, sentiment = state.ticket, state.survey
    transitions = sum(len(ticket.transitions) for ticket in support.tickets.values())
    return (
        state.usage.events + state.usage.repeated,
        transitions + support.late + support.overflow,
        len(sentiment.answers) + sentiment.late + sentiment.overflow,
    )


def verify_exact(held: dict[str, Counts], tally: Tally, probes: Mapping[str, Counts]) -> int:
    """How many events the states hold, which is exactly what was sent, account by account and kind by kind.

    Args:
        held: see `read_counts`.
        tally: what was sent.
        probes: what accounts beside the tally were sent.

    Raises:
        BenchError: an account holds more or less than it was sent.
    """
    sent: dict[str, Counts] = {
        account_id(number): counts
        for number, counts in enumerate(zip(tally.usage, tally.tickets, tally.answers, strict=True))
        if any(counts)
    }
    sent |= probes
    wrong = [name for name in sorted(sent.keys() | held.keys()) if sent.get(name) != held.get(name)]
    if wrong:
        shown = "; ".join(f"{name}: sent {sent.get(name)}, counted {held.get(name)}" for name in wrong[:_SHOWN_MAX])
        raise BenchError(
            f"{len(wrong):,} of {len(sent):,} accounts do not hold what they were sent (usage, tickets, answers): "
            f"{shown}. Events were lost or counted twice: the results of this run mean nothing"
        )
    return sum(map(sum, held.values()))
