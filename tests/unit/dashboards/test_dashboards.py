"""The dashboards: files in step with the code, every panel explained, with unit, and drawn over metrics that exist."""

import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.write import DASHBOARDS, FOLDER, built, rendered
from heartline.reference.metric_list import metric_list

METRICS = {line.name: line for lines in metric_list().values() for line in lines}
PANELS = [
    pytest.param(panel, id=f"{name} / {panel['title']}")
    for name in DASHBOARDS
    for panel in built(name)["panels"]
    if panel["type"] != "row"
]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_file_is_that_of_the_code(name: str) -> None:
    """When this fails: `make dashboards`."""
    assert Path(FOLDER / f"{name}.json").read_text("utf-8") == rendered(name)


def test_every_file_has_its_code() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(DASHBOARDS)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert all(target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_any_grafana_can_import_it(name: str) -> None:
    board = built(name)
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    asked = [board["annotations"].get("list", []), board["templating"]["list"], board["panels"]]
    sources = [item["datasource"]["uid"] for items in asked for item in items if item.get("datasource")]
    for panel in board["panels"]:
        targets = panel.get("targets", [])
        sources += [target["datasource"]["uid"] for target in targets]
        assert [target["refId"] for target in targets] == list("ABCDEFGH"[: len(targets)]), panel["title"]
    assert set(sources) == {"${datasource}"}, "whichever Prometheus the reader has"
    assert "id" not in board, "Grafana gives it"
    assert board["time"]["from"] == ("now-1h" if name == "operations" else "now-30d")


def test_the_choice_of_a_segment_holds_for_every_panel_or_the_panel_says_that_it_does_not() -> None:
    for panel in built("portfolio")["panels"]:
        for target in panel.get("targets", []):
            assert '=~"$segment"' in target["expr"] or "ll segments" in panel["description"], panel["title"]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_for_metrics_and_labels_that_exist(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        for name in re.findall(r"heartline_\w+", target["expr"]):
            metric = METRICS.get(name) or METRICS.get(re.sub("_(bucket|sum|count)$", "", name))
            assert metric is not None, f"{name} is exported by nobody"
        for label in re.findall(r"[{,](\w+)=", target["expr"]):
            assert any(label in line.labels for line in METRICS.values()), label


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap_and_fit_the_width(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in built(name)["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24, panel["title"]
        assert not taken & cells, panel["title"]
        taken |= cells


def test_the_dashboards_link_to_each_other_and_from_a_worst_account_to_its_own() -> None:
    uids = {built(name)["uid"] for name in DASHBOARDS}
    to_board = "${board}/accounts/${account:percentencode}"
    assert to_board in [link.get("url") for link in built("account")["links"]]
    assert len(uids) == len(DASHBOARDS)
    links = [
        link["url"]
        for panel in built("portfolio")["panels"]
        for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", [])
    ]
    on_board = [link for link in links if link.startswith("${board}/accounts/${__field.labels.account")]
    assert len(on_board) == 2, "from each list of accounts"
    others = set(links) - set(on_board)
    assert others
    assert all(link.split("?")[0].removeprefix("/d/") in uids for link in others)
    assert all(built(name)["tags"] == ["heartline"] for name in DASHBOARDS)
