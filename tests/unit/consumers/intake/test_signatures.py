"""Signatures as the vendors document them: the right one passes, everything near it does not."""

import base64
import hmac

import pytest

from consumers.intake.signatures import SignedRequest
from consumers.intake.vendors.registry import VENDORS

SECRET, BODY, URL, NOW = "s3cret-s3cret", b'{"a":1}', "https://in.example/webhooks/hubspot", 1_772_443_800.0


def signed(data: bytes, algorithm: str = "sha256") -> hmac.HMAC:
    return hmac.new(SECRET.encode(), data, algorithm)


def b64(data: bytes) -> str:
    return base64.b64encode(signed(data).digest()).decode()


STAMP, MILLIS = str(int(NOW)), str(int(NOW * 1000))
HEADERS: dict[str, dict[str, str]] = {
    "zendesk": {
        "x-zendesk-webhook-signature": b64(b"2026-03-02T09:30:00Z" + BODY),
        "x-zendesk-webhook-signature-timestamp": "2026-03-02T09:30:00Z",
    },
    "intercom": {"x-hub-signature": "sha1=" + signed(BODY, "sha1").hexdigest()},
    "jira": {"x-hub-signature": "sha256=" + signed(BODY).hexdigest()},
    "delighted": {"x-delighted-webhook-signature": "sha256=" + signed(BODY).hexdigest()},
    "typeform": {"typeform-signature": "sha256=" + b64(BODY)},
    "stripe": {
        "stripe-signature": f"t={STAMP},v1={'0' * 64},v1={signed(STAMP.encode() + b'.' + BODY).hexdigest()},v0=x"
    },
    "hubspot": {
        "x-hubspot-signature-v3": b64(b"POST" + URL.encode() + BODY + MILLIS.encode()),
        "x-hubspot-request-timestamp": MILLIS,
    },
    "chargebee": {"authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()},
}


def check(vendor: str, headers: dict[str, str], body: bytes = BODY, now: float = NOW, secret: str = SECRET) -> bool:
    return VENDORS[vendor].check(SignedRequest(headers, "POST", URL, body, now), secret)


@pytest.mark.parametrize("vendor", HEADERS)
def test_the_vendors_own_signature_passes(vendor: str) -> None:
    assert check(vendor, HEADERS[vendor])


@pytest.mark.parametrize("vendor", HEADERS)
def test_another_secret_body_or_header_does_not(vendor: str) -> None:
    assert not check(vendor, HEADERS[vendor], secret="another-secret")
    assert vendor == "chargebee" or not check(vendor, HEADERS[vendor], body=BODY + b" ")
    for name in HEADERS[vendor]:
        assert not check(vendor, {**HEADERS[vendor], name: ""})
        assert not check(vendor, {**HEADERS[vendor], name: "é" * 40})
        assert not check(vendor, {key: value for key, value in HEADERS[vendor].items() if key != name})


@pytest.mark.parametrize("vendor", ["stripe", "hubspot"])
def test_an_old_request_sent_again_by_somebody_else_does_not_pass(vendor: str) -> None:
    assert check(vendor, HEADERS[vendor], now=NOW + 300)
    assert not check(vendor, HEADERS[vendor], now=NOW + 301)
    assert not check(vendor, HEADERS[vendor], now=NOW - 301)


@pytest.mark.parametrize("stamp", ["", "t=", "t=x", "t=" + "9" * 1000, f"t={STAMP},t={STAMP}", "t=-1", "t=１"])
def test_a_time_that_is_none_does_not_pass(stamp: str) -> None:
    digest = signed(STAMP.encode() + b"." + BODY).hexdigest()
    assert not check("stripe", {"stripe-signature": f"{stamp},v1={digest}"})


def test_every_vendor_is_in_the_table() -> None:
    assert HEADERS.keys() == VENDORS.keys()
