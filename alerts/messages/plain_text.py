"""A Block Kit message for those who have no Slack: as plain text, and as HTML."""

import html
import re
from collections.abc import Iterator
from typing import Any, Final

_BOLD: Final = re.compile(r"\*([^*\n]+)\*")
_SLANTED: Final = re.compile(r"(?<!\w)_([^\n]+?)_(?!\w)")
_LINK: Final = re.compile(r"<([^<>|]+)\|([^<>]*)>")
_CODE: Final = re.compile(r"`([^`\n]+)`")
_ADDRESS: Final = ("https://", "http://")
_WORD_JOINER: Final = "\u2060"  # between @ and a channel's word; it has done its duty in Slack


def headline(message: dict[str, Any]) -> str:
    """The message's header; its text where it has none."""
    for block in message.get("blocks", ()):
        if block["type"] == "header":
            return _bare(str(block["text"]["text"]))
    return _unmarked(str(message.get("text", "")))


def as_text(message: dict[str, Any]) -> str:
    """The message as plain text, the headline first, a blank line between its parts.

    >>> as_text({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*Why:* a &lt; b"}}]})
    'Why: a < b'
    """
    parts = [_unmarked(_LINK.sub(_label, text)) for _, text in _parts(message)]
    return "\n\n".join(parts) or headline(message)


def as_html(message: dict[str, Any]) -> str:
    """The message as the body of an HTML document. Slack's text is escaped as HTML wants it, but for quotes.

    >>> as_html({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*Why:* a &lt; b"}}]})
    '<p><strong>Why:</strong> a &lt; b</p>'
    """
    lines = []
    for kind, text in _parts(message):
        body = _BOLD.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", _bare(text)))
        body = _LINK.sub(_anchor, _SLANTED.sub(r"<em>\1</em>", body))
        body = body.replace("\n", "<br>\n")
        if kind == "header":
            lines.append(f"<h2>{body}</h2>")
        elif kind == "context":
            lines.append(f'<p style="color:#666">{body}</p>')
        else:
            lines.append(f"<p>{body}</p>")
    return "\n".join(lines)


def _label(link: re.Match[str]) -> str:
    """A link as text: what it is called, and its address where it has one."""
    return f"{link[2]} ({link[1]})" if link[1].startswith(_ADDRESS) else link[2]


def _anchor(link: re.Match[str]) -> str:
    """A link as HTML."""
    return f'<a href="{html.escape(link[1])}">{link[2]}</a>' if link[1].startswith(_ADDRESS) else link[2]


def unescape(text: str) -> str:
    """The reverse of `alerts.text.escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _parts(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each block that has words: its kind, and its text escaped as mrkdwn is."""
    for block in message.get("blocks", ()):
        texts = [block["text"], *block.get("fields", ())] if "text" in block else block.get("fields", ())
        if block["type"] == "context":
            texts = [item for item in block["elements"] if item["type"] in ("mrkdwn", "plain_text")]
        elif block["type"] not in ("header", "section"):
            continue
        words = [
            str(text["text"]) if text["type"] == "mrkdwn" else html.escape(str(text["text"]), quote=False)
            for text in texts
        ]
        yield block["type"], "\n".join(words)


def _unmarked(mrkdwn: str) -> str:
    return _bare(unescape(_SLANTED.sub(r"\1", _CODE.sub(r"\1", _BOLD.sub(r"\1", mrkdwn)))))


def _bare(text: str) -> str:
    return text.replace(_WORD_JOINER, "")
