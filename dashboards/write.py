"""Writes the dashboards' JSON files."""

import json
from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.account import account
from dashboards.operations import operations
from dashboards.portfolio import portfolio

FOLDER: Final = Path(__file__).parent
DASHBOARDS: Final[dict[str, Callable[[], Dashboard]]] = {
    "portfolio": portfolio,
    "account": account,
    "operations": operations,
}


def rendered(name: str) -> str:
    """The JSON of one dashboard, as its file holds it."""
    return json.dumps(built(name), indent=1, sort_keys=True) + "\n"


def built(name: str) -> dict[str, Any]:
    """One dashboard as Grafana reads it."""
    plain: dict[str, Any] = json.loads(json.dumps(DASHBOARDS[name]().build(), cls=JSONEncoder))
    for panel_id, panel in enumerate(plain["panels"], start=1):
        panel["id"] = panel_id  # Grafana links to panels by it; without one it makes them up on every load
        for ref_id, target in zip(ascii_uppercase, panel.get("targets", []), strict=False):
            target["refId"] = ref_id  # what an expression, an alert or an export calls the query
    return plain


def write() -> None:
    """Write all files."""
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(rendered(name), "utf-8")
