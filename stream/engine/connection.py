"""How every client of the engine reaches Kafka: one reading of the settings for aiokafka and for Faust."""

import asyncio
from typing import Any

import faust
from aiokafka.abc import AbstractTokenProvider
from faust.auth import OAuthCredentials

from stream.config.bearer_token import BearerToken, bearer_token_of
from stream.config.metadata_pace import pace_metadata
from stream.config.settings import KafkaSettings


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Tokens as aiokafka asks for them."""

    def __init__(self, source: BearerToken) -> None:
        self._source = source

    async def token(self) -> str:
        """A token that is valid."""
        return await asyncio.to_thread(self._source.get)


def client_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """The arguments that every aiokafka client needs to connect; none asks more often than it may.

    Raises:
        ConfigError: a certificate or key can't be read.
    """
    pace_metadata()
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
        "ssl_context": settings.ssl_context(),
    }
    if not settings.uses_sasl:
        return arguments
    arguments["sasl_mechanism"] = settings.sasl_mechanism
    if settings.sasl_mechanism == "OAUTHBEARER":
        return arguments | {"sasl_oauth_token_provider": TokenProvider(bearer_token_of(settings))}
    password = settings.sasl_password
    return arguments | {
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": password.get_secret_value() if password is not None else None,
    }


def faust_credentials(settings: KafkaSettings) -> Any:
    """The same for Faust's own producer; None on plain connections."""
    context = settings.ssl_context()
    if not settings.uses_sasl:
        return faust.SSLCredentials(context) if context is not None else None
    if settings.sasl_mechanism == "OAUTHBEARER":
        return OAuthCredentials(oauth_cb=TokenProvider(bearer_token_of(settings)), ssl_context=context)
    password = settings.sasl_password
    return faust.SASLCredentials(
        username=settings.sasl_username,
        password=password.get_secret_value() if password is not None else None,
        ssl_context=context,
        mechanism=settings.sasl_mechanism,
    )


def broker_urls(settings: KafkaSettings) -> list[str]:
    """The bootstrap servers as Faust wants them; the scheme picks our transport by its entry point."""
    return [f"heartline://{server.strip()}" for server in settings.bootstrap_servers.split(",")]
