"""One transactional producer per partition group, whose id is the partition's own.

Invariant: at most one process can commit to partition n. Starting the producer raises the epoch of its transactional
id: the broker first ends what a predecessor left open, then refuses everything that the predecessor still sends.
The group's generation takes no part in it (aiokafka sends offsets with the group's name only): the fence is enough.
"""

from typing import Final

import aiokafka

from stream.config.settings import KafkaSettings
from stream.engine.connection import client_arguments

BATCH_BYTES_MAX: Final = 512 << 10
REQUEST_BYTES_MAX: Final = 9 << 20
REQUEST_TIMEOUT_MS: Final = 15_000
TRANSACTION_TIMEOUT_MS: Final = 30_000


def transactional_id(installation: str, number: int) -> str:
    """The fence of partition `number`: whoever started a producer with it last is its owner."""
    return f"{installation}-{number}"


async def fenced_producer(settings: KafkaSettings, number: int) -> aiokafka.AIOKafkaProducer:
    """A started producer; from here on every earlier owner of the partition is refused.

    Returns once the predecessor's last transaction is committed or aborted, so that whoever reads the group's
    offsets and the changelog afterwards reads what will stay.

    Raises:
        KafkaError: the broker can't be reached or refuses the id.
    """
    producer = aiokafka.AIOKafkaProducer(
        **client_arguments(settings),
        client_id=f"{settings.installation}-checkpoint-{number}",
        transactional_id=transactional_id(settings.installation, number),
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer
