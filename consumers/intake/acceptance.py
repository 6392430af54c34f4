"""From what a sender says to records for Kafka: validated here by the contract, so that the answer can name the field.

Pure: the moment is passed in. The worker reads the same bytes by the same contract.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from consumers.intake.mapping import Ignored, Outcome, Unreadable
from stream.contracts.errors import BadEvent
from stream.kinds.decode import Decoder
from stream.topics import Kind


class Accepted(NamedTuple):
    """One event that Kafka shall have.

    Attributes:
        kind: the kind of event, which names the topic.
        account_id: whose it is: the record's key.
        value: the event as JSON.
        event_id: its own id, where it has one.
        timestamp_ms: when it happened, epoch milliseconds; None where it does not say.
    """

    kind: Kind
    account_id: str
    value: bytes
    event_id: str | None
    timestamp_ms: int | None


class Refused(NamedTuple):
    """What parses and can't be accepted: it goes to the dead letters with its source.

    Attributes:
        reason: one of `stream.contracts.events.REASONS`.
        detail: the sentence for whoever sent it: the field, its value, what is accepted.
        original: what was sent, as JSON.
    """

    reason: str
    detail: str
    original: bytes


Verdict = Accepted | Refused | Ignored


class Acceptance:
    """Whether events are as their contracts say.

    Args:
        decoders: by kind of event, with or without a feed's own names.
    """

    def __init__(self, decoders: Mapping[Kind, Decoder]) -> None:
        self._decoders = decoders

    def verdict_on(self, outcome: Outcome, now_ms: int) -> Verdict:
        """One translated payload.

        Args:
            outcome: what the sender's table made of it.
            now_ms: epoch milliseconds.
        """
        if isinstance(outcome, Ignored):
            return outcome
        if isinstance(outcome, Unreadable):
            return refused_whole("unknown_value", outcome.detail, outcome.payload)
        return self.accept(outcome.kind, outcome.event, now_ms)

    def accept(self, kind: Kind, event: Mapping[str, Any], now_ms: int) -> Accepted | Refused:
        """One event by the contract of its kind."""
        try:
            value = msgspec.json.encode(event)
        except (UnicodeEncodeError, msgspec.EncodeError) as error:
            return Refused("not_json", f"{kind} event: {error}", repr(event).encode("ascii", "replace"))
        try:
            found = self._decoders[kind].decode_at(value, now_ms)
        except BadEvent as error:
            return Refused(error.reason, error.detail, value)
        moment: int | None = found.timestamp
        return Accepted(kind, found.account_id, value, getattr(found, "event_id", None), moment)


def refused_whole(reason: str, detail: str, payload: Any) -> Refused:
    """The refusal of something from which no event could be made; its original is all of it."""
    try:
        original = msgspec.json.encode(payload)
    except (UnicodeEncodeError, msgspec.EncodeError):
        original = repr(payload).encode("ascii", "replace")
    return Refused(reason, detail, original)


class Tally(NamedTuple):
    """What became of one request, for its answer.

    Attributes:
        accepted, ignored: how many.
        refused: position in the request and sentence of each refusal.
    """

    accepted: int
    ignored: int
    refused: list[tuple[int, str]]


SHOWN_MAX: Final = 10


def tally(verdicts: Sequence[Verdict]) -> Tally:
    """What became of each part of one request."""
    return Tally(
        sum(isinstance(verdict, Accepted) for verdict in verdicts),
        sum(isinstance(verdict, Ignored) for verdict in verdicts),
        [(at, verdict.detail) for at, verdict in enumerate(verdicts) if isinstance(verdict, Refused)],
    )


def answer(counts: Tally) -> tuple[int, dict[str, Any] | None]:
    """The status and the JSON of an answer; None: no content.

    202 where anything was accepted, 422 where something was refused and nothing accepted, 204 where all of it says
    nothing about an account's health, as documented.
    """
    if counts.accepted == 0 and not counts.refused:
        return 204, None
    refused = [{"index": at, "detail": detail} for at, detail in counts.refused[:SHOWN_MAX]]
    body: dict[str, Any] = {"accepted": counts.accepted, "ignored": counts.ignored, "refused": len(counts.refused)}
    if refused:
        body["refusals"] = refused
    return (202 if counts.accepted > 0 else 422), body
