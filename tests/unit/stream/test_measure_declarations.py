"""A measure is declared in full and in one place: what is forgotten is an error, and no silent default."""

from collections.abc import Callable
from typing import Any

import pytest

from stream.measures import catalogue, registry
from stream.measures.catalogue import HISTORY_DAYS, SCORABLE, _check, null_values
from stream.measures.context import MeasureContext
from stream.measures.registry import GROUPS, MEASURES, Measure, MeasureGroup, Measures, label_of, measures, unit_of

WORKING = {"id": "moods", "label": "moods", "unit": "count", "scale": "moods", "formula": "moods seen"}


@pytest.fixture(autouse=True)
def _nothing_stays_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MEASURES", dict(MEASURES))
    monkeypatch.setattr(registry, "SOURCES", dict(registry.SOURCES))
    monkeypatch.setattr(registry, "GROUPS", list(GROUPS))


def declare(measure: Measure, made: Callable[[MeasureContext], Measures]) -> MeasureGroup:
    measures(measure, source="usage", available=lambda known: known.use)(made)
    return registry.GROUPS[-1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"label": ""}, "label is empty"),
        ({"scale": ""}, "scale is empty"),
        ({"formula": ""}, "formula is empty"),
        ({"none_when": ""}, "none_when is empty"),
        ({"unit": "furlongs"}, "expected one of count, percent"),
    ],
)
def test_a_measure_without_one_of_its_parts_can_not_be_declared(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Measure(**WORKING | change)


def test_a_number_about_usage_says_what_it_is_when_everybody_left() -> None:
    with pytest.raises(ValueError, match="moods: deserted is not declared"):
        declare(Measure(**WORKING, none_when="nobody knows"), lambda context: {"moods": None})  # type: ignore[arg-type]


def test_an_id_can_not_be_declared_twice() -> None:
    with pytest.raises(ValueError, match="mau: is declared twice"):
        declare(Measure(**WORKING | {"id": "mau"}), lambda context: {"mau": 0})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"moods": 1, "tempers": 2}, "different measures: tempers"),
        ({}, "different measures: moods"),
        ({"moods": None}, "moods can be None; declare none_when"),
    ],
)
def test_a_function_that_does_not_make_what_it_declares_is_an_error_at_import(made: Measures, told: str) -> None:
    group = declare(Measure(**WORKING), lambda context: made)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=told):
        _check(group)


def test_everything_that_speaks_of_a_measure_is_read_from_its_declaration() -> None:
    """The one that a report names is the one that scorecards, labels and columns know."""
    made = {name for group in GROUPS for name in null_values(group)}
    assert made == MEASURES.keys() == registry.SOURCES.keys()
    assert SCORABLE["frequency_30d"] == ("usage", "count")
    assert SCORABLE.keys() == {name for name, found in MEASURES.items() if found.is_number}
    assert (label_of("wau"), unit_of("wau")) == ("weekly active users", "count")
    assert HISTORY_DAYS["balance"] == 0
    assert {"frequency_30d", "silence_ratio"} <= catalogue.COUNTS_WHEN_DESERTED
    assert "depth" not in catalogue.COUNTS_WHEN_DESERTED
