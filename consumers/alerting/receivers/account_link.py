"""The address of an account's page, where an installation has one."""

import re
from typing import Any, Final
from urllib.parse import unquote

from alerts.messages.blocks import ACCOUNT
from alerts.notification import AlertNotification
from consumers.account_url import url_part


def page_of(notification: AlertNotification, link: str | None) -> str | None:
    """The page of the notice's account; None without a link or an account.

    Args:
        notification: about an account, or about none.
        link: the address with {account_id} in it.
    """
    if link is None or notification.account_id is None:
        return None
    return link.replace("{account_id}", url_part(notification.account_id))


def account_link(public_url: str | None) -> str | None:
    """What receivers link to: an account's page on the board; None where nobody says how people reach the board."""
    return None if public_url is None else f"{public_url.rstrip('/')}/accounts/{{account_id}}"


def link_line(page: str) -> dict[str, Any]:
    """A line of a Slack message that leads to the page."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": f"<{page}|Open account>"}]}


def linked(message: dict[str, Any], link: str | None) -> dict[str, Any]:
    """The message with each account that a list of accounts names linked to its page; without a link, its name alone.

    Args:
        message: Block Kit's; it is not changed.
        link: the address with {account_id} in it.
    """

    def page(found: re.Match[str]) -> str:
        if link is None:
            return found[2]
        return f"<{link.replace('{account_id}', url_part(unquote(found[1])))}|{found[2]}>"

    blocks = []
    for block in message.get("blocks", ()):
        text = block.get("text")
        if block["type"] == "section" and text is not None and ACCOUNT in text["text"]:
            block = {**block, "text": {**text, "text": _NAMED.sub(page, text["text"])}}
        blocks.append(block)
    return {**message, "blocks": blocks}


_NAMED: Final = re.compile(rf"<{ACCOUNT}([^<>|]*)\|([^<>]*)>")
