"""Sends one message to receivers as the alerting configuration has them: a monthly summary, a scorecard to review."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from alerts.config import read_config
from alerts.notification import AlertNotification
from consumers.alerting.receivers.delivery import DeliveryStatus
from consumers.alerting.receivers.from_settings import make_receivers
from consumers.alerting.settings import AlertingSettings
from heartline.errors import FileError
from stream.config.settings import load
from stream.contracts.errors import ConfigError


def send_message(notification: AlertNotification, names: Sequence[str], config: Path | None) -> Iterator[str]:
    """Tell the receivers; yields the name of each that took it.

    Args:
        notification: the message as they take it.
        names: of receivers.
        config: a file with settings.

    Raises:
        ConfigError: there is no receiver of a name.
        FileError: one of them did not take it; the others have it.
    """
    settings = load(AlertingSettings, config)
    made = make_receivers(read_config(settings.alerting.config), settings.slack)
    receivers = {each.name: each.receiver for each in made.channels}
    unknown = [name for name in names if name not in receivers]
    if unknown:
        raise ConfigError(f"--send {unknown[0]}: no such receiver; there are {', '.join(receivers) or 'none'}")
    failed = []
    for name in names:
        result = receivers[name].send(notification, None)
        if result.status is not DeliveryStatus.DELIVERED:
            failed.append(f"{name}: {result.reason}")
        else:
            yield name
    if failed:
        raise FileError(f"the message was not delivered: {'; '.join(failed)}")
