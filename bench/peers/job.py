"""The job of every peer: Heartline's own decoding and fold of usage events into the state of their account."""

from stream.account import AccountState, decode_state, encode_state, fold_usage
from stream.decode import Decoder

__all__ = ["AccountState", "decode_state", "encode_state", "fold_usage", "read"]

read = Decoder("usage").decode
