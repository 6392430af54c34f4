"""`heartline scorecard review` and `history`, with a topic in memory."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from consumers.errors import TopicMissingError
from heartline.topics.current_reports import Found
from tests.reports import make_report
from tests.unit.heartline.test_cli import run


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


def test_before_the_first_review_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> Any:
        raise TopicMissingError("no topic")

    monkeypatch.setattr("consumers.kafka_client.read_to_end", missing)
    result = run("scorecard", "history", "acme")
    assert (result.exit_code, "no review of 'acme'" in result.output) == (1, True)
