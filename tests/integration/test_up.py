"""All roles in one terminal: against given servers and embedded ones, ended by hand and by a role's death."""

import json
import signal
from pathlib import Path

from tests.integration.processes import Family
from tests.servers import Kafka


def settings(kafka: Kafka, redis_url: str, prefix: str) -> dict[str, str]:
    """Topics and keys of the test's own, and no port of anybody else's."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "REDIS_URL": redis_url,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__APP_ID": f"{prefix}app",
        "HEARTLINE_KAFKA__PARTITIONS": "2",
        "HEARTLINE_REDIS__KEY_PREFIX": f"{prefix}:",
        "HEARTLINE_WORKER__METRICS_PORT": "0",
        "HEARTLINE_ALERTING__METRICS_PORT": "0",
        "HEARTLINE_BOARD__METRICS_PORT": "0",
        "HEARTLINE_BOARD__PORT": "0",
    }


def test_up_shows_what_the_roles_say_and_ends_with_them(
    kafka: Kafka, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    """Each line with its role's name; Ctrl-C is a normal end."""
    with Family(["up"], tmp_path, settings(kafka, redis_url, prefix)) as up:
        up.wait_said("worker ready")
        up.wait_said("alerting ready")
        up.wait_said("board ready")
        up.process.send_signal(signal.SIGINT)
        assert up.wait_ended() == 0
        assert any(line.startswith("  worker | ") and "worker ready" in line for line in up.out.splitlines())
        assert "alerting | alerting ready" in up.out
        assert "   board | board ready on http://127.0.0.1:" in up.out
        assert "worker | " in up.out.split("Ctrl-C ends all")[1]
        assert up.left() == []
        assert list(up.temporary.iterdir()) == []


def test_when_one_role_dies_the_others_are_stopped_and_it_is_named(
    kafka: Kafka, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    """No half of an installation goes on unnoticed."""
    with Family(["up"], tmp_path, settings(kafka, redis_url, prefix)) as up:
        up.wait_said("worker ready")
        up.wait_said("alerting ready")
        up.wait_said("board ready")
        up.child("heartline.cli alerting").kill()
        assert up.wait_ended() == 1
        assert "heartline: alerting ended with status 137" in up.err
        assert "worker stopped" in up.out
        assert up.left() == []


def test_up_embedded_is_a_whole_installation(tmp_path: Path) -> None:
    """Its data stay in the folder that was named, and nothing else stays."""
    metrics = [f"HEARTLINE_{role}__METRICS_PORT" for role in ("WORKER", "ALERTING", "BOARD")]
    ports = dict.fromkeys([*metrics, "HEARTLINE_BOARD__PORT"], "0")
    with Family(["up", "--embedded", "--data-dir", str(tmp_path / "data")], tmp_path, ports) as up:
        up.wait_said("worker ready")
        up.wait_said("alerting ready")
        up.wait_said("board ready")
        assert "KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:" in up.out
        up.wait_said("everything runs; the board is at http://127.0.0.1:")
        with Family(["doctor"], tmp_path / "doctor", ports) as doctor:  # finds it without being told where
            doctor.wait_ended()
            assert "✗ Kafka" not in doctor.out
            assert "Apache Kafka" in doctor.out or "✓ Kafka" in doctor.out
            assert "all partitions are assigned; 0 records are in no checkpoint yet" in doctor.out
        assert "ERROR" not in up.out, "a start is no error"
        up.process.terminate()
        assert up.wait_ended() == 0
        assert up.left() == []
        assert list(up.temporary.iterdir()) == []
        assert {path.name for path in (tmp_path / "data").iterdir()} == {"kafka", "valkey"}


def test_a_wrong_setting_is_told_once_before_anything_starts(tmp_path: Path) -> None:
    """Not once by each role."""
    with Family(["up"], tmp_path, {"HEARTLINE_KAFKA__PARTITIONS": json.dumps("many")}) as up:
        assert up.wait_ended() == 2
        assert up.err.count("kafka.partitions") == 1
        assert up.left() == []
