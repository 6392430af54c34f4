"""One message to one Slack incoming webhook.

The webhook's address is the secret: it is in no log line, no error, no repr and no metric.
Source: docs.slack.dev, sending messages using incoming webhooks (errors), rate limits (429, Retry-After).
"""

from http.client import HTTPException

from pydantic import SecretStr

from alerts.notice import Notice
from consumers.alerting.receivers.answer import BY_HAND, Answer, no_answer, read_answer
from consumers.alerting.receivers.slack_http import PlainWebhookClient, silent_logger


class SlackWebhook:
    """A webhook to send to.

    Args:
        name: as the routes call it.
        url: its address, checked by the settings.
        timeout_seconds: for connecting, and for each wait on the answer.
    """

    def __init__(self, name: str, url: SecretStr, timeout_seconds: float) -> None:
        self.name = name
        self._client = PlainWebhookClient(
            url.get_secret_value(), timeout=max(1, round(timeout_seconds)), logger=silent_logger(), retry_handlers=[]
        )

    def __repr__(self) -> str:
        return f"SlackWebhook({self.name!r}, url=hidden)"

    def tells(self, kind: str) -> bool:
        """Every step but those that a person took."""
        return kind not in BY_HAND

    def send(self, notice: Notice, memory: bytes | None) -> Answer:
        """Send the notice's message as it is."""
        try:
            response = self._client.send_dict(dict(notice.message))
        except (OSError, HTTPException, ValueError) as error:
            return no_answer(error)
        return read_answer(response.status_code, response.headers)
