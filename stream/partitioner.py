"""Which partition an account belongs to: Kafka's own default, murmur2 of the key, as Java clients compute it.

A producer that hashes otherwise puts an account into a second partition; whoever folds compares with this.
"""

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
    whole = length & ~3
    for start in range(0, whole, 4):
        k = (int.from_bytes(data[start : start + 4], "little") * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    if length > whole:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)
