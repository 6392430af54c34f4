"""One message to one Slack incoming webhook.

The webhook's address is the secret: it is in no log line, no error, no repr and no metric.
Source: docs.slack.dev, sending messages using incoming webhooks (errors), rate limits (429, Retry-After).
"""

from http.client import HTTPException

from pydantic import SecretStr

from alerts.notification import AlertNotification
from alerts.receiver_settings import SlackWebhookSettings
from consumers.alerting.receivers.account_link import link_line, linked, page_of
from consumers.alerting.receivers.delivery import BY_HAND, DeliveryResult, no_response, result_of_status
from consumers.alerting.receivers.receiver_secrets import ReceiverSecrets
from consumers.alerting.receivers.slack_http import PlainWebhookClient, silent_logger
from consumers.alerting.settings import checked_webhook_url


class SlackWebhook:
    """A webhook to send to.

    Args:
        name: as the routes call it.
        url: its address, checked by the settings.
        timeout_seconds: for connecting, and for each wait on the answer.
        link: an account's page, with {account_id}; None: no link.
    """

    def __init__(self, name: str, url: SecretStr, timeout_seconds: float, link: str | None = None) -> None:
        self.name = name
        self._link = link
        self._client = PlainWebhookClient(
            url.get_secret_value(), timeout=max(1, round(timeout_seconds)), logger=silent_logger(), retry_handlers=[]
        )

    def __repr__(self) -> str:
        return f"SlackWebhook({self.name!r}, url=hidden)"

    def accepts(self, kind: str) -> bool:
        """Every step but those that a person took."""
        return kind not in BY_HAND

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        """Send the notice's message, with a link to the account."""
        message, page = linked(notification.message, self._link), page_of(notification, self._link)
        if page is not None:
            message["blocks"] = [*message["blocks"], link_line(page)]
        try:
            response = self._client.send_dict(message)
        except (OSError, HTTPException, ValueError) as error:
            return no_response(error)
        return result_of_status(response.status_code, response.headers, body=str(response.body).encode())


def from_settings(name: str, settings: SlackWebhookSettings, secrets: ReceiverSecrets) -> SlackWebhook:
    """The receiver of a section of the configuration."""
    url = secrets.need("url")
    try:
        checked_webhook_url(url, settings.allowed_hosts, settings.allow_insecure_loopback)
    except ValueError as error:
        raise secrets.wrong("url", error) from None
    return SlackWebhook(name, url, settings.timeout_seconds, settings.link)
