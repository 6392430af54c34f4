"""docs/seeds.md: every command that it names runs and tells the figure, every page is there and shows it."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
import typer.main
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from consumers.board.settings import BoardOptions
from consumers.portfolio.app import make_app
from consumers.portfolio.figures import FIGURES
from consumers.portfolio.lifetime import ALL_IDS
from consumers.portfolio.presentation import title_of
from consumers.portfolio.settings import PortfolioSettings
from consumers.portfolio.subscription_history import Rules
from heartline.cli import app
from heartline.portfolio import files as portfolio_files
from heartline.portfolio.answers import FileAnswers
from heartline.portfolio.files import Loaded, load_files
from stream.measures.registry import MEASURES

# One company, read once.
pytestmark = pytest.mark.xdist_group("where-numbers-are")

PAGE = Path(__file__).parents[3] / "docs" / "seeds.md"
DOCUMENTS = 5


class Row(NamedTuple):
    document: str
    number: str
    command: str
    page: str
    look_at: str


def rows() -> list[Row]:
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("| ") and "`heartline" in line:
            document, number, command, page, look_at = (part.strip() for part in line.strip("|").split("|"))
            target = re.search(r"\[(.+)\]", page)
            assert target is not None, line
            found.append(Row(document, number, command.strip("`"), target.group(1), look_at))
    return found


ROWS = rows()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("company")
    asked = ["synthetic", str(folder), "--accounts", "40", "--years", "2", "--until", "2026-06-30"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def loaded(files: list[Path]) -> Iterator[Loaded]:
    """What the commands and the pages read of the company."""
    loaded = load_files(files, PortfolioSettings().portfolio.rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaded.store, "close", lambda: None)  # the next command reads it, too
        yield loaded
    loaded.store.close()


@pytest.fixture(scope="module")
def client(loaded: Loaded) -> Iterator[TestClient]:
    settings = PortfolioSettings()
    service = FileAnswers(settings, loaded.store, date(2026, 6, 30))
    with TestClient(make_app(service, BoardOptions())) as client:
        yield client


def test_every_document_is_there_and_says_what_it_asks_for() -> None:
    assert len([row for row in ROWS if row.document]) == DOCUMENTS
    assert len({(row.number, row.command) for row in ROWS}) == len(ROWS) > 40


@pytest.mark.parametrize("command", sorted({row.command for row in ROWS}))
def test_every_command_runs_and_tells_its_figures(
    command: str, files: list[Path], loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_before(paths: Iterable[Path], rules: Rules) -> Loaded:
        assert [*paths] == files
        assert rules == PortfolioSettings().portfolio.rules
        return loaded

    monkeypatch.setattr(portfolio_files, "load_files", read_before)
    _, *words = command.split()
    if "FILES" not in words:  # an account's report is on Kafka: the command and its argument are there
        found = typer.main.get_command(app)
        while words and hasattr(found, "commands"):
            found = found.commands[words.pop(0)]
        assert [each.name for each in found.params if each.param_type_name == "argument"]
        return
    at = words.index("FILES")
    result = CliRunner().invoke(app, [*words[:at], *map(str, files), *words[at + 1 :], "--json"])
    assert result.exit_code == 0, result.output
    for figure in re.findall(r"--figure (\S+)", command):
        assert f'"figure": "{figure}"' in result.stdout


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number[:40]}")
def test_every_page_is_there_and_shows_the_figures(row: Row, client: TestClient) -> None:
    measures = re.findall(r"`(\w+)`", row.look_at) if row.look_at.startswith("measure") else []
    assert [each for each in measures if each not in MEASURES] == []
    if row.page.startswith("board:"):
        return
    answer = client.get(row.page)
    assert answer.status_code == 200
    asked = re.findall(r"--figure (\S+)", row.command)
    named = [] if measures else re.findall(r"`(\w+)`", row.look_at)
    for figure in {*asked[:1], *named} if row.page != "/renewals" else ():
        assert figure in ALL_IDS
        assert f'<span class="figure-name">{title_of(figure)}</span>' in answer.text


def test_every_figure_is_told_by_some_page(client: TestClient) -> None:
    """Else it is found by nobody who does not know its name; counts and parts of others aside."""
    shown = "".join(client.get(path).text for path in ("/revenue", "/growth", "/cohorts", "/team", "/phases"))
    missing = [each.id for each in FIGURES if f'<span class="figure-name">{title_of(each.id)}</span>' not in shown]
    assert missing == []
