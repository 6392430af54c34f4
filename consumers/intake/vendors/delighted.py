"""Delighted's webhooks: answers. The score comes first and a comment later; the answer's own id makes both one."""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake.mapping import Ignored, Outcome, Row, at, or_ignored, seconds, text, translate, whole
from consumers.intake.signatures import hex_hmac
from consumers.intake.vendors.vendor import Vendor

_account: Final = or_ignored(
    at("event_data.person_properties.account_id", "event_data.person_properties.Account ID", read=text),
    "the person has no property account_id, so it is nobody's answer",
)

# Delighted's types of surveys: ours, and the scale where it is not our own. Source: Delighted, survey types.
_TYPES: Final[dict[str, tuple[str, str | None]]] = {
    "nps": ("nps", None),
    "csat": ("csat", None),
    "csat3": ("csat", "1-3"),
    "5star": ("csat", None),
    "smileys": ("csat", None),
    "thumbs": ("csat", "thumbs"),
    "ces": ("ces", "1-5"),
    "ces7": ("ces", None),
}
_OTHER_TYPES: Final = ("enps", "pmf")  # of employees, and of a product's fit


def _type(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def survey(value: Any) -> Any:
    """What kind of survey one of Delighted's types is; one that is not known stays, so that the contract names it."""
    name = _type(value)
    if name in _OTHER_TYPES:
        return Ignored("a survey of employees or of a product's fit says nothing about an account's health")
    return _TYPES[name][0] if isinstance(name, str) and name in _TYPES else value


def scale(value: Any) -> Any:
    """On which scale one of Delighted's types is answered; None: the survey's own."""
    name = _type(value)
    return _TYPES[name][1] if isinstance(name, str) and name in _TYPES else None


ROWS: Final = (
    Row(
        ("survey_response.*",),
        "survey",
        {
            "event_id": at("event_id", read=text),
            "response_id": at("event_data.id", read=text),
            "account_id": _account,
            "user_id": at("event_data.person.id", "event_data.person", read=text),
            "survey": at("event_data.survey_type", read=survey),
            "scale": at("event_data.survey_type", read=scale),
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
