"""Prometheus Alertmanager, API v2: open alerts are posted again and again, as Alertmanager needs, resolved ones once.

An alert ends there when its endsAt passes: an open one is given an end some refreshes away, so that it ends by itself
if Heartline goes for good. Labels make the identity, so a severity that gets worse is another alert there, and the
milder one ends by itself. Source: Alertmanager's OpenAPI specification, POST /api/v2/alerts, and Prometheus, which
sends endsAt four intervals ahead.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from pydantic import SecretStr

from alerts.messages.plain_text import as_text, headline
from alerts.notification import AlertNotification
from alerts.receiver_settings import AlertmanagerSettings
from consumers.alerting.receivers.account_link import page_of
from consumers.alerting.receivers.delivery import BY_HAND, WITHOUT_END, DeliveryResult, DeliveryStatus, result_of_status
from consumers.alerting.receivers.http import HttpClient, Response
from consumers.alerting.receivers.receiver_secrets import ReceiverSecrets

REFRESHES_UNTIL_END: Final = 4
BATCH: Final = 200
RED_FLAG: Final = "account_red_flag"  # one an account; its signals are annotations, since they come and go


class Alertmanager:
    """An Alertmanager to post to.

    Args:
        name: as the routes call it.
        url: its base, without /api/v2.
        timeout_seconds: for connecting, and for each wait on the answer.
        resend_seconds: open alerts are posted again this often.
        labels: put on every alert.
        auth: user and password, if any.
        token: a bearer token, if any.
        link: an account's page, with {account_id}; None: no generatorURL.
    """

    def __init__(
        self,
        name: str,
        url: str,
        timeout_seconds: float,
        *,
        resend_seconds: float,
        labels: Mapping[str, str],
        auth: tuple[str, str] | None = None,
        token: SecretStr | None = None,
        link: str | None = None,
    ) -> None:
        self.name = name
        self.resend_seconds = resend_seconds
        self._url = url.rstrip("/") + "/api/v2/alerts"
        self._labels = labels
        self._token = token
        self._link = link
        self._http = HttpClient(timeout_seconds, auth)

    def __repr__(self) -> str:
        return f"Alertmanager({self.name!r})"

    def accepts(self, kind: str) -> bool:
        """What opens, changes or ends an alert; acknowledging and silencing are Alertmanager's own."""
        return kind not in BY_HAND | WITHOUT_END

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        """Post one alert."""
        return self._post([notification], datetime.now(UTC))

    def resend(self, notifications: Sequence[AlertNotification], now: datetime) -> DeliveryResult:
        """Post every open alert again."""
        result = DeliveryResult(DeliveryStatus.DELIVERED, "nothing is open")
        for at in range(0, len(notifications), BATCH):
            result = self._post(notifications[at : at + BATCH], now)
            if result.status is not DeliveryStatus.DELIVERED:
                return result
        return result

    def _post(self, notifications: Sequence[AlertNotification], now: datetime) -> DeliveryResult:
        ends_at = now + timedelta(seconds=REFRESHES_UNTIL_END * self.resend_seconds)
        body = msgspec.json.encode(
            [alert(notification, ends_at, self._labels, self._link) for notification in notifications]
        )
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"} if self._token is not None else {}
        response = self._http.post(self._url, body, headers)
        if not isinstance(response, Response):
            return response
        return result_of_status(response.status, response.headers, body=response.body)


def alert(
    notification: AlertNotification, ends_at: datetime, labels: Mapping[str, str], link: str | None
) -> dict[str, Any]:
    """One alert of the request's list.

    Args:
        notification: the alert's newest.
        ends_at: when an open one ends by itself.
        labels: of the installation.
        link: an account's page.
    """
    facts = {
        "alertname": RED_FLAG if notification.account_id is not None else notification.rule,
        "severity": notification.severity,
        "account": notification.account_id,
        "segment": notification.segment,
        "owner": notification.owner,
        "source": "heartline",
    }
    shaped: dict[str, Any] = {
        "labels": {**labels, **{name: value for name, value in facts.items() if value}},
        "annotations": {
            "summary": headline(notification.message),
            "description": as_text(notification.message),
            "alert_id": notification.alert_id,
            "account_name": notification.account_name or "",
            "rule": notification.rule,
            "signals": "; ".join(signal.reason for signal in notification.signals),
        },
        "startsAt": notification.opened_at,
        "endsAt": ends_at if notification.resolved_at is None else notification.resolved_at,
    }
    if (page := page_of(notification, link)) is not None:
        shaped["generatorURL"] = page
    return shaped


def from_settings(name: str, settings: AlertmanagerSettings, secrets: ReceiverSecrets) -> Alertmanager:
    """The receiver of a section of the configuration."""
    password = secrets.get("password")
    return Alertmanager(
        name,
        settings.url,
        settings.timeout_seconds,
        resend_seconds=settings.resend_seconds,
        labels=settings.labels,
        auth=(settings.username or "", password.get_secret_value()) if password is not None else None,
        token=secrets.get("token"),
        link=settings.link,
    )
