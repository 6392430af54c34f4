"""Real events through replay, Kafka, worker, health topic, alerting and a Slack stand-in, exact under kill -9.

The whole of the real usage, ticket and survey data where they lie beside the project, else the committed sample.
What the worker holds in the end is compared, account by account, with one uninterrupted pass over the input topics
in this process, and with what a batch computation makes of the files.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from heartline.demo.slack_standin import SlackStandin
from heartline.jsonl import read_lines
from stream.calendar.clock import EventClock
from stream.calendar.day import end_of_day_ms
from stream.contracts.partitioner import partition_of
from stream.contracts.report import HealthReport, decode_report
from stream.history.active_days import ActiveDays
from stream.history.best_half_year import BestHalfYear
from stream.history.columns import Column
from stream.history.dips import Dips
from stream.kinds.recent_ids import RecentIds
from stream.kinds.state import AccountState, decode_state, newest_ms
from stream.scoring.evaluation import build_report
from stream.scoring.shipped import DEFAULT
from stream.topics import Topics
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import Role, wait_for
from tests.integration.topics import group_lag, last_values, read_all, unread
from tests.oracle.batch import recompute
from tests.oracle.facts import state_differences
from tests.real_data import event_files
from tests.servers import Kafka

PARTITIONS = 4


@pytest.fixture
def topics(prefix: str) -> Topics:
    return Topics(prefix, "e2e")


@pytest.fixture
def slack() -> Iterator[SlackStandin]:
    with SlackStandin() as stand_in:
        yield stand_in


@pytest.fixture
def env(kafka: Kafka, redis_url: str, prefix: str, slack: SlackStandin, tmp_path: Path) -> dict[str, str]:
    """The settings of every process. Who is silent is a page, for the shipped rules page for paying customers alone."""
    config = tmp_path / "alerting.yaml"
    rules = {"silence": {"channel": "page"}, "breadth_collapsed": {"channel": "page", "users_min": 1}}
    config.write_text(json.dumps({"rules": rules, "lifecycle": {"pages": {"every_days": 0}}}), "utf-8")
    return {
        "HEARTLINE_ALERTING__CONFIG": str(config),
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "REDIS_URL": redis_url,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__APP_ID": "e2e",
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
        "HEARTLINE_REDIS__KEY_PREFIX": prefix,
        "HEARTLINE_WORKER__CLOCK": "event",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_WORKER__REBALANCE_TIMEOUT_SECONDS": "12",
        "HEARTLINE_WORKER__METRICS_PORT": "0",
        "HEARTLINE_ALERTING__CLOCK": "event",
        "HEARTLINE_ALERTING__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_ALERTING__METRICS_PORT": "0",
        "HEARTLINE_SLACK__WEBHOOK_URL": slack.url,
        "HEARTLINE_SLACK__ALLOW_INSECURE_LOOPBACK": "true",
        "HEARTLINE_SLACK__MESSAGES_PER_SECOND": "1000",
    }


def uninterrupted_pass(bootstrap_servers: str, topics: Topics) -> dict[str, AccountState]:
    """The states that one pass over the input topics gives, without any engine, checkpoint or restart."""
    processor = HealthProcessor(topics, EventClock())
    partitions = [AccountPartition(n, PARTITIONS) for n in range(PARTITIONS)]
    for topic in topics.inputs:
        for record in read_all(bootstrap_servers, topic):
            processor.fold(partitions[record.partition], topic, [record])
    return {account_id: state for partition in partitions for account_id, state in partition.states.items()}


def facts(state: AccountState) -> list[object]:
    """What events alone decide; scores, and what a look notes and forgets, depend on when one was made."""
    unscored = replace(state.usage.days, scored_day=-1, tenths=[], packed_tenths=Column())
    days = replace(unscored, recent=BestHalfYear(), active=ActiveDays(), dips=Dips())
    return [replace(state.usage, days=days, recent_ids=RecentIds()), state.ticket, state.survey, state.profile]


def batch_differences(states: dict[str, AccountState]) -> dict[str, object]:
    """What differs from a batch computation over the files, each account as of the day of its own last event."""
    by_account: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in event_files():
        for _, line in read_lines(path):
            event = msgspec.json.decode(line)
            by_account[event["account_id"]].append(event)
    by_last_day: dict[str, list[str]] = defaultdict(list)
    for account_id, events in by_account.items():
        by_last_day[max(event["timestamp"] for event in events)[:10]].append(account_id)
    wrong: dict[str, object] = {}
    for last_day, account_ids in by_last_day.items():
        day = date.fromisoformat(last_day)
        expected = recompute([event for account_id in account_ids for event in by_account[account_id]], day)
        end_ms = end_of_day_ms((day - date(1970, 1, 1)).days)
        wrong |= state_differences({account_id: states[account_id] for account_id in account_ids}, expected, end_ms)
    return wrong


def test_every_account_is_exact_after_a_stop_and_a_kill(
    kafka: Kafka, env: dict[str, str], topics: Topics, slack: SlackStandin, tmp_path: Path
) -> None:
    """Replay everything while the worker is stopped once and killed once; state, health and alerts must be exact."""
    servers = kafka.bootstrap_servers
    inputs = list(topics.inputs)
    worker = Role(["worker"], env, tmp_path / "worker.log")
    alerting = Role(["alerting"], env, tmp_path / "alerting.log")
    replay = Role(["replay", *map(str, event_files()), "--json"], env, tmp_path / "replay.log")
    with worker, alerting, replay:
        worker.start("worker ready")
        alerting.start("alerting ready")
        replay.start()
        folded = _progress(servers, topics)
        wait_for(lambda: folded() > 0, 60, "the first checkpoint")
        assert worker.stop() == 0, worker.output()[-4000:]
        worker.start("worker ready")
        before = folded()
        wait_for(
            lambda: folded() > before or group_lag(servers, f"{topics.prefix}e2e", inputs) == 0,
            60,
            "a checkpoint after the stop",
        )
        worker.kill()
        worker.start("worker ready")
        assert replay.process is not None
        assert replay.process.wait(HANG_SECONDS) == 0, replay.output()[-4000:]
        wait_for(
            lambda: group_lag(servers, f"{topics.prefix}e2e", inputs) == 0, 120, "the worker has folded everything"
        )
        accounts = set(last_values(servers, topics.changelog))
        wait_for(lambda: set(last_values(servers, topics.health)) == accounts, 60, "every account is evaluated")
        wait_for(lambda: _is_evaluated_to_the_end(servers, topics), 60, "and to the end of the stream")
        assert worker.stop() == 0
        wait_for(
            lambda: unread(servers, f"{topics.prefix}e2e-alerting", topics.health) == 0,
            60,
            "alerting has read all health",
        )

    states = {account_id: decode_state(value) for account_id, value in last_values(servers, topics.changelog).items()}
    expected = uninterrupted_pass(servers, topics)
    assert set(states) == set(expected)
    wrong = [account_id for account_id in expected if facts(states[account_id]) != facts(expected[account_id])]
    assert wrong == []
    assert batch_differences(states) == {}
    reports = {key: decode_report(value) for key, value in last_values(servers, topics.health).items()}
    assert set(reports) == set(expected)
    _assert_health_is_what_the_state_justifies(states, reports)
    _assert_told_once(slack, alerting.output())


def _progress(bootstrap_servers: str, topics: Topics) -> "Progress":
    return Progress(bootstrap_servers, topics)


class Progress:
    """How many changelog records there are, which grows with every checkpoint."""

    def __init__(self, bootstrap_servers: str, topics: Topics) -> None:
        self._args = (bootstrap_servers, topics.changelog)

    def __call__(self) -> int:
        return sum(1 for _ in read_all(*self._args))


def _is_evaluated_to_the_end(servers: str, topics: Topics) -> bool:
    """Whether what waited for its evaluation has had it: folding goes first, on a busy machine by far."""
    states = {account_id: decode_state(value) for account_id, value in last_values(servers, topics.changelog).items()}
    reports = {key: decode_report(value) for key, value in last_values(servers, topics.health).items()}
    try:
        _assert_health_is_what_the_state_justifies(states, reports)
    except AssertionError:
        return False
    return True


def _assert_health_is_what_the_state_justifies(
    states: dict[str, AccountState], reports: dict[str, HealthReport]
) -> None:
    """What is published last is what the state gives at the end of the stream, but for what is not news (a point)."""
    watermarks: dict[int, int] = defaultdict(int)
    for account_id, state in states.items():
        partition = partition_of(account_id, PARTITIONS)
        watermarks[partition] = max(watermarks[partition], newest_ms(state) or 0)
    for account_id, report in reports.items():
        evaluated = states[account_id].published
        assert evaluated is not None
        assert (report.band, report.score) == (evaluated.band, evaluated.score), account_id
        now = build_report(account_id, states[account_id], watermarks[partition_of(account_id, PARTITIONS)], DEFAULT)
        assert now.band == report.band, account_id
        assert now.score == (None if report.score is None else pytest.approx(report.score, abs=1.0)), account_id


def _assert_told_once(slack: SlackStandin, log: str) -> None:
    """No alert was told twice: each message that a receiver accepted has an id of its own."""
    told = Counter(msgspec.json.encode(message) for message in slack.messages)
    assert told, "not one red flag in the whole of the data"
    repeated = [message for message, times in told.items() if times > 1]
    assert repeated == [], log[-4000:]
