"""The Helm chart and the systemd units: valid, of one piece with the product, and with no more rights than needed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from consumers.alerting.settings import AlertingSettings
from consumers.board.settings import BoardSettings
from consumers.intake.settings import IntakeSettings
from consumers.portfolio.settings import PortfolioSettings
from heartline.cli import app
from stream.config.settings import ProcessSettings, Settings
from tests import helm

ROOT = helm.ROOT
MANIFESTS = helm.manifests()
SETTINGS: dict[str, type[ProcessSettings]] = {
    "worker": Settings,
    "alerting": AlertingSettings,
    "board": BoardSettings,
    "intake": IntakeSettings,
    "portfolio": PortfolioSettings,
}
OWN_SCHEMAS = ("ServiceMonitor", "PrometheusRule", "ScaledObject")  # of operators, not of Kubernetes
PODS = {
    each["metadata"]["labels"]["app.kubernetes.io/component"]: each
    for each in MANIFESTS
    if "template" in each.get("spec", {})
}
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def container(part: str) -> dict[str, Any]:
    (found,) = PODS[part]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def names_of_variables() -> Iterator[tuple[str, str, str]]:
    """(part, HEARTLINE_ variable, its value) of every container and unit."""
    for part in PODS:
        for each in container(part)["env"]:
            if each["name"].startswith("HEARTLINE_") and each["name"] != "HEARTLINE_CONFIG":
                yield part, each["name"], each["value"]
    for unit in UNITS:
        for name, value in re.findall(r"^Environment=(HEARTLINE_\w+)=(.*)$", unit.read_text("utf-8"), re.MULTILINE):
            if name != "HEARTLINE_CONFIG":
                yield unit.stem.removeprefix("heartline-"), name, value


def test_the_rendered_file_is_of_the_chart_as_it_is() -> None:
    """When this fails: `make kubernetes`, with helm on PATH."""
    text = helm.RENDERED.read_text("utf-8")
    assert text.startswith(helm.header())
    rendered = helm.render()
    assert rendered is None or text == helm.header() + rendered
    helm.helm("lint", str(helm.CHART), "--strict", "--values", str(helm.VALUES))


@pytest.mark.xdist_group("json-schema")
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_every_object_is_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    import kubernetes_validate

    if manifest["kind"] not in OWN_SCHEMAS:
        kubernetes_validate.validate(manifest, helm.KUBERNETES, strict=True)


def test_every_process_has_its_part() -> None:
    assert set(PODS) == set(SETTINGS)
    assert {unit.stem.removeprefix("heartline-") for unit in UNITS} == set(SETTINGS)


@pytest.mark.parametrize("part", SETTINGS)
def test_the_command_is_one_that_heartline_has(part: str) -> None:
    unit = (ROOT / f"deploy/systemd/heartline-{part}.service").read_text("utf-8")
    (line,) = re.findall(r"^ExecStart=\S+/heartline (.*)$", unit, re.MULTILINE)
    assert line.split() == container(part)["args"]
    result = CliRunner().invoke(app, [*line.split(), "--help"])
    assert result.exit_code == 0, result.output


def test_every_variable_names_a_real_setting() -> None:
    for part, variable, _ in names_of_variables():
        section, field = variable.removeprefix("HEARTLINE_").lower().split("__")
        model: Any = SETTINGS[part].model_fields[section].annotation
        assert field in model.model_fields, f"{part}: {variable}"


@pytest.mark.parametrize("part", SETTINGS)
def test_ports_probes_and_paths_are_the_product_s(part: str) -> None:
    """The port that a probe asks is one that the process opens, and both paths are ones that it answers."""
    env = {each["name"]: each.get("value") for each in container(part)["env"]}
    ports = {each["name"]: str(each["containerPort"]) for each in container(part)["ports"]}
    model: Any = SETTINGS[part].model_fields[part].annotation
    assert ports["metrics"] == env[f"HEARTLINE_{part.upper()}__METRICS_PORT"]
    assert ports["metrics"] == str(model.model_fields["metrics_port"].default)
    if "http" in ports:
        assert ports["http"] == env[f"HEARTLINE_{part.upper()}__PORT"] == str(model.model_fields["port"].default)
    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz"), ("startupProbe", "/livez")):
        asked = container(part)[probe]["httpGet"]
        assert asked["path"] == path
        assert asked["port"] in ports
    services = [each for each in MANIFESTS if each["kind"] == "Service"]
    (service,) = [each for each in services if each["metadata"]["name"].endswith(f"-{part}")]
    assert {each["name"]: str(each["port"]) for each in service["spec"]["ports"]} == ports


@pytest.mark.parametrize("part", SETTINGS)
def test_a_container_has_no_more_rights_than_it_needs(part: str) -> None:
    pod = PODS[part]["spec"]["template"]["spec"]
    rights = container(part)["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001, "the image's"
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert rights["allowPrivilegeEscalation"] is False
    assert pod["automountServiceAccountToken"] is False
    assert container(part)["resources"]["limits"]["memory"]


def test_what_a_process_writes_is_on_a_volume_of_its_own() -> None:
    for part, _, value in names_of_variables():
        if value.startswith("/var/lib/heartline") and part in PODS:
            mounts = [each["mountPath"] for each in container(part)["volumeMounts"]]
            assert any(value.startswith(path) for path in mounts), f"{part}: {value}"


def test_policies_let_in_what_is_scraped_and_asked_and_nothing_else() -> None:
    for policy in [each for each in MANIFESTS if each["kind"] == "NetworkPolicy"]:
        part = policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        opened = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        assert opened == {each["containerPort"] for each in container(part)["ports"]}


def test_the_chart_s_rules_are_those_that_prometheus_tests() -> None:
    for path in (ROOT / "deploy/prometheus/rules").glob("*.yml"):
        assert (helm.CHART / "rules" / path.name).read_text("utf-8") == path.read_text("utf-8"), "copy it"
    (rule,) = [each for each in MANIFESTS if each["kind"] == "PrometheusRule"]
    alerts = [each["alert"] for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each]
    assert len(alerts) > 10


def test_every_alert_has_a_runbook_that_its_rule_links_to() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/rules/operator-alerts.yml").read_text("utf-8"))["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    assert {path.stem for path in (ROOT / "docs/runbooks").glob("Heartline*.md")} == set(rules)
    for name, rule in rules.items():
        assert rule["annotations"]["runbook_url"].endswith(f"/runbooks/{name}/")
        text = (ROOT / f"docs/runbooks/{name}.md").read_text("utf-8")
        assert text.startswith(f"# {name}\n")
        assert f"Severity: {rule['labels']['severity']}." in text
        assert "## Look\n" in text
        assert "## Do\n" in text


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_restarts_for_ever_and_gives_a_drain_its_time(unit: Path) -> None:
    text = unit.read_text("utf-8")
    assert "Restart=always\n" in text
    assert "StartLimitIntervalSec=0\n" in text
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0]) >= 30
