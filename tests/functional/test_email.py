"""E-mail against a real mail server: encrypted or not at all, and a refusal only where there is one."""

import logging
import ssl
from typing import Any

import pytest
from pydantic import SecretStr

from consumers.alerting.receivers.delivery import DeliveryStatus
from consumers.alerting.receivers.email import Email
from tests.logged import logged
from tests.notifications import make_notification
from tests.receiver_servers import LOOPBACK, Authority, SmtpStandin


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def make(server: SmtpStandin, context: ssl.SSLContext, **options: Any) -> Email:
    """A receiver of that server's."""
    plain: dict[str, Any] = {"security": "starttls", "timeout_seconds": 2, "context": context}
    to = ("dana@example.com", "ada@example.com")
    return Email("mail", LOOPBACK, server.port, "alerts@heartline.example", to, **(plain | options))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_goes_encrypted(authority: Authority, security: str) -> None:
    with SmtpStandin(tls=authority.server, implicit=security == "tls") as server:
        assert (
            make(server, authority.client, security=security).send(make_notification(), None).status
            is DeliveryStatus.DELIVERED
        )
        assert server.encrypted == [True]
        assert server.mails[0]["To"] == "dana@example.com, ada@example.com"


def test_an_owners_digest_goes_to_the_owner_and_everything_else_to_the_list(authority: Authority) -> None:
    with SmtpStandin(tls=authority.server) as server:
        receiver = make(server, authority.client, owners={"Dana Fields": "fields@example.com"})
        own = make_notification("hl-daily-1:daily_digest", owner="Dana Fields", account_id=None)
        others = make_notification("hl-daily-2:daily_digest", owner="Ada Okafor", account_id=None)
        nobodys = make_notification("hl-daily-3:daily_digest", owner=None, account_id=None)
        for each in (own, others, nobodys):
            assert receiver.send(each, None).status is DeliveryStatus.DELIVERED
        team = "dana@example.com, ada@example.com"
        assert [mail["To"] for mail in server.mails] == ["fields@example.com", team, team]


def test_a_server_without_encryption_gets_no_mail(authority: Authority) -> None:
    """Nor the password: an operator must look."""
    with SmtpStandin() as server:
        receiver = make(server, authority.client, login=("heartline", SecretStr("verysecret")))
        assert receiver.send(make_notification(), None).status is DeliveryStatus.UNAUTHORIZED
        assert server.attempts == 0


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_somebody_else_gets_no_mail(authority: Authority, security: str) -> None:
    with SmtpStandin(tls=authority.server, implicit=security == "tls") as server:
        receiver = make(server, ssl.create_default_context(), security=security)
        result = receiver.send(make_notification(), None)
        assert (result.status, server.attempts) == (DeliveryStatus.UNAUTHORIZED, 0)
        assert result.reason == "the server's certificate is refused: SSLCertVerificationError"


def test_one_refused_recipient_keeps_no_other_from_hearing(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the log; sending again would tell the others twice."""
    with SmtpStandin(tls=authority.server) as server:
        server.recipient_replies.extend(["550 5.1.1 nobody", "250 OK"])
        with caplog.at_level(logging.WARNING, "consumers"):
            assert make(server, authority.client).send(make_notification(), None).status is DeliveryStatus.DELIVERED
    assert logged(caplog, receiver="mail", refused=1, recipients=2)


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        (["550 5.1.1 nobody", "550 5.1.1 nobody"], DeliveryStatus.REJECTED),  # for good
        (["550 5.1.1 nobody", "450 4.2.1 greylisted"], DeliveryStatus.FAILED),  # one of them may work later
    ],
)
def test_no_recipient_at_all(authority: Authority, replies: list[str], outcome: DeliveryStatus) -> None:
    with SmtpStandin(tls=authority.server) as server:
        server.recipient_replies.extend(replies)
        assert make(server, authority.client).send(make_notification(), None).status is outcome
