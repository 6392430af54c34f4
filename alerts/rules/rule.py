"""What every rule is: a name, its settings, and a verdict on one report.

A rule never sees a clock or a store: it gets the report, the alert that is open under it, and where the account last
settled. A measure that a report does not carry, or that is unknown (None), means Hold, and never a Finding.

Rules are judged for every report, and nearly all of them have nothing to say: what is said then is made beforehand.
"""

from typing import Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from alerts.model import Alert, Number
from alerts.rules.result import Baseline, Indeterminate, Resolved, RuleResult
from stream.contracts.report import AlertReportView, LifecycleStage

# trouble: something got worse, and may recover; task: somebody waits for an answer; opportunity: good news.
Tone = Literal["trouble", "task", "opportunity"]


KEPT: Final = Resolved("kept")
UNKNOWN: Final = Indeterminate("too little is known to judge")


def number(report: AlertReportView, measure: str) -> Number | None:
    """A measure of a report; None where it is unknown, not there, or no number."""
    value = report.measures.get(measure)
    return value if isinstance(value, (int, float)) else None


class For(BaseModel):
    """The accounts that an override is for: in one of the segments, and in one of the stages, where given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segments: frozenset[str] = Field(frozenset(), description="empty: any")
    lifecycle_stages: frozenset[LifecycleStage] = Field(frozenset(), description="empty: any")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.segments and not self.lifecycle_stages:
            raise ValueError("expected segments, lifecycle_stages, or both")
        return self

    def holds(self, segment: str | None, lifecycle_stage: str | None) -> bool:
        """Whether an account is meant."""
        return (not self.segments or segment in self.segments) and (
            not self.lifecycle_stages or lifecycle_stage in self.lifecycle_stages
        )


class Override(BaseModel):
    """Other settings for some accounts; of several that fit an account, the first holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    whom: For = Field(alias="for")
    set: dict[str, Any] = Field(min_length=1, description="settings of the rule, but overrides")


class Rule(BaseModel):
    """The settings that all rules share, and what the judge asks of them.

    Attributes:
        name: a label of metrics and a part of the alert's fingerprint.
        tone: what kind of news it is.
        shows: the measures that its message shows beside its reason.
        is_about_score: whether it looks at the score; later drops are measured from where its last episode ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    tone: ClassVar[Tone] = "trouble"
    shows: ClassVar[tuple[str, ...]] = ()
    is_about_score: ClassVar[bool] = False

    enabled: bool = Field(True, description="off: opens nothing")
    for_hours: float = Field(0, ge=0, le=720, description="broken for so long before anybody is told")
    keep_firing_hours: float = Field(0, ge=0, le=720, description="kept for so long before it is over")
    inhibited_by: tuple[str, ...] = Field((), max_length=30, description="rules whose open alert says enough")
    overrides: tuple[Override, ...] = Field((), max_length=50)

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """The verdict on one report.

        Args:
            report: the account's current report.
            alert: the alert that is open under this rule, if any.
            settled: where the account's last episode under a rule about its score ended.
        """
        raise NotImplementedError

    def of(self, segment: str | None, lifecycle_stage: str | None) -> Self:
        """This rule as it is for an account: with the first override that fits it."""
        for override in self.overrides:
            if override.whom.holds(segment, lifecycle_stage):
                return self._with(override)
        return self

    def _with(self, override: Override) -> Self:
        return type(self).model_validate({**self.model_dump(exclude={"overrides"}), **override.set})

    @model_validator(mode="after")
    def _overrides_fit(self) -> Self:
        """An override is checked as the rule that it makes, so that a mistake shows at start."""
        for at, override in enumerate(self.overrides):
            if "overrides" in override.set:
                raise PydanticCustomError("override", "an override has no overrides", {"at": ("overrides", at, "set")})
            try:
                self._with(override)
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                where = ("overrides", at, "set", *first["loc"])
                raise PydanticCustomError("override", "{told}", {"told": first["msg"], "at": where}) from None
        return self
