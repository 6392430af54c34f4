"""Block Kit's few pieces that our messages are made of, within Slack's limits.

Source: docs.slack.dev, Block Kit: header 150 characters, section text 3,000, 50 blocks.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from alerts.text import clip, escape, tidy

Payload = dict[str, Any]
Block = dict[str, Any]

HEADER_CHARS_MAX: Final = 150  # as UTF-16 counts them: Slack does not say how it does, and by this an emoji is two
TEXT_CHARS_MAX: Final = 3000
_LINES_CHARS_MAX: Final = 1500
ACCOUNT: Final = "account:"  # how a link to an account begins until a receiver knows where its page is


def payload(headline: str, fallback: str, blocks: list[Block]) -> Payload:
    """A message; `fallback` is the plain text that notifications and screen readers use."""
    return {"text": clip(escape(fallback), TEXT_CHARS_MAX), "blocks": [header(headline), *blocks]}


def header(text: str) -> Block:
    """The first line, as plain text: nothing in it is read as Slack's own syntax."""
    units = text.encode("utf-16-le", "replace")
    fits = len(units) <= 2 * HEADER_CHARS_MAX
    short = text if fits else units[: 2 * (HEADER_CHARS_MAX - 1)].decode("utf-16-le", "ignore") + "…"
    return {"type": "header", "text": {"type": "plain_text", "text": short, "emoji": False}}


def section(mrkdwn: str) -> Block:
    """A paragraph, escaped already; `verbatim` keeps Slack from making links and mentions out of plain text."""
    return {"type": "section", "text": _mrkdwn(mrkdwn)}


def sections(lines: Sequence[str]) -> list[Block]:
    """Lines as paragraphs, as few as there is room for once links have their addresses; no line is cut in two."""
    found: list[list[str]] = [[]]
    for line in lines:
        if found[-1] and sum(map(len, found[-1])) + len(line) > _LINES_CHARS_MAX:
            found.append([])
        found[-1].append(line)
    return [section("\n".join(part)) for part in found if part]


def context(parts: list[str]) -> Block:
    """The small print, escaped already."""
    return {"type": "context", "elements": [_mrkdwn("  ·  ".join(parts))]}


def account_name(name: str, account_id: str | None, chars_max: int) -> str:
    """An account's name, bold, where a receiver that knows the account's page puts a link; escaped for mrkdwn.

    >>> account_name("Acme & Co", "acme/1", 80)
    '*<account:acme%2F1|Acme &amp; Co>*'
    """
    shown = escape(tidy(name, chars_max))
    return f"*{shown}*" if account_id is None else f"*<{ACCOUNT}{quote(account_id, safe='')}|{shown}>*"


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": clip(text, TEXT_CHARS_MAX), "verbatim": True}
