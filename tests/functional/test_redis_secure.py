"""Redis with TLS, an authority of its own, and a user who may do what docs/security.md grants and nothing else."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
from pydantic import SecretStr

from consumers.redis_client import RedisSettings, check_scheme, connect
from heartline.doctor.redis import check_redis
from heartline.embedded import ValkeyServer
from heartline.embedded.ports import free_ports
from stream.contracts.errors import ConfigError
from tests.chaos.proxy import FaultyProxy
from tests.release_redis import AlertingMemory, facts, write_redis
from tests.servers import choose_redis_program

PASSWORD = "correct-horse-battery"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "security.md"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Its port behind TLS, which is ended before it as the bundled server has none, and the authority's certificate."""
    folder, (port,) = tmp_path_factory.mktemp("redis"), free_ports(1)
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    with ValkeyServer(program=choose_redis_program({})) as own:
        proxy = FaultyProxy(port, own.port, tls)
        admin: Any = redis.Redis(port=own.port)
        (rule,) = re.findall(r"^ACL SETUSER (.*)$", DOCS.read_text("utf-8"), re.MULTILINE)
        admin.execute_command("ACL", "SETUSER", *rule.replace("PASSWORD", PASSWORD).split())
        yield port, folder / "ca.pem"
        admin.close()
        proxy.close()


def settings(port: int, ca: Path | None, password: str = PASSWORD) -> RedisSettings:
    trusted = f"?ssl_ca_certs={ca}" if ca is not None else ""
    url = f"rediss://heartline:{password}@localhost:{port}/0{trusted}"
    return RedisSettings(url=SecretStr(url), key_prefix="heartline:")


def test_alerting_s_memory_is_written_and_read_by_that_user_over_tls(server: tuple[int, Path]) -> None:
    given = settings(*server)
    check_scheme(given)
    memory = AlertingMemory(connect(given), "heartline:")
    write_redis(memory)
    assert facts(memory)["open"]["beta"] is not None
    assert [each for each in check_redis(given) if each.name == "Redis" and "can't" in each.found] == []


def test_keys_of_others_and_what_is_dangerous_are_refused(server: tuple[int, Path]) -> None:
    client = connect(settings(*server))
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.get("other:key")
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.flushall()


def test_an_authority_that_is_not_trusted_and_a_wrong_password_are_named(server: tuple[int, Path]) -> None:
    with pytest.raises(ConfigError, match="certificate is not trusted"):
        check_scheme(settings(server[0], None))
    found = [each for each in check_redis(settings(*server, password="wrong")) if each.name == "Redis"]
    assert "can't be used" in found[0].found
    assert "wrong" not in found[0].found.replace("WRONGPASS", "")
