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

from alerts.notice import Notice
from alerts.plain import as_text, headline
from consumers.alerting.receivers.answer import Answer, read_answer
from consumers.alerting.receivers.http import HttpClient, Response
from consumers.alerting.receivers.links import page_of

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

    def tells(self, kind: str) -> bool:
        """Every step: the other side may choose; each by itself, since it is a program."""
        return kind != "digest"

    def send(self, notice: Notice, memory: bytes | None) -> Answer:
        """Send the notice; any 2xx is a yes."""
        body = msgspec.json.encode(payload(notice, self._link))
        headers = signed_headers(self._key, notice.id, int(self._clock()), body)
        response = self._http.post(self._url.get_secret_value(), body, headers)
        if not isinstance(response, Response):
            return response
        return read_answer(response.status, response.headers, _DELIVERED)


def payload(notice: Notice, link: str | None) -> dict[str, Any]:
    """The notice as the endpoint gets it; docs/receivers.md describes it."""
    account = None
    if notice.account_id is not None:
        account = {
            "account_id": notice.account_id,
            "name": notice.account_name,
            "score": notice.score,
            "band": notice.band,
            "segment": notice.segment,
            "owner": notice.owner,
            "lifecycle_stage": notice.lifecycle_stage,
            "mrr": notice.mrr,
            "renewal_at": notice.renewal_at,
            "page": page_of(notice, link),
        }
    return {
        "type": f"alert.{notice.kind}",
        "timestamp": notice.at,
        "data": {
            "id": notice.id,
            "alert": {
                "alert_id": notice.alert_id,
                "fingerprint": notice.fingerprint,
                "rule": notice.rule,
                "severity": notice.severity,
                "episode": notice.episode,
                "opened_at": notice.opened_at,
                "resolved_at": notice.resolved_at,
                "recovered": notice.recovered,
                "reason": notice.reason,
                "by": notice.by,
                "evidence": notice.evidence,
            },
            "account": account,
            "title": headline(notice.message),
            "text": as_text(notice.message),
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
