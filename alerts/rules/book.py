"""All rules with their settings, and which of them are for an account."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from importlib import import_module
from math import isnan
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, create_model, model_validator
from pydantic_core import PydanticCustomError

from alerts.account_facts import AccountFacts
from alerts.model import Signal, Tone
from alerts.money import ONE_CURRENCY, MoneySettings
from alerts.rules.precondition import Prefilter
from alerts.rules.result import Baseline, RuleResult
from alerts.rules.rule import Rule
from stream.contracts.report import Profile


def declared_in(modules: Iterable[ModuleType]) -> tuple[type[Rule], ...]:
    """The rules that modules declare, by rank.

    Raises:
        TypeError: two have one rank or one name.
    """
    found: list[type[Rule]] = []
    for module in modules:
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, Rule) and each.__module__ == module.__name__:
                found += [each] if isinstance(getattr(each, "name", None), str) else []
    found.sort(key=lambda rule: rule.rank)
    for part in ("rank", "name"):
        seen: dict[object, type[Rule]] = {}
        for rule in found:
            other = seen.setdefault(getattr(rule, part), rule)
            if other is not rule:
                conflict = f"rules {other.__name__} and {rule.__name__} both have {part} {getattr(rule, part)!r}"
                raise TypeError(f"{conflict}: expected each its own")
    return tuple(found)


_modules = [module.name for module in iter_modules([str(Path(__file__).parent)]) if module.name != Path(__file__).stem]
# Each module beside this one declares its rules; the rule that says most comes first.
RULES: Final = declared_in(import_module(f"{__package__}.{name}") for name in _modules)
Evaluate = Callable[[AccountFacts, Signal | None, Baseline | None], RuleResult]
Due = Callable[[AccountFacts], datetime | None]

CHOICES_MAX: Final = 10_000  # of segment, stage, money and renewal; a feed may invent as many segments as it likes

_of_name: Final[dict[str, type[Rule]]] = {rule.name: rule for rule in RULES}
ABOUT_SCORE: Final = frozenset(rule.name for rule in RULES if rule.is_about_score)
ORDER: Final[dict[str, int]] = {rule.name: at for at, rule in enumerate(RULES)}


def declaration(name: str) -> type[Rule] | None:
    """The declaration of a shipped rule; None for a rule of one's own, or one that is not known any more."""
    return _of_name.get(name)


def tone_of(name: str) -> Tone:
    """What kind of news a rule brings; a rule of one's own, or one not known any more, brings risk."""
    rule = _of_name.get(name)
    return rule.tone if rule is not None else "risk"


class _RuleSettings(BaseModel):
    """Section `rules` of the alerting configuration: each rule by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="after")
    def _inhibitors_are_rules(self) -> Self:
        """A rule is inhibited by other rules that there are."""
        for name in type(self).model_fields:
            for inhibitor in getattr(self, name).inhibited_by:
                if inhibitor not in _of_name or inhibitor == name:
                    message = f"{inhibitor!r} is no other rule; there are {', '.join(_of_name)}"
                    raise PydanticCustomError(
                        "inhibitor", "{message}", {"message": message, "at": (name, "inhibited_by")}
                    )
        return self

    def all(self) -> list[Rule]:
        """The rules in their order."""
        return [getattr(self, rule.name) for rule in RULES]


_fields: dict[str, Any] = {rule.name: (rule, rule()) for rule in RULES}
RuleSettings: Final[type[_RuleSettings]] = create_model("RuleSettings", __base__=_RuleSettings, **_fields)


class AccountRules(tuple[Rule, ...]):
    """The rules of an account, in their order, and which of them have more to say than their result.

    Nearly every report meets the rules that the one before it met, so that this is found once and not for each.

    Attributes:
        names: of all of them.
        by_name: all of them.
        every: each that may fire with its `evaluate`, looked up once.
        living: of these those that look at an account that lives.
        churned: those that look at one that has churned.
        due: `due` of those whose result time alone may change, where it may, of an account that lives.
        due_churned: the same of one that does not, each.
        comparing: those that compare with earlier days.
    """

    names: frozenset[str]
    by_name: dict[str, Rule]
    every: Prefilter[tuple[Rule, Evaluate]]
    living: Prefilter[tuple[Rule, Evaluate]]
    churned: tuple[tuple[Rule, Evaluate], ...]
    due: Prefilter[Due]
    due_churned: tuple[Due, ...]
    comparing: tuple[Rule, ...]

    def __new__(cls, rules: Iterable[Rule]) -> Self:
        """Rules in their order; those that are sorted already stay what they are."""
        if isinstance(rules, cls):
            return rules
        self = super().__new__(cls, rules)
        self.by_name = {rule.name: rule for rule in self}
        self.names = frozenset(self.by_name)
        bound = [(rule, rule.preconditions, (rule, rule.evaluate)) for rule in self]
        self.every = Prefilter(bound)
        self.living = Prefilter(each for each in bound if not each[0].is_for_churned)
        self.churned = tuple(each for rule, _, each in bound if rule.is_for_churned)
        timed = [rule for rule in self if rule.is_timed]
        self.due = Prefilter((rule, rule.preconditions, rule.due) for rule in timed if not rule.is_for_churned)
        self.due_churned = tuple(rule.due for rule in timed if rule.is_for_churned)
        self.comparing = tuple(rule for rule in self if rule.compares_days)
        return self


class RuleBook:
    """The rules as they are for each account.

    Args:
        rules: all rules, in their order.
        money: the currency of bounds that are money, and the rates of others.

    Attributes:
        names: of all rules, in their order, switched off or not.
    """

    def __init__(self, rules: Sequence[Rule], money: MoneySettings = ONE_CURRENCY) -> None:
        self._rules = list(rules)
        self._money = money
        self.names: tuple[str, ...] = tuple(rule.name for rule in self._rules)
        bounds = {
            bound
            for rule in self._rules
            for override in rule.overrides
            for bound in (override.whom.mrr_at_least, override.whom.mrr_below)
            if bound is not None
        }
        self._mrr_bounds = sorted(bounds)
        near = {override.whom.renewal_within_days for rule in self._rules for override in rule.overrides}
        self._renewal_bounds = sorted(days for days in near if days is not None)
        self._chosen: dict[tuple[str | None, str | None, int, int], AccountRules] = {}

    def of(self, facts: AccountFacts) -> AccountRules:
        """The rules that are switched on for an account as of a moment, with its own settings."""
        renewal = facts.days_to_renewal if self._renewal_bounds else None
        mrr = self._money.compared(facts.mrr, facts.currency) if self._mrr_bounds else None
        return self.choose(facts.profile, facts.stage, mrr, renewal)

    @property
    def asks_for_money(self) -> bool:
        """Whether an override has a bound that is money."""
        return bool(self._mrr_bounds)

    def changes_at(self, facts: AccountFacts) -> datetime | None:
        """When time alone brings the account other settings, since its renewal comes nearer; None: never."""
        renewal = facts.days_to_renewal if self._renewal_bounds else None
        ahead = [renewal - bound for bound in self._renewal_bounds if renewal is not None and renewal > bound]
        return facts.start_of_day(facts.day + min(ahead)) if ahead else None

    def choose(
        self,
        profile: Profile,
        stage: str | None = None,
        mrr: float | None = None,
        days_to_renewal: int | None = None,
    ) -> AccountRules:
        """The rules that are switched on for an account, with its own settings.

        Args:
            profile: what the account feed says.
            stage: of its life, where it is derived; None: the profile's.
            mrr: money a month as bounds see it (`MoneySettings.compared`); None: the profile's.
            days_to_renewal: calendar days, negative once it has passed; None: unknown.
        """
        stage = stage if stage is not None else profile.lifecycle_stage
        worth = near = 0
        if self._mrr_bounds:
            mrr = mrr if mrr is not None else profile.mrr
            worth = -1 if mrr is None else -2 if isnan(mrr) else sum(mrr >= bound for bound in self._mrr_bounds)
        if days_to_renewal is not None:
            near = sum(days_to_renewal <= bound for bound in self._renewal_bounds)
        key = (profile.segment, stage, worth, near)
        rules = self._chosen.get(key)
        if rules is None:
            if len(self._chosen) >= CHOICES_MAX:
                self._chosen.clear()
            own = [rule.of(profile.segment, stage, mrr, days_to_renewal) for rule in self._rules]
            rules = self._chosen[key] = AccountRules(rule for rule in own if rule.enabled)
        return rules


def default_rules() -> AccountRules:
    """The rules of an account of which nothing is known, as shipped."""
    return RuleBook(RuleSettings().all()).choose(Profile())
