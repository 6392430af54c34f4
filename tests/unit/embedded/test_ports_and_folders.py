"""Ports on loopback, and the folder of the cache."""

import socket
from pathlib import Path

import pytest

from heartline.embedded.cache import cache_dir
from heartline.embedded.ports import CANDIDATES, free_ports, is_free, is_open


def test_free_ports_are_different_and_outside_the_range_that_clients_are_given() -> None:
    ports = free_ports(50)

    assert len(set(ports)) == 50
    assert all(port in CANDIDATES for port in ports)


def test_a_port_somebody_listens_on_is_not_free() -> None:
    (port,) = free_ports(1)
    assert is_free(port)
    assert not is_open(port)

    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert is_open(port)


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        pytest.param({"HEARTLINE_CACHE_DIR": "/c", "XDG_CACHE_HOME": "/x"}, "linux", Path("/c"), id="ours wins"),
        pytest.param({"XDG_CACHE_HOME": "/x"}, "linux", Path("/x/heartline"), id="the desktop's"),
        pytest.param({}, "linux", Path.home() / ".cache/heartline", id="Linux"),
        pytest.param({}, "darwin", Path.home() / "Library/Caches/heartline", id="macOS"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(environ: dict[str, str], platform: str, expected: Path) -> None:
    assert cache_dir(environ, platform) == expected
