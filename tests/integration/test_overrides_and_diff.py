"""What people set by hand goes to the account feed, and what another scorecard would say of the worker's own states."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

from kafka import KafkaProducer

from stream.contracts.report import HealthReport, Override, encode_report
from stream.kinds.account import AccountEvent
from stream.kinds.decode import Decoder
from stream.kinds.state import encode_state
from stream.scoring.scorecard_yaml import SHIPPED_FILE
from tests.integration.conftest import NewTopic
from tests.integration.roles import heartline
from tests.integration.topics import read_all
from tests.reports import MONDAY, make_report
from tests.servers import Kafka
from tests.streams import fold
from tests.unit.stream.lives import month


def command(kafka: Kafka, prefix: str, *args: str) -> subprocess.CompletedProcess[str]:
    """The command on the test's topics."""
    env = {"HEARTLINE_KAFKA__TOPIC_PREFIX": prefix, "COLUMNS": "120", "HEARTLINE_WORKER__CLOCK": "event"}
    env |= {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "HEARTLINE_KAFKA__PARTITIONS": "2"}
    return heartline(env, *args)


def write(kafka: Kafka, topic: str, values: dict[str, bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    try:
        for key, value in values.items():
            producer.send(topic, value, key.encode())
        producer.flush()
    finally:
        producer.close()


def test_an_override_is_written_to_the_account_feed_cleared_and_shown(kafka: Kafka, prefix: str) -> None:
    """Set and clear are two updates of one account, in their order; what is shown are the reports."""
    done = command(
        *(kafka, prefix, "override", "set", "acme", "--band", "at_risk", "--until", "3w"),
        *("--owner", "dana", "--reason", "their sponsor left"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("acme: at risk until ")
    cleared = command(kafka, prefix, "override", "clear", "acme", "--json")
    assert json.loads(cleared.stdout) == {"account_id": "acme", "override": None}
    events = [
        Decoder("account").decode(record.value)
        for record in read_all(kafka.bootstrap_servers, f"{prefix}account-updates")
    ]
    found = [event.health_override for event in events if isinstance(event, AccountEvent)]
    assert found[0] is not None
    assert (found[0].band, found[0].owner, found[1]) == ("at_risk", "dana", None)

    assert command(kafka, prefix, "override", "show").returncode == 1  # no report yet, so no override
    by_hand = Override("dana", "their sponsor left", MONDAY + timedelta(days=21), band="at_risk")
    held: HealthReport = make_report("acme", 49.9, override=by_hand, model_score=81.5, model_band="healthy")
    write(
        kafka,
        f"{prefix}account-health",
        {"acme": encode_report(held), "birch": encode_report(make_report("birch", 70.0))},
    )
    shown = command(kafka, prefix, "override", "show")
    assert shown.stdout == (
        "acme  50 at risk  set by dana until 23 Mar 2026 (their sponsor left), the scorecard says 82, healthy\n"
    )
    assert json.loads(command(kafka, prefix, "override", "show", "--json").stdout)[0]["model_score"] == 81.5
    assert command(kafka, prefix, "override", "show", "birch").returncode == 1


def test_a_new_scorecard_is_compared_on_the_workers_own_states(
    kafka: Kafka, prefix: str, new_topic: NewTopic, tmp_path: Path
) -> None:
    """Read from its changelog, evaluated by both, and only those are told whose band would change."""
    _, partition = fold([*month("acme", users=4), *month("quiet", users=4, last=19_985)])
    topic = new_topic("heartline-state-changelog", partitions=2)
    write(kafka, topic, {name: encode_state(state) for name, state in partition.states.items()})
    strict = tmp_path / "strict.yaml"
    strict.write_text(SHIPPED_FILE.read_text("utf-8").replace("healthy: 75", "healthy: 99.9"), "utf-8")
    result = command(kafka, prefix, "scorecard", "diff", str(strict), "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["accounts"] == 2
    assert [(item["account_id"], item["before_band"], item["now_band"]) for item in found["moved"]] == [
        ("acme", "healthy", "watch")
    ]
    assert command(kafka, prefix, "scorecard", "diff", str(strict), "--at", "2024-01-01").returncode == 2
