"""Who may see the board, who may act, and that it is really they: tokens, a proxy's word, cookies, origins."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from consumers.board.settings import BoardOptions

Role = Literal["write", "read"]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
NAME_CHARS: Final = 80


@dataclass(frozen=True)
class Person:
    """Who asks.

    Attributes:
        name: as it stands in the audit log.
        role: read: may look only.
        by_token: whether the request itself carries the token, so that no other site can have made it.
    """

    name: str
    role: Role
    by_token: bool = False

    @property
    def may_act(self) -> bool:
        """Whether they may do anything but look."""
        return self.role == "write"


def authenticate(
    board: BoardOptions,
    headers: Mapping[str, str],
    peer: str | None,
    session: Mapping[str, str],
    local_name: str = "local",
) -> Person | None:
    """Who asks, by everything that a request says; None: nobody that may see anything.

    Args:
        board: the settings.
        headers: of the request, names in lower case.
        peer: the address at the other end.
        session: what the signed cookie holds.
        local_name: what whoever is not asked is called.
    """
    if not board.asks:
        return _limited(board, Person(local_name, "write"))
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and (role := role_of(board, token.strip())) is not None:
        return _limited(board, Person(f"{role} token", role, by_token=True))
    has_tokens = board.token is not None or board.read_token is not None
    held = session.get("role")
    if has_tokens and held in ("write", "read") and session.get("key") == session_key(board):
        return _limited(board, Person(session.get("name") or f"{held} token", "write" if held == "write" else "read"))
    return _limited(board, _from_proxy(board, headers, peer))


def role_of(board: BoardOptions, token: str) -> Role | None:
    """What a token gives the right to; None: nothing."""
    found: Role | None = None
    for role, secret in (("read", board.read_token), ("write", board.token)):
        if secret is not None and secrets.compare_digest(secret.get_secret_value().encode(), token.encode()):
            found = "write" if role == "write" else "read"
    return found


def session_key(board: BoardOptions) -> str:
    """Changes with the tokens, so that a changed token ends the sessions that it opened."""
    held = "\0".join(
        secret.get_secret_value() if secret is not None else "" for secret in (board.token, board.read_token)
    )
    return hashlib.sha256(f"heartline board\0{held}".encode()).hexdigest()[:32]


def signing_key(board: BoardOptions) -> str:
    """What cookies are signed with: a key that only whoever may do everything could know, else one of this process.

    With the token as its source a session outlives a restart. Without that token nothing in the settings is secret from
    every reader, so the key is random.
    """
    if board.token is None:
        return secrets.token_hex(32)
    return hashlib.sha256(f"heartline cookie\0{board.token.get_secret_value()}".encode()).hexdigest()


def is_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a request that changes something was made by one of our own pages, or by no browser at all.

    Browsers say where a request comes from, and a page can't make them lie. Source: the Fetch standard's
    Sec-Fetch-Site and Origin, checked as Go's net/http.CrossOriginProtection does.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _from_proxy(board: BoardOptions, headers: Mapping[str, str], peer: str | None) -> Person | None:
    """Whom the reverse proxy let in; its headers count only when it is the proxy that sent them."""
    if board.proxy_user_header is None or peer not in board.trusted_proxies:
        return None
    name = headers.get(board.proxy_user_header.lower(), "").strip()
    if not name:
        return None
    role: Role = "write"
    if board.proxy_role_header is not None and headers.get(board.proxy_role_header.lower()) != "write":
        role = "read"
    return Person(name[:NAME_CHARS], role)


def _limited(board: BoardOptions, person: Person | None) -> Person | None:
    return Person(person.name, "read", person.by_token) if person is not None and board.read_only else person


def own_path(target: str) -> str:
    """A path of this board; anything else leads to its first page.

    >>> own_path("/alerts?x=1"), own_path("https://elsewhere.example/"), own_path("//elsewhere.example")
    ('/alerts?x=1', '/', '/')
    """
    parts = urlsplit(target)
    own = not parts.scheme and not parts.netloc and target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if own else "/"
