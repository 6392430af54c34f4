"""Faults of delivery on a simulated clock: nothing is lost, and a repeat comes only where an answer was lost."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerts.notification import AlertNotification
from consumers.alerting.metrics import Metrics
from consumers.alerting.outbox import Outbox
from consumers.alerting.outbox_queue import LEASE_MS, Queue
from consumers.alerting.receivers.alertmanager import Alertmanager
from consumers.alerting.receivers.delivery import DeliveryResult, DeliveryStatus, Receiver
from consumers.alerting.sender import Sender
from consumers.errors import STORE_AWAY
from consumers.redis_client import RedisSettings, connect
from heartline.embedded import ValkeyServer
from tests.integration.roles import wait_for
from tests.notifications import make_entry
from tests.receiver_servers import HttpStandin, Reply

START_MS: Final = 1_772_445_600_000
SECOND_MS: Final = 1000
YES: Final = DeliveryResult(DeliveryStatus.DELIVERED, "status 200")
DOWN: Final = DeliveryResult(DeliveryStatus.FAILED, "status 503")


class Clock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


class Scripted:
    """A receiver that answers as a function of time, and keeps what it took and when it was asked."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.result = YES
        self.asked_ms: list[int] = []
        self.taken: list[str] = []

    def accepts(self, kind: str) -> bool:
        return True

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        self.asked_ms.append(self.clock.now_ms)
        result = self.decide()
        if result.status is DeliveryStatus.DELIVERED:
            self.taken.append(notification.id)
        return result

    def decide(self) -> DeliveryResult:
        return self.result


class Limited(Scripted):
    """Takes one message in two seconds; whoever comes earlier is told to wait a random while, and waits for real."""

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name, clock)
        self.random = random.Random(5)
        self.free_ms = 0
        self.too_early = 0

    def decide(self) -> DeliveryResult:
        if self.clock.now_ms < self.free_ms:
            self.too_early += 1
        if self.random.random() < 0.6:
            seconds = float(self.random.randint(1, 40))
            self.free_ms = self.clock.now_ms + int(seconds) * SECOND_MS
            return DeliveryResult(DeliveryStatus.RATE_LIMITED, "status 429", seconds)
        return YES


class Scene:
    """Receivers, each with a sender, on one clock and one Redis."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.client, self.prefix = client, prefix
        self.clock = Clock()
        self.outbox = Outbox(client, prefix)

    def sender(self, receiver: Receiver) -> Sender:
        """A sender as a process starts it."""
        return Sender(
            Queue(self.client, self.prefix, receiver.name),
            receiver,
            Metrics(CollectorRegistry(), "account-health", ["breadth_collapsed"], [receiver.name]),
            messages_per_second=1,
            dead_letter_after_days=7,
            clock_ms=self.clock,
            random_ratio=random.Random(3).random,
        )

    def put(self, receivers: Sequence[str], *names: str, after: str | None = None) -> None:
        """Write notifications to several receivers in one transaction."""
        with self.client.pipeline(transaction=True) as pipe:
            for name in names:
                for receiver in receivers:
                    self.outbox.add(pipe, make_entry(name, self.clock.now_ms, receiver, after=after))
            pipe.execute()

    def run(self, seconds: int, *senders: Sender) -> None:
        """Let every sender take a turn each second."""
        for _ in range(seconds):
            for sender in senders:
                sender.turn()
            self.clock.now_ms += SECOND_MS


@pytest.fixture
def scene(client: redis.Redis, prefix: str) -> Scene:
    return Scene(client, prefix)


def test_an_hour_without_one_receiver_delays_no_other(scene: Scene) -> None:
    """Forty episodes that open and end meanwhile: the pager gets all of them in time, mail gets all of them after."""
    pager, mail = Scripted("pager", scene.clock), Scripted("mail", scene.clock)
    senders = scene.sender(pager), scene.sender(mail)
    mail.result = DOWN
    episodes = [f"hl-{number:02}" for number in range(40)]
    for name in episodes:
        scene.put(["pager", "mail"], f"{name}:opened")
        scene.put(["pager", "mail"], f"{name}:resolved", after=f"{name}:opened")
        scene.run(90, *senders)
    assert Counter(pager.taken) == Counter([f"{name}:{kind}" for name in episodes for kind in ("opened", "resolved")])
    assert mail.taken == []
    assert len(mail.asked_ms) < 150, "an hour of trouble is not hammered"
    mail.result = YES
    scene.run(240, *senders)
    assert Counter(mail.taken) == Counter(pager.taken)
    for name in episodes:
        assert mail.taken.index(f"{name}:opened") < mail.taken.index(f"{name}:resolved")
    assert scene.outbox.dead("mail") == []


def test_a_storm_of_429_is_waited_out(scene: Scene) -> None:
    """Sixty messages against a receiver that says 429 to most: each is delivered once, and none is tried too early."""
    slack = Limited("slack", scene.clock)
    sender = scene.sender(slack)
    names = [f"hl-{number:02}:opened" for number in range(60)]
    scene.put(["slack"], *names)
    scene.run(3600, sender)
    assert sorted(slack.taken) == names
    assert slack.too_early == 0
    assert scene.outbox.backlog("slack", scene.clock.now_ms).depth == 0


class KilledError(Exception):
    """The process is gone."""


@pytest.mark.parametrize("step", ["claim", "memory", "send", "delivered"])
def test_a_sender_killed_between_two_steps_loses_nothing(
    scene: Scene, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its successor tells it after the lease; twice only when the yes was there and not written down."""
    slack = Scripted("slack", scene.clock)
    first = scene.sender(slack)
    scene.put(["slack"], "hl-1:opened", "hl-2:opened")

    def killed(*args: object, **kwargs: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        if step == "send":
            patch.setattr(slack, "send", killed)
        else:
            patch.setattr(Queue, step, killed)
        with pytest.raises(KilledError):
            first.turn()
    scene.run(3 + LEASE_MS // SECOND_MS, scene.sender(slack))
    again = 2 if step == "delivered" else 1
    assert Counter(slack.taken) == {"hl-1:opened": again, "hl-2:opened": 1}


def test_redis_lost_between_the_yes_and_writing_it_down_repeats_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same sender lives on and writes it down when Redis is back, before it sends anything else."""
    slack = Scripted("slack", scene.clock)
    sender = scene.sender(slack)
    scene.put(["slack"], "hl-1:opened", "hl-2:opened")
    original: Any = redis.client.Pipeline.execute

    def away(self: object, *args: object, **kwargs: object) -> Any:
        if slack.taken:
            raise redis.ConnectionError("away")
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(redis.client.Pipeline, "execute", away)
        for _ in range(5):
            with pytest.raises(redis.ConnectionError):
                sender.turn()
            scene.clock.now_ms += LEASE_MS
    scene.run(5, sender)
    assert slack.taken == ["hl-1:opened", "hl-2:opened"]


@pytest.fixture
def alertmanager() -> Iterator[tuple[HttpStandin, Alertmanager]]:
    with HttpStandin(Reply()) as server:
        yield server, Alertmanager("am", server.url, 1, resend_seconds=60, labels={})


def posted(server: HttpStandin) -> list[list[str]]:
    """The alerts of each request."""
    return [[alert["annotations"]["alert_id"] for alert in request.json] for request in server.requests]


def test_what_is_open_is_told_again_until_it_is_over(
    scene: Scene, alertmanager: tuple[HttpStandin, Alertmanager]
) -> None:
    """Alertmanager forgets what it does not hear of; a new process goes on where the old one ended."""
    server, receiver = alertmanager
    scene.put(["am"], "hl-1:opened", "hl-2:opened")
    scene.run(61, scene.sender(receiver))
    assert posted(server) == [["hl-1"], ["hl-2"], ["hl-1", "hl-2"]]
    scene.put(["am"], "hl-1:resolved")
    sender = scene.sender(receiver)
    scene.run(62, sender)
    assert posted(server)[3:] == [["hl-1", "hl-2"], ["hl-1"], ["hl-2"]]
    again = server.requests[-1].json[0]
    ends_at = datetime.fromisoformat(again["endsAt"])
    ahead = ends_at - datetime.fromtimestamp(scene.clock.now_ms / 1000, UTC)
    assert 200 < ahead.total_seconds() <= 240, "four refreshes ahead"


def test_a_refresh_that_failed_is_made_up_as_soon_as_possible(
    scene: Scene, alertmanager: tuple[HttpStandin, Alertmanager]
) -> None:
    """Not a whole interval later: the alerts' ends come nearer meanwhile."""
    server, receiver = alertmanager
    sender = scene.sender(receiver)
    scene.put(["am"], "hl-1:opened")
    scene.run(59, sender)
    server.script(Reply(503), Reply(503))
    scene.run(12, sender)
    assert posted(server) == [["hl-1"]] * 4


def test_a_redis_that_can_not_write_to_its_disk_is_waited_for(tmp_path: Path) -> None:
    """It answers reads, and writes with MISCONF; nothing is lost, and what waited goes out once."""
    with ValkeyServer(data_dir=tmp_path) as server:
        scene = Scene(connect(RedisSettings(url=SecretStr(server.url))), "full:")
        slack = Scripted("slack", scene.clock)
        sender = scene.sender(slack)
        scene.put(["slack"], "a")
        (tmp_path / "dump.rdb").mkdir()  # the snapshot can't take its place
        snapshot(scene.client, "err")
        with pytest.raises(STORE_AWAY):
            scene.put(["slack"], "b")
        with pytest.raises(STORE_AWAY):
            scene.run(1, sender)
        (tmp_path / "dump.rdb").rmdir()
        snapshot(scene.client, "ok")
        scene.put(["slack"], "b")
        scene.run(5, sender)
        assert slack.taken == ["a", "b"]
        scene.client.close()


def snapshot(client: redis.Redis, outcome: str) -> None:
    """Have a snapshot written, and wait until it ended so."""

    def ended() -> bool:
        found: Any = client.info("persistence")
        return not found["rdb_bgsave_in_progress"] and found["rdb_last_bgsave_status"] == outcome

    client.bgsave()
    wait_for(ended, 30, f"a snapshot that ends with {outcome}")
