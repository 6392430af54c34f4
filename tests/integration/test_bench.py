"""The bench command on a small size: it ends with results, and only if every event was counted once."""

import json
import os
import subprocess
import sys
import time
from dataclasses import fields

import pytest
from kafka import KafkaAdminClient

from heartline.bench.results import ComparedResults, Results
from heartline.bench.verify import Counts, counted, verify_exact
from heartline.bench.worker_process import BenchError
from heartline.bench.workload import Shape, Workload, account_id
from stream.calendar.clock import WallClock
from stream.kinds.state import AccountState
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.servers import Kafka
from tests.streams import TOPICS, record

NOW_MS = int(time.time() * 1000)
SHAPE = Shape(events=5_000, accounts=40, users_per_account=7, distribution="zipf")


def test_the_bench_counts_every_event_once_and_tells_its_figures(kafka: Kafka) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
    arguments = ["--events", "6000", "--accounts", "60", "--compare", "stock", "--json"]
    result = subprocess.run(
        [sys.executable, "-m", "heartline.cli", "bench", *arguments],
        env=environ | {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    results = json.loads(result.stdout.splitlines()[-1])
    assert list(results) == [field.name for field in fields(ComparedResults)]
    assert results["events"] == 6_000
    assert results["accounts"] == 60
    assert results["kafka_version"][0].isdigit()
    assert results["recovery_warm_seconds"] > 0
    assert results["pending_accounts"] == 0
    measured = {field.name for field in fields(ComparedResults) if field.type in (float, int, float | None)}
    assert all(results[name] > 0 for name in measured - {"pending_accounts"}), results
    assert results["high_priority_latency_tenth_p50_ms"] <= results["high_priority_latency_tenth_p99_ms"]
    assert results["first_daily_usage_latency_p50_ms"] <= results["first_daily_usage_latency_p99_ms"]
    assert results["repeat_usage_latency_p50_ms"] <= results["repeat_usage_latency_p99_ms"]
    assert results["publish_latency_p50_ms"] <= results["publish_latency_p99_ms"]
    assert results["ratio"] > 1
    assert "each once, in the state of its own account" in result.stderr
    assert not [name for name in topics_of(kafka) if name.startswith("bench-")]


def topics_of(kafka: Kafka) -> list[str]:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    try:
        return list(admin.list_topics())
    finally:
        admin.close()


def folded(skip: int | None = None, double: int | None = None) -> tuple[Workload, dict[str, AccountState]]:
    """A workload and the states that came of it, with one event left out or folded twice."""
    workload, processor, partition = (
        Workload(SHAPE, NOW_MS),
        HealthProcessor(TOPICS, WallClock()),
        AccountPartition(0),
    )
    for number, event in enumerate(workload.history()):
        times = 0 if number == skip else 2 if number == double else 1
        for _ in range(times):
            processor.fold(partition, TOPICS.input(event.kind), [record(event.kind, event.value, number)])
    assert not [name for name, _ in processor.counts if name == "dead_letter"]
    return workload, partition.states


def held(states: dict[str, AccountState]) -> dict[str, Counts]:
    """What the changelog would say of them."""
    return {name: counted(state) for name, state in states.items()}


def test_what_was_folded_once_passes() -> None:
    workload, states = folded()
    assert verify_exact(held(states), workload.tally, {}) == SHAPE.events == workload.tally.total


@pytest.mark.parametrize("number", [0, 1234, 4999])
def test_one_lost_event_is_told(number: int) -> None:
    workload, states = folded(skip=number)
    with pytest.raises(BenchError, match="1 of 40 accounts do not hold what they were sent"):
        verify_exact(held(states), workload.tally, {})


@pytest.mark.parametrize("number", [0, 1234, 4999])
def test_one_usage_event_folded_twice_is_told(number: int) -> None:
    workload, states = folded(double=number)
    with pytest.raises(BenchError, match="1 of 40 accounts do not hold what they were sent"):
        verify_exact(held(states), workload.tally, {})


def test_an_account_nobody_was_sent_and_a_probe_that_never_came_are_told() -> None:
    workload, states = folded()
    with pytest.raises(BenchError, match=r"probe-7: sent \(1, 0, 0\), counted None"):
        verify_exact(held(states), workload.tally, {"probe-7": (1, 0, 0)})
    with pytest.raises(BenchError, match=r"stranger: sent None"):
        verify_exact(held(states | {"stranger": AccountState()}), workload.tally, {})


def test_the_mix_is_as_promised_and_the_same_again() -> None:
    shape = Shape(events=20_000, accounts=100, users_per_account=5, distribution="zipf")
    workload = Workload(shape, NOW_MS)
    values = [record.value for record in workload.history()]
    assert values == [record.value for record in Workload(shape, NOW_MS).history()]
    tally = workload.tally
    shares = [sum(kind) / shape.events for kind in (tally.usage, tally.tickets, tally.answers)]
    assert shares == pytest.approx([0.95, 0.04, 0.01], abs=0.005)
    assert tally.usage[0] > 1.5 * tally.usage[1] > 10 * tally.usage[99]  # a share of 1/rank
    uniform = Workload(Shape(20_000, 100, 5, "uniform"), NOW_MS)
    assert len(list(uniform.history())) == 20_000
    assert max(uniform.tally.usage) < 1.5 * min(uniform.tally.usage)


def test_every_event_of_an_account_leaves_a_trace_of_its_kind() -> None:
    workload, states = folded()
    tally = workload.tally
    for number in range(SHAPE.accounts):
        assert counted(states[account_id(number)]) == (
            tally.usage[number],
            tally.tickets[number],
            tally.answers[number],
        )


def test_the_plain_figures_are_the_first_of_the_compared_ones() -> None:
    assert [field.name for field in fields(Results)] == [field.name for field in fields(ComparedResults)][
        : len(fields(Results))
    ]
