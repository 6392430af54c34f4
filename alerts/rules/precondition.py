"""What must be so before a rule can fire: a cheap look at one measure, so that most rules need not be asked."""

from collections.abc import Iterable, Mapping, Set
from math import inf
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from stream.contracts.report import FACT_DIGITS

# Rules read a measure as its changes are published: rounding may have brought it to a line.
_ROUNDING: Final = 0.6 * 10**-FACT_DIGITS


T = TypeVar("T")


class Precondition(NamedTuple):
    """A measure is known and, where lines are given, a number between them.

    Args:
        measure: its id.
        at_least, at_most: the lines, themselves included; a text is the setting of the rule that has it.
    """

    measure: str
    at_least: float | str | None = None
    at_most: float | str | None = None

    def lines(self, settings: object) -> tuple[float, float] | None:
        """The lines by a rule's settings, as wide as rounding wants; None: what is known is enough."""
        if self.at_least is None and self.at_most is None:
            return None
        least, most = _value(self.at_least, settings, -inf), _value(self.at_most, settings, inf)
        return least - _ROUNDING, most + _ROUNDING


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class Prefilter(Generic[T]):
    """Something of each rule, such as its `evaluate`, for those rules alone of which a report meets a precondition.

    Args:
        entries: the rule, its preconditions (None: always met) and what is wanted of it.
    """

    def __init__(self, entries: Iterable[tuple[_Named, tuple[Precondition, ...] | None, T]]) -> None:
        self._rows: list[tuple[str, str | None, tuple[float, float] | None, T]] = []
        for rule, preconditions, wanted in entries:
            if preconditions is None:
                self._rows.append((rule.name, None, None, wanted))
            for each in preconditions or ():
                self._rows.append((rule.name, each.measure, each.lines(rule), wanted))

    def of(self, measures: Mapping[str, Any], always: Set[str] = frozenset()) -> list[T]:
        """What is wanted of the rules that may fire, and of those that are `always` asked, in their order."""
        found: list[T] = []
        value_of = measures.get
        try:
            for name, measure, lines, wanted in self._rows:
                if measure is not None and (not always or name not in always):
                    value = value_of(measure)
                    if value is None:
                        continue
                    if lines is not None:
                        least, most = lines
                        if not least <= value <= most:
                            continue
                if not found or found[-1] is not wanted:
                    found.append(wanted)
        except TypeError:  # a text or a list where a number was expected
            return list({id(wanted): wanted for _, _, _, wanted in self._rows}.values())
        return found


def _value(line: float | str | None, settings: object, missing: float) -> float:
    found = getattr(settings, line) if isinstance(line, str) else line
    return missing if found is None else float(found)
