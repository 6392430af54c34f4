"""Slack's buttons: what a message offers, and what a click on it says. Pure.

Source: docs.slack.dev, actions block (action_id and value up to 255 and 2,000 characters), block_actions payload.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

import msgspec

from alerts.text import escape, tidy

Choice = Literal["acknowledge", "start_play", "snooze", "not_valid"]

CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)
PREFIX: Final = "heartline:"
OPEN: Final = "open_account"  # a link: Slack opens it by itself, and its click is none of ours
SNOOZE_DAYS: Final = 7


class About(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a button carries: the alert that it is about, and which play it starts."""

    account_id: str
    alert_id: str
    play: str | None = None


@dataclass(frozen=True)
class Click:
    """A click.

    Args:
        choice: which button.
        account_id, alert_id: what it is about.
        by: who clicked.
        at: when.
        action_ts: Slack's name of this click; the same when Slack sends it again.
        response_url: where an answer for the channel may go; None when Slack gave none.
        message_ts: the message with the button; None when Slack gave none.
        play: which one is started; None for any other choice.
    """

    choice: Choice
    account_id: str
    alert_id: str
    by: str
    at: datetime
    action_ts: str
    response_url: str | None = None
    message_ts: str | None = None
    play: str | None = None

    @property
    def snooze_until(self) -> datetime:
        """The end of a snooze that began with this click."""
        return self.at + timedelta(days=SNOOZE_DAYS)


class UnreadableClick(ValueError):
    """The payload is not a click on one of our buttons; the message says what is missing."""


def buttons(
    account_id: str,
    alert_id: str,
    *,
    acknowledged: bool = False,
    play: str | None = None,
    page: str | None = None,
) -> dict[str, Any]:
    """The block with the buttons of an open alert.

    Args:
        account_id, alert_id: what it is about.
        acknowledged: whether somebody is on it.
        play: the one that the message names; None: it names none, or one was started.
        page: the account's on the board; None: there is none to open.
    """
    texts: list[tuple[Choice, str]] = [
        ("acknowledge", "I'm on it"),
        ("start_play", "Start play"),
        ("snooze", f"Snooze {SNOOZE_DAYS} days"),
        ("not_valid", "Not useful"),
    ]
    elements: list[dict[str, Any]] = [
        {
            "type": "button",
            "action_id": f"{PREFIX}{choice}",
            "value": msgspec.json.encode(
                About(account_id, alert_id, play if choice == "start_play" else None)
            ).decode(),
            "text": {"type": "plain_text", "text": text, "emoji": False},
        }
        for choice, text in texts
        if not (acknowledged and choice == "acknowledge") and not (play is None and choice == "start_play")
    ]
    if not acknowledged:
        elements[0]["style"] = "primary"
    if page is not None:
        opens = {"type": "plain_text", "text": "Open account", "emoji": False}
        elements.insert(0, {"type": "button", "action_id": OPEN, "url": page, "text": opens})
    return {"type": "actions", "elements": elements}


def read_click(payload: object, now: datetime) -> Click | None:
    """A click out of an interaction's payload; None for interactions that are none of ours, such as a link's.

    Args:
        payload: the decoded JSON.
        now: the current time.

    Raises:
        UnreadableClick: it should be a click of ours, and is not readable.
    """
    if not isinstance(payload, dict):
        raise UnreadableClick("expected an object")
    actions = payload.get("actions")
    if payload.get("type") != "block_actions" or not isinstance(actions, list) or not actions:
        return None
    action = actions[0]
    name = action.get("action_id") if isinstance(action, dict) else None
    if not isinstance(name, str) or not name.startswith(PREFIX):
        return None
    choice = name.removeprefix(PREFIX)
    if choice not in CHOICES:
        raise UnreadableClick(f"unknown action {choice[:40]!r}")
    try:
        about = msgspec.json.decode(str(action.get("value", "")), type=About)
    except msgspec.DecodeError:
        raise UnreadableClick("the button's value does not name an alert") from None
    if choice == "start_play" and not about.play:
        raise UnreadableClick("the button's value does not name a play")
    message, url = payload.get("message"), payload.get("response_url")
    message_ts = message.get("ts") if isinstance(message, dict) else None
    return Click(
        choice,
        about.account_id,
        about.alert_id,
        _who(payload),
        now,
        str(action.get("action_ts", ""))[:40],
        url if isinstance(url, str) else None,
        message_ts if isinstance(message_ts, str) else None,
        about.play if choice == "start_play" else None,
    )


def reply(click: Click) -> dict[str, Any]:
    """What the message's thread is told once a click counts: who did what, so that nobody does it twice."""
    who = escape(tidy(click.by, 80))
    until = click.snooze_until
    text = {
        "acknowledge": f"✋ {who} is on it",
        "start_play": f"▶️ {who} started the play {escape(tidy(click.play or '', 80)).replace('_', ' ')}",
        "snooze": f"💤 {who} snoozed this until {until:%a} {until.day} {until:%b}",
        "not_valid": f"🙅 {who} did not find this useful",
    }[click.choice]
    shaped: dict[str, Any] = {"response_type": "in_channel", "replace_original": False, "text": text}
    return shaped if click.message_ts is None else shaped | {"thread_ts": click.message_ts}


def _who(payload: dict[str, Any]) -> str:
    """The member as people call them; their id where Slack sends no name."""
    user = payload.get("user")
    for field in ("name", "username", "id") if isinstance(user, dict) else ():
        if isinstance(user, dict) and isinstance(value := user.get(field), str) and value.strip():
            return " ".join(value.split())[:200]
    return "somebody in Slack"


def utc_now() -> datetime:
    """The current time."""
    return datetime.now(UTC)
