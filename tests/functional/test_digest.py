"""A storm of messages on a real Redis: few messages go out, and every one of the storm counts as told."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alerts.context import DigestSettings
from alerts.notification import AlertNotification
from consumers.alerting.audit_log import AuditLog
from consumers.alerting.metrics import Metrics
from consumers.alerting.outbox import Outbox
from consumers.alerting.outbox_queue import LEASE_MS, Queue
from consumers.alerting.receivers.delivery import DeliveryResult, DeliveryStatus
from consumers.alerting.sender import INDIVIDUAL_MS, Sender
from tests.examples import examples
from tests.notifications import make_entry, make_notification

START_MS = 1_700_000_000_000
DIGEST = DigestSettings(after=3, within_seconds=60, critical_after=2)


class People:
    """A receiver that writes down what it is told, and answers as it is bid."""

    name = "slack"

    def __init__(self) -> None:
        self.told: list[AlertNotification] = []
        self.result: Callable[[AlertNotification], DeliveryResult] = lambda notification: DeliveryResult(
            DeliveryStatus.DELIVERED, "ok"
        )

    def accepts(self, kind: str) -> bool:
        """Everything."""
        return True

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        """Told, if the answer is yes."""
        result = self.result(notification)
        if result.status is DeliveryStatus.DELIVERED:
            self.told.append(notification)
        return result


class Scene:
    """Senders on a clock that stands still until it is told to move."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.client, self.prefix = client, prefix
        self.outbox = Outbox(client, prefix)
        self.audit = AuditLog(client, prefix)
        self.people = People()
        self.out: list[str] = []
        self.now_ms = START_MS
        self.start()

    def start(self) -> None:
        """A sender of a new process."""

        def note(pipe: Any, entry: Any) -> None:
            self.out.append(entry.id)
            self.audit.note_delivered(pipe, entry)

        self.registry = CollectorRegistry()
        self.sender = Sender(
            Queue(self.client, self.prefix, "slack", note=note),
            self.people,
            Metrics(self.registry, "account-health", ["breadth_collapsed"], ["slack"]),
            messages_per_second=1,
            dead_letter_after_days=7,
            digest=DIGEST,
            clock_ms=lambda: self.now_ms,
            random_ratio=lambda: 1.0,
        )

    def put(self, *names: str, **fields: Any) -> None:
        """Write messages; `a:resolved` waits for `a:opened`."""
        with self.client.pipeline(transaction=True) as pipe:
            for name in names:
                alert, _, kind = name.partition(":")
                after = f"{alert}:opened" if kind == "resolved" else None
                notification = make_notification(name, **fields)
                self.outbox.add(
                    pipe, make_entry(name, self.now_ms, notification=notification, after=after, partition=0)
                )
            pipe.execute()

    def pass_seconds(self, seconds: int) -> None:
        """A turn each second."""
        for _ in range(seconds):
            self.sender.turn()
            self.now_ms += 1000

    def kinds(self) -> list[str]:
        """What people were told."""
        return [notification.kind for notification in self.people.told]

    def depth(self) -> int:
        """How many still wait."""
        return self.outbox.backlog("slack", self.now_ms).depth


@pytest.fixture
def scene(client: redis.Redis, prefix: str) -> Scene:
    """Everything that a sender needs."""
    return Scene(client, prefix)


def test_a_storm_is_one_message_and_all_of_it_counts_as_told(scene: Scene) -> None:
    """Each has its `delivered` step; what came and went is one line."""
    names = [f"a{number}:opened" for number in range(30)]
    scene.put(*names)
    scene.put("a7:resolved")
    scene.pass_seconds(3)
    assert scene.kinds() == ["digest"]
    assert "29 red flags, 1 resolved" in scene.people.told[0].message["text"]
    assert sorted(scene.out) == sorted([*names, "a7:resolved"])
    assert len(scene.audit.waiting(0)) == 31
    assert scene.depth() == 0
    get = scene.registry.get_sample_value
    assert get("heartline_digest_messages_total", {"receiver": "slack"}) == 31
    assert get("heartline_notifications_total", {"receiver": "slack", "outcome": "delivered"}) == 1


def test_few_go_by_themselves_and_a_storm_that_goes_on_is_a_digest_a_minute(scene: Scene) -> None:
    scene.put("a:opened", "b:opened", "c:opened")
    scene.pass_seconds(5)
    assert scene.kinds() == ["opened"] * 3
    for number in range(100):
        scene.put(f"s{number}:opened")
        scene.pass_seconds(1)
    scene.pass_seconds(130)
    assert scene.depth() == 0
    assert scene.kinds().count("digest") <= 3
    assert len(scene.people.told) <= 9
    assert len(scene.out) == len(set(scene.out)) == 103


def test_critical_ones_are_told_first_and_by_themselves_up_to_their_limit(scene: Scene) -> None:
    scene.put(*[f"w{number}:opened" for number in range(5)])
    scene.put(*[f"x{number}:opened" for number in range(3)], severity="critical")
    scene.pass_seconds(5)
    assert [(notification.kind, notification.severity) for notification in scene.people.told] == [
        ("opened", "critical"),
        ("opened", "critical"),
        ("digest", "critical"),
    ]
    assert len(scene.out) == 8


def test_the_end_of_an_alert_that_was_told_in_a_digest_is_told(scene: Scene) -> None:
    scene.put(*[f"a{number}:opened" for number in range(5)])
    scene.pass_seconds(90)
    scene.put("a2:resolved")
    scene.pass_seconds(2)
    assert scene.kinds() == ["digest", "resolved"]


@pytest.mark.parametrize("taken", [False, True], ids=["before it was taken", "after it was taken"])
def test_killed_while_the_digest_is_sent_nothing_is_lost(scene: Scene, taken: bool) -> None:
    """Once the leases have ended another sender tells all of it; repeated only where it was taken before."""

    def killed(notification: AlertNotification) -> DeliveryResult:
        if taken:
            scene.people.told.append(notification)
        raise KeyboardInterrupt

    scene.people.result = killed
    scene.put(*[f"a{number}:opened" for number in range(12)])
    with pytest.raises(KeyboardInterrupt):
        scene.sender.turn()
    scene.people.result = lambda notification: DeliveryResult(DeliveryStatus.DELIVERED, "ok")
    scene.start()
    scene.pass_seconds(LEASE_MS // 1000 - 1)
    assert scene.out == []
    scene.pass_seconds(5)
    assert len(scene.out) == 12
    assert scene.kinds() == ["digest"] * (2 if taken else 1)
    assert len({notification.id for notification in scene.people.told}) == 1, "the same messages, so the same id"


def test_a_digest_whose_yes_redis_did_not_hear_is_not_sent_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written down before anything else is sent."""
    original = Queue.delivered_grouped
    broken = [True]

    def away(self: Queue, *args: Any) -> None:
        if broken.pop():
            raise redis.ConnectionError("away")
        original(self, *args)

    monkeypatch.setattr(Queue, "delivered_grouped", away)
    broken.insert(0, False)
    scene.put(*[f"a{number}:opened" for number in range(5)])
    with pytest.raises(redis.ConnectionError):
        scene.sender.turn()
    scene.pass_seconds(70)
    assert scene.kinds() == ["digest"]
    assert len(scene.out) == 5


def test_a_digest_that_is_refused_is_told_message_by_message(scene: Scene) -> None:
    """A fault of the digest must not bury what is in it."""
    scene.people.result = lambda notification: DeliveryResult(
        DeliveryStatus.REJECTED if notification.kind == "digest" else DeliveryStatus.DELIVERED, "invalid_blocks"
    )
    scene.put(*[f"a{number}:opened" for number in range(6)])
    scene.pass_seconds(10)
    assert scene.kinds() == ["opened"] * 6
    assert scene.outbox.dead("slack") == []
    assert INDIVIDUAL_MS > 10_000


@examples(10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 8), st.sampled_from(["warning", "critical"]), st.booleans()),
        min_size=1,
        max_size=5,
    ),
    st.lists(
        st.sampled_from([DeliveryStatus.FAILED, DeliveryStatus.RATE_LIMITED, DeliveryStatus.DELIVERED]), max_size=6
    ),
)
def test_nothing_is_lost_whatever_comes_and_whatever_is_answered(
    client: redis.Redis, waves: list[tuple[int, int, str, bool]], answers: list[DeliveryStatus]
) -> None:
    """Every message is told once, by itself or in a digest; an episode's in their order; never a flood."""
    client.flushdb()
    scene = Scene(client, "p:")
    left = list(answers)

    def result(notification: AlertNotification) -> DeliveryResult:
        return DeliveryResult(left.pop(0), "said", 5.0) if left else DeliveryResult(DeliveryStatus.DELIVERED, "ok")

    scene.people.result = result
    written, went_at = list[str](), list[int]()
    for wave, (pause, count, severity, ends) in enumerate(waves):
        names = [f"a{wave}-{number}:opened" for number in range(count)]
        scene.put(*names, severity=severity)
        if ends:
            names.append(f"a{wave}-0:resolved")
            scene.put(names[-1], severity=severity)
        written += names
        scene.pass_seconds(pause)
    for _ in range(600):
        if scene.depth() == 0:
            break
        before = len(scene.people.told)
        scene.pass_seconds(1)
        went_at += [scene.now_ms] * (len(scene.people.told) - before)
    assert sorted(scene.out) == sorted(written)
    assert scene.depth() == 0
    for name in written:
        if name.endswith(":resolved"):
            assert scene.out.index(name.replace("resolved", "opened")) < scene.out.index(name)
    for at_ms in went_at:
        grouped = [other for other in went_at if at_ms <= other < at_ms + 60_000]
        assert len(grouped) <= DIGEST.after + DIGEST.critical_after + 1
