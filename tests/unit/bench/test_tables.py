"""The table of the shapes: what was measured stays, what was not measured in time is reported as longer."""

from dataclasses import fields, replace
from pathlib import Path

from bench.tables import ROWS, SHAPES, Measurement, chosen, keep, name_of, read_kept, table
from heartline.bench.results import Results
from heartline.bench.workload import Shape


def measurement_of(shape: Shape) -> Measurement:
    """A result in which every number is 1,500, of a shape."""
    values = {field.name: 1500 for field in fields(Results)}
    sizes = {"events": shape.events, "accounts": shape.accounts, "distribution": shape.distribution}
    own = {"report_seconds": 60.0, "pending_accounts": 0, "kafka_version": "4.3.1", "python_version": "3.11.7"}
    return Measurement(Results(**values | sizes | own), "2026-03-02", 0.4)  # type: ignore[arg-type]


def test_every_shape_has_a_name_of_its_own() -> None:
    assert len({name_of(shape) for shape in SHAPES}) == len(SHAPES)


def test_a_shape_that_is_measured_again_replaces_itself_only(tmp_path: Path) -> None:
    path = tmp_path / "shapes.json"
    first, third = measurement_of(SHAPES[0]), measurement_of(SHAPES[2])
    keep(third, path)
    keep(first, path)
    again = replace(first, results=replace(first.results, cpu_us_per_event=4.0))
    kept = keep(again, path)
    assert kept == read_kept(path) == {name_of(SHAPES[2]): third, name_of(SHAPES[0]): again}


def test_a_shape_measured_before_a_number_was_there_is_left_out_until_it_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "shapes.json"
    keep(measurement_of(SHAPES[0]), path)
    path.write_text(path.read_text("utf-8").replace('"repeat_usage_latency_p50_ms": 1500,', ""), "utf-8")
    assert read_kept(path) == {}
    assert keep(measurement_of(SHAPES[2]), path) == {name_of(SHAPES[2]): measurement_of(SHAPES[2])}


def test_columns_come_in_the_order_of_the_shapes() -> None:
    results = {name_of(shape): measurement_of(shape) for shape in (SHAPES[3], SHAPES[0])}
    lines = table(results).splitlines()
    assert lines[0] == "| | 1,000 accounts, zipf | 200,000 accounts, uniform |"
    assert len(lines) == 2 + len(ROWS) + 1 + 2
    assert "| half load: answer or ticket, p50 / p99 | 1.5 s / 1.5 s | 1.5 s / 1.5 s |" in lines


def test_what_took_longer_than_was_waited_is_reported_and_the_others_are_kept() -> None:
    known = measurement_of(SHAPES[3])
    results = replace(known.results, publish_latency_p99_ms=None, pending_accounts=1_234)
    text = table({name_of(SHAPES[3]): replace(known, results=results)})
    assert "| half load: first report of a new account, p50 / p99 | 1.5 s / > 60 s |" in text
    assert "| > 1500.0, 1,234 accounts not yet evaluated |" in text


def test_a_million_accounts_are_measured_only_when_asked_for() -> None:
    assert chosen([], million=False) == list(SHAPES[:4])
    assert chosen([], million=True) == list(SHAPES)
    assert chosen([6, 2], million=False) == [SHAPES[5], SHAPES[1]]
