"""Which partition an account belongs to: Kafka's own default, murmur2 of the key, as Java clients compute it.

A producer that hashes otherwise puts an account into a second partition; whoever folds compares with this.
"""

import struct
from collections.abc import Callable
from functools import cache
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def partition_of(account_id: str, count: int) -> int:
    """The partition of an account among `count` (at least 1), from 0.

    Source: Apache Kafka, BuiltInPartitioner.partitionForKey: toPositive(murmur2(key)) % numPartitions.
    """
    return (murmur2(account_id.encode()) & 0x7FFFFFFF) % count


def murmur2(data: bytes) -> int:
    """The 32-bit hash of `data`, unsigned.

    Source: Apache Kafka, clients' Utils.murmur2 (MurmurHash2 with a fixed seed, by Austin Appleby).
    """
    length = len(data)
    h = _SEED ^ length
    words = length >> 2
    for word in _words(words)(data):
        k = word * _M & _MASK
        h = (h * _M ^ (k ^ k >> 24) * _M) & _MASK
    if rest := data[words << 2 :]:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@cache
def _words(count: int) -> Callable[[bytes], tuple[int, ...]]:
    """What reads so many 32-bit words; at most one for each length of an id, of which there are few."""
    return struct.Struct(f"<{count}I").unpack_from
