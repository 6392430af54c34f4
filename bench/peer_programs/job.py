"""The job of every Python peer: Heartline's own decoding and fold of usage, tickets and answers into their account."""

import os
from pathlib import Path
from typing import Any

import msgspec

from stream.kinds.decode import Decoder
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, decode_state, encode_state

__all__ = ["KINDS", "AccountState", "decode_state", "encode_state", "fold_event", "reader", "states_before"]

KINDS = ("usage", "ticket", "survey")


def reader(topics: list[str]) -> dict[str, Any]:
    """By topic, what makes an event of a record's value; the topics are in the order of KINDS."""
    return {topic: Decoder(kind).decode for topic, kind in zip(topics, KINDS, strict=True)}


def states_before() -> dict[str, bytes]:
    """By account the encoded state that earlier events have left; none where the topics begin at the first event."""
    path = os.environ.get("STATES_BEFORE")
    return {} if path is None else msgspec.msgpack.decode(Path(path).read_bytes(), type=dict[str, bytes])
