"""E-mail over SMTP: text and HTML, encrypted on the way, the messages of an episode in one thread.

A repeat carries the same Message-ID, by which mail programs recognise it. Source: RFC 5322 3.6.4 (Message-ID,
In-Reply-To, References), RFC 3834 5 (Auto-Submitted), RFC 5321 4.2.1 (4yz try again, 5yz do not).
"""

import html
import smtplib
import ssl
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Literal

from pydantic import SecretStr

from alerts.messages.plain_text import as_html, as_text, headline
from alerts.notification import AlertNotification
from alerts.receiver_settings import EmailSettings
from consumers.alerting.receivers.account_link import linked, page_of
from consumers.alerting.receivers.delivery import BY_HAND, DeliveryResult, DeliveryStatus, no_response
from consumers.alerting.receivers.receiver_secrets import ReceiverSecrets
from stream.config.logs import get_logger
from stream.contracts.errors import ConfigError

SUBJECT_CHARS_MAX: Final = 200
log = get_logger(__name__)

_AUTH_REFUSED: Final = frozenset({530, 534, 535, 538})


class Email:
    """Mail to a list of people.

    Args:
        name: as the routes call it.
        host, port: the SMTP server.
        sender: the From address.
        to: the recipients.
        security: starttls, tls (from the first byte), or none.
        timeout_seconds: for connecting, and for each wait on an answer.
        context: which certificates to trust.
        login: user and password, if any.
        link: an account's page, with {account_id}; None: no link.
        owners: by owner, who gets what is about their accounts in the place of `to`.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        sender: str,
        to: tuple[str, ...],
        *,
        security: Literal["starttls", "tls", "none"],
        timeout_seconds: float,
        context: ssl.SSLContext,
        login: tuple[str, SecretStr] | None = None,
        link: str | None = None,
        owners: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._host, self._port = host, port
        self._sender, self._to, self._owners = sender, to, dict(owners or {})
        self._security = security
        self._timeout_seconds = timeout_seconds
        self._context = context
        self._login = login
        self._link = link

    def __repr__(self) -> str:
        return f"Email({self.name!r})"

    def accepts(self, kind: str) -> bool:
        """Every step but those that a person took."""
        return kind not in BY_HAND

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        """Send one mail to everybody on the list."""
        to = self._recipients(notification)
        mail = message(notification, self._sender, to, self._link)
        delivered: DeliveryResult | None = None
        try:
            with self._connect() as server:
                if self._security == "starttls":
                    server.starttls(context=self._context)
                if self._login is not None:
                    user, password = self._login
                    server.login(user, password.get_secret_value())
                refused = server.send_message(mail, self._sender, list(to))
                delivered = DeliveryResult(DeliveryStatus.DELIVERED, "status 250")
                if refused:
                    log.warning("recipients refused", receiver=self.name, refused=len(refused), recipients=len(to))
        except smtplib.SMTPRecipientsRefused as error:
            return _answer(min(code for code, _ in error.recipients.values()), "every recipient is refused")
        except smtplib.SMTPAuthenticationError as error:
            return _answer(error.smtp_code, "user or password is refused")
        except smtplib.SMTPNotSupportedError:
            return DeliveryResult(DeliveryStatus.UNAUTHORIZED, "the server offers no STARTTLS, or no login")
        except smtplib.SMTPResponseException as error:
            return delivered or _answer(error.smtp_code, "")
        except ssl.SSLError as error:
            return DeliveryResult(
                DeliveryStatus.UNAUTHORIZED, f"the server's certificate is refused: {type(error).__name__}"
            )
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return delivered or no_response(error)
        return delivered

    def _recipients(self, notification: AlertNotification) -> tuple[str, ...]:
        """The owner, where their address is known; else the list."""
        own = self._owners.get(notification.owner or "")
        return (own,) if own is not None else self._to

    def _connect(self) -> smtplib.SMTP:
        if self._security == "tls":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_seconds, context=self._context)
        return smtplib.SMTP(self._host, self._port, timeout=self._timeout_seconds)


def message(notification: AlertNotification, sender: str, to: tuple[str, ...], link: str | None) -> EmailMessage:
    """The mail of one notice.

    Args:
        notification: what to tell.
        sender: the From address; its domain makes the Message-ID.
        to: the recipients.
        link: an account's page, with {account_id}; None: no link.
    """
    domain = sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["Subject"] = headline(notification.message)[:SUBJECT_CHARS_MAX]
    mail["From"] = Address("Heartline", addr_spec=sender)
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(notification.at)
    mail["Message-ID"] = f"<{_local(notification.id)}@{domain}>"
    thread = f"<{_local(notification.alert_id)}@{domain}>"
    mail["In-Reply-To"] = thread
    mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Heartline-Alert"] = notification.alert_id
    shaped, page = linked(notification.message, link), page_of(notification, link)
    text, body = as_text(shaped), as_html(shaped)
    if page is not None:
        text += f"\n\n{page}"
        body += f'\n<p><a href="{html.escape(page)}">The account in Heartline</a></p>'
    mail.set_content(text + "\n")
    mail.add_alternative(
        '<!doctype html>\n<html><head><meta name="viewport" content="width=device-width"></head>'
        f'<body style="font-family:sans-serif;max-width:40em">\n{body}\n</body></html>\n',
        subtype="html",
    )
    return mail


def _local(name: str) -> str:
    """An id as the left side of a Message-ID: what is no atom of an address becomes a dot."""
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "." for sign in name)


def _answer(status: int, what: str) -> DeliveryResult:
    """What an SMTP status means."""
    reason = f"status {status}" + (f": {what}" if what else "")
    if status in _AUTH_REFUSED:
        return DeliveryResult(DeliveryStatus.UNAUTHORIZED, reason)
    return DeliveryResult(DeliveryStatus.REJECTED if 500 <= status < 600 else DeliveryStatus.FAILED, reason)


def from_settings(name: str, settings: EmailSettings, secrets: ReceiverSecrets) -> Email:
    """The receiver of a section of the configuration."""
    password = secrets.get("password")
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise ConfigError(
            f"receivers.{name}.ca_file = {settings.ca_file}: {error.strerror or 'no certificate'}"
        ) from None
    return Email(
        name,
        settings.host,
        settings.port,
        settings.sender,
        settings.to,
        security=settings.security,
        timeout_seconds=settings.timeout_seconds,
        context=context,
        login=(settings.username, password) if settings.username is not None and password is not None else None,
        link=settings.link,
        owners=settings.owners,
    )
