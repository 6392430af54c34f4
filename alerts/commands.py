"""What people tell alerting, as records of the topic `alert-commands`: JSON, told apart by the field `command`.

A command about an alert is keyed by its account, so that the process that has the account's partition applies it in one
transaction with the account's state. A command about a silence is keyed by the silence's id. Each has a `command_id` of
its own: applying a command again changes nothing.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from alerts.silences import Silence
from stream.contracts.values import decode_or_reject

Id = Annotated[str, Meta(min_length=1, max_length=256)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Note = Annotated[str, Meta(max_length=1000)]
Moment = Annotated[datetime, Meta(tz=True)]
Evaluated = Literal["valid", "not_valid"]


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command"):
    """What all commands have.

    Attributes:
        command_id: the same whenever the same command is sent again.
        by: who gave it, as people call them.
        at: when it was given.
    """

    command_id: Id
    by: Name
    at: Moment


class _OnAlert(_Command, frozen=True, kw_only=True):
    """A command about one alert.

    Attributes:
        account_id: whose alert it is.
        alert_id: which one; a command about an episode that is over, or unknown, is refused with a reason in the log.
    """

    account_id: Id
    alert_id: Id

    @property
    def key(self) -> str:
        """The record's key."""
        return self.account_id


class Acknowledge(_OnAlert, frozen=True, kw_only=True, tag="acknowledge"):
    """Somebody has taken it on: no reminders any more; worse and over are still told.

    Attributes:
        note: a few words for whoever reads it later.
        accept: take how things are as the new normal: the red flag ends, and what fires counts again once it is worse.
    """

    note: Note | None = None
    accept: bool = False


class Snooze(_OnAlert, frozen=True, kw_only=True, tag="snooze"):
    """Say nothing about it until a moment; what is then still true is told then."""

    until: Moment


class Resolve(_OnAlert, frozen=True, kw_only=True, tag="resolve"):
    """End the episode by hand; it opens anew only when the rule has been kept meanwhile, or a worse severity comes."""

    note: Note | None = None


class GiveVerdict(_OnAlert, frozen=True, kw_only=True, tag="verdict"):
    """Whether the alert was worth telling, open or over; the last verdict counts."""

    verdict: Evaluated
    note: Note | None = None


class StartPlay(_OnAlert, frozen=True, kw_only=True, tag="start_play"):
    """Somebody starts a play of the playbook; follow-ups count from here."""

    play: Name


class AddNote(_Command, frozen=True, kw_only=True, tag="add_note"):
    """A few words about an account, whether or not it has an alert: they are kept, and nobody is told.

    Attributes:
        account_id: the account.
        note: the words.
    """

    account_id: Id
    note: Annotated[str, Meta(min_length=1, max_length=1000)]

    @property
    def key(self) -> str:
        """The record's key."""
        return self.account_id


class AddSilence(_Command, frozen=True, kw_only=True, tag="add_silence"):
    """Tell nothing of what a silence matches; one with the same id is replaced."""

    silence: Silence

    @property
    def key(self) -> str:
        """The record's key."""
        return self.silence.silence_id


class ExpireSilence(_Command, frozen=True, kw_only=True, tag="expire_silence"):
    """End a silence before its time."""

    silence_id: Id

    @property
    def key(self) -> str:
        """The record's key."""
        return self.silence_id


AlertCommand = Acknowledge | Snooze | Resolve | GiveVerdict | StartPlay
SilenceCommand = AddSilence | ExpireSilence
Command = AlertCommand | AddNote | SilenceCommand

COMMAND_NAMES: Final = (
    *("acknowledge", "snooze", "resolve", "verdict", "start_play", "add_note"),
    *("add_silence", "expire_silence"),
)

_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def name_of(command: Command) -> str:
    """What `command` says in its record."""
    return str(type(command).__struct_config__.tag)


def encode_command(command: Command) -> bytes:
    """The command as the JSON value of its record."""
    return msgspec.json.encode(command)


def decode_command(value: bytes) -> Command:
    """The reverse of `encode_command`.

    Raises:
        BadEvent: the value is not a command; the detail names the field.
    """
    return decode_or_reject(_decoder, value, "not_a_command", "an alert command")


def command_schema() -> dict[str, Any]:
    """The JSON Schema of the commands."""
    return msgspec.json.schema(Command)
