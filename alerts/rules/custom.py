"""A rule of one's own, declared in the alerting configuration: a measure, a line, for how long, and what to say."""

from string import Formatter
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from alerts.account_facts import AccountFacts
from alerts.model import Severity, Signal
from alerts.playbooks import Play
from alerts.rules.result import Baseline, Firing, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule
from alerts.text import measure_name, measure_value
from stream.measures.registry import MEASURES, SHAPES

RULES_MAX: Final = 100
_PLACES: Final = frozenset({"value", "line"})


class CustomRule(Rule):
    """Fires while a measure is below, or at or above, a line. Over at `exit`, or at the line where none is given.

    A measure that is unknown fires nothing and ends nothing.
    """

    about: ClassVar[str] = "a measure beyond a line of one's own"
    why: ClassVar[str] = "somebody here found that it matters"

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]  # type: ignore[misc]  # of an instance, here
    plays: Annotated[tuple[Play, ...], Field(max_length=30)] = ()  # type: ignore[misc]
    measure: str = Field(description="id of docs/metrics.md, one number")
    below: float | None = Field(None, description="fires below this")
    at_least: float | None = Field(None, description="fires from here on; either this or `below`")
    exit: float | None = Field(None, description="over again from here on; null: at the line")
    segments: frozenset[str] = Field(frozenset(), description="of accounts; empty: any")
    severity: Severity = "warning"
    says: str = Field(
        min_length=3,
        max_length=140,
        description="what happened, to be read after the account's name; {value} and {line} are filled in",
    )

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        declared = MEASURES.get(self.measure)
        if declared is None or declared.unit in SHAPES:
            raise ValueError(f"measure = {self.measure!r}: expected the id of a number in docs/metrics.md")
        if (self.below is None) == (self.at_least is None):
            raise ValueError("expected either below or at_least")
        if self.exit is not None and (self.exit < self._line if self.below is not None else self.exit > self._line):
            raise ValueError("exit lies on the wrong side of the line")
        odd = {name for _, name, _, _ in Formatter().parse(self.says) if name is not None} - _PLACES
        if odd:
            raise ValueError(f"says: {{{', '.join(sorted(odd))}}} is not known; accepted are {{value}} and {{line}}")
        return self

    @property
    def _line(self) -> float:
        return self.below if self.below is not None else self.at_least or 0.0

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing beyond the line, Resolved at the exit."""
        if self.segments and facts.profile.segment not in self.segments:
            return KEPT if signal is None else Resolved("The rule is not for this segment", recovered=False)
        value = facts.number(self.measure)
        if value is None:
            return UNKNOWN
        line = self._line if signal is None or self.exit is None else self.exit
        fires = value < line if self.below is not None else value >= line
        shown = measure_value(self.measure, value)
        if not fires:
            return KEPT if signal is None else Resolved(f"{measure_name(self.measure)}: {shown}")
        says = self.says.format(value=shown, line=measure_value(self.measure, self._line))
        return Firing(self.severity, says, f"{measure_name(self.measure)}: {shown}", {self.measure: value})
