"""The contract of every receiver, against real local servers: what it does with each kind of answer, and what it never
tells."""

import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from alerts.notification import AlertNotification
from consumers.alerting.receivers.alertmanager import Alertmanager
from consumers.alerting.receivers.delivery import DeliveryResult, DeliveryStatus, Receiver
from consumers.alerting.receivers.email import Email
from consumers.alerting.receivers.pagerduty import PagerDuty
from consumers.alerting.receivers.slack_bot import SlackBot
from consumers.alerting.receivers.slack_webhook import SlackWebhook
from consumers.alerting.receivers.webhook import Webhook, signing_key
from tests.notifications import make_notification
from tests.receiver_servers import LOOPBACK, Authority, HttpStandin, Reply, SmtpStandin

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"  # also valid base64
SLACK_OK = Reply(body=b'{"ok": true, "channel": "C1", "ts": "123.45"}', headers={"Content-Type": "application/json"})


@dataclass
class Case:
    """One kind of receiver and its server.

    Args:
        receiver: ready to send.
        say: script the next answer, by the name of what happens.
        ids: the id in each delivered message, as the other side sees it.
        attempts: how often the server was asked.
    """

    receiver: Receiver
    say: Callable[[str], None]
    ids: Callable[[], list[str]]
    attempts: Callable[[], int]


def slack_error(code: str, status: int = 200, **headers: str) -> Reply:
    """An answer of the Web API."""
    body = f'{{"ok": false, "error": "{code}"}}'.encode()
    return Reply(status, body, {"Content-Type": "application/json", **headers})


PLAIN = {
    "limited": Reply(429, headers={"Retry-After": "7"}),
    "trouble": Reply(503),
    "hangs": Reply(delay_seconds=1.6, drop=True),
    "hangs up": Reply(drop=True),
    "bad credentials": Reply(403),
    "refused": Reply(400),
    "moved": Reply(302, headers={"Location": f"http://{LOOPBACK}:9/elsewhere/{SECRET}"}),
}
SLACK_API = PLAIN | {
    "limited": slack_error("ratelimited", 429, **{"Retry-After": "7"}),
    "bad credentials": slack_error("invalid_auth"),
    "refused": slack_error("invalid_blocks"),
}
MAIL = {
    "limited": "451 4.7.1 try again later",
    "trouble": "421 4.3.0 not now",
    "bad credentials": "535 5.7.8 no",
    "refused": "550 5.7.1 we do not take this",
}


def http_case(stack: ExitStack, kind: str) -> Case:
    """A receiver that speaks HTTP."""
    ok = {"slack_bot": SLACK_OK, "pagerduty": Reply(202)}.get(kind, Reply())
    server = stack.enter_context(HttpStandin(ok))
    address = f"{server.url}/{SECRET}"
    receivers: dict[str, Callable[[], Receiver]] = {
        "slack_webhook": lambda: SlackWebhook("team", SecretStr(address), 1),
        "slack_bot": lambda: SlackBot(
            "bot", SecretStr(SECRET), "C1", 1, mentions={}, with_buttons=True, api_url=f"{server.url}/"
        ),
        "webhook": lambda: Webhook("hook", SecretStr(address), signing_key(f"whsec_{SECRET}=="[:46]), 1),
        "alertmanager": lambda: Alertmanager(
            "am", server.url, 1, resend_seconds=60, labels={}, token=SecretStr(SECRET)
        ),
        "pagerduty": lambda: PagerDuty("pager", SecretStr(SECRET), f"{server.url}/v2/enqueue", 1),
    }
    replies = SLACK_API if kind == "slack_bot" else PLAIN
    found: dict[str, Callable[[], list[str]]] = {
        "slack_webhook": lambda: [request.json["text"] for request in server.requests],
        "slack_bot": lambda: [request.json["metadata"]["event_payload"]["id"] for request in server.requests],
        "webhook": lambda: [request.headers["webhook-id"] for request in server.requests],
        "alertmanager": lambda: [request.json[0]["annotations"]["alert_id"] for request in server.requests],
        "pagerduty": lambda: [request.json["payload"]["custom_details"]["id"] for request in server.requests],
    }
    return Case(receivers[kind](), lambda what: server.script(replies[what]), found[kind], lambda: len(server.requests))


def mail_case(stack: ExitStack, authority: Authority) -> Case:
    """The one that speaks SMTP."""
    server = stack.enter_context(SmtpStandin(tls=authority.server, user="heartline", password=SECRET))
    receiver = Email(
        "mail",
        LOOPBACK,
        server.port,
        "alerts@heartline.example",
        ("dana@example.com",),
        security="starttls",
        timeout_seconds=1,
        context=authority.client,
        login=("heartline", SecretStr(SECRET)),
    )

    def say(what: str) -> None:
        if what == "hangs":
            server.delay_seconds = 1.6
        elif what == "bad credentials":
            server.password = "another"
        else:
            server.replies.append(MAIL[what])

    return Case(receiver, say, lambda: [str(mail["Message-ID"]) for mail in server.mails], lambda: server.attempts)


KINDS = ("slack_webhook", "slack_bot", "webhook", "alertmanager", "pagerduty", "email")


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Who vouches for the mail server."""
    return Authority()


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """Each receiver in turn."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as stack:
        yield mail_case(stack, authority) if request.param == "email" else http_case(stack, request.param)


def send(case: Case, notification: AlertNotification | None = None) -> DeliveryResult:
    return case.receiver.send(notification or make_notification(), None)


def test_it_delivers_and_a_repeat_carries_the_same_id(case: Case) -> None:
    """So that whoever hears twice can tell."""
    assert send(case).status is DeliveryStatus.DELIVERED
    assert send(case).status is DeliveryStatus.DELIVERED
    first, second = case.ids()
    assert first == second
    assert "hl-1" in first


@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        ("trouble", DeliveryStatus.FAILED),  # 503, 421: tried again
        ("hangs", DeliveryStatus.FAILED),  # no answer in time: tried again
        ("bad credentials", DeliveryStatus.UNAUTHORIZED),  # an operator mends it: kept
        ("refused", DeliveryStatus.REJECTED),  # this message will never pass: dead letter
    ],
)
def test_what_becomes_of_a_message_that_was_not_taken(case: Case, what: str, outcome: DeliveryStatus) -> None:
    case.say(what)
    assert send(case).status is outcome


def test_a_limit_is_respected(case: Case) -> None:
    """With the pause that the server asks for, where its protocol can say so; SMTP only says: later."""
    case.say("limited")
    result = send(case)
    if isinstance(case.receiver, Email):
        assert result.status is DeliveryStatus.FAILED
    else:
        assert (result.status, result.retry_after_seconds) == (DeliveryStatus.RATE_LIMITED, 7.0)
    assert send(case).status is DeliveryStatus.DELIVERED


def test_it_makes_one_attempt_and_leaves_the_next_to_the_outbox(case: Case) -> None:
    """A client that retries on its own would hold up the order and hide the trouble."""
    case.say("trouble")
    send(case)
    assert case.attempts() == 1


@pytest.mark.parametrize("what", ["delivered", "trouble", "bad credentials", "refused", "limited", "moved"])
def test_its_secret_is_in_no_log_no_error_and_no_repr(
    case: Case, what: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever has it can speak in our name. A redirect is followed nowhere, least of all with it."""
    caplog.set_level(logging.DEBUG)
    if isinstance(case.receiver, Email) and what == "moved":
        what = "trouble"
    if what != "delivered":
        case.say(what)
    result = send(case)
    if what == "moved":
        assert result.status is DeliveryStatus.UNAUTHORIZED
        assert case.attempts() == 1
    captured = capfd.readouterr()
    ours = [record for record in caplog.records if not record.name.startswith("mail")]  # aiosmtpd's own, the server's
    logged = "\n".join(record.getMessage() for record in ours)
    for text in (logged, captured.out, captured.err, repr(case.receiver), str(case.receiver), repr(result)):
        assert SECRET[:20] not in text


def test_nobody_listening_is_a_failure_like_any_other() -> None:
    """For each that has an address of its own."""
    nowhere = f"http://{LOOPBACK}:9/{SECRET}"
    receivers: list[Receiver] = [
        SlackWebhook("team", SecretStr(nowhere), 1),
        SlackBot("bot", SecretStr(SECRET), "C1", 1, mentions={}, with_buttons=False, api_url=nowhere),
        Webhook("hook", SecretStr(nowhere), b"k" * 32, 1),
        Alertmanager("am", nowhere, 1, resend_seconds=60, labels={}),
        PagerDuty("pager", SecretStr(SECRET), nowhere, 1),
        Email(
            "mail", LOOPBACK, 9, "a@b.example", ("c@d.example",), security="none", timeout_seconds=1,
            context=ssl.create_default_context(),
        ),
    ]  # fmt: skip
    for receiver in receivers:
        result = receiver.send(make_notification(), None)
        assert result.status is DeliveryStatus.FAILED
        assert SECRET not in repr(result)
