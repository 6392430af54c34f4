"""A user's id out of JSON that names it: as a value of its own, or as a word of a sentence. Pure."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

REDACTED: Final = "erased-user"
WORD_CHARS_MIN: Final = 3  # a shorter id is no word by which a sentence could be searched


def redacted_of(value: bytes, words: Iterable[str]) -> bytes | None:
    """JSON without any of a user's id, name and address; None: it has none of them, or is no JSON.

    >>> redacted_of(b'{"who":"Ann Lee (champion)","id":"u17"}', ["u17", "Ann Lee"])
    b'{"who":"erased-user (champion)","id":"u17"}'
    """
    left, is_changed = value, False
    for word in words:
        without = redacted(left, word)
        if without is not None:
            left, is_changed = without, True
    return left if is_changed else None


def redacted(value: bytes, user_id: str) -> bytes | None:
    """JSON without a word; None: it does not hold it, or is no JSON.

    >>> redacted(b'{"by":"ann","text":"ann@x.io and u17 left","users":["u17"]}', "u17")
    b'{"by":"ann","text":"ann@x.io and erased-user left","users":["erased-user"]}'
    >>> redacted(b'{"text":"u171 left"}', "u17") is None
    True
    """
    if msgspec.json.encode(user_id)[1:-1] not in value:
        return None
    try:
        decoded = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None
    word = re.compile(rf"(?<![\w@.+-]){re.escape(user_id)}(?![\w@+-]|\.\w)") if len(user_id) >= WORD_CHARS_MIN else None
    without = _without(decoded, user_id, word)
    return None if without == decoded else msgspec.json.encode(without)


def _without(value: Any, user_id: str, word: re.Pattern[str] | None) -> Any:
    if isinstance(value, str):
        if value == user_id:
            return REDACTED
        return word.sub(REDACTED, value) if word is not None else value
    if isinstance(value, list):
        return [_without(each, user_id, word) for each in value]
    if isinstance(value, dict):
        return {
            (REDACTED if name == user_id else name): each
            if name in ("account_id", "alert_id", "id")
            else _without(each, user_id, word)
            for name, each in value.items()
        }
    return value
