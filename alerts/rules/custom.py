"""A rule of one's own, declared in the alerting configuration: a measure or trait, a line, and what to say."""

from datetime import datetime
from string import Formatter
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from alerts.account_facts import AccountFacts
from alerts.model import Number, Severity, Signal
from alerts.playbooks import Play
from alerts.rules.precondition import Precondition
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule
from alerts.text import measure_name, measure_value, plural, tidy
from stream.measures.registry import MEASURES, SHAPES

RULES_MAX: Final = 100
TRAIT_CHARS_MAX: Final = 80
CHANGE_DAYS_MAX: Final = 90
_PLACES: Final = frozenset({"value", "line", "before"})


class CustomRule(Rule):
    """Fires while a measure or trait is below, or at or above, a line; or while a trait equals something.

    With `change_days` it is the change since so many days that is compared with the line. Over at `exit`, or at the
    line where none is given. What is unknown, or was so many days ago, fires nothing and ends nothing.
    """

    about: ClassVar[str] = "a measure or trait beyond a line of one's own"
    why: ClassVar[str] = "somebody here found that it matters"

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]  # type: ignore[misc]  # of an instance, here
    plays: Annotated[tuple[Play, ...], Field(max_length=30)] = ()  # type: ignore[misc]
    measure: str | None = Field(None, description="id of docs/metrics.md, one number")
    trait: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]{0,39}$",
        description="further field of the account feed; this or `measure`",
    )
    below: float | None = Field(None, description="fires below this")
    at_least: float | None = Field(None, description="fires from here on; either this or `below`")
    equals: str | bool | float | None = Field(None, description="of a trait: fires while it is this; in their place")
    exit: float | None = Field(None, description="over again from here on; null: at the line")
    change_days: int | None = Field(
        None, ge=1, le=CHANGE_DAYS_MAX, description="the line is for the change since so many days; null: for the value"
    )
    change: Literal["absolute", "ratio"] = Field("absolute", description="ratio: -0.3 is 30 % less than then")
    segments: frozenset[str] = Field(frozenset(), description="of accounts; empty: any")
    severity: Severity = "warning"
    says: str = Field(
        min_length=3,
        max_length=140,
        description="what happened, to be read after the account's name; {value}, {line} and {before} are filled in",
    )

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.measure is None) == (self.trait is None):
            raise ValueError("expected either measure or trait")
        if self.measure is not None:
            declared = MEASURES.get(self.measure)
            if declared is None or declared.unit in SHAPES:
                raise ValueError(f"measure = {self.measure!r}: expected the id of a number in docs/metrics.md")
        if sum(each is not None for each in (self.below, self.at_least, self.equals)) != 1:
            raise ValueError("expected either below or at_least" + (", or equals" if self.trait is not None else ""))
        if self.equals is not None and (self.trait is None or self.exit is not None or self.change_days is not None):
            raise ValueError("equals is for a trait, without exit and change_days")
        if self.exit is not None and (self.exit < self._line if self.below is not None else self.exit > self._line):
            raise ValueError("exit lies on the wrong side of the line")
        odd = {name for _, name, _, _ in Formatter().parse(self.says) if name is not None} - _PLACES
        if odd:
            raise ValueError(
                f"says: {{{', '.join(sorted(odd))}}} is not known; accepted are {{value}}, {{line}} and {{before}}"
            )
        return self

    @property
    def preconditions(self) -> tuple[Precondition, ...] | None:  # type: ignore[override]  # of an instance, here
        """The measure at or beyond its line; None where it is a trait, or a change."""
        if self.measure is None or self.change_days is not None:
            return None
        return (Precondition(self.measure, at_least=self.at_least, at_most=self.below),)

    @property
    def _line(self) -> float:
        return self.below if self.below is not None else self.at_least or 0.0

    @property
    def _key(self) -> str:
        return self.measure if self.measure is not None else f"trait.{self.trait}"

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing beyond the line, Resolved at the exit."""
        if self.segments and facts.profile.segment not in self.segments:
            return KEPT if signal is None else Resolved("The rule is not for this segment", recovered=False)
        if self.equals is not None:
            return self._equal(facts, signal)
        value = self._value(facts)
        before = facts.level_before(self._key, self.change_days) if self.change_days is not None else None
        compared = value if self.change_days is None else _change(before, value, self.change)
        if value is None or compared is None:
            return UNKNOWN
        line = self._line if signal is None or self.exit is None else self.exit
        fires = compared < line if self.below is not None else compared >= line
        shown = self._shown(value)
        since = f" ({self._shown(before)}, {plural(self.change_days or 0, 'day')} before)" if before is not None else ""
        if not fires:
            return KEPT if signal is None else Resolved(f"{self._named}: {shown}{since}")
        if signal is not None and not (compared < self._line if self.below is not None else compared >= self._line):
            so_far = f"{self._named}: {shown}{since}"
            today = Firing("info", f"is not over it yet: {so_far}", so_far, {self._key: value})
            return Indeterminate(f"{so_far}, between the line and its exit", today)
        line_shown = self._shown(self._line) if self.change_days is None else f"{self._line:g}"
        says = self.says.format(value=shown, line=line_shown, before="" if before is None else self._shown(before))
        evidence = {self._key: value} | ({"before": before} if before is not None else {})
        return Firing(self.severity, says, f"{self._named}: {shown}{since}", evidence)

    def _equal(self, facts: AccountFacts, signal: Signal | None) -> RuleResult:
        value = facts.trait(self.trait or "")
        if value is None:
            return UNKNOWN
        shown = tidy(str(value), TRAIT_CHARS_MAX)
        if value != self.equals or isinstance(value, bool) is not isinstance(self.equals, bool):
            return KEPT if signal is None else Resolved(f"{self._named}: {shown}")
        says = self.says.format(value=shown, line=shown, before="")
        return Firing(self.severity, says, f"{self._named}: {shown}", {})

    def remembers(self, facts: AccountFacts) -> tuple[str, Number | None, int] | None:
        """What it compares with earlier days, where it does."""
        return None if self.change_days is None else (self._key, self._value(facts), self.change_days)

    def due(self, facts: AccountFacts) -> datetime | None:
        """The next midnight, while what is compared with still moves."""
        moves = self.change_days is not None and len(facts.levels.get(self._key, ())) > 1
        return facts.start_of_day(facts.day + 1) if moves else None

    def _value(self, facts: AccountFacts) -> Number | None:
        if self.measure is not None:
            return facts.number(self.measure)
        value = facts.trait(self.trait or "")
        return value if isinstance(value, float | int) and not isinstance(value, bool) else None

    @property
    def _named(self) -> str:
        if self.measure is not None:
            return measure_name(self.measure)
        return (self.trait or "").replace("_", " ").capitalize()

    def _shown(self, value: Number) -> str:
        return measure_value(self.measure, value) if self.measure is not None else f"{value:,.6g}"


def _change(before: Number | None, now: Number | None, how: Literal["absolute", "ratio"]) -> float | None:
    """How far a number moved; None where one is unknown, or there was nothing that a share could be of."""
    if before is None or now is None:
        return None
    if how == "absolute":
        return now - before
    return now / before - 1 if before > 0 else None
