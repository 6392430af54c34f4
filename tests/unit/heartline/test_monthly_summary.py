"""`heartline portfolio summary`: the three phases, who made the difference, and its way by e-mail and Slack."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from heartline.cli import app
from tests.receiver_servers import HttpStandin, Reply, SmtpStandin
from tests.unit.consumers.portfolio.books import Books


@pytest.fixture
def events(tmp_path: Path) -> Path:
    books = Books()
    books.add("account", "2026-01-01", "acme", name="Acme & Sons", segment="smb")
    books.subscription("2026-01-05", "started", 100, account="acme", term_end="2026-09-01")
    books.subscription("2026-01-05", "started", 300, account="beta")
    books.subscription("2026-06-05", "downgraded", 50, account="acme")
    books.subscription("2026-06-06", "upgraded", 400, account="beta")
    books.add("touchpoint", "2026-06-08", "acme", kind="qbr")
    books.add("survey", "2026-06-09", "acme", user_id="ann", survey="nps", score=9)
    books.add("account_day", "2026-07-01", "acme", day="2026-07-01", band="critical", score=20, mau=3, seats=10)
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(event) for event in books.events), "utf-8")
    return file


def run(*args: Any, status: int = 0, env: dict[str, str] | None = None) -> str:
    result = CliRunner().invoke(app, ["portfolio", "summary", *map(str, args)], env=env)
    assert result.exit_code == status, result.output
    return result.output


def test_a_month_has_three_phases_and_names_who_made_the_difference(events: Path) -> None:
    told = run(events, "--month", "2026-06")
    parts = ["One:", "Two:", "Three:", "Lost the most", "Gained the most", "Ahead"]
    assert sorted(parts, key=told.index) == parts
    for line in (
        "QBR count: 1 (month before 0)",
        "NRR: 112.5 % (month before 100.0 %, n 2)",
        "NPS: 100.0 (month before –, n 1)",
        "Acme & Sons: −600",
        "beta: 1,200",
        "up for renewal in 90 days: 600",
        "at risk or critical today: 600",
    ):
        assert line in told


def test_a_program_gets_the_same_as_json_and_the_last_whole_month_without_a_name(events: Path) -> None:
    found = json.loads(run(events, "--json"))
    assert (found["month"], found["arr_at_risk"], found["lost"]) == (
        "2026-06",
        600.0,
        [{"account": "Acme & Sons", "arr": -600.0}],
    )
    nrr = next(each for each in found["phases"]["Three: what it is worth"] if each["figure"] == "nrr")
    assert nrr == {"figure": "nrr", "title": "NRR", "value": "112.5 %", "before": "100.0 %", "n": 2}


def test_what_is_no_month_or_no_receiver_is_said(events: Path) -> None:
    assert "expected a month" in run(events, "--month", "2026-Q2", status=2)
    assert "no such receiver" in run(events, "--month", "2026-06", "--send", "nobody", status=2)


def test_it_goes_by_mail_and_by_slack_and_who_did_not_take_it_is_named(events: Path, tmp_path: Path) -> None:
    with SmtpStandin() as mail, HttpStandin(Reply()) as slack:
        config = tmp_path / "alerting.yaml"
        lead = {"type": "email", "host": "127.0.0.1", "port": mail.port, "security": "none"}
        lead |= {"from": "heartline@example.com", "to": ["lead@example.com"]}
        config.write_text(json.dumps({"receivers": {"lead": lead}}), "utf-8")
        env = {
            "HEARTLINE_ALERTING__CONFIG": str(config),
            "HEARTLINE_SLACK__WEBHOOK_URL": f"{slack.url}/hook",
            "HEARTLINE_SLACK__ALLOW_INSECURE_LOOPBACK": "true",
            "HEARTLINE_SLACK__ALLOWED_HOSTS": '["127.0.0.1"]',
        }
        run(events, "--month", "2026-06", "--send", "lead", "--send", "slack", env=env)
        (sent,) = mail.mails
        assert "2026-06" in str(sent["Subject"])
        body = sent.get_body(("plain",))
        assert body is not None
        assert "NRR: 112.5 %" in body.get_content()
        (request,) = slack.requests
        assert "Acme &amp; Sons" in json.dumps(request.json["blocks"])
        slack.script(Reply(404, b"no_service"))
        refused = run(events, "--month", "2026-06", "--send", "slack", env=env, status=2)
        assert "slack: " in refused
