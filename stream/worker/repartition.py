"""Records that arrived in another partition than their account's, on their way to the right one.

A producer that hashes otherwise than Kafka's murmur2 puts an account where another worker may fold it: one account with
two half states. So a record that is not at home goes to the repartition topic, into its account's partition, in the
transaction that also moves the offset behind it, and is folded there as if it had arrived there. The records of one
account that arrived in one partition of one topic keep their order.
"""

from typing import Final

import msgspec

from stream.contracts.errors import BadEvent
from stream.engine.partition import Output


class RepartitionedRecord(msgspec.Struct, array_like=True):
    """An input record as it arrived; to a fold it is a record like any other.

    Attributes:
        topic, partition, offset: where it arrived.
        timestamp: its Kafka timestamp there, epoch milliseconds.
        key, value: its bytes.
        account_id: whose it is, where its own id is an alias; empty: whose it says.
        hops: how many aliases led here.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    account_id: str = ""
    hops: int = 0


# In the place of the topic: no record follows, its account (the key) leaves the quarantine; or, its state is forgotten.
RELEASE: Final = "release from quarantine"
FORGET: Final = "release from quarantine, and forget the state"
# And: the key is an alias of the account; the value is the state that it had as an account of its own, or None. Or: it
# is its alias no more.
MERGE: Final = "merge into the account"
UNLINK: Final = "not an alias any more"

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RepartitionedRecord)


def repartition(topic: str, arrived: RepartitionedRecord, account_id: str, home: int) -> Output:
    """A record as the repartition topic carries it.

    Args:
        topic: the repartition topic.
        arrived: the record.
        account_id: whose it is.
        home: the account's partition.
    """
    return Output(topic, account_id.encode(), _encoder.encode(arrived), home)


def decode_repartitioned(value: bytes | None) -> RepartitionedRecord:
    """The record as it arrived.

    Raises:
        BadEvent: `wrong_type`: something else than a worker wrote to the repartition topic.
    """
    try:
        return _decoder.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEvent("wrong_type", f"not a record that a worker has repartitioned: {error}") from None
