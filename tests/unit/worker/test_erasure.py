"""Erased is erased: from the state, the reports and the checks that follow, whatever was still on its way."""

import hashlib
from typing import Any, Final

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS
from stream.engine.checkpoint import Checkpoint, take_checkpoint
from stream.engine.partition import Output
from stream.kinds.erasure import REMEMBERED_MS, user_digest
from stream.kinds.state import decode_state, encode_state
from stream.topics import Kind
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from stream.worker.repartition import decode_repartitioned
from tests.streams import TOPICS, Rec, record
from tests.unit.stream.lives import DAY, usage

NOW_MS: Final = (DAY + 1) * DAY_MS
HOUR_MS: Final = 3_600_000


class World:
    """A worker's partition, to which records arrive at chosen Kafka timestamps."""

    def __init__(self, partitions: int = 1, number: int = 0) -> None:
        self.clock = ManualClock(NOW_MS)
        self.processor = HealthProcessor(TOPICS, self.clock, wall=self.clock)
        self.partition = self.processor.new_partition(number, partitions)
        self.offset = 0

    def send(self, kind: Kind, *values: dict[str, Any] | None, at_ms: int = NOW_MS, key: str = "acme") -> None:
        """Records of one chunk; None: a tombstone."""
        records = []
        for value in values:
            self.offset += 1
            event = None if value is None else value | {"event_id": f"e{self.offset}"}
            records.append(record(kind, event, self.offset, at_ms, key.encode()))
        self.processor.fold(self.partition, TOPICS.input(kind), records)

    def evaluate(self) -> list[Output]:
        """What is published."""
        for _ in self.processor.evaluate(self.partition):
            pass
        outputs, self.partition.outputs = self.partition.outputs, []
        return outputs

    def scan(self) -> list[Output]:
        """What is published by a scan over all accounts."""
        self.partition.last_scan_ms = None
        return self.evaluate()

    def everything(self) -> bytes:
        """All that a checkpoint would write of the partition."""
        states = b"".join(encode_state(state) for state in self.partition.states.values())
        outputs = b"".join(output.value or b"" for output in self.partition.outputs)
        return states + outputs


def used(user: int, account_id: str = "acme") -> dict[str, Any]:
    """A user's usage."""
    return usage(user, DAY, account_id, f"u{user}")


async def checkpoint(world: World) -> Checkpoint:
    return await take_checkpoint(world.processor, world.partition, 1.0)


def lives(world: World) -> None:
    """Two users, a profile, an answer and a touchpoint; and another account."""
    world.send("usage", *[used(user) for user in (0, 1)])
    world.send("account", {"account_id": "acme", "name": "Acme Corp", "owner": "Dana Fields"})
    answer = {"account_id": "acme", "response_id": "r1", "user_id": "u1", "survey": "nps", "score": 3}
    world.send("survey", answer | {"timestamp": DAY * DAY_MS})
    person = {"account_id": "acme", "user_id": "u1", "name": "Ann Lee", "email": "ann@acme.example"}
    world.send("user", person)
    met = {"account_id": "acme", "kind": "meeting", "user_id": "u1", "timestamp": DAY * DAY_MS}
    world.send("touchpoint", met)
    world.send("usage", used(3, "birch"), key="birch")


async def test_a_tombstone_erases_the_account_its_report_and_nothing_else() -> None:
    world = World()
    lives(world)
    assert {output.key for output in world.evaluate()} == {b"acme", b"birch"}
    world.send("account", None, at_ms=NOW_MS + HOUR_MS)
    found = await checkpoint(world)
    assert [(each.topic, each.key, each.value) for each in found.outputs if each.key == b"acme"] == [
        (TOPICS.health, b"acme", None),
        (TOPICS.quarantine, b"acme", None),
    ]
    left = found.states["acme"]
    assert left is not None
    assert not [word for word in (b"Acme", b"Dana", b"u1", b"u0", b"export") if word in left]
    assert decode_state(left).erasures == [("", NOW_MS + HOUR_MS)]
    assert world.scan() == [], "and nothing is published of it again"
    assert world.partition.states["birch"].usage.users


async def test_what_kafka_had_before_does_not_bring_it_back_and_what_came_after_does() -> None:
    world = World()
    lives(world)
    world.send("account", None, at_ms=NOW_MS)
    world.evaluate()
    world.send("usage", used(1), at_ms=NOW_MS - HOUR_MS)
    assert world.scan() == []
    assert world.processor.counts["erased", "usage"] == 1
    world.send("usage", used(2), at_ms=NOW_MS + HOUR_MS)
    assert [output.key for output in world.evaluate()] == [b"acme"], "a new life"
    assert set(world.partition.states["acme"].usage.users) == {"u2"}


async def test_records_before_and_after_a_tombstone_in_one_chunk_keep_their_turn() -> None:
    world = World()
    old, new = {"account_id": "acme", "name": "Old Name"}, {"account_id": "acme", "segment": "smb"}
    records = [
        record("account", old, 1, NOW_MS, b"acme"),
        record("account", None, 2, NOW_MS + 1, b"acme"),
        record("account", new, 3, NOW_MS + 2, b"acme"),
    ]
    world.processor.fold(world.partition, TOPICS.input("account"), records)
    assert set(world.partition.states["acme"].profile) == {"segment"}


async def test_a_week_later_not_even_the_id_is_kept() -> None:
    world = World()
    lives(world)
    world.send("account", None, at_ms=NOW_MS)
    world.evaluate()
    world.clock.current_ms = NOW_MS + REMEMBERED_MS - HOUR_MS
    world.scan()
    assert "acme" in world.partition.states
    world.clock.current_ms = NOW_MS + REMEMBERED_MS + HOUR_MS
    world.scan()
    assert "acme" not in world.partition.states
    assert (await checkpoint(world)).states["acme"] is None, "a tombstone in the changelog"


def test_a_tombstone_in_a_wrong_partition_finds_its_account() -> None:
    away = World(partitions=12, number=3)  # murmur2 of acme is another one
    away.send("account", None)
    assert away.partition.states == {}
    (output,) = away.partition.outputs
    arrived = decode_repartitioned(output.value)
    assert (arrived.key, arrived.value, arrived.topic) == (b"acme", None, TOPICS.input("account"))
    assert output.partition is not None
    home = World(partitions=12, number=output.partition)
    home.send("usage", used(1))
    sent = [Rec(TOPICS.repartition, 0, 0, NOW_MS + 1, output.key, output.value)]
    home.processor.fold(home.partition, TOPICS.repartition, sent)
    assert home.partition.states["acme"].usage.users == {}


def test_an_account_in_quarantine_is_erased_and_released() -> None:
    world = World()
    lives(world)
    world.partition.states["acme"].quarantined = True
    world.partition.quarantined.remember("acme")
    world.send("account", None, at_ms=NOW_MS + HOUR_MS)
    assert "acme" not in world.partition.quarantined
    world.send("usage", used(2), at_ms=NOW_MS + 2 * HOUR_MS)
    assert [output.key for output in world.evaluate() if output.value] == [b"acme", b"birch"]


def test_a_user_is_erased_and_no_number_moves() -> None:
    world = World()
    lives(world)
    world.evaluate()
    before = world.partition.states["acme"]
    uses, answers = sorted(before.usage.users.values()), len(before.survey.answers)
    world.send("account", {"account_id": "acme", "erase_users": [user_digest("u1")]}, at_ms=NOW_MS + HOUR_MS)
    state = world.partition.states["acme"]
    assert sorted(state.usage.users.values()) == uses
    assert len(state.survey.answers) == answers
    assert len({*state.usage.users} - {"u0"}) == 1
    (report,) = [output for output in world.evaluate() if output.key == b"acme"]
    assert report.value is not None, "a report without them takes the place of the last one"
    assert b'"u1"' not in report.value
    assert b"Ann Lee" not in encode_state(state)
    assert b"ann@acme.example" not in encode_state(state)
    assert b"u1" not in encode_state(state).replace(hashlib.sha256(b"u1").hexdigest().encode(), b"")


def test_a_users_events_that_were_on_their_way_are_passed_over_and_others_are_not() -> None:
    world = World()
    lives(world)
    world.send("account", {"account_id": "acme", "erase_users": [user_digest("u1")]}, at_ms=NOW_MS + HOUR_MS)
    world.send("usage", used(1), used(5), at_ms=NOW_MS)
    assert {"u1", "u5"} & set(world.partition.states["acme"].usage.users) == {"u5"}


def test_two_states_of_one_history_with_a_restart_between_are_the_same() -> None:
    one, other = World(), World()
    for world in (one, other):
        lives(world)
        world.send("account", {"account_id": "acme", "erase_users": [user_digest("u1")]}, at_ms=NOW_MS)
        if world is other:
            states = world.partition.states
            restored: AccountPartition = world.processor.new_partition(0, 1)
            restored.states = {name: decode_state(encode_state(state)) for name, state in states.items()}
            world.partition = restored
        world.send("usage", used(1), used(2), at_ms=NOW_MS)
    assert encode_state(one.partition.states["acme"]) == encode_state(other.partition.states["acme"])
