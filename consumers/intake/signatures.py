"""Who sent a webhook: each vendor's own signature, compared in constant time.

Every check takes the request as it came and the secret, and answers yes or no; nothing of either is ever shown.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

TOLERANCE_SECONDS: Final = 300


class SignedRequest(NamedTuple):
    """What a signature may cover.

    Attributes:
        headers: by lower-case name.
        method, url: as the vendor called it.
        body: the bytes as they came.
        now_seconds: epoch seconds at its arrival.
    """

    headers: Mapping[str, str]
    method: str
    url: str
    body: bytes
    now_seconds: float


Check = Callable[[SignedRequest, str], bool]


def hex_hmac(header: str, algorithm: str, prefix: str = "") -> Check:
    """A header with the HMAC of the body in hexadecimal, after a prefix as `sha256=`."""

    def check(request: SignedRequest, secret: str) -> bool:
        expected = prefix + hmac.new(secret.encode(), request.body, algorithm).hexdigest()
        return _same(request.headers.get(header, ""), expected)

    return check


def base64_hmac(header: str, prefix: str = "") -> Check:
    """A header with the HMAC-SHA256 of the body in base64, after a prefix."""

    def check(request: SignedRequest, secret: str) -> bool:
        return _same(request.headers.get(header, ""), prefix + _base64(secret, request.body))

    return check


def zendesk(request: SignedRequest, secret: str) -> bool:
    """Base64 of the HMAC over timestamp and body. Source: Zendesk's developer documentation, verifying webhooks."""
    timestamp = request.headers.get("x-zendesk-webhook-signature-timestamp", "")
    expected = _base64(secret, timestamp.encode("utf-8", "replace") + request.body)
    return bool(timestamp) and _same(request.headers.get("x-zendesk-webhook-signature", ""), expected)


def stripe(request: SignedRequest, secret: str) -> bool:
    """`t=…,v1=…`: HMAC over time and body, not older than five minutes. Source: Stripe's documentation of webhooks."""
    parts = [part.partition("=") for part in request.headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    if len(times) != 1 or not _recent(times[0], request.now_seconds, 1):
        return False
    signed = times[0].encode() + b"." + request.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return any(_same(value, expected) for name, _, value in parts if name.strip() == "v1")


def hubspot(request: SignedRequest, secret: str) -> bool:
    """Version 3: method, address, body and time, not older than five minutes. Source: HubSpot, validating requests."""
    timestamp = request.headers.get("x-hubspot-request-timestamp", "")
    if not _recent(timestamp, request.now_seconds, 1000):
        return False
    signed = request.method.encode() + request.url.encode() + request.body + timestamp.encode()
    return _same(request.headers.get("x-hubspot-signature-v3", ""), _base64(secret, signed))


def basic(request: SignedRequest, secret: str) -> bool:
    """HTTP Basic with `user:password` as the secret, which is what Chargebee offers."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        decoded = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(decoded, secret.encode())


def _base64(secret: str, data: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), data, hashlib.sha256).digest()).decode()


def _recent(text: str, now_seconds: float, per_second: int) -> bool:
    """Whether a time in digits is at most five minutes from now."""
    return (
        text.isascii()
        and text.isdigit()
        and len(text) < 16
        and abs(int(text) / per_second - now_seconds) <= (TOLERANCE_SECONDS)
    )


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
