"""The published JSON Schemas are those of the code, and what is published keeps to them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from heartline.reference.json_schemas import all_schemas
from stream.topics import KINDS
from tests.streams import TOPICS, fold, make_stream, record
from tests.unit.stream.test_events import GOOD

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schemas"
# To import jsonschema costs two seconds, so one process does, and not where it collects tests.
pytestmark = pytest.mark.xdist_group("json-schema")


def validator(name: str) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator, FormatChecker

    return Draft202012Validator(all_schemas()[name], format_checker=FormatChecker())


def test_the_published_schemas_are_those_of_the_code() -> None:
    """When this fails: `make schemas`."""
    published = {
        path.name.removesuffix(".schema.json"): json.loads(path.read_text("utf-8")) for path in FOLDER.iterdir()
    }
    assert published == all_schemas()


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_every_schema_is_a_valid_one(name: str) -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(all_schemas()[name])


@pytest.mark.parametrize("kind", KINDS)
def test_good_events_keep_to_their_schema_and_broken_ones_do_not(kind: str) -> None:
    check = validator(kind)
    good: dict[str, Any] = GOOD[kind]  # type: ignore[index]
    check.validate(good)
    assert not check.is_valid(good | {"account_id": []})
    assert not check.is_valid({name: value for name, value in good.items() if name != "account_id"})
    assert check.is_valid(good | {"timestamp": 1_769_860_800_000})


def test_published_reports_keep_to_their_schema() -> None:
    processor, partition = fold(make_stream(5, 500, 150))
    for _ in processor.evaluate(partition):
        pass
    reports = [json.loads(output.value or b"") for output in partition.outputs if output.topic == TOPICS.health]
    assert len(reports) == 2
    assert all(report["contributions"] for report in reports)
    for report in reports:
        validator("health-report").validate(report)
        assert not validator("health-report").is_valid(report | {"band": "splendid"})


@pytest.mark.parametrize("value", [None, b"", b"not json", b"\xff\x00", b"x" * (2 << 20)])
def test_dead_letters_keep_to_their_schema(value: bytes | None) -> None:
    processor, partition = fold([])
    processor.fold(partition, TOPICS.input("usage"), [record("usage", value, 7, 1_769_860_800_000, b"acme")])
    letter = json.loads(partition.outputs[0].value or b"")
    validator("dead-letter").validate(letter)
    assert not validator("dead-letter").is_valid(letter | {"offset": "seven"})
