"""The alerting process on Apache Kafka and Redis: told once, never missed, whatever is killed or away meanwhile."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from msgspec.structs import replace

from alerts.commands import Acknowledge, AddSilence, Resolve
from alerts.silences import Silence
from consumers.alerting.command_sender import CommandSender, stamp
from heartline.demo.slack_standin import Answer, SlackStandin
from heartline.embedded import KafkaServer, ValkeyServer
from heartline.embedded.ports import free_ports
from stream.contracts.report import HealthReport, encode_report
from tests.deadlines import HANG_SECONDS
from tests.integration.alerting_world import PARTITIONS, World
from tests.integration.conftest import NewTopic
from tests.integration.roles import Role, asked, wait_for
from tests.paged import RULE
from tests.reports import MONDAY, make_report
from tests.servers import Kafka, Way

MakeWorld = Callable[[str], World]


@pytest.fixture
def make_world(kafka: Kafka, new_topic: NewTopic, prefix: str, tmp_path: Path) -> Iterator[MakeWorld]:
    """Make the surroundings of an alerting process on a given Redis."""
    topic = new_topic("account-health", PARTITIONS, {"cleanup.policy": "compact"})
    worlds: list[World] = []
    with SlackStandin() as slack:

        def make(redis_url: str) -> World:
            worlds.append(World(kafka, topic, prefix, redis_url, slack, tmp_path))
            return worlds[-1]

        yield make
        for world in worlds:
            world.close()


@pytest.fixture
def world(make_world: MakeWorld, redis_url: str) -> World:
    """The surroundings on the shared Redis."""
    return make_world(redis_url)


OPENED: Final = "🚩 Acme Corp has lost most of its users: monthly users fell from n to n"
RESOLVED: Final = "✅ Acme Corp: n of n monthly users are back"


def account_of(message: Mapping[str, Any]) -> str:
    """The account that a message leads to."""
    text: str = message["blocks"][-1]["elements"][0]["text"]
    return text.removeprefix("<https://board.example/accounts/").split("|")[0]


def alert_id(world: World, message: Mapping[str, Any]) -> str:
    """The alert that a message tells of: the newest of its account."""
    account = account_of(message)
    return [step.alert.alert_id for step in world.audit() if step.alert and step.alert.account_id == account][-1]


def headline(message: Mapping[str, Any]) -> str:
    """A message's headline, without its numbers."""
    text: str = message["blocks"][0]["text"]["text"]
    return re.sub(r"\d+", "n", text)


def days(account: str, *scores: float, start: int = 0) -> list[HealthReport]:
    """One report a day."""
    return [make_report(account, score, as_of=MONDAY + timedelta(days=start + day)) for day, score in enumerate(scores)]


def test_an_episode_is_told_once_and_resolved_once(world: World) -> None:
    """Down, down, up, and a second account that stays well; poison between them stops nothing."""
    with world.alerting().start("alerting ready") as process:
        world.publish(*days("acme", 80, 45, 40, 41), *days("fine", 80, 81, 82))
        world.put(b"acme", b"{not json")
        world.put(b"", b"{}")
        world.publish(*days("acme", 60, 62, start=4))
        world.wait_until_judged()
        world.slack.wait_for(2, HANG_SECONDS)

        assert world.metric("heartline_health_records_total", outcome="poison") == 2
        assert world.metric("heartline_account_health_score", account="acme") == 62
        assert world.metric("heartline_account_health_score", account="fine") == 82
        assert world.metric("heartline_accounts", band="healthy", segment="mid-market") == 1
        assert world.metric("heartline_alerts_open", rule=RULE, severity="warning") == 0
        assert process.stop() == 0

    told = world.slack.messages
    assert [headline(message) for message in told] == [OPENED, RESOLVED]
    assert account_of(told[0]) == account_of(told[1])
    assert re.search(r"offset=\d+ partition=\d+ topic=", process.output())
    assert "passed over" in process.output()
    assert world.slack.url not in process.output()


def test_kill_9_between_any_two_batches_misses_nothing_and_repeats_no_episode(world: World) -> None:
    """Thirty accounts fall while the process is killed three times; then all recover."""
    accounts = [f"account-{number}" for number in range(30)]
    with world.alerting() as process:
        for third in range(3):
            process.start("alerting ready")
            for account in accounts[third * 10 : third * 10 + 10]:
                world.publish(*days(account, 80, 45, 20))
            so_far = len(world.slack.messages)
            world.slack.wait_for(so_far + 3, HANG_SECONDS)
            process.kill()
        process.start("alerting ready")
        world.wait_until_judged()
        # What a killed process held is free again after half a minute.
        wait_for(lambda: len(set(map(account_of, world.slack.messages))) == 30, 60, "a red flag for each account")
        for account in accounts:
            world.publish(*days(account, 70, start=3))
        world.wait_until_judged()
        wait_for(lambda: count(world, "are back") >= 30, 60, "every account resolved")
        assert world.metric("heartline_alerts_open", rule=RULE, severity="critical") == 0
        assert process.stop() == 0
    told = world.slack.messages
    ended = [account_of(message) for message in told if headline(message).startswith("✅")]
    raised = [account_of(message) for message in told if headline(message).startswith(("🚩", "🚨"))]
    assert len(set(raised)) == len(set(ended)) == 30
    # Up, and worse; and one a kill may come again, that was out when the process died and not yet written down as such.
    assert len(ended) <= 30 + 3
    assert len(raised) <= 2 * 30 + 3


def count(world: World, word: str) -> int:
    """Messages with a word in their headline."""
    return sum(word in headline(message) for message in world.slack.messages)


def test_gauges_are_whole_after_a_restart(world: World) -> None:
    """Nothing new arrives after the restart, and every account still has its gauge."""
    with world.alerting() as process:
        process.start("alerting ready")
        world.publish(*days("acme", 45), *days("globex", 77), *days("initech", 20))
        world.wait_until_judged()
        before = world.metrics()
        assert process.stop() == 0
        process.start("alerting ready")
        wait_for(lambda: world.metric("heartline_accounts_truncated") == 0, 30, "the exporter to answer")
        after = world.metrics()
    for name in ("heartline_account_health_score", "heartline_accounts", "heartline_alerts_open"):
        gauges = {key: value for key, value in before.items() if key[0] == name}
        assert gauges == {key: value for key, value in after.items() if key[0] == name}
        assert gauges
    assert after["heartline_account_health_score", (("account", "initech"),)] == 20


def test_redis_away_for_seconds_loses_nothing(make_world: MakeWorld, own_redis: Callable[..., ValkeyServer]) -> None:
    """Reports that come while Redis is down are evaluated when it is back, without a restart of the process."""
    server = own_redis()
    world = make_world(server.url)
    with world.alerting().start("alerting ready") as process:
        world.publish(*days("early", 80, 45))
        world.slack.wait_for(1, HANG_SECONDS)
        server.stop()
        world.publish(*days("during", 80, 45), *days("early", 70, start=2))
        wait_for(lambda: (world.metric("heartline_alerting_store_retries_total") or 0) >= 3, 20, "retries")
        address = f"http://127.0.0.1:{world.metrics_port}"
        assert asked(f"{address}/readyz") == (503, "Redis is away: ConnectionError\n")
        assert asked(f"{address}/livez") == (200, "ok\n"), "a restart would not bring Redis back"
        server.start()
        world.slack.wait_for(3, HANG_SECONDS)
        world.wait_until_judged()
        assert process.stop() == 0
    told = sorted(headline(message) for message in world.slack.messages)
    assert told == [RESOLVED, OPENED, OPENED]


def test_redis_emptied_while_running_is_rebuilt_from_the_audit_log(
    make_world: MakeWorld, own_redis: Callable[..., ValkeyServer]
) -> None:
    """Without a record or a restart: the same episode stays open, with who took it on, and its end is told."""
    server = own_redis()
    world = make_world(server.url)
    sender = CommandSender(world.kafka_settings())
    with world.alerting().start("alerting ready") as process:
        world.publish(*days("acme", 45), *days("globex", 80))
        opened = world.slack.wait_for(1, HANG_SECONDS)[0]
        sender.send(Acknowledge(**stamp("ann"), account_id="acme", alert_id=alert_id(world, opened)))
        wait_for(lambda: "delivered" in world.steps() and "acknowledged" in world.steps(), 20, "steps on the topic")
        world.redis.flushall()
        wait_for(lambda: "state rebuilt" in process.output(), 20, "the loss to be noticed")
        wait_for(lambda: world.metric("heartline_account_health_score", account="globex") == 80, 20, "the gauge back")
        assert world.metric("heartline_alerts_open", rule=RULE, severity="warning") == 1
        world.publish(*days("acme", 70, start=2))
        world.slack.wait_for(2, HANG_SECONDS)
        wait_for(lambda: world.steps().count("delivered") == 2, 20, "the last step on the topic")
        assert process.stop() == 0
    sender.close()
    told = world.slack.messages
    assert [headline(message) for message in told] == [OPENED, RESOLVED]
    assert len({account_of(message) for message in told}) == 1
    last = [step for step in world.audit() if step.alert is not None][-1]
    assert last.alert is not None
    assert (last.kind, last.alert.acknowledged_by) == ("resolved", "ann")


def test_commands_and_silences_reach_the_process_that_has_the_account(world: World) -> None:
    """Acknowledged while no process runs; silenced for one account and not for another; poison stops nothing."""
    sender = CommandSender(world.kafka_settings())
    now = datetime.now(UTC)
    silence = Silence(
        silence_id="s1",
        by="ann",
        why="migration",
        starts_at=now,
        ends_at=MONDAY + timedelta(days=9000),
        account_id="globex",
    )
    with world.alerting() as process:
        process.start("alerting ready")
        sender.send(AddSilence(**stamp("ann"), silence=replace(silence, starts_at=MONDAY - timedelta(days=1))))
        wait_for(lambda: "silence_added" in world.steps(), 20, "the silence")
        world.publish(*days("acme", 45), *days("globex", 45))
        opened = world.slack.wait_for(1, HANG_SECONDS)[0]
        world.wait_until_judged()
        assert process.stop() == 0
        world.cli("alert", "ack", alert_id(world, opened), "--by", "ann", "--note", "call on Friday")
        world.cli("alert", "verdict", alert_id(world, opened), "valid", "--by", "ann")
        world.command(b"acme", b"{not json")
        sender.send(Resolve(**stamp("bob"), account_id="acme", alert_id=alert_id(world, opened), note="renewed"))
        process.start("alerting ready")
        world.slack.wait_for(2, HANG_SECONDS)
        assert "s1  until" in world.cli("silence", "list")
        # The list reads the audit log, which follows the decision by a moment.
        wait_for(lambda: [a["account_id"] for a in world.open_alerts()] == ["globex"], 20, "only globex is open")
        world.cli("silence", "expire", "s1", "--by", "ann")
        world.slack.wait_for(3, HANG_SECONDS)
        wait_for(lambda: "notified" in world.steps(), 20, "what was silenced is told")
        shown = world.cli("alert", "show", alert_id(world, opened))
        assert "acknowledged  ann: ann is on it: call on Friday" in shown
        assert world.metric("heartline_alert_precision_ratio", rule=RULE) == 1
        assert world.metric("heartline_alert_commands_total", outcome="poison") == 1
        assert process.stop() == 0
    sender.close()
    told = [headline(message) for message in world.slack.messages]
    assert told[1] == "⚪ Acme Corp: closed by bob: renewed"
    assert told[0] == told[2] == OPENED
    by_account = [(step.account_id, step.kind, step.by) for step in world.audit() if step.kind != "delivered"]
    assert ("acme", "acknowledged", "ann") in by_account
    assert ("acme", "resolved", "bob") in by_account
    assert ("globex", "notified", "heartline") in by_account


def test_slack_in_trouble_delays_messages_and_not_the_poll_thread(world: World) -> None:
    """500, no answer in time, 429 with Retry-After: all delivered in the end, while reports go on being evaluated."""
    world.env["HEARTLINE_SLACK__TIMEOUT_SECONDS"] = "1"
    world.slack.script(Answer(500), Answer(200, delay_seconds=3, drop=True), Answer(429, retry_after_seconds=2))
    with world.alerting().start("alerting ready") as process:
        world.publish(*days("acme", 45))
        wait_for(lambda: len(world.slack.received) == 1, 20, "the first attempt")
        world.publish(*days("globex", 80, 82, 84))
        world.wait_until_judged()
        assert not world.slack.messages, "reports are evaluated while Slack is in trouble"
        world.slack.wait_for(1, HANG_SECONDS)
        tries = world.slack.received
        assert tries[3].at_seconds - tries[2].at_seconds >= 2, "Retry-After is honoured"
        wait_for(lambda: world.metric("heartline_outbox_depth", receiver="slack") == 0, 30, "an empty outbox")
        assert world.metric("heartline_notifications_total", receiver="slack", outcome="failed") == 2
        assert world.metric("heartline_notifications_total", receiver="slack", outcome="rate_limited") == 1
        assert world.metric("heartline_notifications_total", receiver="slack", outcome="delivered") == 1
        assert process.stop() == 0


def test_two_processes_share_the_accounts_and_tell_each_episode_once(world: World, tmp_path: Path) -> None:
    """A second process joins and one leaves while reports come in."""
    other_env = world.env | {"HEARTLINE_ALERTING__METRICS_PORT": str(free_ports(1)[0])}
    going = threading.Event()
    accounts = [f"account-{number}" for number in range(60)]

    def feed() -> None:
        for account in accounts:
            world.publish(*days(account, 80, 45))
            going.wait(0.1)

    with world.alerting().start("alerting ready") as first:
        thread = threading.Thread(target=feed)
        thread.start()
        with Role(["alerting"], other_env, tmp_path / "other.log").start("alerting ready") as second:
            assert first.stop() == 0
            thread.join()
            world.wait_until_judged()
            world.slack.wait_for(60, HANG_SECONDS)
            assert second.stop() == 0
    ids = [account_of(message) for message in world.slack.messages]
    assert len(ids) == len(set(ids)) == 60


def test_a_deleted_account_takes_its_alert_and_its_gauges_with_it(world: World) -> None:
    """A tombstone closes the red flag with a message, and nothing of the account stays."""
    with world.alerting().start("alerting ready") as process:
        world.publish(*days("acme", 45))
        world.slack.wait_for(1, HANG_SECONDS)
        world.put(b"acme", None)
        world.wait_until_judged()
        assert headline(world.slack.wait_for(2, HANG_SECONDS)[1]) == "⚪ Acme Corp was deleted"
        assert world.metric("heartline_account_health_score", account="acme") is None
        assert process.stop() == 0
    left = set(world.redis.scan_iter(f"{world.prefix}:*")) - {f"{world.prefix}:outbox:receivers".encode()}
    assert {key.decode().removeprefix(f"{world.prefix}:").split(":")[0] for key in left} <= {
        "next_offset",
        "topic_id",
        "outbox",
        "audit",
    }
    assert not [key for key in left if b"accounts" in key or b"reports" in key or b"due" in key]


def test_a_health_topic_that_was_made_again_is_read_from_its_beginning(world: World) -> None:
    """It has grown past the offset that is remembered, so that nothing but its id tells of it."""
    with world.alerting().start("alerting ready") as process:
        world.publish(*days("fine", 80, 81, 82))
        world.wait_until_judged()
        assert process.stop() == 0
    admin = KafkaAdminClient(bootstrap_servers=world.kafka.bootstrap_servers)
    try:
        admin.delete_topics([world.topic])
        options = {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}}
        admin.create_topics({world.topic: options}, wait_for_metadata=True)
    finally:
        admin.close()
    world.publish(*days("acme", 45), *days("fine", *([83] * 9), start=1))
    with world.alerting().start("alerting ready") as process:
        world.wait_until_judged()
        assert world.metric("heartline_account_health_score", account="acme") == 45, "the first of its partition"
        assert "the health topic was deleted and made again" in process.output()
        assert process.stop() == 0
    with world.alerting().start("alerting ready") as process:
        assert process.output().count("the health topic was deleted and made again") == PARTITIONS, "said once each"
        assert process.stop() == 0


def test_only_committed_reports_count_and_the_lag_comes_down_to_zero(world: World) -> None:
    """The worker publishes in transactions: an aborted one never was, and its markers are no lag."""
    producer = KafkaProducer(
        bootstrap_servers=world.kafka.bootstrap_servers, acks="all", transactional_id=f"{world.prefix}worker"
    )
    producer.init_transactions()
    with world.alerting().start("alerting ready") as process:
        for score, commit in ((45.0, False), (85.0, True), (10.0, False)):
            producer.begin_transaction()
            for account in ("acme", "globex", "initech", "umbrella"):
                producer.send(world.topic, key=account.encode(), value=encode_report(make_report(account, score)))
            producer.flush()
            if commit:
                producer.commit_transaction()
            else:
                producer.abort_transaction()
        wait_for(lambda: world.metric("heartline_account_health_score", account="acme") == 85, 20, "the report")
        wait_for(lambda: set(lags(world).values()) == {0.0}, 20, "no lag")
        assert world.metric("heartline_health_records_total", outcome="evaluated") == 4
        assert process.stop() == 0
    producer.close()
    assert world.slack.messages == []


def lags(world: World) -> dict[str, float]:
    """Lag by partition."""
    found = {key: value for key, value in world.metrics().items() if key[0] == "heartline_alerting_lag_records"}
    return {dict(labels)["partition"]: value for (_, labels), value in found.items()}


def test_kafka_away_for_seconds_ends_nothing(
    own_kafka: Callable[..., KafkaServer], redis_url: str, prefix: str, tmp_path: Path
) -> None:
    """The broker goes and comes back; the process stays, creates no second episode, and goes on."""
    server = own_kafka()
    with SlackStandin() as slack:
        kafka = Kafka(server.bootstrap_servers, Way.LAUNCHER)
        world = World(kafka, f"{prefix}account-health", prefix, redis_url, slack, tmp_path)
        with world.alerting().start("alerting ready") as process:
            world.publish(*days("acme", 80, 45))
            slack.wait_for(1, HANG_SECONDS)
            server.restart()
            world.publish(*days("acme", 70, start=2))
            slack.wait_for(2, HANG_SECONDS)
            assert process.stop() == 0
        world.close()
    assert "Traceback" not in process.output()
