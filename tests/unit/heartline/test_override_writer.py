"""`heartline override`: what is wrong is said before anything is written, in the words of the contract."""

from datetime import UTC, datetime

import pytest

from consumers.account_updates import encode_override
from heartline.topics.override_writer import parse_expiry
from stream.contracts.errors import ConfigError
from stream.kinds.account import AccountEvent, fold
from stream.kinds.decode import Decoder
from stream.kinds.state import AccountState
from tests.unit.heartline.test_cli import NOWHERE, run

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("36h", "2026-03-03T21:00:00+00:00"),
        ("14d", "2026-03-16T09:00:00+00:00"),
        ("3w", "2026-03-23T09:00:00+00:00"),
        ("2026-03-31", "2026-04-01T00:00:00+00:00"),  # the day counts wholly
    ],
)
def test_an_expiry_is_a_span_or_a_day(text: str, expected: str) -> None:
    assert parse_expiry(text, NOW).isoformat() == expected


@pytest.mark.parametrize("text", ["", "soon", "14", "14 d", "d", "2026-13-01", "1y", "9999d"])
def test_what_is_neither_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--until = .*: expected a span from now, as 36h, 14d or 3w, or a day"):
        parse_expiry(text, NOW)


def test_an_update_sets_what_the_worker_folds() -> None:
    override = {"score": 30.0, "owner": "dana", "reason": "their sponsor left", "expires_at": "2026-03-20T00:00:00Z"}
    event = Decoder("account").decode(encode_override("acme", override, NOW))
    assert isinstance(event, AccountEvent)
    state = AccountState()
    fold(state, event)
    (setting,) = state.overrides
    assert (setting.owner, setting.score, setting.reason) == ("dana", 30.0, "their sponsor left")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--until", "3w"], "either a score (0 to 100) or a band"),
        (["--until", "3w", "--score", "30", "--band", "watch"], "either a score (0 to 100) or a band"),
        (["--until", "3w", "--score", "101"], "health_override.score = 101"),
        (["--until", "3w", "--band", "great"], "health_override.band = 'great'"),
        (["--until", "91d", "--score", "30"], "at most 90 days"),
        (["--until", "2020-01-01", "--score", "30"], "later than timestamp"),
        (["--until", "soon", "--score", "30"], "--until = 'soon'"),
        (["--until", "3w", "--score", "30", "--owner", "x" * 129], "health_override.owner"),
    ],
)
def test_bad_input_ends_with_status_2_before_anything_is_written(args: list[str], words: str) -> None:
    """There is no Kafka here, and none is asked."""
    result = run("override", "set", "acme", "--reason", "why", *args, env={"KAFKA_BOOTSTRAP_SERVERS": NOWHERE})
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_reason_and_an_expiry_are_needed() -> None:
    assert run("override", "set", "acme", "--score", "30", "--until", "3w").exit_code == 2
    assert run("override", "set", "acme", "--score", "30", "--reason", "why").exit_code == 2
