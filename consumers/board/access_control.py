"""Who may see the board, who may act, and that it is really they: tokens, a proxy's word, cookies, origins."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
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


class AccessControl:
    """Who may do what, by the settings and the key of this server.

    Args:
        board: the settings.
        cookie_key: secret of this server.
        local_name: what whoever is not asked is called.
    """

    def __init__(self, board: BoardOptions, cookie_key: str, local_name: str = "local") -> None:
        self._board = board
        self._cookie_key = cookie_key
        self._local_name = local_name

    def authenticate(self, headers: Mapping[str, str], peer: str | None, session: Mapping[str, str]) -> Person | None:
        """Who asks, by everything that a request says; None: nobody that may see anything.

        Args:
            headers: of the request, names in lower case.
            peer: the address at the other end of the connection.
            session: what the signed cookie holds.
        """
        board = self._board
        if not board.asks:
            return self._limited(Person(self._local_name, "write"))
        token = bearer_token(headers)
        if token is not None and (role := role_of(board, token)) is not None:
            return self._limited(Person(f"{role} token", role, by_token=True))
        has_tokens = board.token is not None or board.read_token is not None
        held = session.get("role")
        if has_tokens and held in ("write", "read") and session.get("key") == self.session_key():
            return self._limited(Person(session.get("name") or f"{held} token", "write" if held == "write" else "read"))
        return self._limited(self._from_proxy(headers, peer))

    def session_key(self) -> str:
        """Changes with the tokens, so that a changed token ends the sessions that it opened; tells nothing of them."""
        secrets_held = (self._board.token, self._board.read_token)
        held = "\0".join(secret.get_secret_value() if secret is not None else "" for secret in secrets_held)
        return hmac.new(self._cookie_key.encode(), held.encode(), hashlib.sha256).hexdigest()[:32]

    def is_from_proxy(self, peer: str | None) -> bool:
        """Whether a connection comes from a proxy that is trusted."""
        return is_in(peer, self._board.trusted_proxies)

    def client_address(self, headers: Mapping[str, str], peer: str | None) -> str:
        """Who is at the other end: of a trusted proxy the last address that it, or one before it, did not vouch for.

        X-Forwarded-For grows to the right, and whoever sends a request may begin it with anything, so it is read from
        the right, and only as far as the proxies are trusted.
        """
        address = peer or "unknown"
        if not self.is_from_proxy(peer):
            return address
        for name in reversed(headers.get("x-forwarded-for", "").split(",")):
            if _address(name) is None:
                return address
            address = name.strip()
            if not is_in(address, self._board.trusted_proxies):
                return address
        return address

    def _from_proxy(self, headers: Mapping[str, str], peer: str | None) -> Person | None:
        """Whom the reverse proxy let in; its headers count only when it is the proxy that sent them."""
        board = self._board
        if board.proxy_user_header is None or not self.is_from_proxy(peer):
            return None
        name = headers.get(board.proxy_user_header.lower(), "").strip()
        if not name:
            return None
        role: Role = "write"
        if board.proxy_role_header is not None and headers.get(board.proxy_role_header.lower()) != "write":
            role = "read"
        return Person(name[:NAME_CHARS], role)

    def _limited(self, person: Person | None) -> Person | None:
        if person is None or not self._board.read_only:
            return person
        return Person(person.name, "read", person.by_token)


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The token that a request carries itself; None when it carries none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def role_of(board: BoardOptions, token: str) -> Role | None:
    """What a token gives the right to; None: nothing."""
    found: Role | None = None
    given = token.encode("utf-8", "replace")
    for role, secret in (("read", board.read_token), ("write", board.token)):
        if secret is not None and secrets.compare_digest(secret.get_secret_value().encode(), given):
            found = "write" if role == "write" else "read"
    return found


def is_in(address: str | None, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address belongs to one of the networks; an IPv4 address that came over IPv6 is that IPv4 address."""
    found = _address(address or "")
    return found is not None and any(found in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def is_own_page(headers: Mapping[str, str], forwarded_host: str | None = None) -> bool:
    """Whether a request that changes something was made by one of our own pages, or by no browser at all.

    Browsers say where a request comes from, and a page can't make them lie. Source: the Fetch standard's
    Sec-Fetch-Site and Origin, checked as Go's net/http.CrossOriginProtection does.

    Args:
        headers: of the request, names in lower case.
        forwarded_host: what a trusted proxy was asked for, where it says so.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc in (headers.get("host"), forwarded_host)


def own_path(target: str) -> str:
    """A path of this board; anything else leads to its first page.

    >>> own_path("/alerts?x=1"), own_path("https://elsewhere.example/"), own_path("//elsewhere.example")
    ('/alerts?x=1', '/', '/')
    """
    parts = urlsplit(target)
    own = not parts.scheme and not parts.netloc and target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if own else "/"
