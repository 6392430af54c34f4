"""What the product counts as value, and what those who look after its customers have set."""

from typing import Final

from msgspec import Struct

from stream.calendar.workdays import NO_CALENDARS, Calendars


class ProductConfig(Struct, frozen=True):
    """What the product counts as value, when its customers work, and what those who look after them have set.

    Attributes:
        key_actions: features whose use is value to the customer; the first use of any of them is the first value.
        milestones: features in the order in which an account comes to use them.
        calendars: the working days of each segment.
        launches: features with the day of their launch (since 1970-01-01).
        follow_up_ms: how soon a promoter's or detractor's answer is to be followed up; None: nothing is set.
        engagement_weights: part of the engagement score to its weight; None: `measures.engagement.WEIGHTS`.
    """

    key_actions: frozenset[str] = frozenset()
    milestones: tuple[str, ...] = ()
    calendars: Calendars = NO_CALENDARS
    launches: tuple[tuple[str, int], ...] = ()
    follow_up_ms: int | None = None
    engagement_weights: dict[str, float] | None = None


NO_PRODUCT_CONFIG: Final = ProductConfig()
