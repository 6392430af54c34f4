"""The product as the settings tell of it, ready to measure by."""

from datetime import date
from typing import Protocol

from stream.calendar.calendars import CalendarsSettings
from stream.calendar.day import DAY_MS
from stream.config.settings import ProductSettings
from stream.measures.product_config import ProductConfig

_EPOCH = date(1970, 1, 1)


class ProductSections(Protocol):
    """Settings of a process that evaluates accounts."""

    @property
    def product(self) -> ProductSettings:
        """Section `product`."""

    @property
    def calendar(self) -> CalendarsSettings:
        """Section `calendar`."""


def product_config_from(settings: ProductSections) -> ProductConfig:
    """Key actions, milestones and working days, launches, the follow-up time and the weights of engagement."""
    product = settings.product
    return ProductConfig(
        frozenset(product.key_actions),
        tuple(product.milestones),
        settings.calendar.calendars(),
        tuple((name, (at - _EPOCH).days) for name, at in product.launches.items()),
        round(product.follow_up_days * DAY_MS) if product.follow_up_days is not None else None,
        product.engagement_weights.model_dump() if product.engagement_weights is not None else None,
    )
