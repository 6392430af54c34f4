"""The connection to Redis, or to whatever speaks its protocol; and what is wrong with one that does not come about."""

import socket
import ssl
from urllib.parse import urlsplit

import redis
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from redis.backoff import NoBackoff
from redis.retry import Retry

from stream.config.redact import redact
from stream.contracts.errors import ConfigError


class RedisSettings(BaseModel):
    """How to reach Redis, or anything else that speaks its protocol."""

    model_config = ConfigDict(extra="forbid")

    url: SecretStr = Field(SecretStr("redis://localhost:6379/0"), description="redis://, rediss:// (TLS) or unix://")
    key_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._:{}-]{0,200}$", description="of every key; empty: <topic_prefix><app_id>:"
    )
    timeout_seconds: float = Field(5.0, gt=0, le=60, description="of one command to Redis")

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: SecretStr) -> SecretStr:
        if urlsplit(url.get_secret_value()).scheme not in ("redis", "rediss", "unix"):
            raise ValueError("expected redis://, rediss:// or unix://")
        return url


def connect(settings: RedisSettings) -> redis.Redis:
    """A client that reports a lost connection instead of repeating the command.

    redis-py repeats by default, and a repeated EXEC or SET NX whose first answer was lost does not mean what it seems
    to. Whoever calls repeats here, after reading what is there.

    Raises:
        ConfigError: the URL is none.
    """
    try:
        return redis.Redis.from_url(
            settings.url.get_secret_value(),
            socket_timeout=settings.timeout_seconds,
            socket_connect_timeout=settings.timeout_seconds,
            health_check_interval=30,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
        )
    except ValueError:  # its text may repeat the URL
        raise ConfigError(
            "redis.url = (hidden): not a URL; expected redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss:// for TLS "
            "(set it as REDIS_URL)"
        ) from None


def check_scheme(settings: RedisSettings) -> None:
    """Refuse a URL whose server is there and speaks the other protocol: waiting would not help.

    A server that does not answer passes: it may come.

    Raises:
        ConfigError: rediss:// leads to a server without TLS, or redis:// to one with TLS, or its certificate is not
            trusted.
    """
    client = connect(settings)
    try:
        client.ping()
    except redis.ConnectionError as error:
        if problem := scheme_problem(settings, error):
            raise ConfigError(problem) from None
    except redis.RedisError:
        return
    finally:
        client.close()


def scheme_problem(settings: RedisSettings, error: redis.RedisError) -> str | None:
    """What is wrong with the URL, as far as a failed connection tells; None: nothing that the URL could mend."""
    url = settings.url.get_secret_value()
    where, parts = describe_url(url), urlsplit(url)
    if parts.scheme == "rediss":
        cause = _ssl_error(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"redis.url = {where}: the server's certificate is not trusted ({cause.verify_message})"
        if cause is not None or "SSL" in str(error):
            return f"redis.url = {where}: the server at this port speaks no TLS; use redis://, or the port that does"
    if parts.scheme == "redis" and parts.hostname and _speaks_tls(parts.hostname, parts.port or 6379, settings):
        return f"redis.url = {where}: the server at this port speaks TLS; use rediss://, or the port that does not"
    return None


def describe_url(url: str) -> str:
    """Where a Redis URL leads, without what it may carry of users and passwords.

    >>> describe_url("rediss://user:secret@cache.example:6380/2")
    'rediss://cache.example:6380/2'
    """
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        port = ":(not a number)"
    return redact(f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}")


def _ssl_error(error: BaseException | None) -> ssl.SSLError | None:
    """The TLS error behind an error, if there is one."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _speaks_tls(host: str, port: int, settings: RedisSettings) -> bool:
    """Whether a server takes a TLS greeting; its certificate is not looked at, for nothing is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), settings.timeout_seconds) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except OSError:
        return False
