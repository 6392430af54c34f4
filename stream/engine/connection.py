"""How every client of the engine reaches Kafka: one reading of the settings for aiokafka and for Faust."""

import ssl
from typing import Any

import faust

from stream.config.settings import KafkaSettings


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """TLS that verifies the broker's certificate and name; None on plain connections."""
    if settings.security_protocol == "PLAINTEXT":
        return None
    return ssl.create_default_context(cafile=settings.ssl_ca_file)


def client_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """The arguments that every aiokafka client needs to connect."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.security_protocol == "SASL_SSL":
        password = settings.sasl_password
        arguments |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": password.get_secret_value() if password is not None else None,
        }
    return arguments


def faust_credentials(settings: KafkaSettings) -> Any:
    """The same for Faust's own producer; None on plain connections."""
    context = ssl_context(settings)
    if context is None:
        return None
    if settings.security_protocol == "SSL":
        return faust.SSLCredentials(context)
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
