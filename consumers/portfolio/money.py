"""Money in integer minor units: amounts to annual recurring revenue, currencies to the company's, rounding half-even.

Annual, because a year is the only unit of which months, quarters and years are whole multiples: no thirds arise.
"""

from bisect import bisect_right
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from stream.kinds.subscription import MONTHS, BillingInterval

# Currencies whose minor unit is no hundredth. Source: ISO 4217, list one.
_MINOR_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}

RATE_SCALE: Final = 10**9


def minor_digits(currency: str) -> int:
    """How many decimal digits the minor unit of a currency is: 2 for EUR, 0 for JPY."""
    return _MINOR_DIGITS.get(currency, 2)


def half_even(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest integer, a half to the even one; the denominator is positive.

    >>> half_even(5, 2), half_even(7, 2), half_even(-5, 2)
    (2, 4, -2)
    """
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in minor units.

    >>> to_minor(Decimal("19.99"), "EUR"), to_minor(Decimal("500"), "JPY")
    (1999, 500)
    """
    return int(amount.scaleb(minor_digits(currency)).to_integral_value(ROUND_HALF_EVEN))


def annual_minor(amount: Decimal, currency: str, interval: BillingInterval) -> int:
    """Annual recurring revenue of an amount that is due once an interval; rounded once, after the multiplication.

    >>> annual_minor(Decimal("19.99"), "EUR", "month")
    23988
    """
    return to_minor(amount * (12 // MONTHS[interval]), currency)


def discounted(gross_minor: int, discount: Decimal) -> int:
    """What is left of an amount; discount is the share taken off, 0 to 1."""
    return int((gross_minor * (1 - discount)).to_integral_value(ROUND_HALF_EVEN))


def shown(minor: int, currency: str) -> Decimal:
    """Minor units as an amount, for people and for JSON.

    >>> shown(23988, "EUR")
    Decimal('239.88')
    """
    return Decimal(minor).scaleb(-minor_digits(currency))


class Rates:
    """Exchange rates to the company's currency; a rate holds from its day until the next one's.

    Args:
        company_currency: its own rate is 1 at all times.
        known: (currency, day number, rate) in any order; of two for one day the later in order wins.
    """

    def __init__(self, company_currency: str, known: Iterable[tuple[str, int, Decimal]] = ()) -> None:
        self.company_currency = company_currency
        by_currency: dict[str, dict[int, int]] = {}
        for currency, day, rate in known:
            by_currency.setdefault(currency, {})[day] = scaled_rate(rate, currency, company_currency)
        self._days = {currency: sorted(rates) for currency, rates in by_currency.items()}
        self._rates = {currency: [rates[day] for day in sorted(rates)] for currency, rates in by_currency.items()}

    def at(self, currency: str, day: int) -> int | None:
        """The rate of a day between minor units, times RATE_SCALE; None: no rate was told for that day or before."""
        if currency == self.company_currency:
            return RATE_SCALE
        index = bisect_right(self._days.get(currency, ()), day) - 1
        return self._rates[currency][index] if index >= 0 else None

    def value(self, minor: int, currency: str, day: int) -> int | None:
        """An amount in the company's minor units at the rate of a day; None while no rate is known; nothing is 0."""
        if currency == self.company_currency or minor == 0:
            return minor
        rate = self.at(currency, day)
        return half_even(minor * rate, RATE_SCALE) if rate is not None else None

    def rows(self) -> list[tuple[str, int, int]]:
        """Every rate as (currency, from day, scaled rate)."""
        return [
            (currency, day, rate)
            for currency, days in self._days.items()
            for day, rate in zip(days, self._rates[currency], strict=True)
        ]


def scaled_rate(rate: Decimal, currency: str, company_currency: str) -> int:
    """A rate between major units (1 `currency` is `rate` of the company's) as one between minor units x RATE_SCALE."""
    shift = minor_digits(company_currency) - minor_digits(currency)
    return int((rate.scaleb(shift) * RATE_SCALE).to_integral_value(ROUND_HALF_EVEN))
