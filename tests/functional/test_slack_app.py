"""A Slack app: one message an episode, changed and answered in its thread; and the way back by its buttons."""

import hashlib
import hmac
import http.client
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from alerts.commands import Acknowledge, Command, GiveVerdict, Snooze
from consumers.alerting.command_sender import CommandNotSentError
from consumers.alerting.receivers.delivery import DeliveryResult, DeliveryStatus
from consumers.alerting.receivers.http import HttpClient
from consumers.alerting.receivers.slack_actions import ANSWER_SECONDS_MAX, PATH, SlackActions
from consumers.alerting.receivers.slack_bot import SlackBot
from consumers.alerting.receivers.slack_buttons import buttons
from stream.contracts.errors import ConfigError
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import wait_for
from tests.notifications import make_notification
from tests.receiver_servers import HttpStandin, Reply

JSON = {"Content-Type": "application/json"}
OK = Reply(body=b'{"ok": true, "channel": "C1", "ts": "123.45"}', headers=JSON)
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class Bot:
    """A bot and the Slack that it writes to."""

    def __init__(self, slack: HttpStandin) -> None:
        self.slack = slack
        self.bot = SlackBot(
            "bot", SecretStr("xoxb-1"), "C1", 1, mentions={}, with_buttons=True, api_url=f"{slack.url}/api/"
        )
        self.memory: bytes | None = None

    def tell(self, name: str, **fields: Any) -> DeliveryResult:
        """One step, remembered as the outbox does."""
        result = self.bot.send(make_notification(name, **fields), self.memory)
        self.memory = result.memory or self.memory
        return result

    def calls(self) -> list[tuple[str, str | None]]:
        """Each call: the method, and the thread or message that it is about."""
        return [
            (item.path.rpartition("/")[2], item.json.get("thread_ts") or item.json.get("ts"))
            for item in self.slack.requests
        ]


@pytest.fixture
def app() -> Iterator[Bot]:
    with HttpStandin(OK) as slack:
        yield Bot(slack)


def test_an_episode_is_one_message_with_its_story_in_the_thread(app: Bot) -> None:
    """Opened: a message. Worse, over: the message changes, the thread hears. Reminded: the thread, and the channel.
    Acknowledged: the message shows it, and nobody is called."""
    for step in ("opened", "updated", "acknowledged", "reminded", "resolved", "followed_up"):
        assert app.tell(f"hl-1:{step}").status is DeliveryStatus.DELIVERED
    assert app.calls() == [
        ("chat.postMessage", None),
        ("chat.update", "123.45"),
        ("chat.postMessage", "123.45"),
        ("chat.update", "123.45"),
        ("chat.postMessage", "123.45"),
        ("chat.update", "123.45"),
        ("chat.postMessage", "123.45"),
        ("chat.postMessage", "123.45"),
    ]
    assert [item.json.get("reply_broadcast") for item in app.slack.requests][4] is True
    last_change = app.slack.requests[5].json
    assert all(block["type"] != "actions" for block in last_change["blocks"]), "no buttons once it is over"
    assert {item.headers["Authorization"] for item in app.slack.requests} == {"Bearer xoxb-1"}


def test_a_message_that_somebody_deleted_is_written_anew(app: Bot) -> None:
    """The story goes on there."""
    app.tell("hl-1:opened")
    app.slack.script(Reply(body=b'{"ok": false, "error": "message_not_found"}', headers=JSON))
    app.slack.otherwise = Reply(body=b'{"ok": true, "channel": "C1", "ts": "999.9"}', headers=JSON)
    assert app.tell("hl-1:updated").memory == b'{"channel":"C1","ts":"999.9"}'
    app.tell("hl-1:resolved")
    assert app.calls()[-1] == ("chat.postMessage", "999.9")


def test_a_step_that_failed_half_way_is_done_again_whole(app: Bot) -> None:
    """Changing the message twice does no harm; the reply is the last step, so it comes once."""
    app.tell("hl-1:opened")
    app.slack.script(OK, Reply(503))
    assert app.tell("hl-1:updated").status is DeliveryStatus.FAILED
    assert app.tell("hl-1:updated").status is DeliveryStatus.DELIVERED
    assert [call for call, _ in app.calls()][1:] == ["chat.update", "chat.postMessage"] * 2


@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        (
            Reply(body=b'{"ok": false, "error": "channel_not_found"}', headers=JSON),
            DeliveryStatus.UNAUTHORIZED,
            "channel_not_found",
        ),
        (
            Reply(body=b'{"ok": false, "error": "missing_scope"}', headers=JSON),
            DeliveryStatus.UNAUTHORIZED,
            "missing_scope",
        ),
        (
            Reply(body=b'{"ok": false, "error": "brand_new_trouble"}', headers=JSON),
            DeliveryStatus.UNAUTHORIZED,
            "brand_new_trouble",
        ),
        (Reply(body=b'{"ok": false, "error": "msg_too_long"}', headers=JSON), DeliveryStatus.REJECTED, "msg_too_long"),
        (
            Reply(body=b'{"ok": false, "error": "internal_error"}', headers=JSON),
            DeliveryStatus.FAILED,
            "internal_error",
        ),
        (
            Reply(body=b'{"ok": false, "error": "ratelimited"}', headers=JSON),
            DeliveryStatus.RATE_LIMITED,
            "ratelimited",
        ),
        (Reply(body=b"<html>a proxy's page</html>"), DeliveryStatus.FAILED, "not Slack's answer"),
        (Reply(502, b"<html>bad gateway</html>"), DeliveryStatus.FAILED, "status 502"),
        (Reply(404, b"no"), DeliveryStatus.UNAUTHORIZED, "status 404"),
    ],
)
def test_what_slacks_errors_mean(app: Bot, reply: Reply, outcome: DeliveryStatus, reason: str) -> None:
    """What an operator must mend is kept for as long as that takes; an unknown error is taken for that."""
    app.slack.script(reply)
    result = app.tell("hl-1:opened")
    assert (result.status, result.reason) == (outcome, reason)


class Back:
    """The endpoint, and what it sent on."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.actions = SlackActions(
            [SecretStr("another-app's"), SecretStr(SECRET)],
            self.take,
            "127.0.0.1",
            0,
            now=lambda: NOW,
            reply_hosts=["127.0.0.1"],
        )

    def take(self, command: Command) -> None:
        """As a CommandSender would."""
        self.gate.wait(10)
        if self.failure is not None:
            raise self.failure
        self.commands.append(command)

    def post(self, body: bytes, headers: dict[str, str], path: str = PATH) -> int:
        """The status of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.actions.port, timeout=HANG_SECONDS)
        try:
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def click(self, choice: str, at: datetime = NOW, secret: str = SECRET, **more: Any) -> int:
        """A click as Slack sends it."""
        alert = make_notification()
        element = buttons(str(alert.account_id), alert.alert_id)["elements"][0]
        action = element | {"action_id": f"heartline:{choice}", "action_ts": "1767.5"}
        payload = {"type": "block_actions", "user": {"id": "U7", "name": "ann"}, "actions": [action]}
        body = form(**(payload | more))
        return self.post(body, signed(body, at, secret))


def form(**payload: Any) -> bytes:
    """An interaction as a form."""
    return urlencode({"payload": json.dumps(payload)}).encode()


def signed(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    """Slack's headers, computed from its documentation and not by its library."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
    }


@pytest.fixture
def back() -> Iterator[Back]:
    back = Back()
    back.actions.start()
    yield back
    back.actions.stop()


def test_each_button_gives_its_command(back: Back) -> None:
    """With the alert, who clicked, and when."""
    assert [back.click(choice) for choice in ("acknowledge", "snooze", "not_valid")] == [200, 200, 200]
    acknowledge, snooze, verdict = back.commands
    assert isinstance(acknowledge, Acknowledge)
    assert isinstance(snooze, Snooze)
    assert isinstance(verdict, GiveVerdict)
    assert snooze.until == NOW + timedelta(days=7)
    assert verdict.verdict == "not_valid"
    assert (acknowledge.account_id, acknowledge.alert_id, acknowledge.by, acknowledge.at) == (
        "acme",
        "hl-1",
        "ann",
        NOW,
    )
    assert len({command.command_id for command in back.commands}) == 3


def test_a_click_that_slack_sends_again_is_the_same_command(back: Back) -> None:
    """So applying it twice changes nothing."""
    back.click("acknowledge")
    back.click("acknowledge")
    first, second = back.commands
    assert first.command_id == second.command_id


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("acknowledge", "✋ ann is on it"),
        ("snooze", "💤 ann snoozed this until Mon 9 Mar"),
        ("not_valid", "🙅 ann did not find this useful"),
    ],
)
def test_the_thread_is_told_who_did_what(back: Back, choice: str, said: str) -> None:
    """So that nobody does it twice."""
    with HttpStandin(Reply()) as slack:
        assert back.click(choice, response_url=f"{slack.url}/actions/1", message={"ts": "123.45"}) == 200
        wait_for(lambda: len(slack.requests) == 1, 30, "the reply")
        assert slack.requests[0].json == {
            "response_type": "in_channel",
            "replace_original": False,
            "text": said,
            "thread_ts": "123.45",
        }


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "https://evil.example/", "file:///etc/passwd", "", None, 5])
def test_an_answer_goes_to_slack_or_nowhere(back: Back, url: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even though Slack signed it: the process must not be a way into the network behind it."""
    posted: list[str] = []
    monkeypatch.setattr(HttpClient, "post", lambda self, address, body, headers: posted.append(address))
    assert back.click("acknowledge", response_url=url) == 200
    back.actions.stop()
    assert posted == []
    assert len(back.commands) == 1


@pytest.mark.parametrize(
    ("at", "secret", "why"),
    [
        (NOW - timedelta(minutes=6), SECRET, "recorded earlier and played again"),
        (NOW + timedelta(minutes=6), SECRET, "from the future"),
        (NOW, "somebody else's", "signed with another secret"),
    ],
)
def test_nothing_happens_without_slacks_signature(back: Back, at: datetime, secret: str, why: str) -> None:
    assert back.click("acknowledge", at, secret) == 401, why
    assert back.commands == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "9" * 5000, "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": str(int(NOW.timestamp())), "X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": str(int(NOW.timestamp()))},
    ],
)
def test_odd_headers_are_refused_and_break_nothing(back: Back, headers: dict[str, str]) -> None:
    assert back.post(b"payload=%7B%7D", headers) == 401
    assert back.click("acknowledge") == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"payload=", 400),
        (b"payload=%7Bnot+json", 400),
        (b"payload=" + b"%5B" * 20_000, 400),  # nested beyond reason
        (b"a=1&" * 50 + b"payload=%7B%7D", 400),
        (b"\xff\xfe", 401),  # no text, so no signature of Slack's
        (form(type="view_submission"), 200),  # none of our buttons
        (form(type="block_actions", actions=[{"action_id": "heartline:explode"}]), 400),
    ],
)
def test_a_signed_request_that_is_no_click_of_ours(back: Back, body: bytes, status: int) -> None:
    assert back.post(body, signed(body)) == status
    assert back.commands == []


def test_a_body_without_end_is_refused(back: Back) -> None:
    body = b"payload=" + b"x" * (1 << 19)
    assert back.post(body, signed(body)) == 413


def test_any_other_path_is_not_there(back: Back) -> None:
    assert back.post(b"", {}, "/") == 404


def test_whoever_clicked_sees_that_kafka_was_away(back: Back) -> None:
    """503 shows in Slack as a failure, and the button can be clicked again."""
    back.failure = CommandNotSentError("Kafka is away")
    assert back.click("acknowledge") == 503
    back.failure = None
    assert back.click("acknowledge") == 200


def test_slack_is_answered_within_its_three_seconds(back: Back) -> None:
    """Even while Kafka takes its time: the answer does not wait for it."""
    assert ANSWER_SECONDS_MAX < 3
    back.gate.clear()
    assert back.click("acknowledge") == 503
    assert not back.gate.is_set()
    back.gate.set()


def test_a_port_that_is_taken_is_named(back: Back) -> None:
    with pytest.raises(
        ConfigError, match=r"actions_port = 127\.0\.0\.1:\d+: can't listen .* HEARTLINE_ALERTING__ACTIONS_PORT"
    ):
        SlackActions([SecretStr(SECRET)], back.take, "127.0.0.1", back.actions.port)
