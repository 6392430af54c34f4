"""Who is told of an alert: routes tried in order, each with its conditions, and the reason of every decision.

A route that matches takes the alert: its nested routes are tried first, and where none of them matches, its own
receivers are told. Then it is over, unless the route says `continue`.
Source: the routing tree of Prometheus Alertmanager.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from typing import Final, Literal

from alerts.money import ONE_CURRENCY, MoneySettings

NONE: Final = "none"  # in a route: the account feed says nothing

TextField = Literal["account", "segment", "owner", "lifecycle_stage", "band", "rule", "severity"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What routes look at. None is unknown: it matches no value but `none`, and no bound.

    Args:
        rule: the broken rule's name.
        severity: of the alert.
        account: the account's id; None for an alert about the installation itself.
        segment: of the account.
        owner: who looks after the account, as the account feed writes it.
        lifecycle_stage: of the account.
        band: the account's health band.
        mrr: money a month.
        currency: of it (ISO 4217); None: the feed names none.
        days_to_renewal: calendar days, negative once it has passed.
        rules: of all signals of the alert; a condition on the rule holds for any of them.
    """

    rule: str
    severity: str
    account: str | None = None
    segment: str | None = None
    owner: str | None = None
    lifecycle_stage: str | None = None
    band: str | None = None
    mrr: float | None = None
    currency: str | None = None
    days_to_renewal: int | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class OneOf:
    """A condition: a field has one of some values."""

    field: TextField
    values: tuple[str, ...]

    def objection(self, subject: Subject) -> str | None:
        """Why the subject fails the condition; None when it holds."""
        value: str | None = getattr(subject, self.field)
        if self.field == "rule" and not {subject.rule, *subject.rules}.isdisjoint(self.values):
            return None
        if (NONE if value is None else value) in self.values:
            return None
        return f"{self.field} is {'unknown' if value is None else value}, not {' or '.join(self.values)}"

    def __str__(self) -> str:
        return f"{self.field} is {' or '.join(self.values)}"


@dataclass(frozen=True)
class Between:
    """A condition: the account's mrr is within bounds, both included; a bound of None is none.

    Args:
        at_least, at_most: in the currency of `money`.
        money: that currency, and the rates of others; an amount without a rate is within no bounds.
    """

    at_least: float | None = None
    at_most: float | None = None
    money: MoneySettings = ONE_CURRENCY

    def objection(self, subject: Subject) -> str | None:
        """Why the subject fails the condition; None when it holds."""
        mrr = self.money.compared(subject.mrr, subject.currency)
        if mrr is None or subject.mrr is None:
            return "mrr is unknown"
        told = f"mrr is {subject.mrr:g}{f' {subject.currency}' if subject.currency is not None else ''}"
        if isnan(mrr):
            return f"{told}, and money.rates has no {subject.currency}, so that it compares with no bound"
        if mrr != subject.mrr:
            told += f" ({mrr:g} {self.money.currency})"
        if self.at_least is not None and mrr < self.at_least:
            return f"{told}, below {self._bound(self.at_least)}"
        if self.at_most is not None and mrr > self.at_most:
            return f"{told}, above {self._bound(self.at_most)}"
        return None

    def _bound(self, bound: float) -> str:
        return f"{bound:g}{f' {self.money.currency}' if self.money.currency is not None else ''}"

    def __str__(self) -> str:
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        return "mrr is " + " and ".join(f"{word} {self._bound(bound)}" for word, bound in bounds if bound is not None)


@dataclass(frozen=True)
class RenewsWithin:
    """A condition: the account's renewal is at most so many days away, or overdue."""

    days: int

    def objection(self, subject: Subject) -> str | None:
        """Why the subject fails the condition; None when it holds."""
        left = subject.days_to_renewal
        if left is None:
            return "the renewal is unknown"
        return f"it renews in {left:,} days, not within {self.days:,}" if left > self.days else None

    def __str__(self) -> str:
        return f"it renews within {self.days:,} days"


Condition = OneOf | Between | RenewsWithin


@dataclass(frozen=True)
class Route:
    """One route.

    Args:
        name: how reasons call it.
        conditions: all must hold; none means that it matches everything.
        receivers: whom to tell; empty: nobody, on purpose.
        goes_on: whether the routes after it are tried as well.
        routes: nested ones, tried first.
    """

    name: str
    receivers: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    goes_on: bool = False
    routes: tuple["Route", ...] = ()

    def objection(self, subject: Subject) -> str | None:
        """Why the route does not take the subject; None when it does."""
        return next((objection for condition in self.conditions if (objection := condition.objection(subject))), None)

    def why(self) -> str:
        """Why it took a subject, for whoever asks."""
        return " and ".join(map(str, self.conditions)) or "it takes everything"


@dataclass(frozen=True)
class Routed:
    """A receiver that is told, by which route, and why."""

    receiver: str
    route: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """Who is told.

    Args:
        told: each receiver once, in the order of the routes.
        passed: route and reason of every route that was looked at and did not take the alert.
        silent: the routes that took it and tell nobody, on purpose.
    """

    routed: tuple[Routed, ...]
    passed: tuple[tuple[str, str], ...]
    silent: tuple[str, ...] = ()

    @property
    def receivers(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(routed.receiver for routed in self.routed)


@dataclass(frozen=True)
class Routes:
    """All routes of an installation, in order.

    Args:
        routes: an alert that none of them takes is told to nobody; so the last one should take everything.
    """

    routes: tuple[Route, ...] = ()

    def decide(self, subject: Subject) -> Decision:
        """Who is told of an alert about the subject."""
        routed: dict[str, Routed] = {}
        passed: list[tuple[str, str]] = []
        silent: list[str] = []
        for route, reason in _taking(self.routes, subject, "", passed):
            if not route.receivers:
                silent.append(route.name)
            for receiver in route.receivers:
                routed.setdefault(receiver, Routed(receiver, route.name, reason))
        return Decision(tuple(routed.values()), tuple(passed), tuple(silent))

    def receivers(self) -> frozenset[str]:
        """Every receiver that a route names."""
        return frozenset(name for route in _all(self.routes) for name in route.receivers)


def everything_to(*receivers: str) -> Routes:
    """One route for all alerts.

    >>> everything_to("slack").decide(Subject(rule="score_dropped", severity="warning")).receivers
    ('slack',)
    """
    return Routes((Route("everything", receivers),)) if receivers else Routes()


def _taking(
    routes: tuple[Route, ...], subject: Subject, above: str, passed: list[tuple[str, str]]
) -> Iterator[tuple[Route, str]]:
    """The routes that take a subject, with the reason; notes those that don't."""
    for route in routes:
        objection = route.objection(subject)
        if objection is not None:
            passed.append((route.name, objection))
            continue
        why = f"{above} and {route.why()}" if above and route.conditions else above or route.why()
        nested = list(_taking(route.routes, subject, why if route.conditions else above, passed))
        yield from nested or [(route, why)]
        if not route.goes_on:
            return


def _all(routes: tuple[Route, ...]) -> Iterator[Route]:
    for route in routes:
        yield route
        yield from _all(route.routes)
