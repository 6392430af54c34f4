"""The contract of `account-alerts`, the audit log: one record for every step of every alert, and whoever took it.

In the account's partition, each under a key of its own: the account_id (of a silence's steps the silence's id), `seq`,
and a hash, so that compaction removes nothing but repeats and what is erased. A step holds the whole alert as it is
after the step, so the newest step of each alert is its state: what Redis knows can be rebuilt from here. A record may
be written twice; the steps of one account are told apart and put in order by `seq`.
"""

import hashlib
from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec

from alerts.model import Alert
from alerts.silences import Silence
from stream.contracts.values import decode_or_reject

# What can become of one alert.
AlertChange = Literal[
    "opened",
    "reopened",
    "updated",
    "resolved",
    "notified",
    "signal_joined",
    "reminded",
    "escalated",
    "followed_up",
    "acknowledged",
    "snoozed",
    "verdict",
    "play_started",
    "refused",
]
AlertEventKind = Literal[
    AlertChange,
    "delivered",
    "noted",
    "silence_added",
    "silence_expired",
    "pipeline_incident_opened",
    "pipeline_incident_resolved",
    "account_erased",
]

ALERT_EVENT_KINDS: Final[tuple[AlertEventKind, ...]] = get_args(AlertEventKind)

SYSTEM: Final = "heartline"


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step.

    Attributes:
        seq: orders the steps of one key: epoch milliseconds of the decision, at least one more than the step before.
        kind: what happened. opened, reopened, updated (worse), resolved: the episode; signal_joined: another signal
            joined it; notified: what was suppressed is told now; reminded: told again while nobody acknowledges;
            escalated: the manager of its owner is told; followed_up: how it went some days later;
            acknowledged, snoozed, verdict, play_started: a command; refused: a command that could not be applied;
            delivered: a receiver took a message; noted: somebody wrote a note about the account; silence_*: a silence;
            pipeline_*: the data, not the customers;
            account_erased: the steps of an account, which is not named, were erased.
        at: the moment of the decision, which on the event clock is the report's.
        reason: why, as a sentence; of noted the note.
        by: who: "heartline", or the person who gave the command.
        account_id: the account; None for a silence and for the pipeline.
        alert: the alert after the step; None when the step is not of one.
        notification_id: the message that this step has written, or that was delivered; None when there is none.
        receiver: who took the message; only on delivered.
        silence: the silence after the step.
        command_id: the command behind the step.
        commands_offset: the next offset of alert-commands that its partition needed after this step, so that a rebuilt
            state goes on there; None when the step came from no command.
        erased_account, erased_ms: of account_erased: a hash of the account's id, and the Kafka timestamp of the
            tombstone; None else.
    """

    seq: int
    kind: AlertEventKind
    at: datetime
    reason: str
    by: str = SYSTEM
    account_id: str | None = None
    alert: Alert | None = None
    notification_id: str | None = None
    receiver: str | None = None
    silence: Silence | None = None
    command_id: str | None = None
    commands_offset: int | None = None
    erased_account: str | None = None
    erased_ms: int | None = None


_decoder = msgspec.json.Decoder(AlertEvent)
_encoder = msgspec.json.Encoder()


def key_of(owner: str, step: AlertEvent) -> str:
    """The key of a step's record, the same whenever the same step is written.

    Args:
        owner: the account's id; of a silence the silence's id; of the pipeline its rule.
        step: the step.
    """
    identity = f"{step.kind}\0{step.notification_id}\0{step.receiver}\0{step.command_id}"
    return f"{owner}/{step.seq}/{hashlib.sha256(identity.encode()).hexdigest()[:10]}"


def owner_of_key(key: bytes) -> str:
    """The reverse, as far as it goes: whose step it is.

    >>> owner_of_key(b"a/b/1772442000000/0123456789")
    'a/b'
    """
    return key.decode(errors="replace").rsplit("/", 2)[0]


def encode_alert_event(step: AlertEvent) -> bytes:
    """The step as the JSON value of its record."""
    return _encoder.encode(step)


def decode_alert_event(value: bytes) -> AlertEvent:
    """The reverse of `encode_alert_event`.

    Raises:
        BadEvent: the value is not a step; the detail names the field.
    """
    return decode_or_reject(_decoder, value, "not_a_step", "a step of an alert")


def alert_event_schema() -> dict[str, Any]:
    """The JSON Schema of a step."""
    return msgspec.json.schema(AlertEvent)
