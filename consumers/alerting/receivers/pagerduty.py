"""PagerDuty, Events API v2: an episode is one incident, triggered, acknowledged and resolved by its dedup_key.

Source: developer.pagerduty.com, Send an alert event: summary up to 1,024 characters, dedup_key up to 255, severity one
of critical, error, warning, info; 202 is a yes, 400 a refusal of the event, 429 a limit.
"""

from typing import Any, Final

import msgspec
from pydantic import SecretStr

from alerts.messages.plain_text import as_text, headline
from alerts.notification import AlertNotification
from alerts.receiver_settings import PagerDutySettings
from consumers.alerting.receivers.account_link import page_of
from consumers.alerting.receivers.delivery import WITHOUT_END, DeliveryResult, DeliveryStatus, result_of_status
from consumers.alerting.receivers.http import HttpClient, Response
from consumers.alerting.receivers.receiver_secrets import ReceiverSecrets

SUMMARY_CHARS_MAX: Final = 1024
_DELIVERED: Final = frozenset({202})
_ACKNOWLEDGE: Final = frozenset({"acknowledged", "snoozed"})
_UNTOLD: Final = frozenset({"verdict", "play_started"})


class PagerDuty:
    """A PagerDuty service to send events to.

    Args:
        name: as the routes call it.
        routing_key: the service's integration key, 32 characters.
        url: of the Events API.
        timeout_seconds: for connecting, and for each wait on the answer.
        link: an account's page, with {account_id}; None: no link.
    """

    def __init__(
        self, name: str, routing_key: SecretStr, url: str, timeout_seconds: float, link: str | None = None
    ) -> None:
        self.name = name
        self._key = routing_key
        self._url = url
        self._link = link
        self._http = HttpClient(timeout_seconds)

    def __repr__(self) -> str:
        return f"PagerDuty({self.name!r}, routing_key=hidden)"

    def accepts(self, kind: str) -> bool:
        """What opens, changes, acknowledges or ends an incident."""
        return kind not in WITHOUT_END | _UNTOLD

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        """Send one event."""
        shaped = {"routing_key": self._key.get_secret_value(), **event(notification, self._link)}
        response = self._http.post(self._url, msgspec.json.encode(shaped), {})
        if not isinstance(response, Response):
            return response
        result = result_of_status(response.status, response.headers, _DELIVERED, response.body)
        if response.status == 400 and b"routing key" in response.body.lower():
            return DeliveryResult(DeliveryStatus.UNAUTHORIZED, "status 400: the routing key is refused")
        return result


def event(notification: AlertNotification, link: str | None) -> dict[str, Any]:
    """One event, without the key.

    Args:
        notification: what to tell.
        link: an account's page.
    """
    shaped: dict[str, Any] = {"event_action": action(notification), "dedup_key": notification.alert_id}
    if shaped["event_action"] != "trigger":
        return shaped
    shaped["payload"] = {
        "summary": headline(notification.message)[:SUMMARY_CHARS_MAX],
        "source": "heartline",
        "severity": "critical" if notification.severity == "critical" else "warning",
        "timestamp": notification.at,
        "component": notification.account_id or "heartline",
        "group": notification.segment or "none",
        "class": notification.rule,
        "custom_details": {
            "id": notification.id,
            "account": notification.account_name,
            "owner": notification.owner,
            "health": notification.score,
            "band": notification.band,
            "reason": notification.reason,
            "evidence": notification.evidence,
            "signals": [signal.reason for signal in notification.signals],
            "text": as_text(notification.message),
        },
    }
    shaped["client"] = "Heartline"
    if (page := page_of(notification, link)) is not None:
        shaped["client_url"] = page
        shaped["links"] = [{"href": page, "text": "The account in Heartline"}]
    return shaped


def action(notification: AlertNotification) -> str:
    """What an event does to the incident."""
    if notification.resolved_at is not None:
        return "resolve"
    return "acknowledge" if notification.kind in _ACKNOWLEDGE else "trigger"


def from_settings(name: str, settings: PagerDutySettings, secrets: ReceiverSecrets) -> PagerDuty:
    """The receiver of a section of the configuration."""
    return PagerDuty(name, secrets.need("routing_key"), settings.url, settings.timeout_seconds, settings.link)
