"""Tokens for OAUTHBEARER: from a file, or of an identity provider, asked once while one is valid."""

import base64
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr, ValidationError

from stream.config.bearer_token import BearerToken
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError
from tests.receiver_servers import HttpStandin, Reply

SECRET = "s3cret/with:odd characters"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_file_is_read_each_time_since_something_else_renews_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    source = BearerToken(file)
    assert source.get() == "one"
    file.write_text("two\n")
    assert source.get() == "two"
    file.unlink()
    with pytest.raises(ConfigError, match="sasl_token_file"):
        source.get()


def test_a_token_is_asked_for_once_and_again_before_it_ends() -> None:
    clock = Clock()
    answers = [Reply(body=b'{"access_token": "t%d", "expires_in": 100}' % number) for number in (1, 2)]
    with HttpStandin(Reply(500)) as server:
        server.script(*answers)
        source = BearerToken(None, f"{server.url}/token", "heartline", SecretStr(SECRET), "kafka", clock=clock)
        assert [source.get(), source.get()] == ["t1", "t1"]
        clock.now += 79
        assert source.get() == "t1"
        clock.now += 2
        assert source.get() == "t2"
        asked = server.requests[0]
        assert len(server.requests) == 2
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["kafka"]}
    pair = base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()
    assert pair == "heartline:s3cret%2Fwith%3Aodd%20characters"


@pytest.mark.parametrize("reply", [Reply(401), Reply(body=b"no json"), Reply(body=b"[]"), Reply(drop=True)])
def test_a_provider_that_gives_none_is_named_without_the_secret(reply: Reply) -> None:
    with HttpStandin(reply) as server:
        source = BearerToken(None, f"{server.url}/token", "heartline", SecretStr(SECRET))
        with pytest.raises(ConfigError, match="sasl_token_url") as raised:
            source.get()
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"sasl_token_file": "a", "sasl_token_url": "https://id.example/token"},
        {"sasl_token_url": "http://id.example"},
    ],
    ids=["neither", "both", "no TLS"],
)
def test_where_a_token_comes_from_must_be_said_once_and_not_over_plain_http(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="sasl_token"):
        KafkaSettings.model_validate({"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"} | given)


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_text("not a certificate")
    with pytest.raises(ConfigError, match="ssl_cert_file"):
        KafkaSettings(security_protocol="SSL", ssl_cert_file=file).ssl_context()
