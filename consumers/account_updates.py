"""What people set of an account by hand: written to the account feed as any CRM would write it.

An override of the score, and what an account does now as its new normal. Checked here as the worker will check it.
"""

import json
from datetime import datetime
from typing import Any

from stream.contracts.errors import BadEvent, ConfigError
from stream.kinds.decode import Decoder


def encode_override(account_id: str, override: dict[str, Any] | None, now: datetime) -> bytes:
    """The account update that sets an override, or clears it with None.

    Raises:
        ConfigError: the worker would refuse it; in its words.
    """
    return _encode(account_id, "health_override", override, now)


def encode_baseline(account_id: str, owner: str, reason: str, now: datetime) -> bytes:
    """The account update that accepts what an account does now as its new normal.

    Raises:
        ConfigError: the worker would refuse it; in its words.
    """
    baseline = {"accepted_at": now.isoformat(), "owner": owner, "reason": reason}
    return _encode(account_id, "accepted_baseline", baseline, now)


def encode_baseline_undone(account_id: str, now: datetime) -> bytes:
    """The account update that takes it back."""
    return _encode(account_id, "accepted_baseline", None, now)


def _encode(account_id: str, field: str, value: dict[str, Any] | None, now: datetime) -> bytes:
    event = json.dumps({"account_id": account_id, "timestamp": now.isoformat(), field: value})
    try:
        Decoder("account").decode(event.encode())
    except BadEvent as error:
        raise ConfigError(f"{field}: {error.detail.removeprefix('account event: ')}") from None
    return event.encode()
