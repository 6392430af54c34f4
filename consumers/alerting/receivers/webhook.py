"""Any HTTP endpoint: the notice as JSON, signed as Standard Webhooks says, so that kept libraries can verify it.

Source: github.com/standard-webhooks/standard-webhooks, spec: headers webhook-id, webhook-timestamp and
webhook-signature; the signature is base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from pydantic import SecretStr

from alerts.messages.plain_text import as_text, headline
from alerts.notification import AlertNotification
from alerts.receiver_settings import WebhookSettings
from consumers.alerting.receivers.account_link import page_of
from consumers.alerting.receivers.delivery import DeliveryResult, result_of_status
from consumers.alerting.receivers.http import HttpClient, Response
from consumers.alerting.receivers.receiver_secrets import ReceiverSecrets

KEY_PREFIX: Final = "whsec_"
KEY_BYTES_MIN: Final = 24
_DELIVERED: Final = frozenset(range(200, 300))


class Webhook:
    """An endpoint to send to.

    Args:
        name: as the routes call it.
        url: its address; may be a secret.
        key: what to sign with, from `signing_key`.
        timeout_seconds: for connecting, and for each wait on the answer.
        link: an account's page, with {account_id}; None: no page.
        clock: the current time, epoch seconds.
    """

    def __init__(
        self,
        name: str,
        url: SecretStr,
        key: bytes,
        timeout_seconds: float,
        link: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._url = url
        self._key = key
        self._link = link
        self._clock = clock
        self._http = HttpClient(timeout_seconds)

    def __repr__(self) -> str:
        return f"Webhook({self.name!r}, url=hidden)"

    def accepts(self, kind: str) -> bool:
        """Every step: the other side may choose; each by itself, since it is a program."""
        return kind != "digest"

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        """Send the notice; any 2xx is a yes."""
        body = msgspec.json.encode(payload(notification, self._link))
        headers = signed_headers(self._key, notification.id, int(self._clock()), body)
        response = self._http.post(self._url.get_secret_value(), body, headers)
        if not isinstance(response, Response):
            return response
        return result_of_status(response.status, response.headers, _DELIVERED, response.body)


def payload(notification: AlertNotification, link: str | None) -> dict[str, Any]:
    """The notice as the endpoint gets it; docs/receivers.md describes it."""
    account = None
    if notification.account_id is not None:
        account = {
            "account_id": notification.account_id,
            "name": notification.account_name,
            "score": notification.score,
            "band": notification.band,
            "segment": notification.segment,
            "owner": notification.owner,
            "lifecycle_stage": notification.lifecycle_stage,
            "mrr": notification.mrr,
            "currency": notification.currency,
            "renewal_at": notification.renewal_at,
            "page": page_of(notification, link),
        }
    return {
        "type": f"alert.{notification.kind}",
        "timestamp": notification.at,
        "data": {
            "id": notification.id,
            "alert": {
                "alert_id": notification.alert_id,
                "fingerprint": notification.fingerprint,
                "rule": notification.rule,
                "severity": notification.severity,
                "episode": notification.episode,
                "opened_at": notification.opened_at,
                "resolved_at": notification.resolved_at,
                "recovered": notification.recovered,
                "reason": notification.reason,
                "by": notification.by,
                "evidence": notification.evidence,
                "signals": notification.signals,
            },
            "account": account,
            "title": headline(notification.message),
            "text": as_text(notification.message),
        },
    }


def signing_key(secret: str) -> bytes:
    """The key of a secret, which is whsec_ and the key in base64.

    Raises:
        ValueError: it is something else, or too short to be safe; the message does not repeat it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(
            f"expected {KEY_PREFIX} and at least {KEY_BYTES_MIN} random bytes in base64, as "
            f'`echo "{KEY_PREFIX}$(openssl rand -base64 32)"` makes them'
        )
    return key


def signed_headers(key: bytes, name: str, at_seconds: int, body: bytes) -> dict[str, str]:
    """The headers that let the other side verify id, time and body."""
    digest = hmac.new(key, f"{name}.{at_seconds}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def from_settings(name: str, settings: WebhookSettings, secrets: ReceiverSecrets) -> Webhook:
    """The receiver of a section of the configuration."""
    url = SecretStr(settings.url) if settings.url is not None else secrets.need("url")
    address = url.get_secret_value()
    secure = address.startswith("https://") or settings.allow_http
    if settings.url is None and not (address.startswith(("http://", "https://")) and secure):
        raise secrets.wrong("url", ValueError("expected an https:// address"))
    try:
        key = signing_key(secrets.need("secret").get_secret_value())
    except ValueError as error:
        raise secrets.wrong("secret", error) from None
    return Webhook(name, url, key, settings.timeout_seconds, settings.link)
