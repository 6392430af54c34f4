"""The contract of `account-days`: how one account stood at the end of one of its days.

Keyed by account_id, kept for ever. The worker writes it once the account's day is over, in the transaction that also
writes the state behind it; an event that comes late writes the day again, and of several records of an account and day
the last one holds.
"""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

_Count = Annotated[int, Meta(ge=0, le=2_147_483_647)]


class AccountDay(msgspec.Struct, omit_defaults=True, gc=False):
    """How an account stood at the end of a day; None: not known.

    Attributes:
        account_id: the account.
        day: a calendar day where the account is.
        timestamp: its last millisecond, aware UTC.
        score, band, coverage_ratio: as in the health report; an override that held then counts.
        stage: where in its life as a customer.
        owner, segment: as the account feed told when the day was closed.
        mau, wau: people active in the 30 and 7 days that end with the day.
        seats: licensed seats.
        features: those used in these 30 days, sorted.
        time_to_first_value_days: from the account's start to its first key action; None until then.
    """

    account_id: str
    day: date
    timestamp: datetime | None = None
    score: float | None = None
    band: str | None = None
    stage: str | None = None
    owner: str | None = None
    segment: str | None = None
    mau: _Count | None = None
    wau: _Count | None = None
    seats: _Count | None = None
    features: list[str] = []
    coverage_ratio: float | None = None
    time_to_first_value_days: float | None = None


_encode = msgspec.json.Encoder().encode


def encode_account_day(account_day: AccountDay) -> bytes:
    """The day as the JSON value of its record."""
    return _encode(account_day)


def account_day_schema() -> dict[str, Any]:
    """The JSON Schema of an account's day."""
    return msgspec.json.schema(AccountDay)
