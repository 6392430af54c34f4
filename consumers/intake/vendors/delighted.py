"""Delighted's webhooks: answers. The score comes first and a comment later; the answer's own id makes both one."""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake.mapping import Outcome, Row, at, or_ignored, seconds, text, translate, whole, words
from consumers.intake.signatures import hex_hmac
from consumers.intake.vendors.vendor import Vendor

_account: Final = or_ignored(
    at("event_data.person_properties.account_id", "event_data.person_properties.Account ID", read=text),
    "the person has no property account_id, so it is nobody's answer",
)

ROWS: Final = (
    Row(
        ("survey_response.*",),
        "survey",
        {
            "event_id": at("event_id", read=text),
            "response_id": at("event_data.id", read=text),
            "account_id": _account,
            "user_id": at("event_data.person.id", read=text),
            "survey": at("event_data.survey_type", read=words({"nps": "nps", "csat": "csat", "ces": "ces"})),
            "score": at("event_data.score", read=whole),
            "comment": at("event_data.comment"),
            "timestamp": at("event_data.updated_at", "event_data.created_at", read=seconds),
        },
    ),
    Row(("unsubscribe*", "bounce*"), reason="it says who receives surveys, not what anybody answered"),
)


def _translate(body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    payload = body if isinstance(body, dict) else {}
    return [translate(ROWS, "event_type", payload.get("event_type"), payload)]


DELIGHTED: Final = Vendor(
    "delighted",
    "the webhook's signing secret",
    hex_hmac("x-delighted-webhook-signature", "sha256", "sha256="),
    _translate,
    "Delighted, webhooks",
    "an answer of a person without the property account_id belongs to nobody",
)
