"""A partition that was just taken over catches up with what waited, and no further."""

from collections.abc import Mapping

import pytest
from aiokafka import TopicPartition

from stream.engine.partition import Partition
from stream.engine.partition_assignment import PartitionAssignment

USAGE, TICKETS = TopicPartition("usage", 3), TopicPartition("tickets", 3)


def taken_over(usage: int, tickets: int) -> PartitionAssignment:
    partition = Partition[object](3, 4, next_offsets={"usage": usage, "tickets": tickets}, catching_up=True)
    return PartitionAssignment(partition, producer=None)


@pytest.mark.parametrize(
    ("ends", "catching_up"),
    [
        ({}, True),  # nothing is known yet
        ({USAGE: 10}, True),  # of one topic nothing is known yet
        ({USAGE: 10, TICKETS: 5}, False),  # exactly there
        ({USAGE: 10, TICKETS: 6}, True),  # one ticket waits
        ({USAGE: 11, TICKETS: 5}, True),
        ({USAGE: 0, TICKETS: 0}, False),  # empty topics
        ({USAGE: 10, TICKETS: 5, TopicPartition("usage", 0): 99}, False),  # another partition's backlog
    ],
)
def test_a_partition_catches_up_with_the_ends_of_all_its_topics(
    ends: Mapping[TopicPartition, int], catching_up: bool
) -> None:
    assigned = taken_over(usage=10, tickets=5)
    assigned.observe_ends(ends)
    assert assigned.partition.catching_up is catching_up


def test_the_backlog_is_what_waited_at_first_and_not_what_comes_later() -> None:
    """A stream that never rests would otherwise never be evaluated."""
    assigned = taken_over(usage=0, tickets=5)
    assigned.observe_ends({USAGE: 10, TICKETS: 5})
    assigned.observe_ends({USAGE: 5_000, TICKETS: 700})
    assert assigned.partition.catching_up
    assigned.partition.next_offsets["usage"] = 10
    assigned.observe_progress()
    assert not assigned.partition.catching_up


def test_a_partition_that_caught_up_stays_so() -> None:
    assigned = taken_over(usage=10, tickets=5)
    assigned.observe_ends({USAGE: 10, TICKETS: 5})
    assigned.observe_ends({USAGE: 90, TICKETS: 50})
    assert not assigned.partition.catching_up


def test_a_marker_behind_the_last_record_does_not_hold_up_the_end_of_a_catch_up() -> None:
    """The first look saw the end of the log, with a transaction's marker in it; no record ever reaches that."""
    assigned = taken_over(usage=10, tickets=7)
    assigned.observe_ends({USAGE: 10, TICKETS: 8})
    assert assigned.partition.catching_up
    assigned.observe_ends({USAGE: 25, TICKETS: 7})
    assert not assigned.partition.catching_up
