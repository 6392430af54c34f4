"""Receivers out of their settings, with their secrets.

Every module of this package that has a function `from_settings` is a kind of receiver; the type of its `settings` says
which. A kind of settings without a receiver is an error when this module is imported.
"""

import os
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol, get_args, get_type_hints

from pydantic import SecretStr

from alerts.config import SETTINGS_RECEIVER, AlertingConfig
from alerts.receiver_settings import ReceiverSettings, SlackBotSettings
from alerts.route_settings import make_routes
from alerts.routing import Routes, everything_to
from consumers.alerting import receivers
from consumers.alerting.receivers.account_link import account_link
from consumers.alerting.receivers.delivery import Receiver
from consumers.alerting.receivers.receiver_secrets import ReceiverSecrets
from consumers.alerting.receivers.slack_webhook import SlackWebhook
from consumers.alerting.settings import SlackSettings
from stream.contracts.errors import ConfigError


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


def make_receivers(
    config: AlertingConfig,
    slack: SlackSettings,
    environ: Mapping[str, str] = os.environ,
    public_url: str | None = None,
) -> Receivers:
    """Every receiver, ready to send.

    Args:
        config: the alerting configuration.
        slack: the process's own Slack webhook, called `slack` unless the configuration has a receiver of that name.
        environ: where secrets may be.
        public_url: where people reach the board; receivers without a link of their own link to it. None: they do not.

    Raises:
        ConfigError: a secret is not where it should be, or not what it should be; names the setting, never the value.
    """
    link = account_link(public_url)
    linked = {
        name: settings if settings.link is not None else settings.model_copy(update={"link": link})
        for name, settings in config.receivers.items()
    }
    channels = [_channel(name, settings, environ) for name, settings in linked.items()]
    if slack.webhook_url is not None and SETTINGS_RECEIVER not in config.receivers:
        webhook = SlackWebhook(SETTINGS_RECEIVER, slack.webhook_url, slack.timeout_seconds, link)
        channels.append(Channel(webhook, slack.messages_per_second, slack.dead_letter_after_days))
    names = [channel.name for channel in channels]
    routes = make_routes(config.routes, config.money) if config.routes is not None else everything_to(*names)
    if missing := sorted(routes.receivers() - set(names)):
        raise ConfigError(f"routes: receiver {missing[0]!r} needs slack.webhook_url, which is not set")
    return Receivers(tuple(channels), routes, _signing_secrets(config, environ))


class Factory(Protocol):
    """A receiver of a kind, from its section of the configuration."""

    def __call__(self, name: str, settings: Any, secrets: ReceiverSecrets) -> Receiver:
        """Make it; raises ConfigError where a secret is not what it should be."""


def _factories() -> dict[type, Factory]:
    """The factory of each kind of settings.

    Raises:
        TypeError: a kind has none, or two.
    """
    found: dict[type, Factory] = {}
    for module in pkgutil.iter_modules(receivers.__path__, f"{receivers.__name__}."):
        if module.name == __name__:
            continue
        factory = getattr(import_module(module.name), "from_settings", None)
        if factory is not None:
            kind = get_type_hints(factory)["settings"]
            if kind in found:
                raise TypeError(f"{module.name}: there is another receiver for {kind.__name__}")
            found[kind] = factory
    kinds = set(get_args(get_args(ReceiverSettings)[0]))
    if kinds != found.keys():
        names = sorted(kind.__name__ for kind in kinds ^ found.keys())
        raise TypeError(f"settings and receivers do not match: {', '.join(names)}")
    return found


FACTORIES: Final = _factories()


def _channel(name: str, settings: ReceiverSettings, environ: Mapping[str, str]) -> Channel:
    receiver = FACTORIES[type(settings)](name, settings, ReceiverSecrets(name, settings, environ))
    return Channel(receiver, settings.messages_per_second, settings.dead_letter_after_days)


def _signing_secrets(config: AlertingConfig, environ: Mapping[str, str]) -> tuple[SecretStr, ...]:
    """Of every Slack app, each once."""
    found: dict[str, SecretStr] = {}
    for name, settings in config.receivers.items():
        if isinstance(settings, SlackBotSettings):
            secret = ReceiverSecrets(name, settings, environ).get("signing_secret")
            if secret is not None:
                found.setdefault(secret.get_secret_value(), secret)
    return tuple(found.values())
