"""The documentation's site builds without a warning, and fetches nothing from elsewhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deadlines import HANG_SECONDS

pytestmark = pytest.mark.xdist_group("site")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a page without a place in the navigation or a dead link is an error."""
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert {path.name for path in site.iterdir() if (path / "index.html").exists()} >= pages


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("slack", "receivers/"),
        ("scorecard", "scorecards/"),
        ("backup", "operations/"),
        ("renewal_near", "rules/"),
    ],
)
def test_search_weighs_the_page_for_users_most(site: Path, words: str, page: str) -> None:
    """Among the pages that have the words, none is weighed more than the one that a user wants."""
    entries = json.loads((site / "search" / "search_index.json").read_text("utf-8"))["docs"]
    found = {
        e["location"].partition("#")[0]: e.get("boost", 1) for e in entries if words in (e["title"] + e["text"]).lower()
    }
    assert found[page] == max(found.values()), found
    assert {"engine/", "benchmarks/"}.isdisjoint(name for name, boost in found.items() if boost >= 1)


def test_a_reader_fetches_nothing_from_elsewhere(site: Path) -> None:
    """Documentation is read on networks that have no way out, and nobody should learn who reads it."""
    for path in site.rglob("*.html"):
        fetched = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', path.read_text("utf-8"))
        assert [url for url in fetched if "canonical" not in url] == [], path
