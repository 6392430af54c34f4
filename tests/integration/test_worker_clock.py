"""A worker whose machine is a week ahead, on a broker that is not: its reports are of today."""

import subprocess
import sys
import time
from pathlib import Path

from stream.config.settings import KafkaSettings
from stream.contracts.report import decode_report
from stream.engine.broker_clock import broker_time_ms
from stream.engine.topology import prepare_topics
from stream.topics import Topics
from tests.integration.roles import Role, wait_for
from tests.integration.test_quarantine import PARTITIONS, event, produce
from tests.integration.topics import last_values
from tests.servers import Kafka

AHEAD = """
import time
now_ns = time.time_ns
time.time_ns = lambda: now_ns() + 7 * 86_400 * 10**9
from heartline.cli import main
import sys
sys.argv = ["heartline", "worker"]
main()
"""


async def test_the_broker_says_what_time_it_is(kafka: Kafka, prefix: str) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix, partitions=PARTITIONS)
    await prepare_topics(settings)
    before_ms = time.time() * 1000
    found = await broker_time_ms(settings)
    assert found is not None
    assert before_ms - 1000 <= found <= time.time() * 1000 + 1000


def test_a_worker_that_is_a_week_ahead_dates_its_reports_by_the_broker(
    kafka: Kafka, prefix: str, tmp_path: Path
) -> None:
    topics = Topics(prefix)
    env = {
        "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
        "HEARTLINE_WORKER__METRICS_PORT": "null",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
    }
    role = Role(["worker"], env, tmp_path / "worker.log")
    with role as worker:
        with worker.log.open("ab") as out:
            worker.process = subprocess.Popen([sys.executable, "-c", AHEAD], env=worker._env, stdout=out, stderr=out)
        wait_for(lambda: "worker ready" in worker.output(), 60, "worker ready")
        assert "this machine's clock and the broker's differ" in worker.output()
        produce(kafka, topics.input("usage"), [("acme", event("acme", 1))])
        wait_for(lambda: "acme" in last_values(kafka.bootstrap_servers, topics.health), 60, "a report")
        as_of = decode_report(last_values(kafka.bootstrap_servers, topics.health)["acme"]).as_of
        assert abs(as_of.timestamp() - time.time()) < 600
        assert worker.stop() == 0
