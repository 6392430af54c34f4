"""Typeform's webhooks: the first number among the answers of a form. The account travels in a hidden field.

What kind of survey a form is says its hidden field `survey` (nps, csat or ces); without one it is an NPS.
"""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake.mapping import Ignored, Outcome, Payload, Row, at, find, or_ignored, text, translate, whole
from consumers.intake.signatures import base64_hmac
from consumers.intake.vendors.vendor import Vendor

HIDDEN: Final = "form_response.hidden"


def _score(payload: Payload) -> Any:
    answers = find(payload, "form_response.answers")
    numbers = [
        answer.get("number")
        for answer in (answers if isinstance(answers, list) else [])
        if isinstance(answer, dict) and answer.get("type") == "number"
    ]
    return whole(numbers[0]) if numbers else Ignored("no answer of the form is a number")


def _comment(payload: Payload) -> Any:
    answers = find(payload, "form_response.answers")
    texts = [
        answer.get("text")
        for answer in (answers if isinstance(answers, list) else [])
        if isinstance(answer, dict) and answer.get("type") == "text"
    ]
    return texts[0] if texts else None


ROWS: Final = (
    Row(
        ("form_response",),
        "survey",
        {
            "event_id": at("event_id", read=text),
            "response_id": at("form_response.token", read=text),
            "account_id": or_ignored(
                at(f"{HIDDEN}.account_id", read=text),
                "the form has no hidden field account_id, so it is nobody's answer",
            ),
            "user_id": at(f"{HIDDEN}.user_id", f"{HIDDEN}.email", read=text),
            "survey": lambda payload: str(find(payload, f"{HIDDEN}.survey") or "nps").lower(),
            "score": _score,
            "comment": _comment,
            "timestamp": at("form_response.submitted_at"),
        },
    ),
    Row(("form_response_partial",), reason="the form is not finished"),
)


def _translate(body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    payload = body if isinstance(body, dict) else {}
    return [translate(ROWS, "event_type", payload.get("event_type"), payload)]


TYPEFORM: Final = Vendor(
    "typeform",
    "the webhook's secret",
    base64_hmac("typeform-signature", "sha256="),
    _translate,
    "Typeform, webhooks: payload and secret",
    "a form without the hidden field account_id belongs to nobody",
)
