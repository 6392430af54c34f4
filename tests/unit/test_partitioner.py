"""The partitioner agrees with the one that Kafka's clients use."""

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.partitioner import murmur2, partition_of


@given(st.binary(max_size=70))
def test_the_hash_is_the_one_of_kafkas_clients(data: bytes) -> None:
    assert murmur2(data) == aiokafka_murmur2(data)


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_gives_the_values_of_apache_kafkas_own_test(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed & 0xFFFFFFFF


@given(st.text(max_size=30), st.integers(1, 1000))
def test_a_partition_is_always_one_of_the_topics(account_id: str, count: int) -> None:
    try:
        account_id.encode()
    except UnicodeEncodeError:
        return
    assert 0 <= partition_of(account_id, count) < count
