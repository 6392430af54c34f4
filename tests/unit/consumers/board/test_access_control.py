"""Who may see the board, and who may act."""

import pytest

from consumers.board.access_control import AccessControl, Person, is_own_page, role_of
from consumers.board.settings import BoardOptions, check_access
from stream.contracts.errors import ConfigError

TOKEN, READ = "t" * 20, "r" * 20
PROXY = {"proxy_user_header": "X-User", "proxy_role_header": "X-Role", "host": "0.0.0.0"}


def options(**values: object) -> BoardOptions:
    return BoardOptions(**values)


def access(cookie_key: str = "k" * 32, /, **values: object) -> AccessControl:
    return AccessControl(options(**values), cookie_key)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "board.example"])
def test_beyond_this_machine_it_refuses_to_start_when_nothing_says_who_may_see_it(host: str) -> None:
    with pytest.raises(ConfigError, match=r"board\.host .* HEARTLINE_BOARD__TOKEN"):
        check_access(options(host=host))


@pytest.mark.parametrize(
    "values",
    [
        {"host": "127.0.0.1"},
        {"host": "localhost"},
        {"host": "0.0.0.0", "token": TOKEN},
        {"host": "0.0.0.0", "read_token": READ},
        {"host": "0.0.0.0", "proxy_user_header": "X-Forwarded-User"},
    ],
)
def test_it_starts_where_only_this_machine_reaches_it_or_somebody_is_asked(values: dict[str, str]) -> None:
    check_access(options(**values))


@pytest.mark.parametrize(
    ("values", "headers", "peer", "expected"),
    [
        ({}, {}, "127.0.0.1", Person("local", "write")),
        ({"read_only": True}, {}, "127.0.0.1", Person("local", "read")),
        ({"token": TOKEN}, {}, "127.0.0.1", None),
        ({"token": TOKEN}, {"authorization": "Bearer wrong"}, "127.0.0.1", None),
        ({"token": TOKEN}, {"authorization": f"Bearer {TOKEN}"}, "10.0.0.1", Person("write token", "write", True)),
        ({"token": TOKEN}, {"authorization": f"Basic {TOKEN}"}, "10.0.0.1", None),
        ({"read_token": READ}, {"authorization": f"bearer {READ}"}, "10.0.0.1", Person("read token", "read", True)),
        (PROXY, {"x-user": "ann", "x-role": "write"}, "127.0.0.1", Person("ann", "write")),
        (PROXY, {"x-user": "ann", "x-role": "admin"}, "127.0.0.1", Person("ann", "read")),  # an unknown role may look
        (PROXY, {"x-user": "ann"}, "127.0.0.1", Person("ann", "read")),
        (PROXY, {"x-user": "ann", "x-role": "write"}, "10.0.0.9", None),  # not the proxy's own word
        (PROXY, {"x-user": "  "}, "127.0.0.1", None),
    ],
)
def test_who_asks_is_told_by_token_or_proxy(
    values: dict[str, object], headers: dict[str, str], peer: str, expected: Person | None
) -> None:
    assert access(**values).authenticate(headers, peer, {}) == expected


def test_a_session_ends_with_the_token_that_opened_it() -> None:
    before, after = access(token=TOKEN), access(token=TOKEN + "new")
    session = {"role": "write", "key": before.session_key()}

    assert before.authenticate({}, "10.0.0.1", session) == Person("write token", "write")
    assert after.authenticate({}, "10.0.0.1", session) is None


def test_what_a_cookie_shows_tells_nothing_of_the_tokens() -> None:
    """It is signed and not encrypted: whoever has it could try tokens against a plain digest of them."""
    assert access("k" * 32, token=TOKEN).session_key() != access("l" * 32, token=TOKEN).session_key()


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "192.0.2.1", "203.0.113.9"),  # no proxy of ours: its word counts for nothing
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "192.0.2.1, 203.0.113.9", "203.0.113.9"),  # what stands before it the client may have made up
        ("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.1.2.3", "203.0.113.9"),  # two proxies of ours
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, nonsense", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1, 10.0.0.1", "127.0.0.1"),
        (None, "203.0.113.9", "unknown"),
    ],
)
def test_an_address_is_believed_as_far_as_proxies_are_trusted(peer: str | None, forwarded: str, expected: str) -> None:
    control = access(trusted_proxies=["127.0.0.1", "10.0.0.0/8"])
    assert control.client_address({"x-forwarded-for": forwarded}, peer) == expected


def test_a_proxy_on_a_network_is_trusted() -> None:
    control = access(**PROXY, trusted_proxies=["172.16.0.0/12"])
    headers = {"x-user": "ann", "x-role": "write"}

    assert control.authenticate(headers, "172.20.0.3", {}) == Person("ann", "write")
    assert control.authenticate(headers | {"x-forwarded-for": "172.20.0.3"}, "203.0.113.9", {}) is None


def test_a_token_gives_its_own_role_only() -> None:
    both = options(token=TOKEN, read_token=READ)

    assert [role_of(both, given) for given in (TOKEN, READ, "", "x")] == ["write", "read", None, None]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),  # typed into the address bar
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost:8050", "host": "localhost:8050"}, False),
        ({"origin": "http://localhost:8050", "host": "localhost:8050"}, True),
        ({"origin": "http://evil.example", "host": "localhost:8050"}, False),
        ({"origin": "null", "host": "localhost:8050"}, False),
        ({"host": "localhost:8050"}, True),  # no browser
    ],
)
def test_a_change_is_taken_from_our_own_pages_only(headers: dict[str, str], expected: bool) -> None:
    assert is_own_page(headers) is expected


def test_a_change_through_a_proxy_that_changes_the_host_is_our_own_pages() -> None:
    headers = {"origin": "https://health.example", "host": "board:8050"}

    assert is_own_page(headers, "health.example")
    assert not is_own_page(headers)


def test_where_only_the_proxy_asks_no_session_counts() -> None:
    control = access(**PROXY)
    session = {"role": "write", "key": control.session_key(), "name": "eve"}

    assert control.authenticate({}, "10.0.0.9", session) is None
