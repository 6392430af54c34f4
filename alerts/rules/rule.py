"""What every rule is: its declaration, its settings, and a result for one account as of a moment.

A rule is declared once, as a subclass in a module of this package, where `book` finds it: name, what it is about, why
it matters, its rank and tone, the measures it shows, the plays that help, its channels, its settings, and its words (in
the results of `evaluate`). Leaving one out is an error at import. A rule never sees a clock or a store: it gets the
facts as of a moment, and the signal that fires under it.
A measure that is unknown (None) means Indeterminate, and never Firing.
"""

from datetime import datetime
from typing import Any, ClassVar, Final, Self

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from alerts.account_facts import AccountFacts
from alerts.model import SEVERITY_RANK, Channel, Number, Severity, Signal, Tone
from alerts.playbooks import Play
from alerts.rules.precondition import Precondition
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from stream.contracts.report import LifecycleStage

# States beside the stages of a living account, in which nobody is alerted of it.

KEPT: Final = Resolved("kept")
UNKNOWN: Final = Indeterminate("too little is known for a score")


class For(BaseModel):
    """The accounts that an override is for: every condition that is given must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segments: frozenset[str] = Field(frozenset(), description="empty: any")
    lifecycle_stages: frozenset[LifecycleStage] = Field(frozenset(), description="empty: any")
    mrr_at_least: float | None = Field(
        None,
        ge=0,
        description="money a month in `money.currency`; unknown is less than anything, but not what has no rate",
    )
    mrr_below: float | None = Field(None, ge=0, description="the same, below it")
    renewal_within_days: int | None = Field(
        None, ge=0, le=1000, description="it renews within so many days, or should have; unknown is far away"
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if all(not given for given in (self.segments, self.lifecycle_stages)) and all(
            given is None for given in (self.mrr_at_least, self.mrr_below, self.renewal_within_days)
        ):
            raise ValueError("expected segments, lifecycle_stages, mrr_at_least, mrr_below or renewal_within_days")
        return self

    def holds(
        self,
        segment: str | None,
        lifecycle_stage: str | None,
        mrr: float | None,
        days_to_renewal: int | None = None,
    ) -> bool:
        """Whether an account is meant; of money without a rate (`NO_RATE`) no bound holds."""
        near = self.renewal_within_days
        return (
            (near is None or (days_to_renewal is not None and days_to_renewal <= near))
            and (not self.segments or segment in self.segments)
            and (not self.lifecycle_stages or lifecycle_stage in self.lifecycle_stages)
            and (self.mrr_at_least is None or (mrr is not None and mrr >= self.mrr_at_least))
            and (self.mrr_below is None or mrr is None or mrr < self.mrr_below)
        )


class Override(BaseModel):
    """Other settings for some accounts; of several that fit an account, the first holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    whom: For = Field(alias="for")
    set: dict[str, Any] = Field(min_length=1, description="settings of the rule, but overrides")


class Rule(BaseModel):
    """The declaration and the settings that all rules share.

    Attributes:
        name: a label of metrics, and how settings, routes and silences call it.
        about: what it finds, a noun phrase: "a request to cancel".
        why: why it matters, a clause.
        rank: its position among all rules, each its own; the rule that says most has the lowest. Of equally bad signals
            the lowest leads.
        tone: what kind of news it is.
        shows: the measures that its message shows beside its reason.
        speaks_of: the measures that its own words speak of, so that a message does not repeat them.
        people: the measure that lists who its words are about, and the one that counts them; None: nobody.
        is_in_account_line: whether the second line of each message says it anyway.
        plays: what to try; the first that answers what moved is the next step.
        preconditions: of which one holds wherever it fires anew, or is due; None: it must be asked to know.
        is_for_churned: whether it looks at accounts that have churned, where no other rule does.
        is_timed: whether time alone may change its result: whether it says when.
        compares_days: whether it compares with earlier days: whether it says what to remember.
        is_about_score: whether it looks at the score; later drops are measured from where its last signal ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    about: ClassVar[str]
    why: ClassVar[str]
    rank: ClassVar[int]
    tone: ClassVar[Tone] = "risk"
    shows: ClassVar[tuple[str, ...]] = ()
    speaks_of: ClassVar[tuple[str, ...]] = ()
    people: ClassVar[tuple[str, str] | None] = None
    is_in_account_line: ClassVar[bool] = False
    plays: ClassVar[tuple[Play, ...]]
    preconditions: ClassVar[tuple[Precondition, ...] | None] = None
    is_about_score: ClassVar[bool] = False
    compares_days: ClassVar[bool] = False
    is_for_churned: ClassVar[bool] = False
    is_timed: ClassVar[bool] = False

    enabled: bool = Field(True, description="off: never fires")
    channel: Channel = Field("digest", description="where its signals are told")
    critical_channel: Channel | None = Field(None, description="where critical ones are told; null: as the others")
    opens: bool = Field(False, description="opens a red flag also where it is no page; else it joins an open one")
    severity_at_least: Severity | None = Field(None, description="told as so severe at least; null: as the rule finds")
    for_hours: float = Field(0, ge=0, le=720, description="broken for so long before it fires")
    keep_firing_hours: float = Field(0, ge=0, le=720, description="kept for so long before it is resolved")
    inhibited_by: tuple[str, ...] = Field((), max_length=30, description="while one of these fires, it starts nothing")
    overrides: tuple[Override, ...] = Field((), max_length=50)

    def remembers(self, facts: AccountFacts) -> tuple[str, Number | None, int] | None:
        """(key, value now, days) of a number whose earlier days the rule compares with; None: it compares with none."""
        return None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.is_timed = cls.due is not Rule.due
        cls.compares_days = cls.remembers is not Rule.remembers
        missing = [part for part in ("name", "about", "why", "rank", "plays") if not getattr(cls, part, None)]
        if missing and cls.__name__ != "CustomRule":
            raise TypeError(f"rule {cls.__name__}: expected {', '.join(missing)}; a rule is declared whole")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """The result for one account.

        Args:
            facts: the account as of a moment.
            signal: the signal that fires under this rule, if any.
            baseline: where the account's last signal about its score ended.
        """
        raise NotImplementedError

    def due(self, facts: AccountFacts) -> datetime | None:
        """When time alone may change the result; None: never. Too early does no harm, too late does."""
        return None

    def end_due(self, facts: AccountFacts, signal: Signal) -> datetime | None:
        """When time alone may end a signal that fires; None: never. Too early does no harm, too late does."""
        return None

    def channel_of(self, severity: Severity) -> Channel:
        """Where a signal of a severity is told."""
        if severity == "critical" and self.critical_channel is not None:
            return self.critical_channel
        return self.channel

    def severe_enough(self, result: RuleResult) -> RuleResult:
        """A result that is told as severe as this account wants it at least."""
        least = self.severity_at_least
        if least is None or not isinstance(result, Firing) or SEVERITY_RANK[result.severity] >= SEVERITY_RANK[least]:
            return result
        return replace(result, severity=least)

    def of(
        self,
        segment: str | None,
        lifecycle_stage: str | None,
        mrr: float | None = None,
        days_to_renewal: int | None = None,
    ) -> Self:
        """This rule as it is for an account: with the first override that fits it."""
        for override in self.overrides:
            if override.whom.holds(segment, lifecycle_stage, mrr, days_to_renewal):
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
                raise PydanticCustomError("override", "{message}", {"message": first["msg"], "at": where}) from None
        return self
