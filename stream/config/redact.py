"""No secret in any output: whatever is printed or logged passes through `redact`.

A secret is known by its value, once `remember_secrets` has seen it, or by its shape: user and password of an address,
a Slack webhook's path, a Slack token, `password=...` in a library's message.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

HIDDEN: Final = "(hidden)"
SECRET_CHARS_MIN: Final = 4  # what is shorter is a word that stands everywhere, and no secret

_NAMES: Final = r"[\w-]*(?:password|passwd|secret|token|api_?key|routing_key)"
_SHAPES: Final = (
    (re.compile(r"(?<=://)[^/\s@'\"]+(?=@)"), HIDDEN),
    (re.compile(r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[^\s'\"<>]+"), HIDDEN),
    (re.compile(r"\bxox[a-z]-[A-Za-z0-9-]+"), HIDDEN),
    (re.compile(rf"(?i)\b({_NAMES})=(['\"]?)(?!\(hidden\))[^\s'\",;)}}&]+"), rf"\1=\2{HIDDEN}"),
    (re.compile(rf"(?i)(['\"]{_NAMES}['\"]:\s*['\"])(?!\(hidden\))[^'\"]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic) (?!\(hidden\))[A-Za-z0-9+/=._~-]{16,}"), rf"\1 {HIDDEN}"),
)
# The address of a store without user, password or parameters; a webhook's address is a secret as a whole.
_PLAIN_ADDRESS: Final = re.compile(r"(?:rediss?|unix)://[^@?]*")

_known: tuple[str, ...] = ()  # the longest first; replaced as a whole, so that any thread may read it


def remember_secrets(values: Iterable[str]) -> None:
    """From now on these values are hidden wherever they stand."""
    global _known
    found = {value for value in values if len(value) >= SECRET_CHARS_MIN}
    _known = tuple(sorted(found.union(_known), key=len, reverse=True))


def secrets_in(value: Any) -> list[str]:
    """The values of every SecretStr in a model, mapping or sequence; not an address that names no user and no password.

    >>> from pydantic import SecretStr
    >>> secrets_in([SecretStr("redis://localhost:6379/0"), SecretStr("redis://:hunter2@cache:6379/0")])
    ['redis://:hunter2@cache:6379/0']
    """
    from pydantic import BaseModel, SecretStr  # heavy, and the command line's help needs no more than `redact`

    if isinstance(value, SecretStr):
        found = value.get_secret_value()
        return [] if _PLAIN_ADDRESS.fullmatch(found) else [found]
    if isinstance(value, BaseModel):
        return [each for name in type(value).model_fields for each in secrets_in(getattr(value, name))]
    if isinstance(value, Mapping):
        return [each for item in value.values() for each in secrets_in(item)]
    if isinstance(value, list | tuple | set | frozenset):
        return [each for item in value for each in secrets_in(item)]
    return []


def redact(text: str) -> str:
    """The text with every secret replaced.

    >>> redact("redis://user:hunter2@cache:6379/0 refused")
    'redis://(hidden)@cache:6379/0 refused'
    >>> redact("https://hooks.slack.com/services/T0/B0/abc answered 404")
    'https://hooks.slack.com/(hidden) answered 404'
    >>> redact("SASL failed, password='hunter2'")
    "SASL failed, password='(hidden)'"
    """
    for secret in _known:
        text = text.replace(secret, HIDDEN)
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text
