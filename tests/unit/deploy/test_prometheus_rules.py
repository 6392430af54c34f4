"""The recording and alerting rules: what promtool says of them, and that each is over metrics that exist."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from heartline.reference.metric_list import metric_list

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "prometheus"
RULE_FILES = sorted((FOLDER / "rules").glob("*.yml"))
TEST_FILES = sorted((FOLDER / "tests").glob("*.yml"))
RULES: list[dict[str, Any]] = [
    rule
    for path in RULE_FILES
    for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
METRICS = {line.name for lines in metric_list().values() for line in lines}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Prometheus' own checker; it comes with Prometheus."""
    program = shutil.which("promtool")
    if program is None:
        pytest.fail("no promtool on PATH: install prometheus (Debian: apt-get install prometheus), or run make test")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_promtool_accepts_the_rules(path: Path) -> None:
    result = promtool("check", "rules", str(path))

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.name)
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    result = promtool("test", "rules", str(path))

    assert result.returncode == 0, result.stdout + result.stderr


def test_promtool_accepts_the_configuration_and_finds_the_rules() -> None:
    result = promtool("check", "config", str(FOLDER / "prometheus.yml"))

    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(RULE_FILES)} rule files found" in result.stdout + result.stderr


def test_promtool_notices_a_rule_that_changed(tmp_path: Path) -> None:
    """The tests of the rules can fail."""
    for folder in ("rules", "tests"):
        shutil.copytree(FOLDER / folder, tmp_path / folder)
    rules = tmp_path / "rules" / "operator-alerts.yml"
    rules.write_text(rules.read_text("utf-8").replace("ratio_rate15m > 0.01", "ratio_rate15m > 0.5"), "utf-8")

    result = promtool("test", "rules", str(tmp_path / "tests" / "operator-alerts.yml"))

    assert result.returncode != 0


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_what_it_means_and_is_tested(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith((".", "?"))
    assert any(rule["alert"] in path.read_text("utf-8") for path in TEST_FILES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_is_over_metrics_that_are_exported(rule: dict[str, Any]) -> None:
    for name in re.findall(r"[\w:]*heartline[\w:]*", re.sub(r'"[^"]*"', "", rule["expr"])):
        known = name in METRICS or name.removesuffix("_bucket") in METRICS or name in RECORDED
        assert known, f"{name} is exported by nobody"
