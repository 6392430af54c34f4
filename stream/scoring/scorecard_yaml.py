"""A file of scorecards to the model; every mistake is told with file, line, field, value and what is accepted.

docs/scorecards.md is the description of the format for people.
"""

import difflib
import math
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from stream.config.located import read_model
from stream.contracts.report import Band, LifecycleStage
from stream.measures.catalogue import SCORABLE
from stream.measures.registry import Unit, label_of
from stream.scoring.scorecard import ANSWERS_OF, Line, Scorecard, Scorecards, Veto, crossing

SHIPPED_FILE: Final = Path(__file__).with_name("default.yaml")
PREVIOUS_FILE: Final = Path(__file__).with_name("default_1.yaml")

CARDS_MAX: Final = 100
CURVE_POINTS_MAX: Final = 50
DWELL_DAYS_MAX: Final = 90
ANSWERS_MIN_MAX: Final = 1_000
COVERAGE_MIN_RATIO: Final = 0.3
WEIGHT_MAX: Final = 1e6

_RANKED: Final[tuple[Literal["healthy", "watch", "at_risk"], ...]] = ("healthy", "watch", "at_risk")

Points = tuple[tuple[float, float], ...]


def _wrong(message: str, *at: int | str) -> PydanticCustomError:
    """A mistake in words; `at` leads from the validated value to where it lies."""
    return PydanticCustomError("scorecard", "{message}", {"message": message, "at": at})


def _as_text(value: object) -> object:
    """What YAML reads as a number or a day, where a word is meant: version 1, segment 2026."""
    return str(value) if isinstance(value, int | float | date) and not isinstance(value, bool) else value


def _points(given: dict[str, float]) -> dict[str, float]:
    """Points of value: score, the values ascending."""
    values: list[float] = []
    for word in given:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise _wrong("expected a number before the colon, as 0.5: 70", word)
        values.append(value)
    if any(left >= right for left, right in pairwise(values)):
        raise _wrong("expected values that ascend")
    if not 2 <= len(values) <= CURVE_POINTS_MAX:
        raise _wrong(f"expected 2 to {CURVE_POINTS_MAX} points of value: score, as {{0: 0, 0.5: 70, 1: 100}}")
    return given


def _thresholds(value: object) -> object:
    """A floor alone is where a band is entered, and where it is left."""
    return {"enter": value, "exit": value} if isinstance(value, int | float) else value


def _measured(measure: str, *at: int | str) -> None:
    """The measure is one that a scorecard may name."""
    if measure not in SCORABLE:
        alike = difflib.get_close_matches(measure, SCORABLE, 3, 0.5)
        hint = f"did you mean {' or '.join(alike)}?" if alike else "docs/metrics.md lists them"
        raise _wrong(f"there is no measure {measure[:60]!r} that is a number; {hint}", *at)


Name = Annotated[str, BeforeValidator(_as_text), StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Weight = Annotated[float, Field(gt=0, le=WEIGHT_MAX, allow_inf_nan=False)]
Score = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Bound = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Curve = Annotated[dict[str, Score], AfterValidator(_points)]


class _Spec(BaseModel):
    """What all parts of the file share."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Whom(_Spec):
    """The accounts that a scorecard is for."""

    segments: list[Name] = []
    lifecycle_stages: list[LifecycleStage] = []

    @model_validator(mode="after")
    def _some(self) -> "_Whom":
        if not self.segments and not self.lifecycle_stages:
            raise _wrong("expected segments, lifecycle_stages, or both; leave `for` out where it is for all")
        return self


class _Line(_Spec):
    """One measure of a group."""

    weight: Weight
    curve: Curve
    label: Label | None = None
    unit: Unit | None = None
    answers_min: Annotated[int, Field(ge=1, le=ANSWERS_MIN_MAX)] = 1


class _Group(_Spec):
    """Measures that tell of the same; the group's own weight, where given, is shared among them."""

    weight: Weight | None = None
    measures: Annotated[dict[str, _Line], Field(min_length=1)]

    @field_validator("measures")
    @classmethod
    def _known(cls, measures: dict[str, _Line]) -> dict[str, _Line]:
        for measure, item in measures.items():
            _measured(measure, measure)
            if item.answers_min > 1 and measure not in ANSWERS_OF:
                raise _wrong(f"is of measures of answers alone: {', '.join(ANSWERS_OF)}", measure, "answers_min")
        return measures


class _Thresholds(_Spec):
    """Where a band is entered and where it is left."""

    enter: Score
    exit: Score


BandThresholds = Annotated[_Thresholds, BeforeValidator(_thresholds)]


class _Bands(_Spec):
    """The bands; critical is what is left."""

    healthy: BandThresholds = _Thresholds(enter=75, exit=75)
    watch: BandThresholds = _Thresholds(enter=50, exit=50)
    at_risk: BandThresholds = _Thresholds(enter=25, exit=25)

    @model_validator(mode="before")
    @classmethod
    def _all_or_none(cls, data: object) -> object:
        """Whoever sets one sets all: two that go together by chance are soon two that cross."""
        if isinstance(data, Mapping) and data:
            for band in _RANKED:
                if band not in data:
                    raise _wrong(f"{band} is missing")
        return data

    @model_validator(mode="after")
    def _in_order(self) -> "_Bands":
        crossed = crossing(self.floors, self.exits)
        if crossed is not None:
            floors = ", ".join(f"{name} {getattr(self, name).enter:g}/{getattr(self, name).exit:g}" for name in _RANKED)
            raise _wrong(
                f"thresholds cross (enter/exit: {floors}); expected each exit from the next band's enter to its own",
                crossed,
            )
        return self

    @property
    def floors(self) -> tuple[tuple[Band, float], ...]:
        """Where each band is entered, the best first."""
        return (*[(band, getattr(self, band).enter) for band in _RANKED], ("critical", 0.0))

    @property
    def exits(self) -> tuple[tuple[Band, float], ...]:
        """Where each is left."""
        return (*[(band, getattr(self, band).exit) for band in _RANKED], ("critical", 0.0))


class _Veto(_Spec):
    """A rule that caps the score: a measure, one bound, the cap, and why."""

    name: Label
    measure: str
    at_least: Bound | None = None
    at_most: Bound | None = None
    cap_score: Score
    label: Label
    unit: Unit | None = None

    @field_validator("measure")
    @classmethod
    def _known(cls, measure: str) -> str:
        _measured(measure)
        return measure

    @field_validator("name")
    @classmethod
    def _own_name(cls, name: str) -> str:
        if name in SCORABLE or name == "override":
            raise _wrong("expected a name that is not a measure's, nor override")
        return name

    @model_validator(mode="after")
    def _one_bound(self) -> "_Veto":
        if (self.at_least is None) == (self.at_most is None):
            raise _wrong("expected either at_least or at_most")
        return self

    def veto(self) -> Veto:
        """As the model has it."""
        source, unit = SCORABLE[self.measure]
        bounds = self.at_least, self.at_most
        return Veto(self.name, self.measure, source, *bounds, self.cap_score, self.label, self.unit or unit)


class _Card(_Spec):
    """One scorecard."""

    name: Name
    version: Name
    whom: _Whom | None = Field(None, alias="for")
    groups: Annotated[dict[str, _Group], Field(min_length=1)]
    bands: _Bands = _Bands()
    dwell_days: Annotated[float, Field(ge=0, le=DWELL_DAYS_MAX, allow_inf_nan=False)] = 0
    coverage_min_ratio: Ratio = COVERAGE_MIN_RATIO
    silent_weight_ratio: Ratio = 1
    vetoes: list[_Veto] = []

    @field_validator("groups")
    @classmethod
    def _once(cls, groups: dict[str, _Group]) -> dict[str, _Group]:
        seen: set[str] = set()
        for name, group in groups.items():
            for measure in group.measures:
                if measure in seen:
                    raise _wrong("is in another group, too", name, "measures", measure)
                seen.add(measure)
        return groups

    @field_validator("vetoes")
    @classmethod
    def _names_once(cls, vetoes: list[_Veto]) -> list[_Veto]:
        """Reports tell points by a veto's name."""
        names = [veto.name for veto in vetoes]
        for at, name in enumerate(names):
            if name in names[:at]:
                raise _wrong("two vetoes have this name", at, "name")
        return vetoes

    @property
    def full_name(self) -> str:
        """name@version, as reports say it."""
        return f"{self.name}@{self.version}"

    def card(self) -> Scorecard:
        """As the model has it."""
        return Scorecard(
            self.full_name,
            tuple(line for name, group in self.groups.items() for line in _lines(name, group)),
            self.bands.floors,
            self.coverage_min_ratio,
            self.bands.exits,
            math.ceil(self.dwell_days),
            tuple(veto.veto() for veto in self.vetoes),
            frozenset(self.whom.segments if self.whom is not None else ()),
            frozenset(self.whom.lifecycle_stages if self.whom is not None else ()),
            self.silent_weight_ratio,
        )


class _File(RootModel[Annotated[list[_Card], Field(min_length=1, max_length=CARDS_MAX)]]):
    """All scorecards: names are unlike, the last is for all, and none stands behind one that is for all."""

    @model_validator(mode="after")
    def _each_can_be_chosen(self) -> "_File":
        cards = self.root
        names = [card.full_name for card in cards]
        for at, name in enumerate(names):
            if name in names[:at]:
                raise _wrong(f"two scorecards have this name and version, {name}", at, "name")
        for at, card in enumerate(cards):
            if card.whom is None and at < len(cards) - 1:
                raise _wrong(f"{names[at]} is for all; no scorecard behind it is ever chosen", at)
        if cards[-1].whom is not None:
            raise _wrong(f"the last scorecard, {names[-1]}, must be for all accounts", len(cards) - 1, "for")
        return self


def read_scorecards(path: Path) -> Scorecards:
    """The scorecards of a file, in their order.

    Raises:
        ConfigError: every mistake in it, at most twenty, each with file, line, field, value and what is accepted.
    """
    found: Any = read_model(path, _File, "scorecards", "a list of scorecards (docs/scorecards.md)")
    return Scorecards(tuple(card.card() for card in found.root))


def _lines(name: str, group: _Group) -> list[Line]:
    """The lines of a group, with their part of the group's own weight."""
    whole = sum([item.weight for item in group.measures.values()])
    factor = 1.0 if group.weight is None else group.weight / whole
    lines = []
    for measure, item in group.measures.items():
        source, unit = SCORABLE[measure]
        points = tuple((float(value), score) for value, score in item.curve.items())
        weight = item.weight * factor
        words = item.label or label_of(measure), item.unit or unit
        lines.append(Line(measure, name, source, weight, points, *words, item.answers_min))
    return lines
