"""`heartline alert test-route`: told, passed and why, without a secret and without a server."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from alerts.config import read_config
from heartline.cli import app

DOC = Path(__file__).resolve().parents[3] / "docs" / "receivers.md"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration that the documentation begins with."""
    for name in ("HEARTLINE_CONFIG", "HEARTLINE_SLACK__WEBHOOK_URL", "TEAM_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "alerting.yaml"
    file.write_text(blocks("yaml")[0])
    monkeypatch.setenv("HEARTLINE_ALERTING__CONFIG", str(file))
    return file


def blocks(language: str) -> list[str]:
    """The documentation's blocks of a language."""
    return [part.split("```")[0] for part in DOC.read_text("utf-8").split(f"```{language}\n")[1:]]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["alert", *arguments])


@pytest.mark.usefixtures("config")
def test_the_documentations_example_is_what_the_command_says() -> None:
    command, *said = blocks("console")[0].strip().splitlines()
    result = run(*command.removeprefix("$ heartline alert ").split())
    assert result.exit_code == 0
    assert result.stdout.splitlines() == said


@pytest.mark.usefixtures("config")
def test_nobody_on_purpose_is_said() -> None:
    result = run("test-route", "--rule", "silence", "--stage", "trial")
    assert "nobody  by route 'trials', on purpose" in result.stdout
    decision = json.loads(run("test-route", "--rule", "silence", "--stage", "trial", "--json").stdout)
    assert (decision["routed"], decision["silent"]) == ([], ["trials"])


@pytest.mark.usefixtures("config")
def test_a_rule_that_there_is_not_is_named() -> None:
    result = run("test-route", "--rule", "bandentered")
    assert result.exit_code == 2


def test_every_receiver_of_the_documentation_is_accepted(tmp_path: Path) -> None:
    """Each example as it stands."""
    examples = [yaml.safe_load(text) for text in blocks("yaml")]
    receivers = {name: value for item in examples for name, value in item.items() if "type" in value}
    assert {value["type"] for value in receivers.values()} == {
        *("slack_webhook", "slack_bot", "webhook", "alertmanager", "pagerduty", "email")
    }
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump({"receivers": receivers}))
    assert read_config(file).receivers.keys() == receivers.keys()


def test_the_documentations_verification_accepts_what_we_sign() -> None:
    """And nothing else."""
    import time

    from consumers.alerting.receivers.webhook import signed_headers, signing_key

    names: dict[str, object] = {}
    exec(blocks("python")[0], names)
    verify = names["verify"]
    assert callable(verify)
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"type": "alert.opened"}'
    headers = signed_headers(signing_key(secret), "hl-1:opened", int(time.time()), body)
    assert verify(secret, headers, body) is True
    assert verify(secret, headers, body + b" ") is False
    assert verify(secret, headers | {"webhook-id": "hl-2:opened"}, body) is False
    old = signed_headers(signing_key(secret), "hl-1:opened", int(time.time()) - 400, body)
    assert verify(secret, old, body) is False
