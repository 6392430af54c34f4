"""The sender against a stand-in for Slack and a real outbox: every answer that Slack can give, and none at all."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerts.notification import AlertNotification
from consumers.alerting.metrics import Metrics
from consumers.alerting.notification_traces import NotificationTraces
from consumers.alerting.outbox import Outbox, OutboxEntry
from consumers.alerting.outbox_queue import LEASE_MS, Queue
from consumers.alerting.receivers.delivery import DeliveryStatus, result_of_status
from consumers.alerting.receivers.slack_webhook import SlackWebhook
from consumers.alerting.sender import DAY_MS, UNAUTHORIZED_SECONDS, Sender
from consumers.alerting.store_clock import StoreClock
from heartline.demo.slack_standin import Answer, SlackStandin
from stream.calendar.clock import TrustedClock
from tests.logged import logged
from tests.notifications import make_entry, make_notification

START_MS = 1_700_000_000_000
TO_SLACK = {"receiver": "slack"}


class Scene:
    """A sender on a clock that stands still until it is told to move."""

    def __init__(
        self,
        client: redis.Redis,
        prefix: str,
        slack: SlackStandin,
        traces: NotificationTraces | None = None,
        clock_ms: Callable[[], int] | None = None,
        current: Callable[[OutboxEntry], AlertNotification | None] = lambda entry: entry.notification,
    ) -> None:
        self.client = client
        self.outbox = Outbox(client, prefix)
        self.queue = Queue(client, prefix, "slack")
        self.slack = slack
        self.registry = CollectorRegistry()
        self.now_ms = START_MS
        self.sender = Sender(
            self.queue,
            SlackWebhook("slack", SecretStr(slack.url), timeout_seconds=1),
            Metrics(self.registry, "account-health", ["breadth_collapsed"]),
            messages_per_second=1,
            dead_letter_after_days=2,
            clock_ms=clock_ms or (lambda: self.now_ms),
            random_ratio=lambda: 1.0,
            traces=traces,
            current=current,
        )

    def put(self, *ids: str) -> None:
        """Write notifications, ingested a minute ago."""
        with self.client.pipeline(transaction=True) as pipe:
            for name in ids:
                self.outbox.add(pipe, make_entry(name, self.now_ms, ingested_ms=self.now_ms - 60_000))
            pipe.execute()

    def turns(self, count: int, step_seconds: float) -> list[str]:
        """Let the sender take its turns with some time between; what was delivered."""
        for _ in range(count):
            self.sender.turn()
            self.now_ms += int(step_seconds * 1000)
        return [message["text"] for message in self.slack.messages]

    def count(self, outcome: str) -> float | None:
        """Attempts with an outcome."""
        labels = TO_SLACK | {"outcome": outcome}
        return self.registry.get_sample_value("heartline_notifications_total", labels)

    def dead(self) -> dict[str, str]:
        """Why each of the dead was given up."""
        return {letter.entry.id: letter.reason for letter in self.outbox.dead("slack")}


@pytest.fixture
def scene(client: redis.Redis, prefix: str) -> Iterator[Scene]:
    """Everything that a sender needs."""
    with SlackStandin() as slack:
        yield Scene(client, prefix, slack)


def test_it_delivers_at_the_pace_of_the_channel(scene: Scene) -> None:
    """One a second, oldest first."""
    scene.put("a", "b", "c")
    assert scene.turns(5, 0.1) == ["a"]
    assert scene.turns(7, 0.4) == ["a", "b", "c"]
    assert scene.count("delivered") == 3
    assert scene.registry.get_sample_value("heartline_ingested_to_delivered_seconds_count", TO_SLACK) == 3
    assert (
        scene.registry.get_sample_value("heartline_ingested_to_delivered_seconds_bucket", {"le": "60.0"} | TO_SLACK)
        == 1
    )


def test_429_holds_the_whole_channel_for_as_long_as_it_says(scene: Scene) -> None:
    """And no attempt is made before."""
    scene.slack.script(Answer(429, retry_after_seconds=30))
    scene.put("a", "b")
    assert scene.turns(29, 1) == []
    assert len(scene.slack.received) == 1
    assert sorted(scene.turns(5, 1)) == ["a", "b"]
    assert scene.count("rate_limited") == 1


def test_a_trace_says_how_many_attempts_it_took_and_how_long_the_message_waited(
    client: redis.Redis, prefix: str
) -> None:
    """One that failed at first; the part that waits ends where the attempt that got through begins."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with SlackStandin() as slack:
        scene = Scene(client, prefix, slack, NotificationTraces(provider))
        slack.script(Answer(500))
        scene.put("a")
        scene.turns(2, 5)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert spans["notification"].attributes is not None
    assert spans["notification"].attributes["heartline.attempts"] == 2
    assert spans["wait in outbox"].end_time == (START_MS + 5_000) * 1_000_000


def test_of_reminders_that_waited_only_the_last_word_is_told(scene: Scene) -> None:
    """The receiver was away for weeks: what each of them would say now, the newest says."""
    scene.slack.script(Answer(500))
    names = ["hl-1:opened", "hl-1:reminded", "hl-2:reminded", "hl-1:again", "hl-1:resolved"]
    with scene.client.pipeline(transaction=True) as pipe:
        for at, (name, after) in enumerate(zip(names, (None, names[0], None, names[1], names[3]), strict=True)):
            kind = "reminded" if name.endswith(("reminded", "again")) else name.partition(":")[2]
            notification = make_notification(name, kind=kind)
            scene.outbox.add(pipe, make_entry(name, START_MS + at, after=after, notification=notification))
        pipe.execute()
    scene.now_ms += 10
    assert scene.turns(20, 5) == ["hl-2:reminded", "hl-1:opened", "hl-1:resolved"]
    assert scene.count("superseded") == 2
    assert scene.outbox.waiting("slack") == []


def test_of_updates_that_would_say_the_same_the_last_is_told(scene: Scene, client: redis.Redis, prefix: str) -> None:
    """Each speaks of the moment in which it leaves. The second one is written while the first is composed."""
    names = ["hl-1:opened", "hl-1:critical", "hl-1:again", "hl-1:resolved"]

    def put(at: int, kind: str) -> None:
        notification, after = make_notification(names[at], kind=kind), names[at - 1] if at > 0 else None
        with client.pipeline(transaction=True) as pipe:
            scene.outbox.add(pipe, make_entry(names[at], scene.now_ms, after=after, notification=notification))
            pipe.execute()

    def compose(entry: OutboxEntry) -> AlertNotification:
        if entry.id == names[1]:
            put(2, "updated")
            put(3, "resolved")
        return entry.notification

    scene = Scene(client, prefix, scene.slack, current=compose)
    put(0, "opened")
    put(1, "updated")
    assert scene.turns(20, 5) == ["hl-1:opened", "hl-1:again", "hl-1:resolved"]  # what came before an end is told
    assert scene.count("superseded") == 1


def test_a_message_of_which_nothing_is_true_any_more_is_not_sent(
    scene: Scene, client: redis.Redis, prefix: str
) -> None:
    """A digest whose accounts are well by now: it counts as out, and stops nothing behind it."""
    scene = Scene(client, prefix, scene.slack, current=lambda entry: None if entry.id == "a" else entry.notification)
    scene.put("a", "b")
    assert scene.turns(3, 1) == ["b"]
    assert scene.count("superseded") == 1
    assert scene.outbox.waiting("slack") == []


def test_500_is_tried_again_later_and_later(scene: Scene) -> None:
    """Doubling pauses, then it gets through."""
    scene.slack.script(*[Answer(500)] * 3)
    scene.put("a")
    assert scene.turns(1, 0) == []
    for pause, attempts in ((0.9, 1), (0.2, 2), (1.7, 2), (0.5, 3), (3.5, 3)):
        scene.now_ms += int(pause * 1000)
        scene.turns(1, 0)
        assert len(scene.slack.received) == attempts
    scene.now_ms += 1000
    assert scene.turns(1, 0) == ["a"]
    assert scene.count("failed") == 3


def test_no_answer_in_time_is_a_failure_like_any_other(scene: Scene) -> None:
    """A receiver that hangs holds up its own thread for the time-out, and loses nothing."""
    scene.slack.script(Answer(delay_seconds=1.5, drop=True))
    scene.put("a")
    assert scene.turns(1, 0) == []
    assert scene.turns(5, 1) == ["a"]
    assert scene.count("failed") == 1


def test_nobody_listening_is_a_failure_like_any_other(client: redis.Redis, prefix: str) -> None:
    """Refused connections are retried."""
    slack = SlackStandin().start()
    slack.stop()
    scene = Scene(client, prefix, slack)
    scene.put("a")
    scene.turns(1, 0)
    assert scene.count("failed") == 1
    assert scene.queue.backlog(scene.now_ms).depth == 1


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refused_webhook_loses_no_message(scene: Scene, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """The address is wrong, not the message: it waits until an operator has mended the address."""
    scene.slack.otherwise = Answer(status)
    scene.put("a")
    scene.turns(1, 0)
    assert logged(caplog, receiver="slack", level="error")
    assert scene.count("gone") == 1
    assert scene.dead() == {}
    scene.slack.otherwise = Answer(200)
    assert scene.turns(3, UNAUTHORIZED_SECONDS) == ["a"]


def test_a_refused_message_is_put_among_the_dead_and_stops_no_other(scene: Scene) -> None:
    """400 says that this payload will never pass."""
    scene.slack.script(Answer(400))
    scene.put("a", "b")
    assert scene.turns(4, 1) == ["b"]
    assert scene.dead() == {"a": "status 400: error"}
    assert scene.count("dead_lettered") == 1


def test_a_message_that_failed_for_days_is_put_among_the_dead(scene: Scene) -> None:
    """It is kept, with the last reason."""
    scene.slack.otherwise = Answer(503)
    scene.put("a")
    scene.turns(3, DAY_MS / 1000 + 1)
    assert scene.dead() == {"a": "status 503: error"}


def test_an_hour_without_slack_delays_and_loses_nothing(scene: Scene) -> None:
    """On a simulated clock: thirty messages, an hour of 500, then everything within two minutes, each once."""
    scene.slack.otherwise = Answer(500)
    names = [f"m{number:02}" for number in range(30)]
    scene.put(*names)
    scene.turns(360, 10)
    assert len(scene.slack.received) < 200, "an outage is not hammered"
    scene.slack.otherwise = Answer(200)
    assert sorted(scene.turns(120, 1)) == names


def test_a_settlement_that_redis_did_not_take_is_made_up_before_anything_is_sent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is out; Redis was away when that was to be written down; it is not sent again."""
    scene.put("a")

    def away(entry: OutboxEntry, memory: bytes | None, **how: object) -> None:
        raise redis.ConnectionError("away")

    with monkeypatch.context() as patch:
        patch.setattr(scene.queue, "delivered", away)
        with pytest.raises(redis.ConnectionError):
            scene.sender.turn()
        with pytest.raises(redis.ConnectionError):
            scene.sender.turn()
    assert scene.turns(5, LEASE_MS / 1000) == ["a"]
    assert scene.queue.backlog(scene.now_ms).depth == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(scene: Scene, status: int) -> None:
    """The host was checked; where it points was not."""
    with SlackStandin() as elsewhere:
        scene.slack.script(Answer(status, location=elsewhere.url))
        scene.put("a")
        assert scene.turns(1, UNAUTHORIZED_SECONDS) == []
        assert elsewhere.received == []
        assert scene.count("gone") == 1
        assert scene.turns(2, 1) == ["a"]


def test_after_a_success_the_pauses_start_small_again(scene: Scene) -> None:
    """An old outage does not slow down the next one's first retry."""
    scene.slack.script(*[Answer(500)] * 5, Answer(200), Answer(500))
    scene.put("a")
    scene.turns(12, 10)
    assert len(scene.slack.messages) == 1
    scene.put("b")
    scene.turns(1, 0)
    assert scene.turns(2, 1.1) == ["a", "b"]


@pytest.mark.parametrize("result", [Answer(200), Answer(404), Answer(429), Answer(500), Answer(drop=True)])
def test_the_address_is_in_no_log_no_error_and_no_repr(
    result: Answer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has the address can post to the channel; so it is a password."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    with SlackStandin(otherwise=result) as slack:
        webhook = SlackWebhook("slack", SecretStr(slack.url), 1)
        said = webhook.send(make_notification(), None)
    gone = webhook.send(make_notification(), None)
    secret = slack.url.removeprefix("http://")
    for text in (caplog.text, repr(webhook), str(webhook), repr(said), repr(gone)):
        assert secret not in text
        assert "standin" not in text
    assert capfd.readouterr().err == "", "slack-sdk has a log line for every failure"


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "retry_after"),
    [
        (200, {}, DeliveryStatus.DELIVERED, None),
        (429, {"Retry-After": "7"}, DeliveryStatus.RATE_LIMITED, 7.0),
        (429, {"retry-after": "7"}, DeliveryStatus.RATE_LIMITED, 7.0),  # HTTP names have no case
        (429, {}, DeliveryStatus.RATE_LIMITED, 30.0),  # unsaid
        (429, {"Retry-After": "soon"}, DeliveryStatus.RATE_LIMITED, 30.0),  # nonsense
        (429, {"Retry-After": "999999"}, DeliveryStatus.RATE_LIMITED, 3600.0),  # within reason
        (400, {}, DeliveryStatus.REJECTED, None),  # invalid_payload
        (413, {}, DeliveryStatus.REJECTED, None),  # too large, and will be again
        (302, {}, DeliveryStatus.UNAUTHORIZED, None),  # not followed
        (403, {}, DeliveryStatus.UNAUTHORIZED, None),  # invalid_token, action_prohibited
        (404, {}, DeliveryStatus.UNAUTHORIZED, None),  # no_service, channel_not_found
        (410, {}, DeliveryStatus.UNAUTHORIZED, None),  # channel_is_archived
        (408, {}, DeliveryStatus.FAILED, None),
        (500, {}, DeliveryStatus.FAILED, None),
        (503, {}, DeliveryStatus.FAILED, None),
    ],
)
def test_what_an_answer_means(
    status: int, headers: dict[str, str], outcome: DeliveryStatus, retry_after: float | None
) -> None:
    """A table of what Slack may say."""
    result = result_of_status(status, headers)
    assert (result.status, result.retry_after_seconds) == (outcome, retry_after)


class SteppedClock:
    """A machine's clocks: the wall's can be stepped, the monotonic one goes on by hand."""

    def __init__(self, true_ms: int) -> None:
        self.true_ms, self.step_ms = true_ms, 0

    def trusted(self) -> TrustedClock:
        """What a process on the machine believes from its start."""
        return TrustedClock(lambda: self.true_ms + self.step_ms, lambda: self.true_ms)


@pytest.mark.parametrize("days", [-7, -1, 1, 7])
def test_a_clock_that_is_days_off_for_a_moment_neither_delays_a_message_nor_gives_it_up(
    client: redis.Redis, prefix: str, days: int
) -> None:
    seconds, _ = client.time()
    machine = SteppedClock(seconds * 1000)
    clock = StoreClock(client, machine.trusted())
    assert clock.observe()
    with SlackStandin() as slack:
        scene = Scene(client, prefix, slack, clock_ms=clock)
        scene.now_ms = clock()
        scene.put("a")
        slack.script(Answer(500))
        machine.step_ms = days * DAY_MS
        assert clock.offset_seconds == days * 86_400
        scene.sender.turn()  # it fails, and is written back to be tried again, on a clock that is wrong
        machine.step_ms = 0
        machine.true_ms += 60_000
        scene.sender.turn()
        assert [message["text"] for message in slack.messages] == ["a"]
        assert scene.dead() == {}
        assert clock.offset_seconds == 0


def test_a_process_that_starts_on_a_wrong_clock_goes_by_that_of_redis(
    client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    seconds, _ = client.time()
    machine = SteppedClock(seconds * 1000)
    machine.step_ms = 7 * DAY_MS
    clock = StoreClock(client, machine.trusted())
    assert clock.observe()
    assert abs(clock() - machine.true_ms) < 60_000
    assert "this machine's clock and Redis' differ" in caplog.text
    clock.observe()
    machine.step_ms = 0
    clock.observe()
    assert abs(clock() - machine.true_ms) < 60_000
    assert clock.offset_seconds == 0
    assert caplog.text.count("Redis' differ") == caplog.text.count("Redis' agree again") == 1, "each change once"


def test_a_redis_that_is_away_says_nothing_of_the_time(monkeypatch: pytest.MonkeyPatch, client: redis.Redis) -> None:
    def away(*_: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(client, "time", away)
    machine = SteppedClock(START_MS)
    clock = StoreClock(client, machine.trusted())
    assert not clock.observe()
    assert clock() == START_MS
