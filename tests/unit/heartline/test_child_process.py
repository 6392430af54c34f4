"""The roles as child processes: what they are given, what is read of them, and what their end says."""

import json
import os
from pathlib import Path

import pytest

from heartline.demo.stage import environment
from heartline.processes.child_process import ChildProcessEnded, Role
from stream.config.settings import ProductSettings


def test_nothing_of_a_real_installation_reaches_the_demo() -> None:
    """Neither its servers nor its webhook; only where the embedded servers come from."""
    outside = {
        "PATH": "/bin",
        "KAFKA_BOOTSTRAP_SERVERS": "prod:9092",
        "REDIS_URL": "redis://prod",
        "HEARTLINE_CONFIG": "/etc/heartline.yaml",
        "HEARTLINE_SLACK__WEBHOOK_URL": "https://hooks.slack.com/real",
        "HEARTLINE_KAFKA_VERSION": "3.9",
    }
    inside = environment(
        outside, kafka="127.0.0.1:1", redis="redis://127.0.0.1:2", slack="http://127.0.0.1:3", ports=[4, 5, 6]
    )
    assert inside["PATH"] == "/bin"
    assert inside["HEARTLINE_KAFKA_VERSION"] == "3.9"
    assert inside["HEARTLINE_KAFKA__BOOTSTRAP_SERVERS"] == "127.0.0.1:1"
    assert ProductSettings(milestones=json.loads(inside["HEARTLINE_PRODUCT__MILESTONES"])).milestones
    assert not [value for value in inside.values() if "prod" in value or "real" in value or "/etc/" in value]


def test_a_role_that_ends_is_named_with_its_status_and_last_words(tmp_path: Path) -> None:
    """A wrong setting is the usual reason."""
    environ = dict(os.environ) | {"HEARTLINE_KAFKA__PARTITIONS": "many"}
    role = Role("worker", environ, tmp_path)
    role.start()
    with pytest.raises(ChildProcessEnded) as raised:
        role.wait_ready()
    assert "worker ended with status 2" in str(raised.value)
    assert "kafka.partitions = 'many'" in str(raised.value)
    assert os.environ.get("HEARTLINE_KAFKA__PARTITIONS") != "many"
    role.stop()


def test_what_a_role_says_is_read_in_whole_lines_and_once(tmp_path: Path) -> None:
    """A line that is still being written waits for its end."""
    role = Role("worker", {}, tmp_path)
    assert role.new_lines() == []
    with role.log_path.open("ab") as log:
        log.write(b"one\ntwo\nhal")
        log.flush()
        assert role.new_lines() == ["one", "two"]
        assert role.new_lines() == []
        log.write(b"f \xff\n")
        log.flush()
        assert role.new_lines() == ["half \ufffd"]
