"""Every log line is one shape for ours and the libraries', and no secret is in any."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from stream.config.logs import LogSettings, RepeatedTries, configure_logging, get_logger
from stream.config.redact import HIDDEN, redact, remember_secrets, secrets_in
from stream.config.settings import KafkaSettings

SECRET = "s3cr3t-of-the-log-tests"


@pytest.fixture(autouse=True)
def _root_as_it_was() -> object:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


AWAY = "Unable connect to node with id 1: [Errno 111] Connect call failed ('10.0.0.7', 9092)"
RETRYING = "Got error produce response on topic-partition t-1, retrying. Error: NotLeaderForPartitionError"


@pytest.mark.parametrize(
    ("name", "message", "at_seconds", "told_at"),
    [
        ("aiokafka.producer.sender", RETRYING, range(12), []),  # a topic that was just made
        ("aiokafka.producer.sender", RETRYING, range(100), [15, 75]),  # it lasts
        ("aiokafka.producer.sender", RETRYING, [0, 5, 1_000, 1_005], []),  # another time, and short again
        ("aiokafka.producer.sender", "it is given up", [0, 1], [0]),
        ("kafka.coordinator", "Marking the coordinator dead (node 1)", range(12), []),  # a group that was just made
        ("aiokafka.cluster", "Topic accounts not found in cluster metadata", range(12), []),  # it was just made
        ("kafka.coordinator", "Heartbeat failed", [0, 70], [0, 70]),
        ("aiokafka", AWAY, range(100), [0, 60]),  # a broker is away: it is said with each try
        ("aiokafka", AWAY, [0, 1, 1_000, 1_001], [0, 1_000]),  # another time
        ("consumers.intake", "retrying", [0, 1], [0, 1]),  # our own say it once
    ],
)
def test_what_a_client_tries_again_by_itself_is_told_where_it_lasts(
    name: str, message: str, at_seconds: list[int], told_at: list[int]
) -> None:
    retries, told = RepeatedTries(), []
    for at in at_seconds:
        record = logging.LogRecord(name, logging.WARNING, "", 0, message, (), None)
        record.created = 1e9 + at
        told += [at] if retries.filter(record) else []
    assert told == told_at


def test_who_asks_for_debug_lines_gets_them_all() -> None:
    tries = RepeatedTries()
    line = logging.LogRecord("aiokafka.consumer.fetcher", logging.DEBUG, "", 0, "Sending FetchRequest", (), None)
    assert [tries.filter(line) for _ in range(3)] == [True, True, True]


@pytest.mark.parametrize(("error", "is_told"), [(ConnectionResetError("reset by peer"), False), (KeyError("x"), True)])
def test_a_connection_that_broke_is_one_line_and_a_fault_has_its_traceback(error: Exception, is_told: bool) -> None:
    where = (type(error), error, None)
    record = logging.LogRecord("kafka.net.transport", logging.ERROR, "", 0, "Error sending: %s", (error,), where)
    assert RepeatedTries().filter(record)
    assert (record.exc_info is not None) == is_told


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_json_line_has_the_fields_of_the_call(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(format="json"))
    get_logger("here").warning("record passed over", topic="product-usage", partition=3, offset=7)
    (line,) = lines(capsys)
    assert line.pop("timestamp")
    assert line == {
        "event": "record passed over",
        "level": "warning",
        "logger": "here",
        "topic": "product-usage",
        "partition": 3,
        "offset": 7,
    }


def test_a_librarys_record_has_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(format="json"), quiet=["noisy"])
    logging.getLogger("noisy.part").info("routine")
    logging.getLogger("noisy.part").warning("lost %d of %d", 1, 2, extra={"partition": 5})
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"], line["partition"]) == (
        "lost 1 of 2",
        "warning",
        "noisy.part",
        5,
    )


@pytest.mark.parametrize("format", ["console", "json"])
def test_a_traceback_is_logged_without_the_secret_in_it(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither its values nor its addresses; local variables are not shown at all."""
    configure_logging(LogSettings.model_validate({"format": format}))
    remember_secrets([SECRET])
    try:
        local = "a-value-that-is-no-secret"
        raise ValueError(f"redis://:{'other-password'}@cache:6379 and {SECRET} and {len(local)}")
    except ValueError:
        get_logger("here").exception("unexpected")
    written = capsys.readouterr().err
    assert "Traceback" in written
    assert "ValueError: redis://(hidden)@cache:6379" in written
    for hidden in (SECRET, "a-value-that-is-no-secret"):
        assert hidden not in written.replace('local = "a-value-that-is-no-secret"', "")


def test_nothing_below_the_level_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(level="warning"))
    get_logger("here").info("routine")
    assert capsys.readouterr().err == ""


def test_every_secret_of_the_settings_is_known() -> None:
    kafka = KafkaSettings(sasl_password=SecretStr(SECRET))
    assert secrets_in(kafka) == [SECRET]
    assert secrets_in({"a": [SecretStr("one")], "b": (SecretStr("two"),)}) == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Error 111 connecting to rediss://u:p%40ss@h:1.", "Error 111 connecting to rediss://(hidden)@h:1."),
        ("https://hooks.slack.com/services/T1/B2/xyz refused", "https://hooks.slack.com/(hidden) refused"),
        ("invalid_auth for xoxb-12-ab", "invalid_auth for (hidden)"),
        ("sasl_plain_password='abc', sasl_mechanism='PLAIN'", "sasl_plain_password='(hidden)', sasl_mechanism='PLAIN'"),
        ("{'routing_key': 'R0', 'a': 1}", "{'routing_key': '(hidden)', 'a': 1}"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer (hidden)"),
        ("set a token: any of 16 characters", "set a token: any of 16 characters"),
        ("mail ann@example.com about acme", "mail ann@example.com about acme"),
    ],
)
def test_secrets_are_known_by_their_shape(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(st.text(), st.text())
def test_a_secret_that_was_seen_stands_nowhere(before: str, after: str) -> None:
    remember_secrets([SECRET])
    assert SECRET not in redact(before + SECRET + after)
    assert redact(redact(before + SECRET + after)).count(HIDDEN) >= 1
