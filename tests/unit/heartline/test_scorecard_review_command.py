"""`heartline scorecard review` and `history`, with a topic in memory."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.messages.plain_text import as_text
from alerts.messages.reviews import STEPS_MAX, reviews_notification
from consumers.errors import TopicMissingError
from heartline.topics.current_reports import Found
from stream.contracts.scorecard_review import make_review
from tests.receiver_servers import SmtpStandin
from tests.reports import make_report
from tests.unit.heartline.test_cli import run

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Record:
    key: bytes
    value: bytes | None


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    kept: list[Record] = []

    def send(_: Any, key: str, value: bytes | None) -> None:
        kept.append(Record(key.encode(), value))

    reports = {"acme": make_report("acme", 61.0)}
    monkeypatch.setattr("consumers.confirmed_sender.ConfirmedSender.send", send)
    monkeypatch.setattr("consumers.kafka_client.read_to_end", lambda kafka, name: iter(kept))
    monkeypatch.setattr(
        "heartline.topics.current_reports.find_report",
        lambda kafka, wanted: Found(reports.get(wanted), ["acme"] * (wanted != "acme"), len(reports)),
    )
    return kept


def test_a_review_is_written_with_the_score_that_was_looked_at_and_listed(topic: list[Record]) -> None:
    handed_in = run("scorecard", "review", "acme", "--hand-in", "--by", "sam")
    assert handed_in.exit_code == 0
    assert "handed in  sam  score 61" in handed_in.stdout
    assert run("scorecard", "history", "--waiting").stdout == handed_in.stdout
    sent_back = run("scorecard", "review", "acme", "--send-back", "--by", "dana", "--comment", "no\ngoals")
    assert "sent back  dana  score 61: no goals" in sent_back.stdout
    assert run("scorecard", "history", "acme").stdout == sent_back.stdout + handed_in.stdout
    (newest,) = json.loads(run("scorecard", "history", "--json").stdout)
    assert (newest["step"], newest["by"], newest["comment"]) == ("sent_back", "dana", "no\ngoals")
    assert run("scorecard", "history", "--waiting").exit_code == 1


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (("acme",), 2, "expected one of --hand-in, --approve and --send-back"),
        (("acme", "--approve", "--send-back"), 2, "expected one of"),
        (("acme", "--send-back"), 2, "expected a comment that says what to change"),
        (("acm", "--approve"), 1, "did you mean: acme"),
    ],
)
def test_what_is_no_review_is_refused_in_words(
    topic: list[Record], args: tuple[str, ...], status: int, words: str
) -> None:
    result = run("scorecard", "review", *args)
    assert result.exit_code == status, result.output
    assert words in " ".join(result.output.split())
    assert topic == []


def test_who_reviews_is_told_what_was_handed_in_and_each_morning_what_waits(
    topic: list[Record], tmp_path: Path
) -> None:
    with SmtpStandin() as mail:
        lead = {"type": "email", "host": "127.0.0.1", "port": mail.port, "security": "none"}
        lead |= {"from": "heartline@example.com", "to": ["lead@example.com"]}
        config = tmp_path / "alerting.yaml"
        config.write_text(json.dumps({"receivers": {"lead": lead}}), "utf-8")
        env: dict[str, str | None] = {"HEARTLINE_ALERTING__CONFIG": str(config)}
        hand_in = ("scorecard", "review", "acme", "--hand-in", "--by", "sam", "--comment", "<goals> agreed")
        assert "lead: sent" in run(*hand_in, "--send", "lead", env=env).output
        (once,) = mail.mails
        assert "The scorecard of acme waits for a review" in str(once["Subject"])
        body = once.get_body(("plain",))
        assert body is not None
        assert "score 61; sam" in body.get_content()
        assert "<goals> agreed" in body.get_content()
        run("scorecard", "history", "--waiting", "--send", "lead", env=env)
        assert len(mail.mails) == 2
        refused = run("scorecard", "history", "--send", "nobody", env=env)
        assert (refused.exit_code, "no such receiver; there are lead" in refused.output) == (2, True)


def test_several_that_wait_are_one_message_and_very_many_are_counted() -> None:
    steps = [make_review(make_report(f"acme-{n}", 61.0), "requested", "sam", "", NOW) for n in range(STEPS_MAX + 2)]
    told = reviews_notification([*steps, make_review(make_report("last", None), "approved", "dana", "", NOW)], NOW)
    assert told.message["text"] == "42 scorecards wait for a review"
    text = as_text(told.message)
    assert ("acme-39" in text, "acme-40" in text, "and 3 more" in text) == (True, False, True)


def test_before_the_first_review_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> Any:
        raise TopicMissingError("no topic")

    monkeypatch.setattr("consumers.kafka_client.read_to_end", missing)
    result = run("scorecard", "history", "acme")
    assert (result.exit_code, "no review of 'acme'" in result.output) == (1, True)
