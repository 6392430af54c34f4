"""History that is on Kafka before the worker: evaluated once when it is folded, and never on half of it."""

from collections import Counter
from pathlib import Path

from stream.contracts.report import decode_report
from stream.topics import Topics
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import Role, wait_for
from tests.integration.topics import group_lag, last_values, read_all
from tests.real_data import SAMPLE
from tests.servers import Kafka


def test_a_first_load_publishes_each_account_once_as_of_the_end(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Years of usage are folded in many checkpoints; what any account looked like halfway is no news."""
    topics = Topics(prefix, "load")
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__APP_ID": "load",
        "HEARTLINE_KAFKA__PARTITIONS": "2",
        "HEARTLINE_WORKER__CLOCK": "event",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.05",
        "HEARTLINE_WORKER__CHUNK_BYTES_MAX": str(1 << 14),
        "HEARTLINE_WORKER__METRICS_PORT": "0",
    }
    files = [str(path) for path in sorted(SAMPLE.glob("*.jsonl.gz"))]
    replay = Role(["replay", *files], env, tmp_path / "replay.log")
    worker = Role(["worker"], env, tmp_path / "worker.log")
    servers = kafka.bootstrap_servers
    with replay, worker:
        replay.start()
        assert replay.process is not None
        assert replay.process.wait(HANG_SECONDS) == 0, replay.output()
        worker.start("worker ready")
        wait_for(lambda: group_lag(servers, f"{prefix}load", list(topics.inputs)) == 0, 60, "everything is folded")
        states = set(last_values(servers, topics.changelog))
        wait_for(lambda: set(last_values(servers, topics.health)) == states, 30, "every account is evaluated")
        assert worker.stop() == 0
    assert not list(Path.cwd().glob("load-data")), "Faust's folder for local tables, which nobody needs"

    reports = [decode_report(record.value) for record in read_all(servers, topics.health)]
    assert Counter(report.account_id for report in reports) == dict.fromkeys(states, 1)
