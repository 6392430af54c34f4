"""Ids of other tools: their events reach the account, wait for it, and two accounts that are one become one."""

import json
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.calendar.clock import EventClock
from stream.contracts.aliases import decode_waiting
from stream.contracts.dead_letters import read_dead_letter
from stream.contracts.partitioner import partition_of
from stream.history.rolling import BITS, COUNTS, DAYS, LAST_DAY
from stream.kinds import sessions
from stream.kinds.account import aliases_of
from stream.kinds.alias import WAITING_MAX
from stream.kinds.state import AccountState, newest_ms
from stream.kinds.usage import LATE_DAYS
from stream.measures.catalogue import measure
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.examples import examples
from tests.streams import CORE, DAY_MS, FIRST_DAY, TOPICS, Raw, Rec, make_stream

TOOLS = frozenset({"zendesk", "stripe"})
NOW_MS = (FIRST_DAY + 400) * DAY_MS


class Cluster:
    """Some partitions without Kafka: what one of them writes to a topic of the worker is read by the right one."""

    def __init__(self, count: int = 3) -> None:
        self.processor = HealthProcessor(TOPICS, EventClock(), core_features=CORE, tools=TOOLS)
        self.partitions = [AccountPartition(number, count) for number in range(count)]
        self.written: dict[str, list[Any]] = {}
        self.offset = 0

    def send(self, topic: str, key: str, value: dict[str, Any] | bytes | None, partition: int | None = None) -> None:
        """One record, and all that follows from it."""
        raw = json.dumps(value).encode() if isinstance(value, dict) else value
        number = partition_of(key, len(self.partitions)) if partition is None else partition
        self.offset += 1
        record = Rec(topic, number, self.offset, NOW_MS, key.encode(), raw)
        self.processor.fold(self.partitions[number], topic, [record])
        self.settle()

    def settle(self) -> None:
        for part in self.partitions:
            outputs, part.outputs = part.outputs, []
            for output in outputs:
                self.written.setdefault(output.topic, []).append(output)
                if output.topic in (TOPICS.aliases, TOPICS.repartition):
                    self.send(output.topic, (output.key or b"").decode(), output.value, output.partition)

    def event(self, event: Raw) -> None:
        self.send(TOPICS.input(event["type"]), event["account_id"], event)

    def link(self, alias: str, account_id: str, **more: Any) -> None:
        self.send(TOPICS.aliases, alias, {"account_id": account_id, **more})

    def evaluate(self) -> None:
        for part in self.partitions:
            for _ in self.processor.evaluate(part):
                pass
        self.settle()

    def state(self, account_id: str) -> AccountState:
        found = self.partitions[partition_of(account_id, len(self.partitions))].state(account_id)
        assert found is not None
        return found

    def letters(self) -> list[str]:
        return [read_dead_letter(output.value).detail for output in self.written.get(TOPICS.dead_letters, [])]


def facts(state: AccountState) -> dict[str, Any]:
    """What is known of an account, without what says in which order it came, or what is about to be forgotten."""
    usage = state.usage
    names = {user[0]: name for name, user in usage.users.items()}
    since = usage.newest_day - LATE_DAYS
    return {
        "users": {
            name: [user[LAST_DAY], user[BITS], user[DAYS], *user[COUNTS:]]
            for name, user in usage.users.items()
            if user[LAST_DAY] > since
        },
        "features": {
            name: (
                use.last_day,
                use.bits,
                use.first_day,
                {names[each]: day for each, day in use.users.items() if day > since},
            )
            for name, use in usage.features.items()
        },
        "usage": (usage.newest_ms, usage.first_ms, usage.newest_day, usage.events),
        "sessions": {
            day: sorted((session[0], session[1], len(session)) for session in kept)
            for day, kept in usage.sessions.items()
            if day > usage.newest_day - sessions.DAYS_KEPT
        },
        "tickets": state.ticket.tickets,
        "answers": state.survey.answers,
        "touchpoints": state.touchpoint.touchpoints,
        "outcomes": state.outcome.goals,
        "subscriptions": state.subscription.changes,
        "people": state.user.people,
        "profile": {name: value for name, (value, _) in state.profile.items() if name != "aliases"},
    }


def rounded(value: Any) -> Any:
    """Measures but for the order in which floats were added."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return round(value, 9) if isinstance(value, float) else value


@examples(60)
@given(st.integers(0, 1 << 30), st.sampled_from([20, 60, 110, 300]), st.floats(0, 1), st.integers(1, 4))
@example(0, 110, 1.0, 1)  # sessions of before every window, which one account has forgotten and the other is about to
def test_two_accounts_that_are_one_give_what_one_would_have_given(
    seed: int, span_days: int, at: float, partitions: int
) -> None:
    """Whenever in the stream somebody says it: before all events, in between, or after them.

    Whoever is active in both is known by day for 64 days, so in longer lives each account has people of its own.
    """
    stream = make_stream(seed, 250, span_days)
    if span_days > 60:
        stream = [
            event | {"user_id": event["account_id"] + event["user_id"]} if "user_id" in event else event
            for event in stream
        ]
    one, two = Cluster(1), Cluster(partitions)
    for event in stream:
        one.event(event | {"account_id": "acme"})
    for number, event in enumerate(stream):
        if number == int(at * len(stream)):
            two.link("birch", "acme")
        two.event(event)
    two.link("birch", "acme")
    assert facts(two.state("acme")) == facts(one.state("acme"))
    newest = newest_ms(one.state("acme")) or 0
    for ms in (newest, newest + 3 * DAY_MS, newest + 40 * DAY_MS):
        assert rounded(measure(two.state("acme"), ms, CORE)) == rounded(measure(one.state("acme"), ms, CORE))
    assert two.letters() == []


@examples(40)
@given(st.integers(0, 1 << 30), st.integers(1, 4))
def test_events_of_an_unknown_alias_wait_and_count_once_when_it_comes(seed: int, partitions: int) -> None:
    stream, rng = make_stream(seed, 120, 40), random.Random(seed)
    one, two = Cluster(1), Cluster(partitions)
    for event in stream:
        one.event(event | {"account_id": "acme"})
    link_at = rng.randrange(len(stream) + 1)
    named: Raw = {"type": "account", "account_id": "acme", "aliases": ["zendesk:7"]}
    under = [event | {"account_id": "zendesk:7" if event["type"] != "account" else "acme"} for event in stream]
    for event in [*under[:link_at], named, *under[link_at:]]:
        two.event(event)
    kept = {"profile", "subscriptions", "outcomes", "touchpoints"}  # of which two at one moment need their order
    expected, found = facts(one.state("acme")), facts(two.state("acme"))
    assert {name: found[name] for name in found if name not in kept} == {
        name: expected[name] for name in expected if name not in kept
    }
    assert two.state("zendesk:7").alias is not None
    assert two.partitions[partition_of("zendesk:7", partitions)].waiting_counts == (0, 0)


def usage(number: int, account_id: str, day: int = 300, user_id: str = "ann") -> Raw:
    event: Raw = {"type": "usage", "event_id": f"e{number}", "account_id": account_id, "user_id": user_id}
    return event | {"feature": "export", "timestamp": (FIRST_DAY + day) * DAY_MS}


def test_what_waits_is_no_account_and_is_seen() -> None:
    cluster = Cluster()
    cluster.event(usage(1, "zendesk:7"))
    cluster.event(usage(2, "zendesk:7"))
    cluster.evaluate()
    assert TOPICS.health not in cluster.written
    (entry,) = cluster.written[TOPICS.waiting_aliases]
    assert decode_waiting(entry.value) == decode_waiting(
        b'{"alias": "zendesk:7", "events": 2, "since_ms": %d}' % NOW_MS
    )
    cluster.link("zendesk:7", "acme")
    cluster.evaluate()
    assert cluster.written[TOPICS.waiting_aliases][-1].value is None
    assert [output.key for output in cluster.written[TOPICS.health]] == [b"acme"]
    assert cluster.state("acme").usage.events == 2
    assert aliases_of(cluster.state("acme")) == ["zendesk:7"]


def test_what_waits_is_bounded_and_the_rest_is_a_dead_letter_that_says_why() -> None:
    cluster = Cluster(1)
    for number in range(WAITING_MAX + 2):
        cluster.event(usage(number, "stripe:cus_1"))
    assert cluster.partitions[0].waiting_counts == (1, WAITING_MAX)
    assert len(cluster.letters()) == 2
    assert "nobody said whose it is" in cluster.letters()[0]
    assert cluster.processor.counts["dead_letter", "unknown_alias"] == 2


def test_a_merged_account_is_gone_from_the_board() -> None:
    cluster = Cluster()
    cluster.event(usage(1, "birch"))
    cluster.event(usage(2, "acme"))
    cluster.evaluate()
    cluster.link("birch", "acme")
    cluster.evaluate()
    told = [(output.key, output.value is None) for output in cluster.written[TOPICS.health]]
    assert told[2:] == [(b"birch", True), (b"acme", False)]


def test_a_repeat_across_the_link_counts_once() -> None:
    cluster = Cluster()
    cluster.event(usage(1, "birch"))
    cluster.link("birch", "acme")
    cluster.event(usage(1, "birch"))
    assert cluster.state("acme").usage.events == 1


def test_aliases_of_aliases_lead_to_the_last_account_and_a_circle_is_refused() -> None:
    cluster = Cluster()
    cluster.event(usage(1, "a"))
    cluster.link("a", "b")
    cluster.link("b", "c")
    cluster.event(usage(2, "a"))
    assert cluster.state("c").usage.events == 2
    cluster.link("c", "a")
    assert cluster.state("c").alias is None
    assert "circle" in cluster.letters()[0]


def test_an_alias_that_is_taken_back_waits_again_and_may_go_to_another_account() -> None:
    cluster = Cluster()
    cluster.event(usage(1, "zendesk:7"))
    cluster.link("zendesk:7", "acme")
    cluster.send(TOPICS.aliases, "zendesk:7", None)
    cluster.event(usage(2, "zendesk:7"))
    assert aliases_of(cluster.state("acme")) == []
    cluster.link("zendesk:7", "globex")
    assert cluster.state("acme").usage.events == 1
    assert cluster.state("globex").usage.events == 1


@pytest.mark.parametrize(
    ("first", "second", "account_id"),
    [
        ({"timestamp": "2026-01-02T00:00:00Z"}, {"timestamp": "2026-01-01T00:00:00Z"}, "acme"),
        ({"timestamp": "2026-01-01T00:00:00Z"}, {"timestamp": "2026-01-02T00:00:00Z"}, "globex"),
        ({}, {}, "globex"),
    ],
)
def test_of_two_links_the_newer_holds(first: Raw, second: Raw, account_id: str) -> None:
    cluster = Cluster()
    cluster.link("zendesk:7", "acme", **first)
    cluster.link("zendesk:7", "globex", **second)
    cluster.event(usage(1, "zendesk:7"))
    assert cluster.state(account_id).usage.events == 1


def test_an_id_that_is_named_as_an_account_is_one() -> None:
    """A company with one tool alone may keep that tool's ids."""
    cluster = Cluster()
    cluster.event(usage(1, "zendesk:7"))
    cluster.link("stripe:cus_1", "zendesk:7")
    assert cluster.state("zendesk:7").usage.events == 1
    cluster.event(usage(2, "stripe:cus_1"))
    assert cluster.state("zendesk:7").usage.events == 2


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"acme", "alias 'zendesk:7'"),
        (b'{"account": "acme"}', "account_id"),
        (b'{"account_id": ""}', "account_id"),
        (b'["acme"]', "alias event"),
    ],
)
def test_a_link_that_is_none_is_a_dead_letter(value: bytes, told: str) -> None:
    cluster = Cluster()
    cluster.send(TOPICS.aliases, "zendesk:7", value)
    assert told in cluster.letters()[0]


def test_an_account_feed_sent_again_tells_nothing_again() -> None:
    cluster = Cluster()
    account = {"type": "account", "account_id": "acme", "aliases": ["zendesk:7", "acme"]}
    cluster.event(account)
    cluster.event(account | {"name": "Acme"})
    assert len(cluster.written[TOPICS.aliases]) == 1


def test_erasing_an_alias_erases_the_account_that_it_is_of() -> None:
    cluster = Cluster()
    cluster.event(usage(1, "zendesk:7"))
    cluster.link("zendesk:7", "acme")
    cluster.send(TOPICS.input("account"), "zendesk:7", None)
    assert cluster.state("acme").usage.events == 0
    assert cluster.state("zendesk:7").alias is not None


def test_what_waits_is_erased_and_the_id_still_waits() -> None:
    cluster = Cluster()
    cluster.event(usage(1, "zendesk:7"))
    cluster.send(TOPICS.input("account"), "zendesk:7", None)
    cluster.evaluate()
    cluster.link("zendesk:7", "acme")
    assert cluster.state("acme").usage.events == 0
    assert cluster.state("acme").erasures == []
