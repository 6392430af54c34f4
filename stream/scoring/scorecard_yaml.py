"""A file of scorecards to the model, every mistake told with file, line, field, value and what is accepted.

docs/scorecards.md is the description of the format for people.
"""

import difflib
import math
from itertools import pairwise
from pathlib import Path
from typing import Final

from yaml.nodes import MappingNode

from stream.config.yaml_source import YamlDocument, YamlNode, read_document
from stream.contracts.report import Band
from stream.measures.catalogue import SCORABLE
from stream.measures.registry import UNITS, label_of
from stream.scoring.scorecard import Line, Scorecard, Scorecards, Veto, crossing
from stream.topics import Source

SHIPPED_FILE: Final = Path(__file__).with_name("default.yaml")

CARDS_MAX: Final = 100
CURVE_POINTS_MAX: Final = 50
DWELL_DAYS_MAX: Final = 90
COVERAGE_MIN_RATIO: Final = 0.3
WEIGHT_MAX: Final = 1e6

_CARD: Final = (
    "name",
    "version",
    "for",
    "groups",
    "bands",
    "dwell_days",
    "coverage_min_ratio",
    "silent_weight_ratio",
    "vetoes",
)
_STAGES: Final = ("trial", "onboarding", "adopting", "mature", "renewing", "churned")
_RANKED: Final[tuple[Band, ...]] = ("healthy", "watch", "at_risk")  # critical is what is left
_DEFAULT_FLOORS: Final[dict[Band, float]] = {"healthy": 75.0, "watch": 50.0, "at_risk": 25.0}


def read_scorecards(path: Path) -> Scorecards:
    """The scorecards of a file, in their order.

    Raises:
        ConfigError: every mistake in it, at most twenty, each with file, line, field, value and what is accepted.
    """
    root = read_document(path, "scorecards", "a list of scorecards (docs/scorecards.md)")
    document = root.document
    places = root.items("scorecards, each with name, version and groups")
    cards = [_card(place) for place in places]
    if len(places) > CARDS_MAX:
        document.mistake(root.node, "", f"{len(places)} scorecards: expected at most {CARDS_MAX}")
    document.refuse()
    known = [card for card in cards if card is not None]
    _check_choice(document, places, known)
    document.refuse()
    return Scorecards(tuple(known))


def _check_choice(document: YamlDocument, places: list[YamlNode], cards: list[Scorecard]) -> None:
    """Names are unlike, the last scorecard is for all, and none stands behind one that is for all."""
    seen: set[str] = set()
    for place, card in zip(places, cards, strict=True):
        if card.name in seen:
            document.mistake(
                place.node, place.name, f".name = {card.name!r}: two scorecards have this name and version"
            )
        seen.add(card.name)
    for place, card in zip(places, cards, strict=True):
        for_all = not card.segments and not card.lifecycle_stages
        if for_all and card is not cards[-1]:
            document.mistake(place.node, place.name, f": {card.name} is for all; no scorecard behind it is ever chosen")
        if not for_all and card is cards[-1]:
            document.mistake(place.node, place.name, f".for: the last scorecard, {card.name}, must be for all accounts")


def _card(place: YamlNode) -> Scorecard | None:
    """One scorecard; None, with mistakes noted, when it is none."""
    before = len(place.document.mistakes)
    fields = place.mapping(_CARD, needed=("name", "version", "groups"))
    name = fields["name"].text("a name of at most 100 characters") if "name" in fields else None
    version = fields["version"].text("a version, as 1 or 2026-03") if "version" in fields else None
    segments, stages = _whom(fields["for"]) if "for" in fields else (frozenset(), frozenset())
    lines = _groups(fields["groups"]) if "groups" in fields else ()
    floors, exits = _bands(fields["bands"]) if "bands" in fields else _with_critical(_DEFAULT_FLOORS)
    dwell = _number(fields, "dwell_days", 0, DWELL_DAYS_MAX, f"days from 0 to {DWELL_DAYS_MAX}", 0)
    least = _number(fields, "coverage_min_ratio", 0, 1, "a share from 0 to 1", COVERAGE_MIN_RATIO)
    silent = _number(fields, "silent_weight_ratio", 0, 1, "a share from 0 to 1", 1)
    vetoes = _vetoes(fields["vetoes"]) if "vetoes" in fields else ()
    if len(place.document.mistakes) > before:
        return None
    return Scorecard(
        *(f"{name}@{version}", lines, floors, least, exits, math.ceil(dwell), vetoes, segments, stages),
        silent_weight_ratio=silent,
    )


def _number(fields: dict[str, YamlNode], name: str, low: float, high: float, expected: str, default: float) -> float:
    """One number of a mapping, or its default."""
    if name not in fields:
        return default
    found = fields[name].number(low, high, expected)
    return default if found is None else found


def _whom(place: YamlNode) -> tuple[frozenset[str], frozenset[str]]:
    """The segments and lifecycle stages that a scorecard is for."""
    fields = place.mapping(("segments", "lifecycle_stages"))
    if not fields:
        place.wrong("segments, lifecycle_stages, or both; leave `for` out where it is for all")
    segments = [item.text("a segment") for item in fields["segments"].items("segments")] if "segments" in fields else []
    stages = []
    for item in fields["lifecycle_stages"].items("lifecycle stages") if "lifecycle_stages" in fields else []:
        stage = item.text("a lifecycle stage")
        if stage is not None and stage not in _STAGES:
            item.wrong(f"one of {', '.join(_STAGES)}")
        stages.append(stage)
    return frozenset(name for name in segments if name), frozenset(name for name in stages if name)


def _groups(place: YamlNode) -> tuple[Line, ...]:
    """The lines of all groups; a measure counts once."""
    lines: list[Line] = []
    for name, group in place.mapping().items():
        found = _group(group, name)
        for line in found:
            if any(line.measure == other.measure for other in lines):
                group.document.mistake(
                    group.node, f"{group.name}.measures.{line.measure}", ": is in another group, too"
                )
        lines.extend(found)
    if not lines and not place.document.mistakes:
        place.wrong("at least one group with at least one measure")
    return tuple(lines)


def _group(place: YamlNode, name: str) -> list[Line]:
    """One group; its own weight, where given, is shared among its measures."""
    fields = place.mapping(("weight", "measures"), needed=("measures",))
    if "measures" not in fields:
        return []
    measures = fields["measures"].mapping()
    if not measures:
        fields["measures"].wrong("at least one measure")
    found = [line for measure, item in measures.items() if (line := _line(item, measure, name)) is not None]
    whole = fields["weight"].number(1e-9, WEIGHT_MAX, "a weight above 0") if "weight" in fields else None
    total = sum([line.weight for line in found])
    if whole is None or total <= 0:
        return found
    return [_weighing(line, line.weight / total * whole) for line in found]


def _weighing(line: Line, weight: float) -> Line:
    """The same line with another weight."""
    return Line(line.measure, line.group, line.source, weight, line.curve, line.label, line.unit)


def _line(place: YamlNode, measure: str, group: str) -> Line | None:
    """One measure of a group."""
    fields = place.mapping(("weight", "curve", "label", "unit"), needed=("weight", "curve"))
    source, unit = _measure(place, measure)
    weight = fields["weight"].number(1e-9, WEIGHT_MAX, "a weight above 0") if "weight" in fields else None
    curve = _curve(fields["curve"]) if "curve" in fields else ()
    label, unit = _wording(fields, label_of(measure), unit)
    if source is None or weight is None or not curve:
        return None
    return Line(measure, group, source, weight, curve, label, unit)


def _measure(place: YamlNode, measure: str) -> tuple[Source | None, str]:
    """A measure's source and unit; None, with the mistake noted, for one that there is not."""
    if measure in SCORABLE:
        return SCORABLE[measure]
    alike = difflib.get_close_matches(measure, SCORABLE, 3, 0.5)
    hint = f"did you mean {' or '.join(alike)}?" if alike else "docs/metrics.md lists them"
    place.document.mistake(place.node, place.name, f": there is no measure {measure[:60]!r} that is a number; {hint}")
    return None, "count"


def _wording(fields: dict[str, YamlNode], label: str, unit: str) -> tuple[str, str]:
    """The label and unit as given, or the measure's own."""
    if "label" in fields:
        label = fields["label"].text("a label of at most 60 characters", 60) or label
    if "unit" in fields:
        given = fields["unit"].text(f"one of {', '.join(UNITS)}")
        if given is not None and given not in UNITS:
            fields["unit"].wrong(f"one of {', '.join(UNITS)}")
        unit = given or unit
    return label, unit


def _curve(place: YamlNode) -> tuple[tuple[float, float], ...]:
    """Points of value: score, values ascending."""
    points: list[tuple[float, float]] = []
    for text, item in place.mapping().items():
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            item.document.mistake(item.node, item.name, ": expected a number before the colon, as 0.5: 70")
            continue
        score = item.number(0, 100, "a score from 0 to 100")
        if score is not None:
            points.append((value, score))
    if any(left >= right for (left, _), (right, _) in pairwise(points)):
        place.document.mistake(place.node, place.name, f" = {points}: expected values that ascend")
    if not 2 <= len(points) <= CURVE_POINTS_MAX:
        place.wrong(f"2 to {CURVE_POINTS_MAX} points of value: score, as {{0: 0, 0.5: 70, 1: 100}}")
    return tuple(points)


def _bands(place: YamlNode) -> tuple[tuple[tuple[Band, float], ...], tuple[tuple[Band, float], ...]]:
    """Floors and exits; each band as its floor alone, or as {enter, exit}."""
    floors, exits = dict(_DEFAULT_FLOORS), dict(_DEFAULT_FLOORS)
    fields = place.mapping(_RANKED, needed=_RANKED)
    for band in _RANKED:
        if band in fields:
            floors[band], exits[band] = _thresholds(fields[band], floors[band])
    (ranked, leaving) = _with_critical(floors, exits)
    if len(fields) == len(_RANKED) and (band_crossed := crossing(ranked, leaving)) is not None:
        told = ", ".join(f"{band} {floor:g}/{dict(leaving)[band]:g}" for band, floor in ranked[:-1])
        place.document.mistake(
            fields[band_crossed].node,
            fields[band_crossed].name,
            f": thresholds cross (enter/exit: {told}); expected each exit from the next band's enter to its own enter",
        )
    return ranked, leaving


def _thresholds(place: YamlNode, default: float) -> tuple[float, float]:
    """Where a band is entered and where it is left."""
    if not isinstance(place.node, MappingNode):
        floor = place.number(0, 100, "a score from 0 to 100, or {enter: 75, exit: 70}")
        return (default, default) if floor is None else (floor, floor)
    fields = place.mapping(("enter", "exit"), needed=("enter", "exit"))
    enter = _number(fields, "enter", 0, 100, "a score from 0 to 100", default)
    return enter, _number(fields, "exit", 0, 100, "a score from 0 to 100", enter)


def _with_critical(
    floors: dict[Band, float], exits: dict[Band, float] | None = None
) -> tuple[tuple[tuple[Band, float], ...], tuple[tuple[Band, float], ...]]:
    """The thresholds, best band first, with critical as what is left."""
    left: tuple[Band, float] = ("critical", 0.0)
    leaving = floors if exits is None else exits
    return (*[(b, floors[b]) for b in _RANKED], left), (*[(b, leaving[b]) for b in _RANKED], left)


def _vetoes(place: YamlNode) -> tuple[Veto, ...]:
    """The rules that cap the score; each name stands once, for reports tell points by it."""
    found: list[Veto] = []
    for item in place.items("vetoes"):
        veto = _veto(item)
        if veto is not None and any(veto.name == other.name for other in found):
            item.document.mistake(item.node, item.name, f".name = {veto.name!r}: two vetoes have this name")
        elif veto is not None:
            found.append(veto)
    return tuple(found)


def _veto(place: YamlNode) -> Veto | None:
    """One rule: a measure, one bound, the cap, and why."""
    before = len(place.document.mistakes)
    fields = place.mapping(
        ("name", "measure", "at_least", "at_most", "cap_score", "label", "unit"),
        needed=("name", "measure", "cap_score", "label"),
    )
    name = fields["name"].text("a name of at most 60 characters", 60) if "name" in fields else None
    measure = fields["measure"].text("a measure's id") if "measure" in fields else None
    source, unit = _measure(fields["measure"], measure) if measure is not None else (None, "count")
    if name is not None and (name in SCORABLE or name == "override"):
        fields["name"].wrong("a name that is not a measure's, nor override")
    if ("at_least" in fields) == ("at_most" in fields):
        place.document.mistake(place.node, place.name, ": expected either at_least or at_most")
    bounds = {
        side: fields[side].number(-1e12, 1e12, "a number") if side in fields else None
        for side in ("at_least", "at_most")
    }
    cap = fields["cap_score"].number(0, 100, "a score from 0 to 100") if "cap_score" in fields else None
    label, unit = _wording(fields, "", unit)
    if len(place.document.mistakes) > before or name is None or measure is None or source is None or cap is None:
        return None
    return Veto(name, measure, source, bounds["at_least"], bounds["at_most"], cap, label, unit)
