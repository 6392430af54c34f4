"""What a measure is, declared in one place: beside its formula.

A function that makes one or several measures in one scan of an account declares them:

    @measures(
        Measure("mau", "monthly active users", "count", "users", "distinct users with a usage event in 30 days"),
        source="usage",
        available=lambda known: known.use,
    )
    def reach(context: MeasureContext) -> Measures: ...

What scorecards may name, labels and units, how far back a measure is known, what it is for an account that everybody
left, the columns of a snapshot and the tables of docs/metrics.md are read from here. A part that is missing is an error
when the module is imported; a function that does not make what it declares is one when the catalogue is
(`stream.measures.catalogue`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from stream.contracts.report import Number
from stream.topics import Source

if TYPE_CHECKING:
    from stream.measures.account_view import Availability
    from stream.measures.context import MeasureContext

Unit = Literal["count", "percent", "score", "days", "times", "hours", "minutes", "money"]
# When a change of a measure is published by itself. scan: with the next scan, since alert rules read it; day: when the
# account's day turns; clock: never, since time alone moves it, and whoever reads the report computes it.
Published = Literal["scan", "day", "clock"]
# What moves a measure before the account's day ends, though nothing is told: it counts from one moment to another.
MovedBy = Literal["tickets", "answers", "subscriptions"]
Shape = Literal["word", "list", "mapping"]  # of a measure that is not one number, so that no scorecard can name it

UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
SHAPES: Final[tuple[Shape, ...]] = get_args(Shape)

NEVER: Final = "never"
EXACT_DAYS: Final = 28  # the farthest that a report compares with

Measures = dict[str, Any]
Formula = Callable[["MeasureContext"], Measures]
# What a move of the measure means in words: of its value before (None: of how it stands), of its value now, and of all
# measures as of now. None: label and values say all there is to say.
Phrase = Callable[[Number | None, Number, Measures], str | None]


class _Undeclared:
    """Stands for what a declaration must not leave out."""


_UNDECLARED: Final = _Undeclared()


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Args:
        id: its name in reports, scorecards and columns.
        label: what people call it within a sentence.
        unit: how its values are shown; of what is not one number, its shape.
        scale: what the values are, as docs/metrics.md says it: unit and range.
        formula: how it is computed, as docs/metrics.md says it.
        none_when: when it is None; "never".
        deserted: its value where it is None and the account was used before and has no active user left; such a line
            scores 0. None: it stays unknown. To be declared by every number about usage that can be None.
        reference: where the definition comes from.
        history_days: as of how many days before the account's newest usage it is still exact.
        phrase: puts a move of it in words.
        stands_alone: whether the phrase also says how the measure stands, without a move.
        published: when a change of it is published.

    Raises:
        ValueError: a part is missing.
    """

    id: str
    label: str
    unit: Unit | Shape
    scale: str
    formula: str
    none_when: str = NEVER
    deserted: Number | _Undeclared | None = _UNDECLARED
    reference: str = ""
    history_days: int = EXACT_DAYS
    phrase: Phrase | None = None
    stands_alone: bool = False
    published: Published = "day"

    def __post_init__(self) -> None:
        """A measure is declared in full."""
        if self.unit not in (*UNITS, *SHAPES):
            raise ValueError(f"measure {self.id}: unit = {self.unit!r}: expected one of {', '.join(UNITS + SHAPES)}")
        missing = [name for name in ("id", "label", "scale", "formula", "none_when") if not getattr(self, name)]
        if missing:
            raise ValueError(f"measure {self.id!r}: {', '.join(missing)} is empty; declare it")

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers, so that a scorecard can name it."""
        return self.unit in UNITS

    @property
    def counts_when_deserted(self) -> bool:
        """Whether it counts, with a score of 0, where it is None because nobody is active any more."""
        return self.deserted is not None and self.deserted is not _UNDECLARED


@dataclass(frozen=True, slots=True, eq=False)
class MeasureGroup:
    """Measures that one function makes together.

    Attributes:
        formula: makes them, always the same ones.
        declared: these, in their order.
        source: without any event of this source they are unknown, even where they are a count of 0.
        available: whether there is anything to make them by; without it they are those of an account that nobody knows.
        moved_by: what moves them within a day by time alone: scans pass over accounts that have nothing of the kind.
    """

    formula: Formula
    declared: tuple[Measure, ...]
    source: Source
    available: Callable[[Availability], bool]
    moved_by: tuple[MovedBy, ...] = ()


GROUPS: Final[list[MeasureGroup]] = []
MEASURES: Final[dict[str, Measure]] = {}
SOURCES: Final[dict[str, Source]] = {}  # by measure


def measures(
    *declared: Measure,
    source: Source,
    available: Callable[[Availability], bool],
    moved_by: tuple[MovedBy, ...] = (),
) -> Callable[[Formula], Formula]:
    """Declare the measures that a function makes; the function stays as it is.

    Raises:
        ValueError: an id is declared twice, or a number about usage does not say what it is for a deserted account.
    """
    for measure in declared:
        if measure.id in MEASURES:
            raise ValueError(f"measure {measure.id}: is declared twice")
        open_end = source == "usage" and measure.is_number and measure.none_when != NEVER
        if open_end and measure.deserted is _UNDECLARED:
            raise ValueError(f"measure {measure.id}: deserted is not declared: 0, or None where it stays unknown")
        MEASURES[measure.id] = measure
        SOURCES[measure.id] = source

    def declare(formula: Formula) -> Formula:
        GROUPS.append(MeasureGroup(formula, declared, source, available, moved_by))
        return formula

    return declare


def label_of(measure: str) -> str:
    """What a measure is called within a sentence; of what is none, its name.

    >>> label_of("tickets_by_mood")
    'tickets by mood'
    """
    known = MEASURES.get(measure)
    return known.label if known is not None else measure.replace("_", " ")


def unit_of(measure: str) -> str:
    """How a measure's values are shown; a plain score for what is none."""
    known = MEASURES.get(measure)
    return known.unit if known is not None else "score"
