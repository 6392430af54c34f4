"""The list of metrics is what the processes export, and the page is that list."""

from pathlib import Path

import pytest

from heartline.cli.metrics import INTRODUCTION
from heartline.reference.metric_list import MetricLine, metric_list, page, unit_of

PAGE = Path(__file__).resolve().parents[3] / "docs" / "prometheus.md"
LINES = [line for lines in metric_list().values() for line in lines]


def test_the_page_is_that_of_the_code() -> None:
    """When this fails: `make metrics`."""
    assert PAGE.read_text("utf-8") == INTRODUCTION + page()


def test_every_process_has_its_metrics_and_no_name_is_used_twice() -> None:
    assert all(metric_list().values())
    names = [line.name for line in LINES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_a_metric_says_what_it_means_in_a_sentence(line: MetricLine) -> None:
    assert line.name.startswith("heartline_")
    assert line.meaning.endswith(".")
    assert len(line.meaning) > 10


def test_a_name_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="heartline_things: no word of the name tells its unit"):
        unit_of("heartline_things")
