"""The audit log between Redis and Kafka: killed between any two steps, none is lost, and state is rebuilt from it."""

from collections.abc import Callable, Container, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import redis

from alerts.alert_events import AlertEvent, decode_alert_event
from alerts.apply_command import apply_command
from alerts.commands import Acknowledge, AddSilence, StartPlay
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.model import AccountRecord
from alerts.notification import BY_HAND
from alerts.routing import everything_to
from alerts.silences import Silence
from consumers.alerting.audit_log import AuditLog, AuditRelay
from consumers.alerting.batch import Batch, DecodedRecord
from consumers.alerting.erasure import AccountErasure
from consumers.alerting.outbox import Outbox, OutboxEntry
from consumers.alerting.outbox_queue import Queue
from consumers.alerting.rebuild_state import rebuild
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import Changes, LoadedState, StateStore
from stream.config.settings import KafkaSettings
from stream.contracts.report import encode_report
from stream.kinds.touchpoint import TouchpointEvent
from tests.paged import PAGED, SETTINGS
from tests.reports import MONDAY, make_report

CONFIG = PAGED
# With the page budget that is shipped.
SHIPPED = AlertingConfig.model_validate(SETTINGS | {"lifecycle": {"reminders": {"severities": ["warning"]}}})


class Sent:
    """What Kafka says of a record."""

    def get(self, timeout: float) -> None:
        """It is there."""


class Relay(AuditRelay):
    """A relay whose Kafka is a list, and which may be killed before or after a record is there."""

    def __init__(self, audit: AuditLog, forget: Callable[[str], object]) -> None:
        super().__init__(audit, KafkaSettings(), lambda: (0,), forget)
        self.topic: list[AlertEvent] = []
        self.log: list[tuple[bytes, bytes | None]] = []
        self.events: list[tuple[str, bytes, bytes]] = []
        self.dies_after: int | None = None

    def _log(self, partition: int) -> list[tuple[bytes, bytes | None]]:
        return list(self.log)

    def left(self, word: bytes) -> list[bytes]:
        """What compaction leaves of the log's records with a word in them."""
        left = {key: value for key, value in self.log if value is not None and (key, None) not in self.log}
        return [key for key, value in left.items() if word in key + value]

    def _send(self, topic: str, key: bytes, value: bytes | None, partition: int | None = None) -> Any:
        if self.dies_after is not None and len(self.topic) >= self.dies_after:
            raise KeyboardInterrupt
        if topic != "account-alerts":
            assert value is not None
            self.events.append((topic, key, value))
            return Sent()
        self.log.append((key, value))
        if value is None:
            return Sent()
        step = decode_alert_event(value)
        if step.kind == "account_erased":
            return Sent()
        assert key.decode().rsplit("/", 2)[0] == (step.account_id or "s1")
        self.topic.append(step)
        return Sent()


class Scene:
    """State, outbox and audit log of one partition, and a relay."""

    def __init__(
        self,
        client: redis.Redis,
        prefix: str,
        config: AlertingConfig = CONFIG,
        receivers: Sequence[str] = ("slack",),
    ) -> None:
        self.client, self.prefix, self.config, self.receivers = client, prefix, config, receivers
        accepts = {name: lambda kind: kind not in BY_HAND for name in receivers}
        self.telling = Recipients(everything_to(*receivers), accepts, config.playbooks)
        self.audit = AuditLog(client, prefix)
        self.store = StateStore(client, prefix, Outbox(client, prefix), self.audit)
        self.relay = Relay(self.audit, AccountErasure(client, prefix).erase)
        self.offset: int | None = None
        self.now_ms = int(MONDAY.timestamp() * 1000)

    def report(self, account: str, score: float, day: int = 0) -> None:
        """One report, in one transaction."""
        report = make_report(account, score, as_of=MONDAY + timedelta(days=day))
        item = DecodedRecord(account, report, encode_report(report), self.now_ms)
        self._apply(account, lambda batch: batch.report(item, report.as_of))

    def erase(self, account: str, erased_ms: int) -> None:
        """The tombstone of its report, in one transaction."""
        item = DecodedRecord(account, None, None, erased_ms)
        self._apply(account, lambda batch: batch.report(item, MONDAY + timedelta(days=1)))

    def acknowledge(self, account: str, offset: int) -> None:
        """One command, in one transaction."""
        alert = self.records()[account].alert
        assert alert is not None
        command = Acknowledge(command_id="c", by="ann", at=MONDAY, account_id=account, alert_id=alert.alert_id)

        def apply(batch: Batch) -> None:
            batch.command(command, MONDAY + timedelta(hours=1))
            batch.commands_until(offset)

        self._apply(account, apply)

    def silence(self) -> None:
        """One silence."""
        silence = Silence(
            silence_id="s1", by="ann", why="x", starts_at=MONDAY, ends_at=MONDAY + timedelta(days=9), rule="silence"
        )
        command = AddSilence(command_id="s", by="ann", at=MONDAY, silence=silence)
        self._apply("acme", lambda batch: batch.silence(command, {}, MONDAY))

    def deliver(self, away: Container[str] = ()) -> list[OutboxEntry]:
        """Send what waits for the receivers that are there."""
        sent = []
        for receiver in self.receivers:
            queue = Queue(self.client, self.prefix, receiver, note=self.audit.note_delivered)
            while receiver not in away and (item := queue.claim(self.now_ms)) is not None:
                queue.delivered(item)
                sent.append(item)
        return sent

    def records(self) -> dict[str, AccountRecord]:
        """What is remembered."""
        return {record.account_id: record for record in self.store.load(0)[2]}

    def lose(self) -> None:
        """Redis comes back empty, and is rebuilt from what is on the topic."""
        for key in self.client.scan_iter(f"{self.prefix}*"):
            self.client.delete(key)
        self.store.restore(0, rebuild(self.relay.topic))
        self.offset = 0

    def _apply(self, account: str, do: Any) -> None:
        self.now_ms += 1000
        next_offset = (self.offset or 0) + 1

        def decide(known: LoadedState) -> Changes:
            context, telling = AlertContext(self.config.lifecycle), self.telling
            batch = Batch(
                known, self.config, context, telling, partition=0, next_offset=next_offset, now_ms=self.now_ms
            )
            do(batch)
            return batch.result.changes

        self.store.apply(0, self.offset, [account], decide, with_reports=True)
        self.offset = next_offset


@pytest.fixture
def scene(client: redis.Redis, prefix: str) -> Scene:
    """Everything."""
    return Scene(client, prefix)


def kinds(scene: Scene) -> list[str]:
    """What is on the topic."""
    return [step.kind for step in scene.relay.topic]


def test_each_step_goes_to_the_topic_in_order_and_leaves_redis(scene: Scene) -> None:
    scene.report("acme", 40)
    scene.acknowledge("acme", 5)
    scene.report("acme", 80, day=1)
    scene.silence()
    scene.deliver()
    scene.relay.turn()
    assert kinds(scene) == ["opened", "acknowledged", "resolved", "silence_added", "delivered", "delivered"]
    assert [step.seq for step in scene.relay.topic[:3]] == sorted({step.seq for step in scene.relay.topic[:3]})
    assert all(step.reason for step in scene.relay.topic)
    assert scene.relay.turn() == 0
    assert scene.audit.waiting(0) == []


@pytest.mark.parametrize("dies_after", range(4))
def test_a_relay_killed_between_any_two_records_loses_none_and_repeats_are_told_apart(
    scene: Scene, dies_after: int
) -> None:
    """Killed before Kafka has the record, or after it and before Redis forgets it: the next relay sends it again."""
    for account in ("a", "b", "c"):
        scene.report(account, 40)
    scene.relay.dies_after = dies_after
    if dies_after < 3:
        with pytest.raises(KeyboardInterrupt):
            scene.relay.turn()
    scene.relay.dies_after = None
    scene.relay.turn()
    assert {step.account_id for step in scene.relay.topic} == {"a", "b", "c"}
    assert len({(step.account_id, step.seq) for step in scene.relay.topic}) == 3
    scene.lose()
    assert set(scene.records()) == {"a", "b", "c"}


def test_a_play_that_is_started_is_a_touchpoint_that_the_worker_accepts(scene: Scene) -> None:
    """Keyed by the account, with the command's id, so that a repeat is applied once."""
    scene.report("acme", 40)
    alert = scene.records()["acme"].alert
    assert alert is not None
    command = StartPlay(command_id="c9", by="ann", at=MONDAY, account_id="acme", alert_id=alert.alert_id, play="call")
    scene._apply("acme", lambda batch: batch.command(command, MONDAY))
    scene.relay.turn()
    ((topic, key, value),) = scene.relay.events
    event = TouchpointEvent.model_validate_json(value)
    assert (topic, key) == ("touchpoints", b"acme")
    assert (event.event_id, event.play, event.alert_id, event.owner) == ("c9", "call", alert.alert_id, "ann")


def test_two_relays_of_one_partition_drop_none_of_each_other_s_steps(scene: Scene) -> None:
    """During a rebalance: the one that has lost the partition still forgets only what it has sent."""
    scene.report("a", 40)
    slow = [name for name, _, _ in scene.audit.waiting(0)]
    scene.relay.turn()
    scene.report("b", 40)
    scene.audit.forget(0, slow)
    scene.relay.turn()
    assert [step.account_id for step in scene.relay.topic] == ["a", "b"]


def test_redis_lost_after_everything_was_relayed_is_rebuilt_whole_and_nothing_is_told_again(scene: Scene) -> None:
    scene.report("acme", 40)
    scene.acknowledge("acme", 5)
    scene.silence()
    assert len(scene.deliver()) == 1
    scene.relay.turn()
    before = scene.records()["acme"].alert
    scene.lose()
    assert scene.records()["acme"].alert == before
    assert scene.store.load(0)[:2] == (0, 5)
    assert [silence.silence_id for silence in scene.store.silences()] == ["s1"]
    scene.report("acme", 38, day=1)
    assert scene.deliver() == []
    scene.report("acme", 80, day=2)
    assert [item.notification.kind for item in scene.deliver()] == ["resolved"]


def test_redis_lost_before_a_message_was_delivered_tells_it_again_with_the_same_id(scene: Scene) -> None:
    """The step was on the topic, the message in Redis alone."""
    scene.report("acme", 40)
    scene.relay.turn()
    (lost,) = scene.deliver()
    scene.lose()
    scene.report("acme", 40)
    (again,) = scene.deliver()
    assert (again.id, again.after) == (lost.id, None)


class Told(NamedTuple):
    """What happened before Redis was lost, which receivers were away then, and who is told of what afterwards."""

    why: str
    days: tuple[int, ...]
    away: dict[str, int]
    then: int
    again: list[tuple[str, str]]


BOTH = [("mail", "hl:reminded"), ("slack", "hl:reminded")]
LOSSES = [
    Told("both took the opening", (0,), {}, 0, []),
    Told("one took it", (0,), {"mail": 0}, 0, [("mail", "hl:opened")]),
    Told(
        "none took it, and the page budget does not hold it back",
        (0,),
        {"mail": 0, "slack": 0},
        0,
        [("mail", "hl:opened"), ("slack", "hl:opened")],
    ),
    Told("one took the reminder, and both the opening", (0, 8), {"mail": 8}, 8, [("mail", "hl:reminded")]),
    Told("none took the reminder: it is told as the reminder that it is", (0, 8), {"mail": 8, "slack": 8}, 8, BOTH),
    Told(
        "one took nothing: it hears of it once, and the other not again",
        (0, 8),
        {"mail": 0},
        8,
        [("mail", "hl:opened")],
    ),
    Told("what is new afterwards is for both", (0,), {"mail": 0}, 8, [("mail", "hl:opened")]),
]


@pytest.mark.parametrize("told", LOSSES, ids=lambda told: told.why)
def test_after_a_loss_of_redis_each_receiver_is_told_what_it_has_not_taken(
    client: redis.Redis, prefix: str, told: Told
) -> None:
    """Under the shipped budget and reminders; what a receiver answered is not told to it again."""
    scene = Scene(client, prefix, SHIPPED, ("slack", "mail"))
    for day in told.days:
        scene.report("acme", 40, day=day)
        scene.deliver({name for name, since in told.away.items() if day >= since})
    scene.relay.turn()
    scene.lose()
    scene.report("acme", 40, day=told.then)
    again = scene.deliver()
    assert sorted((each.receiver, as_kind(each.id)) for each in again) == told.again
    scene.report("acme", 40, day=told.then)
    assert scene.deliver() == [], "once"
    scene.report("acme", 80, day=told.then + 1)
    assert sorted((each.receiver, as_kind(each.id)) for each in scene.deliver()) == [
        ("mail", "hl:resolved"),
        ("slack", "hl:resolved"),
    ]


def as_kind(notification_id: str) -> str:
    return f"hl:{notification_id.split(':')[1]}"


def test_redis_lost_before_an_end_was_delivered_tells_it_again(scene: Scene) -> None:
    """Or people would believe for ever that the account is in trouble."""
    scene.report("acme", 40)
    scene.deliver()
    scene.report("acme", 80, day=1)
    scene.relay.turn()
    scene.lose()
    scene.report("acme", 80, day=1)
    assert [item.notification.kind for item in scene.deliver()] == ["resolved"]


def test_redis_lost_before_a_step_was_relayed_judges_it_again(scene: Scene) -> None:
    """The health topic still has the report: the alert opens under the same id."""
    scene.report("acme", 40)
    alert = scene.records()["acme"].alert
    assert alert is not None
    scene.lose()
    assert scene.records() == {}
    scene.report("acme", 40)
    again = scene.records()["acme"].alert
    assert again is not None
    assert again.alert_id == alert.alert_id
    assert len(scene.deliver()) == 1


def test_a_command_that_was_applied_and_not_relayed_is_read_again(scene: Scene) -> None:
    """The audit log knows no offset past it, so the command topic is read from before it."""
    scene.report("acme", 40)
    scene.relay.turn()
    scene.acknowledge("acme", 5)
    scene.lose()
    assert scene.store.load(0)[1] is None
    alert = scene.records()["acme"].alert
    assert alert is not None
    assert alert.acknowledged_by is None
    command = Acknowledge(command_id="c", by="ann", at=MONDAY, account_id="acme", alert_id=alert.alert_id)
    evaluation = apply_command(scene.records()["acme"], command, MONDAY)
    assert evaluation.changes[0].kind == "acknowledged"


def test_an_erased_account_leaves_the_log_the_outbox_and_what_is_remembered(scene: Scene) -> None:
    """Its end is still told to who knew of it, and that this was told is not logged."""
    scene.report("acme", 40)
    assert len(scene.deliver()) == 1
    scene.report("birch", 40)
    scene.report("acme", 20, day=1)
    scene.relay.turn()
    scene.erase("acme", 7)
    scene.relay.turn()
    assert set(scene.records()) == {"birch"}
    assert scene.relay.left(b"acme") == []
    assert len(scene.relay.left(b"birch")) == 1
    told = scene.deliver()
    assert [(entry.notification.account_id, entry.notification.kind) for entry in told] == [
        ("birch", "opened"),
        ("acme", "resolved"),
    ]
    scene.relay.turn()
    assert scene.relay.left(b"acme") == []
    assert not [key for key in scene.client.scan_iter(f"{scene.prefix}*") if b"acme" in everything(scene, key)]


def everything(scene: Scene, key: bytes) -> bytes:
    """All that a key holds."""
    return scene.client.dump(key) or b""


def test_an_erasure_that_was_cut_off_is_done_again(scene: Scene) -> None:
    scene.report("acme", 40)
    scene.report("acme", 20, day=1)
    scene.relay.turn()
    scene.erase("acme", 7)
    scene.relay.dies_after = 0
    with pytest.raises(KeyboardInterrupt):
        scene.relay.turn()
    scene.relay.dies_after = None
    scene.relay.turn()
    assert scene.relay.left(b"acme") == []


def test_a_second_life_is_not_erased_by_the_first_one_s_tombstone(scene: Scene) -> None:
    """Redis was lost, and the tombstone is read once more from the health topic."""
    scene.report("acme", 40)
    scene.erase("acme", 7)
    scene.report("acme", 20, day=2)
    scene.relay.turn()
    again = len(scene.relay.left(b'"acme"'))
    assert again > 0
    scene.lose()
    assert scene.records()["acme"].alert is not None
    scene.erase("acme", 7)
    scene.relay.turn()
    assert len(scene.relay.left(b'"acme"')) == again
