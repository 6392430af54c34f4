"""An id of another tool on a real broker: its events wait, are seen, and count once for the account that names it."""

import json
import re
from pathlib import Path

from stream.contracts.report import HealthReport, decode_report
from stream.kinds.state import decode_state
from stream.topics import Topics
from tests.integration.roles import Role, heartline, wait_for
from tests.integration.test_quarantine import PARTITIONS, event, produce
from tests.integration.topics import group_lag, last_values
from tests.servers import Kafka


def test_events_of_an_alias_wait_and_count_once_and_two_accounts_become_one(
    kafka: Kafka, prefix: str, tmp_path: Path
) -> None:
    topics = Topics(prefix)
    env = {
        "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
        "HEARTLINE_WORKER__METRICS_PORT": "null",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_WORKER__REBALANCE_TIMEOUT_SECONDS": "10",
        "COLUMNS": "200",
    }

    def reports() -> dict[str, HealthReport]:
        values = last_values(kafka.bootstrap_servers, topics.health)
        return {account_id: decode_report(value) for account_id, value in values.items()}

    def events() -> int:
        return decode_state(last_values(kafka.bootstrap_servers, topics.changelog)["acme"]).usage.events

    with Role(["worker"], env, tmp_path / "worker.log") as worker:
        worker.start("worker ready")
        usage = topics.input("usage")
        produce(kafka, usage, [(name, event(name, 1)) for name in ("zendesk:7", "acme", "old")])
        wait_for(lambda: reports().keys() == {"acme", "old"}, 60, "both accounts are reported")
        wait_for(lambda: heartline(env, "alias", "waiting").returncode == 1, 60, "the alias waits")
        (entry,) = json.loads(heartline(env, "alias", "waiting", "--json").stdout)
        assert (entry["alias"], entry["events"]) == ("zendesk:7", 1)
        doctor = heartline(env, "doctor").stdout
        assert "1 events wait for the account of 'zendesk:7' (1)" in doctor
        read = re.search(r"the newest record of (\d+) topics can be read", doctor)
        assert read is not None, doctor
        assert int(read[1]) >= 4, "the use, the reports, the states and the alias that waits"
        assert worker.stop() == 0
    produce(kafka, usage, [("zendesk:7", b'{"who": "nobody"}')])
    account = {"account_id": "acme", "name": "Acme", "aliases": ["zendesk:7"]}
    produce(kafka, topics.input("account"), [("acme", json.dumps(account).encode())])
    assert heartline(env, "alias", "link", "old", "acme").stdout == "old is acme from now on\n"
    with Role(["worker"], env, tmp_path / "worker.log") as worker:
        worker.start("worker ready")
        produce(kafka, usage, [("zendesk:7", event("zendesk:7", 2))])
        wait_for(lambda: reports().keys() == {"acme"}, 60, "one account is left")
        wait_for(lambda: events() == 4, 60, "each event counts once")
        wait_for(lambda: sorted(reports()["acme"].profile.aliases) == ["old", "zendesk:7"], 60, "its report names both")
        assert json.loads(heartline(env, "alias", "list", "--json").stdout) == {"old": "acme", "zendesk:7": "acme"}
        assert heartline(env, "alias", "waiting").returncode == 0
        wait_for(
            lambda: group_lag(kafka.bootstrap_servers, f"{prefix}heartline", topics.sources) == 0, 60, "nothing waits"
        )
        assert worker.stop() == 0
