"""Every way in which a command fails, with a marked secret in what it was given: the secret is in no output."""

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consumers.redis_client import RedisSettings, check_scheme
from heartline.cli import app
from stream.contracts.errors import ConfigError

SECRET = "Marked5ecret-q7Zw"
NOWHERE = "127.0.0.1:9"


@dataclass(frozen=True)
class Case:
    """One way to fail.

    Attributes:
        args: of the command.
        env: its environment.
        settings: the settings' file; None: none.
        alerting: the alerting configuration's file; None: none.
    """

    args: list[str]
    env: dict[str, str] = field(default_factory=dict)
    settings: str | None = None
    alerting: str | None = None


CASES = {
    "a line of YAML that is none": Case(["doctor"], settings=f"kafka:\n  sasl_password: {SECRET}: oops\n"),
    "a quote without end": Case(["doctor"], settings=f'kafka:\n  sasl_password: "{SECRET}\n'),
    "an alias that is none": Case(["doctor"], settings=f"kafka:\n  sasl_password: *{SECRET}\n"),
    "a tag that is none": Case(["doctor"], settings=f"kafka:\n  sasl_password: !{SECRET} x\n"),
    "a tab": Case(["doctor"], settings=f"kafka:\n\tsasl_password: {SECRET}\n"),
    "a secret where a section is expected": Case(["doctor"], settings=f"kafka: redis://:{SECRET}@h:1\n"),
    "a bare secret where a section is expected": Case(["doctor"], settings=f"kafka: {SECRET}\n"),
    "a secret of a wrong type": Case(["doctor"], settings=f"kafka:\n  sasl_password: [{SECRET}]\n"),
    "a secret twice": Case(["doctor"], settings=f"kafka:\n  sasl_password: {SECRET}\n  sasl_password: {SECRET}x\n"),
    "a section that is misspelt": Case(["doctor"], settings=f"kafak:\n  sasl_password: {SECRET}\n"),
    "a setting that is misspelt": Case(["doctor"], settings=f"kafka:\n  sasl_pasword: {SECRET}\n"),
    "a token too short": Case(["board"], env={"HEARTLINE_BOARD__TOKEN": SECRET[:12]}),
    "a whole section in the environment": Case(["doctor"], env={"HEARTLINE_KAFKA": f'{{"sasl_password": "{SECRET}"'}),
    "a section of another shape": Case(["doctor"], env={"HEARTLINE_KAFKA": f'["{SECRET}"]'}),
    "another scheme": Case(["alerting"], env={"REDIS_URL": f"http://:{SECRET}@h:1"}),
    "a port that is none": Case(["alerting"], env={"REDIS_URL": f"redis://:{SECRET}@h:port"}),
    "a database that is none": Case(["alerting"], env={"REDIS_URL": f"redis://:{SECRET}@127.0.0.1:9/x?db=y&ssl=1"}),
    "Redis that is not there": Case(["doctor"], env={"REDIS_URL": f"redis://u:{SECRET}@{NOWHERE}/0"}),
    "an outbox without Redis": Case(["alert", "outbox", "list"], env={"REDIS_URL": f"redis://u:{SECRET}@{NOWHERE}"}),
    "Kafka that is not there": Case(
        ["account", "acme"],
        env={
            "HEARTLINE_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "HEARTLINE_KAFKA__SASL_USERNAME": "u",
            "HEARTLINE_KAFKA__SASL_PASSWORD": SECRET,
        },
    ),
    "a receiver's address in the file": Case(
        ["alert", "test-route"],
        alerting=f"receivers:\n  team:\n    type: webhook\n    url: https://h/{SECRET}\n    x: 1\n",
    ),
    "a receiver of a kind that is none": Case(
        ["alert", "test-route"], alerting=f"receivers:\n  team:\n    type: slak\n    token: {SECRET}\n"
    ),
    "alerting YAML that is none": Case(["alert", "test-route"], alerting=f"receivers:\n  team: {{token: {SECRET}\n"),
}


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_command_that_fails_tells_no_secret(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith(("HEARTLINE_", "KAFKA_", "REDIS_"))]:
        monkeypatch.delenv(name)
    env = {"KAFKA_BOOTSTRAP_SERVERS": NOWHERE} | case.env
    if case.settings is not None:
        (tmp_path / "settings.yaml").write_text(case.settings)
        env["HEARTLINE_CONFIG"] = str(tmp_path / "settings.yaml")
    if case.alerting is not None:
        (tmp_path / "alerting.yaml").write_text(case.alerting)
        env["HEARTLINE_ALERTING__CONFIG"] = str(tmp_path / "alerting.yaml")
    result = CliRunner().invoke(app, case.args, env=env)

    assert result.exit_code != 0, "this way was meant to fail"
    captured = capfd.readouterr()
    for said in (result.output, result.stderr, captured.out, captured.err):
        assert SECRET not in said
        assert SECRET[:12] not in said
    assert "Traceback" not in result.output + captured.err


def test_a_fault_of_ours_shows_its_traceback_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"redis://:{SECRET}@cache:6379/0 is odd")

    monkeypatch.setattr("heartline.doctor.examine.examine", fail)
    result = CliRunner().invoke(app, ["doctor"])

    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "redis://(hidden)@cache:6379/0 is odd" in result.stderr
    assert "unexpected RuntimeError: a fault in Heartline" in result.stderr


def test_what_ends_a_process_by_surprise_is_logged_without_secrets() -> None:
    program = (
        "from stream.config.logs import LogSettings, configure_logging\n"
        "configure_logging(LogSettings())\n"
        f"raise ValueError('https://user:{SECRET}@h/')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "uncaught error" in ended.stderr
    assert "https://(hidden)@h/" in ended.stderr
    assert "Marked" not in ended.stderr.replace(program.splitlines()[-1], "")


def answering(answer: Callable[[socket.socket], None]) -> tuple[int, socket.socket]:
    """A server that answers each connection so."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                answer(client)

    threading.Thread(target=run, daemon=True).start()
    return listening.getsockname()[1], listening


def test_rediss_to_a_port_without_tls_is_named_as_that() -> None:
    """Waiting would not help, and "Redis is away" would send the operator to the wrong place."""
    port, listening = answering(lambda client: client.sendall(b"-ERR unknown command\r\n"))
    settings = RedisSettings.model_validate({"url": f"rediss://u:{SECRET}@127.0.0.1:{port}/0", "timeout_seconds": 5})
    with (
        listening,
        pytest.raises(ConfigError, match=rf"rediss://127\.0\.0\.1:{port}/0: .* no TLS; use redis://") as told,
    ):
        check_scheme(settings)
    assert SECRET not in str(told.value)


def test_a_redis_that_is_not_there_yet_is_waited_for() -> None:
    check_scheme(RedisSettings.model_validate({"url": f"redis://{NOWHERE}/0", "timeout_seconds": 1}))
