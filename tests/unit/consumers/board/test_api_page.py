"""The page about the API names every request that there is, and none that is not."""

import re
from pathlib import Path

from tests.unit.consumers.board.board_app import FakeBoard

PAGE = Path(__file__).resolve().parents[4] / "docs" / "api.md"


def test_the_page_is_that_of_the_code() -> None:
    described = FakeBoard().client().get("/api/v1/openapi.json").json()["paths"]
    there = {
        (f"{method.upper()} {path}", operation["summary"])
        for path, operations in described.items()
        for method, operation in operations.items()
    }
    told = set(re.findall(r"^\| `([A-Z]+ \S+)` \| (.+?) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert told == there
