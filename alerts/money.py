"""Section `money` of the alerting configuration: how amounts of several currencies stand to one bound.

A bound such as `mrr_at_least` is in one currency, and accounts pay in several. An amount of another currency is put
into it by a rate of the settings; without a rate it is neither above nor below anything, which is said where it counts.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

# An amount that is known, in a currency without a rate: every comparison with it is false, and it is never 0.
NO_RATE: Final = float("nan")


class MoneySettings(BaseModel):
    """What bounds of money are in, and what other currencies are worth in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: Currency | None = Field(
        None, description="of every mrr_at_least, mrr_at_most and mrr_below (ISO 4217); to be set where one is used"
    )
    rates: Mapping[Currency, Annotated[float, Field(gt=0)]] = Field(
        {}, max_length=200, description="by currency, what 1 of it is worth in `currency`"
    )

    def compared(self, amount: float | None, currency: str | None) -> float | None:
        """An amount as bounds see it, in `currency`.

        Args:
            amount: as it is told; None: unknown, and stays so.
            currency: it is told in; None: the feed names none, and it is taken to be the bounds' own.

        Returns:
            `NO_RATE` where its currency has no rate.

        >>> money = MoneySettings(currency="USD", rates={"EUR": 1.1})
        >>> money.compared(100, None), money.compared(100, "USD"), round(money.compared(100, "EUR"))
        (100, 100, 110)
        >>> money.compared(100, "JPY")
        nan
        """
        if amount is None or currency is None or currency == self.currency:
            return amount
        rate = self.rates.get(currency)
        return amount * rate if rate is not None else NO_RATE


ONE_CURRENCY: Final = MoneySettings()  # amounts compare as they are told, where none names its currency
