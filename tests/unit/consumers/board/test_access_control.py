"""Who may see the board, and who may act."""

import pytest

from consumers.board.access_control import Person, authenticate, is_own_page, role_of, session_key, signing_key
from consumers.board.settings import BoardOptions, check_access
from stream.contracts.errors import ConfigError

TOKEN, READ = "t" * 20, "r" * 20
PROXY = {"proxy_user_header": "X-User", "proxy_role_header": "X-Role", "host": "0.0.0.0"}


def options(**values: object) -> BoardOptions:
    return BoardOptions(**values)


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
    assert authenticate(options(**values), headers, peer, {}) == expected


def test_a_session_ends_with_the_token_that_opened_it() -> None:
    before, after = options(token=TOKEN), options(token=TOKEN + "new")
    session = {"role": "write", "key": session_key(before)}

    assert authenticate(before, {}, "10.0.0.1", session) == Person("write token", "write")
    assert authenticate(after, {}, "10.0.0.1", session) is None


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


@pytest.mark.parametrize("values", [PROXY, {"read_token": READ}, {}])
def test_without_the_write_token_no_setting_tells_what_cookies_are_signed_with(values: dict[str, object]) -> None:
    """Else a reader, or anybody where only the proxy asks, could write a session of their own."""
    assert signing_key(options(**values)) != signing_key(options(**values))


def test_with_the_write_token_a_session_outlives_a_restart_and_a_new_token_ends_it() -> None:
    assert signing_key(options(token=TOKEN)) == signing_key(options(token=TOKEN, read_token=READ))
    assert signing_key(options(token=TOKEN)) != signing_key(options(token=TOKEN + "x"))


def test_where_only_the_proxy_asks_no_session_counts() -> None:
    board = options(**PROXY)
    session = {"role": "write", "key": session_key(board), "name": "eve"}

    assert authenticate(board, {}, "10.0.0.9", session) is None
