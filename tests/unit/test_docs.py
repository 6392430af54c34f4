"""The documentation names everything that there is, and its links lead somewhere."""

import json
import re
import textwrap
from pathlib import Path

import pytest

from consumers.intake.acceptance import Acceptance, Accepted
from consumers.intake.settings import IntakeSettings
from consumers.portfolio.lifetime import ALL_IDS
from heartline.imports.columns import read_column_map
from heartline.reference import figures_page, settings_page
from heartline.reference.measure_tables import filled
from stream.config.settings import Settings, load
from stream.contracts.events import REASONS
from stream.kinds import subscription, ticket
from stream.kinds.decode import Decoder
from stream.kinds.touchpoint import CONTACT_WORDS
from stream.measures.registry import GROUPS, MEASURES
from stream.scoring.shipped import DEFAULT
from stream.topics import KINDS, Topics
from tests import rules_page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MODULES = sorted({group.formula.__module__.rpartition(".")[2] for group in GROUPS})
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def test_the_page_of_rules_is_what_is_declared_and_said() -> None:
    assert rules_page.page() == page("rules.md"), "make rules writes it"


def test_the_tables_of_measures_are_what_is_declared() -> None:
    assert filled(page("metrics.md")) == page("metrics.md"), "make measures writes them"


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        (["reach"], "the other modules have no table"),
        ([*MODULES, "reach"], "a module has two tables"),
        ([*MODULES, "registry"], "a module declares no measure"),
    ],
)
def test_a_page_without_the_table_of_a_module_is_refused(tables: list[str], why: str) -> None:
    with pytest.raises(ValueError, match="expected each module with measures in one table"):
        filled("".join(f"<!-- measures: {name} -->\n<!-- end of measures -->\n" for name in tables))


def test_the_default_scorecard_is_argued_as_it_is() -> None:
    rows = {line.split("`")[1]: line for line in page("health.md").splitlines() if line.startswith("| `")}
    weights = {name: float(row.split("|")[2]) for name, row in rows.items() if row.count("|") == 5}
    assert weights == {line.measure: line.weight for line in DEFAULT.lines}
    for line in DEFAULT.lines:
        curve = rows[line.measure].split("|")[3]
        told = [float(score) for score in re.findall(r"→ (\d+)", curve)]
        assert told == [score for _, score in line.curve]


def test_every_reason_alias_and_topic_is_told() -> None:
    text = page("contracts.md")
    for reason in REASONS:
        assert f"| `{reason}` |" in text
    for word in [*ticket.PRIORITY_WORDS, *ticket.STATUS_WORDS, *CONTACT_WORDS, *subscription.STATUS_WORDS]:
        assert word in text
    topics = Topics()
    for topic in [
        *topics.inputs,
        topics.health,
        topics.dead_letters,
        topics.alerts,
        topics.alert_commands,
        topics.scorecard_reviews,
    ]:
        assert f"`{topic}`" in text


def test_the_portfolios_figures_are_told_as_they_are() -> None:
    """When this fails: `make figures`."""
    assert page("figures.md") == figures_page.page()


def test_every_number_of_the_seeds_leads_to_what_shows_it() -> None:
    """Every name in the last column is a figure or a measure."""
    cells = [line.rsplit("|", 2)[1] for line in page("seeds.md").splitlines() if line.startswith("| ")][2:]
    names = {name for cell in cells for name in re.findall(r"`([a-z][a-z0-9_]+)`", cell)}
    assert len(cells) > 40
    assert names - set(ALL_IDS) - set(MEASURES) == set()


def test_the_settings_are_told_as_they_are() -> None:
    """When this fails: `make settings`."""
    assert page("settings.md") == settings_page.page()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


CONNECTING = [*sorted((ROOT / "docs/connect").glob("*.md")), ROOT / "docs/connect.md", ROOT / "docs/contracts.md"]
ACCEPTANCE = Acceptance({kind: Decoder(kind) for kind in KINDS})
NOW_MS = 1_773_000_000_000  # 2026-03-08, after every moment in the pages
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def blocks(path: Path, language: str) -> list[str]:
    found = BLOCK.findall(path.read_text("utf-8"))
    return [textwrap.dedent(body) for _, each, body in found if each == language]


@pytest.mark.parametrize("path", CONNECTING, ids=lambda path: path.stem)
def test_what_the_pages_of_connecting_let_one_copy_is_accepted(path: Path, tmp_path: Path) -> None:
    """Settings are read by the processes that have them, a map by the import, events by their contract."""
    copied = tmp_path / "copied.yaml"
    for text in blocks(path, "yaml"):
        copied.write_text(text)
        if text.startswith("# logins.yaml"):
            assert read_column_map(copied).kind == "usage"
        else:
            assert load(IntakeSettings, copied) != IntakeSettings() or load(Settings, copied) != Settings()
    for text in blocks(path, "python"):
        compile(text, str(path), "exec")
    for text in blocks(path, "json"):
        for line in text.splitlines():
            event = json.loads(line)
            kinds = [event["type"]] if "type" in event else KINDS
            assert any(isinstance(ACCEPTANCE.accept(kind, event, NOW_MS), Accepted) for kind in kinds), line
