"""What a change costs, as CONTRIBUTING.md says it: how many files, and that they are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILES_MAX = {"measure": 3, "alert rule": 3, "receiver": 4, "kind of event": 6, "setting": 2}


def files_of(what: str) -> list[str]:
    """The files in the section about adding one; `<subject>` stands for a name."""
    section = re.split(rf"## Adding an? {what}\n", TEXT)[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize(("what", "files_max"), FILES_MAX.items())
def test_adding_one_takes_few_files_and_they_are_there(what: str, files_max: int) -> None:
    files = files_of(what)
    assert 0 < len(files) <= files_max
    for file in files:
        assert list(ROOT.glob(re.sub(r"<\w+>", "*", file))), file


def test_the_table_of_costs_is_what_the_sections_say() -> None:
    told = {name: int(count) for name, count in re.findall(r"^\| an? (.+?) \| (\d+) \|", TEXT, re.MULTILINE)}
    assert told == {what: len(files_of(what)) for what in FILES_MAX}


def test_a_receivers_name_is_in_no_other_code_than_its_section_says() -> None:
    """Of one that has nothing particular, the code that knows it is its settings and its module."""
    allowed = {file.replace("<kind>", "pagerduty") for file in files_of("receiver")}
    code = [
        path for package in ("alerts", "consumers", "heartline", "stream") for path in (ROOT / package).rglob("*.py")
    ]
    known = {path.relative_to(ROOT).as_posix() for path in code if "pagerduty" in path.read_text("utf-8").lower()}
    assert known - {"consumers/alerting/receivers/__init__.py"} <= allowed  # the docstring lists its modules


def test_a_measures_function_is_in_one_module() -> None:
    """Catalogue, labels, availability and columns derive from its declaration."""
    code = (ROOT / "stream").rglob("*.py")
    assert [path.name for path in code if "days_since_touchpoint" in path.read_text("utf-8")] == ["contact.py"]


def test_a_rule_is_in_one_module_and_one_table_of_cases() -> None:
    """Order, settings, words and docs derive from its declaration; `few_users` stands for any."""
    folders = ("alerts", "consumers", "heartline", "stream", "dashboards", "tests")
    code = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    known = {path.relative_to(ROOT).as_posix() for path in code if '"few_users"' in path.read_text("utf-8")}
    assert known == {"alerts/rules/people.py", "tests/unit/alerts/rule_cases.py", "tests/unit/test_contributing.py"}
