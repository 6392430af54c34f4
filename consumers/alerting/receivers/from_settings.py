"""Receivers out of their settings, with their secrets read from the environment and from files."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from alerts.config import SETTINGS_RECEIVER, AlertingConfig
from alerts.receiver_settings import (
    AlertmanagerSettings,
    EmailSettings,
    PagerDutySettings,
    ReceiverSettings,
    SlackBotSettings,
    SlackWebhookSettings,
    WebhookSettings,
)
from alerts.route_settings import make_routes
from alerts.routing import Routes, everything_to
from consumers.alerting.receivers.alertmanager import Alertmanager
from consumers.alerting.receivers.delivery import Receiver
from consumers.alerting.receivers.email import Email
from consumers.alerting.receivers.pagerduty import PagerDuty
from consumers.alerting.receivers.slack_bot import SlackBot
from consumers.alerting.receivers.slack_webhook import SlackWebhook
from consumers.alerting.receivers.webhook import Webhook, signing_key
from consumers.alerting.settings import SlackSettings, checked_webhook_url
from stream.contracts.errors import ConfigError

SECRET_BYTES_MAX: Final = 4096


@dataclass(frozen=True)
class Channel:
    """A receiver with its pace.

    Args:
        receiver: whom to tell.
        messages_per_second: at most.
        dead_letter_after_days: how long a message is tried.
    """

    receiver: Receiver
    messages_per_second: float
    dead_letter_after_days: float

    @property
    def name(self) -> str:
        """The receiver's."""
        return self.receiver.name


@dataclass(frozen=True)
class Receivers:
    """Everybody who may be told, and the routes to them.

    Args:
        channels: the receivers.
        routes: who is told of what.
        signing_secrets: of the Slack apps whose buttons we answer.
    """

    channels: tuple[Channel, ...]
    routes: Routes
    signing_secrets: tuple[SecretStr, ...] = ()


def make_receivers(config: AlertingConfig, slack: SlackSettings, environ: Mapping[str, str] = os.environ) -> Receivers:
    """Every receiver, ready to send.

    Args:
        config: the alerting configuration.
        slack: the process's own Slack webhook, called `slack` unless the configuration has a receiver of that name.
        environ: where secrets may be.

    Raises:
        ConfigError: a secret is not where it should be, or not what it should be; names the setting, never the value.
    """
    channels = [_channel(name, settings, environ) for name, settings in config.receivers.items()]
    if slack.webhook_url is not None and SETTINGS_RECEIVER not in config.receivers:
        webhook = SlackWebhook(SETTINGS_RECEIVER, slack.webhook_url, slack.timeout_seconds)
        channels.append(Channel(webhook, slack.messages_per_second, slack.dead_letter_after_days))
    names = [channel.name for channel in channels]
    routes = make_routes(config.routes) if config.routes is not None else everything_to(*names)
    if missing := sorted(routes.receivers() - set(names)):
        raise ConfigError(f"routes: receiver {missing[0]!r} needs slack.webhook_url, which is not set")
    return Receivers(tuple(channels), routes, _signing_secrets(config, environ))


def read_secret(setting: str, source: str | Path | None, environ: Mapping[str, str]) -> SecretStr | None:
    """A secret; None when the settings name no source for it.

    Args:
        setting: what to call it in errors.
        source: an environment variable, or a file.
        environ: the environment.

    Raises:
        ConfigError: it is not there, or empty.
    """
    if source is None:
        return None
    if isinstance(source, str):
        value = environ.get(source, "").strip()
        if not value:
            raise ConfigError(f"{setting}_env = {source}: the environment variable is not set, or empty")
        return SecretStr(value)
    try:
        with source.open("rb") as file:
            value = file.read(SECRET_BYTES_MAX).decode().strip()
    except OSError as error:
        raise ConfigError(f"{setting}_file = {source}: {error.strerror}; check the path and who may read it") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{setting}_file = {source}: not text") from None
    if not value:
        raise ConfigError(f"{setting}_file = {source}: the file is empty")
    return SecretStr(value)


class _Secrets:
    """The secrets of one receiver."""

    def __init__(self, name: str, settings: Any, environ: Mapping[str, str]) -> None:
        self._name, self._settings, self._environ = name, settings, environ

    def get(self, secret: str) -> SecretStr | None:
        """One that may be left out."""
        env, file = getattr(self._settings, f"{secret}_env"), getattr(self._settings, f"{secret}_file")
        return read_secret(f"receivers.{self._name}.{secret}", env if env is not None else file, self._environ)

    def need(self, secret: str) -> SecretStr:
        """One that the settings insist on."""
        value = self.get(secret)
        assert value is not None  # the settings were validated
        return value

    def wrong(self, secret: str, error: ValueError) -> ConfigError:
        """What is in its place is not one."""
        return ConfigError(f"receivers.{self._name}.{secret} (hidden): {error}")


def _channel(name: str, settings: ReceiverSettings, environ: Mapping[str, str]) -> Channel:
    secrets = _Secrets(name, settings, environ)
    return Channel(_receiver(name, settings, secrets), settings.messages_per_second, settings.dead_letter_after_days)


def _receiver(name: str, settings: ReceiverSettings, secrets: _Secrets) -> Receiver:
    timeout, link = settings.timeout_seconds, settings.link
    match settings:
        case SlackWebhookSettings():
            return _slack_webhook(name, settings, secrets)
        case SlackBotSettings():
            return SlackBot(
                name,
                secrets.need("token"),
                settings.channel,
                timeout,
                mentions=settings.mentions,
                with_buttons=secrets.get("signing_secret") is not None,
                api_url=settings.api_url,
            )
        case WebhookSettings():
            return _webhook(name, settings, secrets)
        case AlertmanagerSettings():
            password = secrets.get("password")
            auth = (settings.username or "", password.get_secret_value()) if password is not None else None
            return Alertmanager(
                name,
                settings.url,
                timeout,
                resend_seconds=settings.resend_seconds,
                labels=settings.labels,
                auth=auth,
                token=secrets.get("token"),
                link=link,
            )
        case PagerDutySettings():
            return PagerDuty(name, secrets.need("routing_key"), settings.url, timeout, link)
        case EmailSettings():
            return _email(name, settings, secrets)


def _slack_webhook(name: str, settings: SlackWebhookSettings, secrets: _Secrets) -> SlackWebhook:
    url = secrets.need("url")
    try:
        checked_webhook_url(url, settings.allowed_hosts, settings.allow_insecure_loopback)
    except ValueError as error:
        raise secrets.wrong("url", error) from None
    return SlackWebhook(name, url, settings.timeout_seconds)


def _webhook(name: str, settings: WebhookSettings, secrets: _Secrets) -> Webhook:
    url = SecretStr(settings.url) if settings.url is not None else secrets.need("url")
    address = url.get_secret_value()
    secure = address.startswith("https://") or settings.allow_http
    if settings.url is None and not (address.startswith(("http://", "https://")) and secure):
        raise secrets.wrong("url", ValueError("expected an https:// address"))
    try:
        key = signing_key(secrets.need("secret").get_secret_value())
    except ValueError as error:
        raise secrets.wrong("secret", error) from None
    return Webhook(name, url, key, settings.timeout_seconds, settings.link)


def _email(name: str, settings: EmailSettings, secrets: _Secrets) -> Email:
    password = secrets.get("password")
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise ConfigError(
            f"receivers.{name}.ca_file = {settings.ca_file}: {error.strerror or 'no certificate'}"
        ) from None
    return Email(
        name,
        settings.host,
        settings.port,
        settings.sender,
        settings.to,
        security=settings.security,
        timeout_seconds=settings.timeout_seconds,
        context=context,
        login=(settings.username, password) if settings.username is not None and password is not None else None,
        link=settings.link,
    )


def _signing_secrets(config: AlertingConfig, environ: Mapping[str, str]) -> tuple[SecretStr, ...]:
    """Of every Slack app, each once."""
    found: dict[str, SecretStr] = {}
    for name, settings in config.receivers.items():
        if isinstance(settings, SlackBotSettings):
            secret = _Secrets(name, settings, environ).get("signing_secret")
            if secret is not None:
                found.setdefault(secret.get_secret_value(), secret)
    return tuple(found.values())
