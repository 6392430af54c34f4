"""Amounts of subscription vendors as monthly recurring revenue, in whole units of the currency."""

from decimal import Decimal
from typing import Any, Final

# Source: ISO 4217, currencies without a minor unit.
ZERO_DECIMAL: Final = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)

# In minor units. What is larger is refused by the contract all the same, and rounds without an error.
AMOUNT_MAX: Final = 10**18

# How many of an interval make a month.
PER_MONTH: Final = {
    "month": Decimal(1),
    "year": 1 / Decimal(12),
    "quarter": 1 / Decimal(3),
    "week": Decimal(52) / 12,
    "day": Decimal(365) / 12,
}


def units(amount_minor: Any, currency: Any) -> Decimal | None:
    """An amount in minor units as one in units; None for what is no whole number.

    >>> units(1250, "usd"), units(1250, "JPY")
    (Decimal('12.5'), Decimal('1250'))
    """
    if not isinstance(amount_minor, int) or isinstance(amount_minor, bool):
        return None
    whole = isinstance(currency, str) and currency.upper() in ZERO_DECIMAL
    amount = Decimal(max(-AMOUNT_MAX, min(amount_minor, AMOUNT_MAX)))
    return amount if whole else amount / 100


def code(currency: Any) -> Any:
    """A currency's code as ISO 4217 writes it, whatever its case; the rest as it is.

    >>> code("usd"), code(7)
    ('USD', 7)
    """
    return currency.strip().upper() if isinstance(currency, str) else currency


def a_month(amount: Decimal, interval: Any, interval_count: Any) -> Decimal | None:
    """An amount each `interval_count` intervals as one a month; None for an interval that is not known.

    >>> a_month(Decimal(1200), "year", 1), a_month(Decimal(300), "month", 3)
    (Decimal('100'), Decimal('100'))
    """
    count = interval_count if isinstance(interval_count, int) and interval_count > 0 else 1
    share = PER_MONTH.get(interval) if isinstance(interval, str) else None
    return round(amount * share / count, 4).normalize() + 0 if share is not None else None
