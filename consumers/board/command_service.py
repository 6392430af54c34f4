"""What people at the board tell alerting: a form or a JSON body as a command, sent, and what came of it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from alerts.alert_events import AlertEvent
from alerts.commands import Command, ExpireSilence, encode_command
from alerts.model import Alert
from consumers.alerting.command_sender import CommandSender, stamp
from stream.config.settings import KafkaSettings
from stream.contracts.errors import HeartlineError

HOURS_MAX: Final = 24 * 366
ANSWER_SECONDS: Final = 2.5
ANSWERS_KEPT: Final = 1_000

# An alert's actions, as the addresses name them, and the commands that they are.
ACTIONS: Final = {
    "acknowledge": "acknowledge",
    "snooze": "snooze",
    "resolve": "resolve",
    "verdict": "verdict",
    "play": "start_play",
}
SCOPES: Final = ("account_id", "segment", "owner", "rule", "severity")

_DONE: Final = {
    "acknowledged": "Acknowledged",
    "snoozed": "Snoozed",
    "resolved": "Resolved",
    "verdict": "Feedback recorded",
    "play_started": "Play started",
    "noted": "Noted",
    "silence_added": "Silenced",
    "silence_expired": "Silence ended",
}


class InvalidCommandError(HeartlineError):
    """What was asked for makes no command; the message says what was expected."""


def build_alert_command(action: str, alert: Alert, by: str, fields: Mapping[str, Any], now: datetime) -> Command:
    """The command of an action on an alert.

    Args:
        action: one of ACTIONS.
        alert: which one.
        by: who asks.
        fields: note, verdict, play; for snooze: hours, or until.
        now: the moment of asking.

    Raises:
        InvalidCommandError: a field is missing or wrong.
    """
    body: dict[str, Any] = {
        "command": ACTIONS[action],
        **stamp(by),
        "account_id": alert.account_id,
        "alert_id": alert.alert_id,
    }
    if action == "snooze":
        body["until"] = _until(fields, "until", now)
    elif action == "verdict":
        body["verdict"] = fields.get("verdict")
    elif action == "play":
        body["play"] = fields.get("play")
    if action == "acknowledge" and fields.get("accept"):
        body["accept"] = True
    if action in ("acknowledge", "resolve", "verdict") and fields.get("note"):
        body["note"] = fields["note"]
    return _command(body)


def build_silence(by: str, fields: Mapping[str, Any], now: datetime) -> Command:
    """The command that adds a silence.

    Args:
        by: who asks.
        fields: why; hours, or ends_at; and at least one of SCOPES.
        now: the moment of asking.

    Raises:
        InvalidCommandError: a field is missing or wrong.
    """
    stamped = stamp(by)
    body = {
        "silence_id": f"sl-{stamped['command_id'][:12]}",
        "by": by,
        "why": fields.get("why") or "",
        "starts_at": now,
        "ends_at": _until(fields, "ends_at", now),
        **{name: fields[name] for name in SCOPES if fields.get(name)},
    }
    return _command({"command": "add_silence", **stamped, "silence": body})


def build_note(by: str, account_id: str, note: str) -> Command:
    """The command that keeps a note about an account.

    Raises:
        InvalidCommandError: there are no words, or too many.
    """
    return _command({"command": "add_note", **stamp(by), "account_id": account_id, "note": note.strip()})


def build_silence_end(by: str, silence_id: str) -> Command:
    """The command that ends a silence."""
    return ExpireSilence(**stamp(by), silence_id=silence_id)


def _until(fields: Mapping[str, Any], name: str, now: datetime) -> datetime:
    """A moment that is given, or so many hours from now."""
    if fields.get(name):
        return _moment(fields[name], name, now)
    try:
        hours = float(fields.get("hours") or "")
    except ValueError:
        raise InvalidCommandError(f"{name} or hours: expected a moment, or a number of hours") from None
    if not 0 < hours <= HOURS_MAX:
        raise InvalidCommandError(f"hours = {hours:g}: expected more than 0 and at most {HOURS_MAX}")
    return now + timedelta(hours=hours)


def _moment(given: Any, name: str, now: datetime) -> datetime:
    """A moment within a year, which leaves no zone without an answer and no silence for ever."""
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not timedelta() < moment - now <= timedelta(hours=HOURS_MAX):
        raise InvalidCommandError(
            f"{name}: expected a moment with its zone, from now to {HOURS_MAX // 24} days from now, as "
            f"{now + timedelta(days=1):%Y-%m-%dT%H:%MZ}"
        )
    return moment.astimezone(UTC)


def _command(body: Mapping[str, Any]) -> Command:
    try:
        command: Command = msgspec.convert(body, Command)
        encode_command(command)
    except UnicodeEncodeError:  # a lone surrogate, which JSON may hold and UTF-8 may not
        raise InvalidCommandError("a field holds half of a character: expected text") from None
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidCommandError(str(error)) from None
    return command


class CommandResults:
    """What came of commands, as the audit log tells: a step names the command behind it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: OrderedDict[str, AlertEvent] = OrderedDict()

    def take(self, step: AlertEvent) -> None:
        """A step of the log."""
        if step.command_id is None:
            return
        with self._changed:
            self._events[step.command_id] = step
            if len(self._events) > ANSWERS_KEPT:
                self._events.popitem(last=False)
            self._changed.notify_all()

    def wait(self, command_id: str, seconds: float) -> AlertEvent | None:
        """The step of a command; None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: command_id in self._events, seconds)
            return self._events.get(command_id)


class CommandService:
    """Sends commands, and waits a moment for what comes of them.

    Args:
        kafka: where.
        results: what came of commands.
        send: takes a command to alerting; by default onto Kafka.
    """

    def __init__(
        self, kafka: KafkaSettings, results: CommandResults, send: Callable[[Command], None] | None = None
    ) -> None:
        self._kafka = kafka
        self._results = results
        self._lock = threading.Lock()
        self._sender: CommandSender | None = None
        self._send = send if send is not None else self._onto_kafka

    def submit(self, command: Command) -> str:
        """Send a command; what to tell whoever gave it.

        Raises:
            CommandNotSentError: Kafka did not take it.
        """
        self._send(command)
        return result_text(self._results.wait(command.command_id, ANSWER_SECONDS))

    def submit_all(self, commands: Sequence[Command]) -> str:
        """Send several commands; what to tell whoever gave them.

        Raises:
            CommandNotSentError: Kafka did not take one; those before it are sent.
        """
        for command in commands:
            self._send(command)
        deadline = time.monotonic() + ANSWER_SECONDS
        events = [self._results.wait(each.command_id, max(deadline - time.monotonic(), 0)) for each in commands]
        refused = [event for event in events if event is not None and event.kind == "refused"]
        waiting = sum(event is None for event in events)
        done = len(commands) - len(refused) - waiting
        parts = [f"Done for {done} of {len(commands)} alerts"]
        if waiting:
            parts.append(f"{waiting} not answered yet: alerting will when it runs")
        if refused:
            parts.append(f"{len(refused)} refused: {refused[0].reason}")
        return "; ".join(parts) + "."

    def send(self, command: Command) -> None:
        """Send a command, and wait for nothing.

        Raises:
            CommandNotSentError: Kafka did not take it.
        """
        self._send(command)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._sender is not None:
                self._sender.close()
                self._sender = None

    def _onto_kafka(self, command: Command) -> None:
        with self._lock:
            if self._sender is None:
                self._sender = CommandSender(self._kafka)
            sender = self._sender
        sender.send(command)


def result_text(step: AlertEvent | None) -> str:
    """What came of a command, for whoever gave it."""
    if step is None:
        return "Sent. Alerting has not answered yet: it will when it runs."
    if step.kind == "refused":
        return f"Refused: {step.reason}"
    return f"{_DONE.get(step.kind, 'Done')}: {step.reason}"
