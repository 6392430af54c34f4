"""Block Kit's few pieces that our messages are made of, within Slack's limits.

Source: docs.slack.dev, Block Kit: header 150 characters, section text 3,000, 50 blocks.
"""

from typing import Any, Final

from alerts.text import clip, escape

Payload = dict[str, Any]
Block = dict[str, Any]

HEADER_CHARS_MAX: Final = 150
TEXT_CHARS_MAX: Final = 3000


def payload(headline: str, fallback: str, blocks: list[Block]) -> Payload:
    """A message; `fallback` is the plain text that notifications and screen readers use."""
    return {"text": clip(escape(fallback), TEXT_CHARS_MAX), "blocks": [header(headline), *blocks]}


def header(text: str) -> Block:
    """The first line, as plain text: nothing in it is read as Slack's own syntax."""
    short = text if len(text) <= HEADER_CHARS_MAX else text[: HEADER_CHARS_MAX - 1] + "…"
    return {"type": "header", "text": {"type": "plain_text", "text": short, "emoji": False}}


def section(mrkdwn: str) -> Block:
    """A paragraph, escaped already; `verbatim` keeps Slack from making links and mentions out of plain text."""
    return {"type": "section", "text": _mrkdwn(mrkdwn)}


def context(parts: list[str]) -> Block:
    """The small print, escaped already."""
    return {"type": "context", "elements": [_mrkdwn("  ·  ".join(parts))]}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": clip(text, TEXT_CHARS_MAX), "verbatim": True}
