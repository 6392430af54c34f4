"""How the processes that use aiokafka reach and trust the brokers: the intake and the portfolio."""

import asyncio
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from stream.config.bearer_token import BearerToken, bearer_token_of
from stream.config.metadata_pace import pace_metadata
from stream.config.settings import KafkaSettings


class AsyncTokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Tokens as aiokafka asks for them."""

    def __init__(self, source: BearerToken) -> None:
        self._source = source

    async def token(self) -> str:
        """A token that is valid."""
        return await asyncio.to_thread(self._source.get)


def async_connection(kafka: KafkaSettings, client_id: str) -> dict[str, Any]:
    """The arguments of an aiokafka client, of which none asks more often than it may.

    Raises:
        ConfigError: a certificate or key can't be read.
    """
    pace_metadata()
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
        "client_id": client_id,
    }
    if kafka.uses_tls:
        options["ssl_context"] = kafka.ssl_context()
    if kafka.uses_sasl:
        options["sasl_mechanism"] = kafka.sasl_mechanism
        if kafka.sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = AsyncTokenProvider(bearer_token_of(kafka))
        else:
            password = kafka.sasl_password.get_secret_value() if kafka.sasl_password is not None else None
            options |= {"sasl_plain_username": kafka.sasl_username, "sasl_plain_password": password}
    return options
