"""Section `routes` of the alerting configuration, and the routes that it makes.

money: {currency: USD}
routes:
  - name: enterprise
    match: {segment: enterprise, severity: [warning, critical], mrr_at_least: 5000}
    receivers: [enterprise-slack, pager]
    continue: false
    routes: []             # nested ones, tried first
  - receivers: [slack]     # the last one takes everything
"""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alerts.money import ONE_CURRENCY, MoneySettings
from alerts.routing import Between, Condition, OneOf, RenewsWithin, Route, Routes, TextField

DEPTH_MAX: Final = 5
_TEXT_FIELDS: Final[tuple[TextField, ...]] = (
    *("account", "segment", "owner", "lifecycle_stage", "band", "rule"),
    "severity",
)


def _as_list(value: object) -> object:
    """One value is a list of one."""
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_list)]
Values = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], BeforeValidator(_as_list), Field(min_length=1)
]


class MatchSettings(BaseModel):
    """What a route takes: every condition must hold; of several values one; `none`: the feed says nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: Values | None = None
    segment: Values | None = None
    owner: Values | None = None
    lifecycle_stage: Values | None = None
    band: Values | None = None
    rule: Values | None = None
    severity: Values | None = None
    mrr_at_least: float | None = Field(None, ge=0, description="money a month, in `money.currency`")
    mrr_at_most: float | None = Field(None, ge=0, description="money a month, in `money.currency`")
    renewal_within_days: int | None = Field(None, ge=0, le=1000)

    def conditions(self, money: MoneySettings) -> Iterator[Condition]:
        """The same as conditions of a route."""
        for field in _TEXT_FIELDS:
            values: tuple[str, ...] | None = getattr(self, field)
            if values is not None:
                yield OneOf(field, values)
        if self.mrr_at_least is not None or self.mrr_at_most is not None:
            yield Between(self.mrr_at_least, self.mrr_at_most, money)
        if self.renewal_within_days is not None:
            yield RenewsWithin(self.renewal_within_days)


class RouteSettings(BaseModel):
    """One route."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(None, min_length=1, max_length=80, description="how reasons call it")
    match: MatchSettings = MatchSettings()
    receivers: Names | None = Field(None, description="whom to tell; []: nobody, on purpose")
    goes_on: bool = Field(False, alias="continue", description="try the routes after it as well")
    routes: tuple["RouteSettings", ...] = Field((), description="nested ones, tried first")

    @model_validator(mode="after")
    def _somebody(self) -> "RouteSettings":
        if self.receivers is None and not self.routes:
            raise ValueError("a route needs receivers; [] tells nobody, on purpose")
        return self

    @property
    def takes_everything(self) -> bool:
        """Whether it matches every alert."""
        return next(self.match.conditions(ONE_CURRENCY), None) is None

    @property
    def asks_for_money(self) -> bool:
        """Whether it, or one within it, has a bound that is money."""
        bounds = (self.match.mrr_at_least, self.match.mrr_at_most)
        return any(bound is not None for bound in bounds) or any(route.asks_for_money for route in self.routes)


def make_routes(settings: tuple[RouteSettings, ...], money: MoneySettings) -> Routes:
    """The routes that the settings ask for; their bounds of money are in the currency of `money`."""
    return Routes(tuple(_route(item, f"routes[{at}]", money) for at, item in enumerate(settings)))


def mistakes(settings: tuple[RouteSettings, ...], known: frozenset[str]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """What is wrong beyond single values: where, and what to do.

    Args:
        settings: the whole section.
        known: names of all receivers.
    """
    if not settings or not settings[-1].takes_everything:
        yield (
            (max(len(settings) - 1, 0),),
            "the last route must take everything (no `match`), so that no alert is told to nobody by omission; "
            "receivers: [] tells nobody on purpose",
        )
    yield from _unknown(settings, known, (), 1)


def _unknown(
    settings: tuple[RouteSettings, ...], known: frozenset[str], above: tuple[int | str, ...], depth: int
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    for at, item in enumerate(settings):
        for number, name in enumerate(item.receivers or ()):
            if name not in known:
                there = f"there are {', '.join(sorted(known))}" if known else "none is configured"
                yield (*above, at, "receivers", number), f"no receiver has this name; {there}"
        if item.routes and depth == DEPTH_MAX:
            yield (*above, at, "routes"), f"nested more than {DEPTH_MAX} deep"
        else:
            yield from _unknown(item.routes, known, (*above, at, "routes"), depth + 1)


def _route(item: RouteSettings, assigned: str, money: MoneySettings) -> Route:
    return Route(
        name=item.name or assigned,
        receivers=item.receivers or (),
        conditions=tuple(item.match.conditions(money)),
        goes_on=item.goes_on,
        routes=tuple(
            _route(child, f"{item.name or assigned}.routes[{at}]", money) for at, child in enumerate(item.routes)
        ),
    )
