"""One account's report from the topic: the latest committed one, and names alike where there is none."""

import json
import subprocess
from datetime import timedelta

from kafka import KafkaProducer

from stream.contracts.report import HealthReport, Profile, encode_report
from stream.topics import Topics
from tests.integration.conftest import NewTopic
from tests.integration.roles import heartline
from tests.reports import MONDAY, make_report
from tests.servers import Kafka


def account(kafka: Kafka, prefix: str, *args: str) -> subprocess.CompletedProcess[str]:
    """`heartline account ...` on the test's topics."""
    env = {"HEARTLINE_KAFKA__TOPIC_PREFIX": prefix, "COLUMNS": "120"}
    return heartline(env, "account", "--bootstrap-servers", kafka.bootstrap_servers, *args)


def publish(kafka: Kafka, topic: str, reports: list[HealthReport], abort: list[HealthReport]) -> None:
    """As the worker does, in a transaction; and a transaction that was given up."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=topic)
    try:
        producer.init_transactions()
        for batch, finish in ((reports, producer.commit_transaction), (abort, producer.abort_transaction)):
            producer.begin_transaction()
            for report in batch:
                producer.send(topic, encode_report(report), report.account_id.encode())
            producer.flush()
            finish()
    finally:
        producer.close()


def test_the_latest_committed_report_is_shown(kafka: Kafka, prefix: str, new_topic: NewTopic) -> None:
    """Not an older one, and not one whose transaction was given up; as JSON it is the topic's own."""
    topic = new_topic("account-health", partitions=6)
    assert topic == Topics(prefix).health
    later = MONDAY + timedelta(days=1)
    others = [make_report(f"other-{n}", 50.0) for n in range(30)]
    others.append(make_report("a17", 50.0, profile=Profile(name="The One and Only")))
    current = make_report("acme", 61.0, as_of=later, past=[80.0] * 10)
    aborted = [make_report("acme", 3.0, as_of=later), make_report("ghost", 3.0)]
    publish(kafka, topic, [make_report("acme", 90.0), *others, current], aborted)

    as_json = account(kafka, prefix, "acme", "--json")
    assert as_json.returncode == 0, as_json.stderr
    assert json.loads(as_json.stdout) == json.loads(encode_report(current))

    panel = account(kafka, prefix, "acme")
    assert panel.returncode == 0
    assert "61 of 100" in panel.stdout
    assert "Acme Corp" in panel.stdout

    missing = account(kafka, prefix, "Acmee")
    assert missing.returncode == 1
    assert missing.stdout == ""
    assert "no health report for account 'Acmee'" in missing.stderr
    assert "did you mean: acme" in missing.stderr

    assert account(kafka, prefix, "ghost").returncode == 1

    named = account(kafka, prefix, "the ONE and only", "--json")
    assert json.loads(named.stdout)["account_id"] == "a17"


def test_a_topic_that_is_not_there_is_said_with_what_makes_it(kafka: Kafka, prefix: str) -> None:
    """Nothing has run yet."""
    result = account(kafka, prefix, "acme")
    assert result.returncode == 1
    assert f"has no topic {prefix}account-health" in result.stderr
    assert "Traceback" not in result.stderr
