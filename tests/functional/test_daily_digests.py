"""Daily digests and current messages on a real Redis: what changed is told once a day, as it stands then."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import redis
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.daily_digest import next_digest
from alerts.messages.plain_text import as_text, headline
from alerts.routing import everything_to
from consumers.alerting.alerting_handler import Alerting
from consumers.alerting.audit_log import AuditLog
from consumers.alerting.batch import DecodedRecord, evaluate_batch
from consumers.alerting.current_message import CurrentMessage
from consumers.alerting.daily_digests import DailyDigests
from consumers.alerting.digest_queue import DigestQueue
from consumers.alerting.erasure import AccountErasure
from consumers.alerting.metrics import Metrics
from consumers.alerting.outbox import Keys, Outbox, OutboxEntry
from consumers.alerting.projection import Projection
from consumers.alerting.rebuild_state import Rebuilt
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import StateStore
from stream.contracts.report import Profile, encode_report
from stream.topics import Topics
from tests.reports import MONDAY, make_report

OFF_TRACK: dict[str, Any] = {"goals_off_track": 1, "outcome_pace_min": 0.8}
ON_TRACK: dict[str, Any] = {"goals_off_track": 0, "outcome_pace_min": 1.1}
TUESDAY = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)


class Read(NamedTuple):
    """A record as the poll loop hands it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes


class Scene:
    """One partition, one receiver, and the digests."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.config = AlertingConfig()
        lifecycle = self.config.lifecycle
        self.queue = DigestQueue(
            client, prefix, lambda owner, at: next_digest(owner, at, lifecycle.daily_digest, lifecycle.quiet)
        )
        self.outbox = Outbox(client, prefix)
        self.store = StateStore(client, prefix, self.outbox, AuditLog(client, prefix), self.queue)
        self.recipients = Recipients(everything_to("slack"), {"slack": lambda kind: True})
        self.digests = DailyDigests(client, self.queue, self.store, self.outbox, self.recipients, self.config)
        self.offset: int | None = None

    def report(self, account: str, at: datetime, owner: str | None = "Dana", **measures: Any) -> None:
        """One report, in one transaction."""
        report = make_report(
            account, as_of=at, measures=measures, profile=Profile(name=account.title(), owner=owner, mrr=900)
        )
        item = DecodedRecord(account, report, encode_report(report), 0)
        options: dict[str, Any] = {"now_ms": 0, "event_clock": True, "recipients": self.recipients, "partition": 0}
        offset = (self.offset or 0) + 1
        self.store.apply(
            0,
            self.offset,
            [account],
            lambda known: evaluate_batch([item], known, self.config, next_offset=offset, **options),
        )
        self.offset = offset

    def write(self, now: datetime) -> list[OutboxEntry]:
        """Whatever is due, written; what waits for the receiver then, as it would leave now."""
        self.digests.write_due(now, 1, AlertContext(self.config.lifecycle))
        return self.leaving(now)

    def leaving(self, now: datetime | None) -> list[OutboxEntry]:
        """What waits for the receiver, as it would leave at a moment; what has nothing left to say is not here."""
        current = CurrentMessage(self.store, self.config, None if now is None else lambda: now)
        found = [(entry, current(entry)) for entry in self.outbox.waiting("slack")]
        return [replace(entry, notification=said) for entry, said in found if said is not None]


@pytest.fixture
def scene(client: redis.Redis, prefix: str) -> Scene:
    return Scene(client, prefix)


def test_a_digest_is_written_at_its_hour_and_once(scene: Scene) -> None:
    scene.report("acme", MONDAY, **OFF_TRACK)
    scene.report("birch", MONDAY, **OFF_TRACK)
    assert scene.write(TUESDAY - timedelta(minutes=1)) == []
    (entry,) = scene.write(TUESDAY)
    assert headline(entry.notification.message) == "🗞 Dana: 2 got worse"
    assert "Acme (health 80, 900 a month): 1 goal behind plan, the furthest at 80% of its plan" in as_text(
        entry.notification.message
    )
    assert len(scene.write(TUESDAY + timedelta(days=5))) == 1, "nothing new, nothing told"


def test_each_owner_has_a_digest_and_accounts_without_one_have_theirs(scene: Scene) -> None:
    scene.report("acme", MONDAY, owner="Ada", **OFF_TRACK)
    scene.report("birch", MONDAY, owner=None, **OFF_TRACK)
    heads = sorted(headline(entry.notification.message) for entry in scene.write(TUESDAY))
    assert heads == ["🗞 Accounts without an owner: Birch got worse", "🗞 Ada: Acme got worse"]
    owners = {entry.notification.owner for entry in scene.outbox.waiting("slack")}
    assert owners == {"Ada", None}, "routes choose by owner"


def test_what_is_undone_by_then_is_no_news(scene: Scene) -> None:
    scene.report("acme", MONDAY, **OFF_TRACK)
    scene.report("acme", MONDAY + timedelta(hours=2), **ON_TRACK)
    assert scene.write(TUESDAY) == []


def test_what_comes_after_the_hour_waits_for_the_next_day(scene: Scene) -> None:
    """Also where the digest is written late, as on the event clock."""
    scene.report("acme", MONDAY, **OFF_TRACK)
    scene.report("birch", TUESDAY + timedelta(hours=3), **OFF_TRACK)
    (first,) = scene.write(TUESDAY + timedelta(hours=4))
    assert "Birch" not in as_text(first.notification.message)
    assert [headline(entry.notification.message) for entry in scene.write(TUESDAY + timedelta(days=1))] == [
        "🗞 Dana: Acme got worse",
        "🗞 Dana: Birch got worse",
    ]


def test_a_digest_that_is_late_speaks_of_now_and_says_so(scene: Scene) -> None:
    scene.report("acme", MONDAY, **OFF_TRACK)
    (entry,) = scene.write(TUESDAY + timedelta(days=5))
    assert entry.id.endswith("-20260303:daily_digest"), "named by the day that it was due on, however often it is tried"
    assert as_text(entry.notification.message).splitlines()[-1].startswith("Sun 8 Mar 2026")


def test_on_the_event_clock_digests_come_while_the_history_is_read(scene: Scene) -> None:
    """Not once it has ended, with old days and new numbers: of each day only what was known by then is told."""
    topics, seconds = Topics(), iter(range(1, 100))
    alerting = Alerting(
        scene.store,
        scene.config,
        Projection(),
        Metrics(CollectorRegistry(), topics.health, scene.config.book.names, []),
        topics=topics,
        event_clock=True,
        recipients=scene.recipients,
        rebuild=lambda partition: Rebuilt(),
        digests=scene.digests,
        clock_ms=lambda: next(seconds) * 1000,
    )
    alerting.on_assigned(topics.health, 0)
    written = []
    for day, measures in enumerate([OFF_TRACK, OFF_TRACK, ON_TRACK, ON_TRACK]):
        as_of = MONDAY + timedelta(days=day)
        report = make_report("acme", as_of=as_of, measures=measures, profile=Profile(name="Acme", owner="Dana"))
        record: Any = Read(topics.health, 0, day, 0, b"acme", encode_report(report))
        alerting.handle(topics.health, 0, [record])
        alerting.tick()
        written += [as_text(entry.notification.message).splitlines() for entry in scene.leaving(None)]
    assert [(lines[0], lines[-1][:14]) for lines in written] == [
        ("🗞 Dana: Acme got worse", "Tue 3 Mar 2026"),
        ("🗞 Dana: Acme got better", "Thu 5 Mar 2026"),
    ]


def test_weekends_have_no_digest(scene: Scene) -> None:
    scene.report("acme", TUESDAY + timedelta(days=3, hours=4), **OFF_TRACK)
    assert scene.write(TUESDAY + timedelta(days=5)) == []
    assert len(scene.write(TUESDAY + timedelta(days=6))) == 1


def test_a_message_that_waited_speaks_of_the_moment_in_which_it_leaves(scene: Scene) -> None:
    """An outage of the receiver makes a message late, and never wrong."""
    wednesday = MONDAY + timedelta(days=2)
    scene.report("acme", MONDAY, cancellation_requested=1, cancellation_requested_days=0, subscriptions_active=1)
    (entry,) = scene.outbox.waiting("slack")
    assert "wants to cancel" in headline(entry.notification.message)
    (current,) = scene.leaving(wednesday)
    assert headline(current.notification.message) == "🚨 Acme wants to cancel: asked 2 days ago"
    assert (current.notification.id, current.notification.at) == (entry.id, wednesday)


def test_a_digest_speaks_of_the_moment_in_which_it_leaves(scene: Scene) -> None:
    """What was mended while its receiver was away is not told, and what is left of it is told as it is by then."""
    scene.report("acme", MONDAY, **OFF_TRACK)
    scene.report("birch", MONDAY, **OFF_TRACK)
    (written,) = scene.write(TUESDAY)
    assert "80% of its plan" in as_text(written.notification.message)
    scene.report("acme", TUESDAY + timedelta(hours=1), goals_off_track=1, outcome_pace_min=0.7)
    scene.report("birch", TUESDAY + timedelta(hours=1), **ON_TRACK)
    (later,) = scene.leaving(TUESDAY + timedelta(hours=2))
    assert later.id == written.id
    assert headline(later.notification.message) == "🗞 Dana: Acme got worse"
    assert "70% of its plan" in as_text(later.notification.message)
    scene.report("acme", TUESDAY + timedelta(hours=3), **ON_TRACK)
    assert scene.leaving(TUESDAY + timedelta(hours=4)) == []


def test_a_digest_that_waits_has_nothing_of_an_account_that_was_erased(
    scene: Scene, client: redis.Redis, prefix: str
) -> None:
    """Neither its name, nor its id, nor a line; without other lines the digest is gone."""
    scene.report("acme", MONDAY, **OFF_TRACK)
    scene.report("birch", MONDAY, **OFF_TRACK)
    (written,) = scene.write(TUESDAY)
    assert AccountErasure(client, prefix).erase("acme").digest_items == 1
    stored = client.get(Keys(prefix, "slack").entry(written.id))
    assert b"acme" not in bytes(stored or b"").lower()  # type: ignore[arg-type]
    (left,) = scene.leaving(TUESDAY)
    assert headline(left.notification.message) == "🗞 Dana: Birch got worse"
    assert AccountErasure(client, prefix).erase("birch").digest_items == 1
    assert scene.outbox.waiting("slack") == []


def test_a_message_about_what_is_over_stays_as_it_was_written(scene: Scene) -> None:
    scene.report("acme", MONDAY, cancellation_requested=1, subscriptions_active=1)
    scene.report("acme", MONDAY + timedelta(hours=1), cancellation_requested=0, subscriptions_active=1)
    opened, _ = scene.outbox.waiting("slack")
    current = scene.leaving(None)
    assert current[0] == opened
    assert headline(current[1].notification.message) == "✅ Acme: they withdrew the request to cancel"
