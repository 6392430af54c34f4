"""Whoever guesses tokens is slowed, and nobody else."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from consumers.board.login_limiter import ADDRESSES_KEPT, FAILURES_MAX, WINDOW_SECONDS, LoginLimiter
from consumers.board.server_secrets import COOKIE_KEY_FILE, TOKEN_FILE, make_secrets
from consumers.board.settings import BoardOptions, check_access
from stream.contracts.errors import ConfigError
from tests.unit.consumers.board.board_app import FakeBoard

TOKEN = "t" * 20


def test_the_eleventh_try_waits_until_the_first_is_five_minutes_old() -> None:
    limiter = LoginLimiter()
    for second in range(FAILURES_MAX):
        assert limiter.wait_seconds("192.0.2.1", second) == 0
        limiter.failed("192.0.2.1", second)

    assert limiter.wait_seconds("192.0.2.1", 10) == WINDOW_SECONDS - 10
    assert limiter.wait_seconds("192.0.2.2", 10) == 0
    assert limiter.wait_seconds("192.0.2.1", WINDOW_SECONDS) == 0


def test_the_addresses_of_one_ipv6_network_count_together() -> None:
    limiter = LoginLimiter()
    for number in range(FAILURES_MAX):
        limiter.failed(f"2001:db8::{number:x}", 0)

    assert limiter.wait_seconds("2001:db8::ffff", 0) > 0
    assert limiter.wait_seconds("2001:db8:0:1::", 0) == 0


def test_its_memory_is_bounded() -> None:
    limiter = LoginLimiter()
    for number in range(ADDRESSES_KEPT + 100):
        limiter.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0)

    assert len(limiter._failures) == ADDRESSES_KEPT


@pytest.mark.parametrize("way", ["bearer", "form"])
def test_too_many_wrong_tokens_are_answered_with_429_and_counted(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the right one then; sessions and other addresses go on."""
    monkeypatch.setattr("consumers.board.pages.WRONG_TOKEN_SECONDS", 0)
    board = FakeBoard(host="0.0.0.0", token=TOKEN)
    guest, other = board.client(peer="192.0.2.1"), board.client(peer="192.0.2.2")

    def try_token(token: str) -> int:
        if way == "form":
            return guest.post("/login", data={"token": token}).status_code
        return guest.get("/api/v1/accounts", headers={"Authorization": f"Bearer {token}"}).status_code

    assert [try_token(f"wrong {number}") for number in range(FAILURES_MAX)] == [401] * FAILURES_MAX
    assert try_token(TOKEN) == 429
    assert int(guest.post("/login", data={"token": TOKEN}).headers["Retry-After"]) > 0
    assert other.post("/login", data={"token": TOKEN}).status_code == 303
    count = board.registry.get_sample_value
    assert count("heartline_board_logins_total", {"result": "wrong"}) == FAILURES_MAX
    assert count("heartline_board_logins_total", {"result": "limited"}) == 2
    assert count("heartline_board_logins_total", {"result": "accepted"}) == 1


def test_a_forwarded_address_that_nobody_vouches_for_gets_no_fresh_tries() -> None:
    board = FakeBoard(host="0.0.0.0", token=TOKEN)
    guest = board.client(peer="192.0.2.1")
    answers = [
        guest.get(
            "/api/v1/accounts", headers={"Authorization": "Bearer wrong", "X-Forwarded-For": f"198.51.100.{number}"}
        ).status_code
        for number in range(FAILURES_MAX + 1)
    ]

    assert answers == [401] * FAILURES_MAX + [429]


def test_a_token_is_generated_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first = make_secrets(BoardOptions(host="0.0.0.0", secrets_dir=tmp_path / "board"))
    again = make_secrets(BoardOptions(host="0.0.0.0", secrets_dir=tmp_path / "board"))

    check_access(first.options)
    assert first.new_token is not None
    assert again.new_token is None
    assert first.options.token == again.options.token == SecretStr(first.new_token)
    assert first.cookie_key == again.cookie_key
    for name in (TOKEN_FILE, COOKIE_KEY_FILE):
        assert stat.S_IMODE((tmp_path / "board" / name).stat().st_mode) == 0o600


def test_nothing_is_generated_where_somebody_is_asked_already(tmp_path: Path) -> None:
    made = make_secrets(BoardOptions(token=SecretStr(TOKEN), secrets_dir=tmp_path))

    assert made.new_token is None
    assert made.options.token == SecretStr(TOKEN)
    assert not (tmp_path / TOKEN_FILE).exists()


def test_without_a_folder_the_key_is_of_this_process() -> None:
    assert make_secrets(BoardOptions()).cookie_key != make_secrets(BoardOptions()).cookie_key


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"board\.secrets_dir = .*HEARTLINE_BOARD__TOKEN"):
        make_secrets(BoardOptions(secrets_dir=tmp_path / "file" / "below"))
