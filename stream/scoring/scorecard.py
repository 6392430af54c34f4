"""A scorecard, its lines, bands and vetoes, and the choice of one for an account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple

from stream.contracts.report import SEVERITY, Band
from stream.topics import Source

# Measure to the one that counts the answers which it is made of.
ANSWERS_OF: Final[Mapping[str, str]] = {
    "nps": "nps_responses",
    "csat": "csat_responses",
    "csat_mean": "csat_responses",
    "ces_mean": "ces_responses",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One measure of a scorecard.

    Args:
        measure: its id.
        group: what it tells of: adoption, engagement, support or sentiment, or a word of one's own.
        source: without any event of this source the measure counts as unknown, even where it is a count of 0.
        weight: its share before missing data are taken out.
        curve: (value, score 0..100) points, values ascending; linear between them, flat beyond them.
        label: what people call it.
        unit: how its values are shown, one of `stream.measures.registry.UNITS`.
        answers_min: of how many answers it must be made; of fewer it is unknown.
    """

    measure: str
    group: str
    source: Source
    weight: float
    curve: tuple[tuple[float, float], ...]
    label: str
    unit: str = "count"
    answers_min: int = 1

    def has_enough(self, measures: Mapping[str, Any]) -> bool:
        """Whether so many answered that the measure says something of the account, and not of one person."""
        return self.answers_min <= 1 or (measures[ANSWERS_OF[self.measure]] or 0) >= self.answers_min

    def score(self, value: float) -> float:
        """The value on the curve, 0..100.

        >>> Line("x", "g", "usage", 1, ((0, 0), (10, 100)), "x").score(2.5)
        25.0
        """
        x0, y0 = self.curve[0]
        if value <= x0:
            return float(y0)
        for x1, y1 in self.curve:
            if value <= x1:
                return y0 + (y1 - y0) * (value - x0) / (x1 - x0)
            x0, y0 = x1, y1
        return float(y0)


@dataclass(frozen=True, slots=True)
class Veto:
    """A rule that caps the score while it holds, however well the rest stands.

    Args:
        name: its own, unlike any measure's id.
        measure: what it looks at; while that is None the rule does not hold.
        source: of the measure.
        at_least, at_most: it holds when the value reaches this bound; exactly one is set.
        cap_score: the most that the score can be then, 0..100.
        label: what people are told.
        unit: how the measure's values are shown.
    """

    name: str
    measure: str
    source: Source
    at_least: float | None
    at_most: float | None
    cap_score: float
    label: str
    unit: str = "count"

    def holds(self, value: float | None) -> bool:
        """Whether the rule caps the score at this value.

        >>> rule = Veto("stuck", "escalation_running_hours", "tickets", 72, None, 40, "stuck for three days", "hours")
        >>> rule.holds(72), rule.holds(71.9), rule.holds(None)
        (True, False, False)
        """
        if value is None:
            return False
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most


class ActiveLines(NamedTuple):
    """What of a scorecard counts where some sources tell something.

    Attributes:
        lines: those that the sources feed.
        weight: of these lines together.
        measures: every measure that scoring by them, and by the vetoes, needs.
        is_mixed: whether some are about usage, and some are not.
    """

    lines: tuple[Line, ...]
    weight: float
    measures: frozenset[str]
    is_mixed: bool


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Lines, bands and vetoes.

    Args:
        name: name@version, written into every report.
        lines: the measures that count.
        band_floors: band to the lowest score that is still in it, best band first; an account rises into it there.
        coverage_min_ratio: below this share of weight with data the band is unknown and no score is given.
        band_exits: where an account that is in the band falls out of it, no higher than its floor; empty: at the floor.
        dwell_days: a band holds for this many days before a better one may follow; a worse one follows at once.
        vetoes: rules that cap the score.
        segments, lifecycle_stages: whom it is for; empty: for all.
        silent_weight_ratio: what is left of the weight of lines that are not about usage once nobody was active for
            longer than is usual for the account (`silence_limit_days`): what was said before they left says little now.

    Attributes:
        weight: of all lines together.
    """

    name: str
    lines: tuple[Line, ...]
    band_floors: tuple[tuple[Band, float], ...]
    coverage_min_ratio: float
    band_exits: tuple[tuple[Band, float], ...] = ()
    dwell_days: int = 0
    vetoes: tuple[Veto, ...] = ()
    segments: frozenset[str] = frozenset()
    lifecycle_stages: frozenset[str] = frozenset()
    silent_weight_ratio: float = 1.0
    weight: float = field(init=False)
    _wordings: dict[str, tuple[str, str]] = field(init=False, repr=False, compare=False)
    _active: dict[frozenset[Source], ActiveLines] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """What is asked of it for every account, found out once."""
        object.__setattr__(self, "weight", sum([line.weight for line in self.lines]))
        wordings = {veto.name: (veto.label, veto.unit) for veto in self.vetoes}
        wordings |= {line.measure: (line.label, line.unit) for line in self.lines}
        object.__setattr__(self, "_wordings", wordings)
        object.__setattr__(self, "_active", {})

    def lines_for(self, sources: frozenset[Source]) -> ActiveLines:
        """What counts where some sources tell something; remembered, for it is asked for every account."""
        found = self._active.get(sources)
        if found is None:
            lines = tuple(line for line in self.lines if line.source in sources)
            named = [line.measure for line in lines] + [veto.measure for veto in self.vetoes]
            named += [ANSWERS_OF[line.measure] for line in lines if line.answers_min > 1]
            is_mixed = len({line.source == "usage" for line in lines}) == 2
            weight = sum([line.weight for line in lines])
            found = self._active[sources] = ActiveLines(lines, weight, frozenset(named), is_mixed)
        return found

    def line(self, measure: str) -> Line:
        """The line of one measure.

        Raises:
            KeyError: the scorecard has none.
        """
        for line in self.lines:
            if line.measure == measure:
                return line
        raise KeyError(measure)

    def wording(self, name: str) -> tuple[str, str]:
        """What people call a measure or a veto, and the unit of its value."""
        return self._wordings.get(name, (name, "count"))

    def veto(self, name: str) -> Veto | None:
        """The veto of a name."""
        return next((veto for veto in self.vetoes if veto.name == name), None) if self.vetoes else None

    @property
    def remembers(self) -> bool:
        """Whether the band depends on the band before, and not on the score alone."""
        return self.dwell_days > 0 or (self.band_exits != () and self.band_exits != self.band_floors)

    def band(self, score: float, before: Band | None = None, days_in_band: int = 0) -> Band:
        """Where a score falls, for an account that was in a band before.

        Args:
            score: 0..100.
            before: the band until now; None, unknown or inactive when there is none to hold on to.
            days_in_band: for how many days it is in that band.

        >>> from stream.scoring.shipped import DEFAULT
        >>> DEFAULT.band(75), DEFAULT.band(24.9)
        ('healthy', 'critical')
        """
        risen = _fallen_into(self.band_floors, score)
        if before is None or before not in SEVERITY:
            return risen
        if SEVERITY[risen] < SEVERITY[before]:
            return risen if days_in_band >= self.dwell_days else before
        fallen = _fallen_into(self.band_exits or self.band_floors, score)
        return fallen if SEVERITY[fallen] > SEVERITY[before] else before

    def fits(self, segment: str | None, lifecycle_stage: str | None) -> bool:
        """Whether it is for accounts of that segment and stage."""
        return (not self.segments or segment in self.segments) and (
            not self.lifecycle_stages or lifecycle_stage in self.lifecycle_stages
        )


def _fallen_into(floors: tuple[tuple[Band, float], ...], score: float) -> Band:
    """The best band whose floor the score reaches."""
    for band, floor in floors:
        if score >= floor:
            return band
    return floors[-1][0]


@dataclass(frozen=True, slots=True)
class Scorecards:
    """Several scorecards; an account gets the first that is for it.

    Args:
        cards: in the order they are asked; the last is for all.

    Attributes:
        ask_for_stages: whether any of them is for some lifecycle stages only.
    """

    cards: tuple[Scorecard, ...]
    ask_for_stages: bool = field(init=False)

    def __post_init__(self) -> None:
        """What is asked of them for every account, found out once."""
        object.__setattr__(self, "ask_for_stages", any(card.lifecycle_stages for card in self.cards))

    def choose(self, profile: Mapping[str, tuple[Any, int]], stage: str | None = None) -> Scorecard:
        """The scorecard of an account, by the segment in its profile and its lifecycle stage."""
        if len(self.cards) == 1:
            return self.cards[0]
        segment = profile.get("segment", (None, 0))[0]
        return next((card for card in self.cards if card.fits(segment, stage)), self.cards[-1])

    @property
    def remember(self) -> bool:
        """Whether any of them needs the band before."""
        return any(card.remembers for card in self.cards)


def crossing(floors: tuple[tuple[Band, float], ...], exits: tuple[tuple[Band, float], ...]) -> Band | None:
    """The first band whose thresholds cross: its exit above its own floor, or below the floor of the next worse band.

    >>> crossing((("healthy", 75), ("critical", 0)), (("healthy", 80), ("critical", 0)))
    'healthy'
    """
    for (band, floor), (_, leave) in zip(floors, exits, strict=True):
        if leave > floor:
            return band
    for (band, floor), (_, below) in pairwise(floors):
        if floor <= below or dict(exits)[band] < below:
            return band
    return None
