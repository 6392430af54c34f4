"""A Slack app with a bot token: one message an episode, changed as the episode goes, with its story in the thread.

Source: docs.slack.dev: chat.postMessage, chat.update (with `text`, since blocks alone are not read out), rate limits
(429 with Retry-After, about one message a second and channel), message metadata, actions block.
"""

from http.client import HTTPException
from typing import Any, Final

import msgspec
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError, SlackClientError

from alerts.notification import AlertNotification
from alerts.receiver_settings import SlackBotSettings
from consumers.alerting.receivers.account_link import link_line, linked, page_of
from consumers.alerting.receivers.delivery import (
    DeliveryResult,
    DeliveryStatus,
    no_response,
    result_of_status,
    retry_after,
)
from consumers.alerting.receivers.receiver_secrets import ReceiverSecrets
from consumers.alerting.receivers.slack_buttons import buttons
from consumers.alerting.receivers.slack_http import PlainWebClient, silent_logger

# The thread hears of these, and the message stays as it is.
_THREAD_ONLY: Final = frozenset({"reminded", "escalated", "followed_up"})
# The message shows these, and the thread does not repeat them.
_MESSAGE_ONLY: Final = frozenset({"acknowledged", "snoozed", "unsnoozed", "verdict", "play_started"})
_PASSING: Final = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"}
)
_REFUSED: Final = frozenset(
    {
        *("invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"),
        *("invalid_arguments", "invalid_arg_name", "invalid_array_arg", "invalid_json", "metadata_too_large"),
        *("too_many_attachments", "cannot_reply_to_message"),
    }
)
_MESSAGE_LOST: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})


class _Place(msgspec.Struct, frozen=True):
    """Where the message of an episode is."""

    channel: str
    ts: str


class SlackBot:
    """A channel to write to.

    Args:
        name: as the routes call it.
        token: the bot's, xoxb-...
        channel: the channel's id.
        timeout_seconds: for connecting, and for each wait on the answer.
        mentions: owner, as in the account feed, to the member id to mention.
        with_buttons: whether there is a way back for them.
        api_url: of Slack's Web API.
        link: an account's page, with {account_id}; None: no link.
    """

    def __init__(
        self,
        name: str,
        token: SecretStr,
        channel: str,
        timeout_seconds: float,
        *,
        mentions: dict[str, str],
        with_buttons: bool,
        api_url: str,
        link: str | None = None,
    ) -> None:
        self.name = name
        self._channel = channel
        self._mentions = mentions
        self._with_buttons = with_buttons
        self._link = link
        self._client = PlainWebClient(
            token.get_secret_value(),
            base_url=api_url,
            timeout=max(1, round(timeout_seconds)),
            logger=silent_logger(),
            retry_handlers=[],
        )

    def __repr__(self) -> str:
        return f"SlackBot({self.name!r}, token=hidden)"

    def accepts(self, kind: str) -> bool:
        """Everything: what people did is shown in the message."""
        return True

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        """Write the episode's message, or change it and answer in its thread."""
        try:
            if memory is None:
                return self._post(notification)
            return self._go_on(notification, msgspec.json.decode(memory, type=_Place))
        except SlackApiError as error:
            return _refusal(error)
        except (SlackClientError, OSError, HTTPException, ValueError) as error:
            return no_response(error)

    def _post(self, notification: AlertNotification) -> DeliveryResult:
        """A message of its own."""
        said = self._client.chat_postMessage(
            channel=self._channel, **payload(notification, self._mentions, self._with_buttons, self._link)
        )
        assigned = _Place(str(said["channel"]), str(said["ts"]))
        return DeliveryResult(DeliveryStatus.DELIVERED, "ok", memory=msgspec.json.encode(assigned))

    def _go_on(self, notification: AlertNotification, assigned: _Place) -> DeliveryResult:
        """The message is changed first: doing it again does no harm, and the thread's reply is the last step."""
        shaped = payload(notification, self._mentions, self._with_buttons, self._link)
        try:
            if notification.kind not in _THREAD_ONLY:
                self._client.chat_update(channel=assigned.channel, ts=assigned.ts, **shaped)
            if notification.kind not in _MESSAGE_ONLY:
                reply = payload(notification, {}, with_buttons=False)
                broadcast = notification.kind in ("reminded", "escalated")
                self._client.chat_postMessage(
                    channel=assigned.channel, thread_ts=assigned.ts, reply_broadcast=broadcast, **reply
                )
        except SlackApiError as error:
            if _code(error) in _MESSAGE_LOST:
                return self._post(notification)  # somebody deleted it: the story goes on in a new one
            raise
        return DeliveryResult(DeliveryStatus.DELIVERED, "ok")


def payload(
    notification: AlertNotification, mentions: dict[str, str], with_buttons: bool, link: str | None = None
) -> dict[str, Any]:
    """The arguments of chat.postMessage and chat.update, but for the channel and the thread.

    Args:
        notification: what to tell.
        mentions: owner to member id.
        with_buttons: whether people can answer by buttons; never once the alert is over.
        link: an account's page; None: no link.
    """
    message, page = linked(notification.message, link), page_of(notification, link)
    blocks: list[dict[str, Any]] = list(message["blocks"])
    member = mentions.get(notification.owner) if notification.owner is not None else None
    if member is not None and notification.is_open:
        mention = {"type": "mrkdwn", "text": f"For <@{member}>"}
        blocks.append({"type": "context", "elements": [mention]})
    if with_buttons and notification.is_open and notification.account_id is not None:
        acknowledged = notification.kind in ("acknowledged", "play_started")
        names = notification.account_id, notification.alert_id
        blocks.append(buttons(*names, acknowledged=acknowledged, play=notification.play, page=page))
    elif page is not None:
        blocks.append(link_line(page))
    return {
        "text": message.get("text", ""),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {
            "event_type": "heartline_alert",
            "event_payload": {"id": notification.id, "alert_id": notification.alert_id, "kind": notification.kind},
        },
    }


def _refusal(error: SlackApiError) -> DeliveryResult:
    """What an error of the API means for the message and the channel."""
    status, code = int(getattr(error.response, "status_code", 0) or 0), _code(error)
    headers = dict(getattr(error.response, "headers", None) or {})
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return DeliveryResult(DeliveryStatus.RATE_LIMITED, "ratelimited", retry_after(headers))
    if status not in (0, 200):
        return result_of_status(status, headers)
    if code in _REFUSED:
        return DeliveryResult(DeliveryStatus.REJECTED, code)
    if code in _PASSING or not code:
        return DeliveryResult(DeliveryStatus.FAILED, code or "not Slack's answer")
    return DeliveryResult(DeliveryStatus.UNAUTHORIZED, code)  # token, scope, channel: an operator's to mend


def _code(error: SlackApiError) -> str:
    """Slack's own word for the error, made harmless; empty when there is none."""
    try:
        code = str(error.response["error"] or "")
    except (KeyError, TypeError, ValueError):
        return ""
    return code if code.replace("_", "").isalnum() and len(code) <= 60 else ""


def from_settings(name: str, settings: SlackBotSettings, secrets: ReceiverSecrets) -> SlackBot:
    """The receiver of a section of the configuration."""
    return SlackBot(
        name,
        secrets.need("token"),
        settings.channel,
        settings.timeout_seconds,
        mentions=settings.mentions,
        with_buttons=secrets.get("signing_secret") is not None,
        api_url=settings.api_url,
        link=settings.link,
    )
