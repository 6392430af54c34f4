"""Alerts and silences, read from the audit log `account-alerts` as any consumer would; commands, written for them."""

import getpass
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from alerts.commands import Command
from alerts.model import Alert
from alerts.text import duration
from consumers.alerting.command_sender import CommandSender
from consumers.board.alert_log import AlertLog, Episode
from consumers.kafka_client import read_to_end
from heartline.errors import UnknownNameError
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError

KEPT: Final = 1_000_000
_SPAN: Final = re.compile(r"(\d{1,6})([mhdw])")
_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def read_alerts(kafka: KafkaSettings) -> AlertLog:
    """Every alert and silence of the audit log, as its newest step leaves it.

    Raises:
        TopicUnreadableError: Kafka can't be reached, or the topic is missing.
    """
    found = AlertLog(KEPT)
    for record in read_to_end(kafka, kafka.topics.alerts):
        found.take(record.value, record.key)
    return found


def find(found: AlertLog, alert_id: str) -> Episode:
    """One alert by its id, as every message shows it.

    Raises:
        UnknownNameError: there is none of that name.
    """
    episode = found.get(alert_id)
    if episode is None:
        raise UnknownNameError(
            f"no alert {alert_id!r:.80} in the audit log; `heartline alert list --all` shows what there is"
        )
    return episode


def send(kafka: KafkaSettings, command: Command) -> None:
    """Send one command; returns when Kafka has it.

    Raises:
        CommandNotSentError: Kafka did not confirm it.
    """
    sender = CommandSender(kafka)
    try:
        sender.send(command)
    finally:
        sender.close()


def who(given: str | None) -> str:
    """Who gives a command: the name given, else whoever is logged in here."""
    return given or getpass.getuser()


def moment_of(text: str, now: datetime) -> datetime:
    """A moment as it is typed: a span from now (30m, 8h, 3d, 2w), or an ISO-8601 time with its zone.

    Raises:
        ConfigError: it is neither.

    >>> str(moment_of("3d", datetime(2026, 3, 2, tzinfo=UTC)))
    '2026-03-05 00:00:00+00:00'
    """
    if match := _SPAN.fullmatch(text):
        return now + int(match[1]) * _UNITS[match[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigError(f"{text!r}: expected a span such as 30m, 8h, 3d or 2w, or a time such as 2026-03-02T09:00Z")
    return moment.astimezone(UTC)


def state_of(alert: Alert, now: datetime) -> str:
    """An alert's state in a few words."""
    if not alert.is_open:
        return f"closed by {alert.closed_by}" if alert.closed_by is not None else "resolved"
    up = duration(max(now - alert.opened_at, timedelta()))
    if alert.snoozed_until is not None and alert.snoozed_until > now:
        return f"open {up}, snoozed until {alert.snoozed_until:%Y-%m-%d %H:%M}"
    if alert.acknowledged_by is not None:
        return f"open {up}, {alert.acknowledged_by} has it"
    if alert.suppressed_reason is not None:
        return f"open {up}, held: {alert.suppressed_reason}"
    return f"open {up}"
