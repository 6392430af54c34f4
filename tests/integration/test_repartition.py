"""An installation moves from 2 partitions to 5, killed on the way; nothing is lost, doubled or missed."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis
from kafka import KafkaProducer

from stream.contracts.partitioner import partition_of
from stream.kinds.state import AccountState, decode_state
from stream.topics import Topics
from tests.deadlines import HANG_SECONDS
from tests.integration.alerting_world import own_names
from tests.integration.roles import Role, wait_for
from tests.integration.topics import last_values, read_all, unread
from tests.servers import Kafka
from tests.streams import make_stream

BEFORE, AFTER = 2, 5
ACCOUNTS = 40


def events(seed: int, count: int) -> list[dict[str, Any]]:
    """Events of many accounts: two accounts' streams under other names."""
    found: list[dict[str, Any]] = []
    for number in range(ACCOUNTS // 2):
        for event in make_stream(seed + number, count, span_days=30):
            told = {**event, "account_id": f"{event['account_id']}-{number}"}
            found.append(told | {"event_id": f"{seed}-{number}-{len(found)}"})
    random.Random(seed).shuffle(found)
    return found


def produce(kafka: Kafka, topics: Topics, told: list[dict[str, Any]], partitions: int, wrong_ratio: float) -> None:
    """Send events, some of them to another partition than their account's."""
    producer, chance = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers), random.Random(1)
    for event in told:
        own = partition_of(event["account_id"], partitions)
        at = (own + 1) % partitions if chance.random() < wrong_ratio else own
        value = json.dumps(event).encode()
        producer.send(topics.input(event["type"]), value, event["account_id"].encode(), partition=at)
    producer.flush()
    producer.close()


def settings(kafka: Kafka, redis_url: str, prefix: str, partitions: int) -> dict[str, str]:
    return {
        **own_names(kafka, redis_url, prefix, partitions),
        "HEARTLINE_KAFKA__APP_ID": "moved",
        "HEARTLINE_WORKER__METRICS_PORT": "null",
        "HEARTLINE_WORKER__CLOCK": "event",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_WORKER__REBALANCE_TIMEOUT_SECONDS": "10",
        "HEARTLINE_ALERTING__METRICS_PORT": "0",
        "HEARTLINE_ALERTING__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_ALERTING__CLOCK": "event",
    }


def moving(env: Mapping[str, str], to: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
    command = [sys.executable, "-m", "heartline.cli", "repartition", "--to-prefix", to, "--partitions", str(AFTER)]
    return subprocess.Popen(command, env=kept | dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def is_read(kafka: Kafka, topics: Topics, group: str) -> bool:
    """Whether a group has folded everything."""
    return not any(unread(kafka.bootstrap_servers, group, topic) for topic in topics.sources)


def folded(kafka: Kafka, topics: Topics) -> dict[str, AccountState]:
    return {key: decode_state(value) for key, value in last_values(kafka.bootstrap_servers, topics.changelog).items()}


def facts(state: AccountState) -> list[Any]:
    """What events alone decide, whatever the order of the topics."""
    usage = state.usage
    users = {name: record[1:] for name, record in usage.users.items()}
    return [usage.events, users, sorted(usage.features), state.ticket, state.survey, state.touchpoint, state.profile]


def test_a_move_that_is_killed_again_and_again_loses_doubles_and_misses_nothing(
    kafka: Kafka, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    old, new = Topics(prefix, "moved"), Topics(f"{prefix}new-", "moved")
    env, client = settings(kafka, redis_url, prefix, BEFORE), redis.Redis.from_url(redis_url)
    with Role(["worker"], env, tmp_path / "w.log") as worker, Role(["alerting"], env, tmp_path / "a.log") as alerting:
        worker.start("worker ready")
        alerting.start("alerting ready")
        first = events(7, 100)
        produce(kafka, old, first, BEFORE, 0.2)
        wait_for(lambda: is_read(kafka, old, f"{prefix}moved"), 120, "folded")
        wait_for(lambda: len(last_values(kafka.bootstrap_servers, old.health)) == ACCOUNTS, 60, "evaluated")
        assert moving(env, f"{prefix}new-").wait(HANG_SECONDS) == 1, "it is refused while they run"
        assert alerting.stop() == 0
        assert worker.stop() == 0
    second = events(900, 60)
    produce(kafka, old, second, BEFORE, 0.2)

    for pause in (2.0, 3.5):
        cut = moving(env, f"{prefix}new-")
        time.sleep(pause)  # some way into it: at each other point of it by the machine's own chance
        cut.kill()
        cut.wait(HANG_SECONDS)
    last = moving(env, f"{prefix}new-")
    told, _ = last.communicate(timeout=HANG_SECONDS)
    assert last.returncode == 0, told

    moved = [record for topic in new.inputs for record in read_all(kafka.bootstrap_servers, topic)]
    assert len(moved) == len(first) + len(second)
    assert all(record.partition == partition_of(record.key.decode(), AFTER) for record in moved)
    before = folded(kafka, old)
    assert {name: facts(state) for name, state in folded(kafka, new).items()} == {
        name: facts(state) for name, state in before.items()
    }
    third = events(5000, 20)
    produce(kafka, old, third, BEFORE, 0.0)
    again = moving(env, f"{prefix}new-")
    told, _ = again.communicate(timeout=HANG_SECONDS)
    assert f"{len(third)} records copied" in told, "what producers sent meanwhile comes along"

    there = settings(kafka, redis_url, f"{prefix}new-", AFTER)
    with Role(["worker"], there, tmp_path / "new.log") as worker:
        worker.start("worker ready")
        group = f"{prefix}new-moved"
        wait_for(lambda: is_read(kafka, new, group), 120, "the rest is folded")
        assert worker.stop() == 0
    everything = folded(kafka, new)
    counted = {name: state.usage.events + state.usage.repeated for name, state in everything.items()}
    usage = [event["account_id"] for event in (*first, *second, *third) if event["type"] == "usage"]
    assert counted == {name: usage.count(name) for name in counted}
    assert len(counted) == ACCOUNTS
    remembered = [client.hlen(f"{prefix}new-{prefix}:accounts:{number}") for number in range(AFTER)]
    assert sum(remembered) == ACCOUNTS
    client.close()
