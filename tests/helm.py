"""The Helm chart rendered with all of its parts: `make kubernetes` writes it, and the tests read it.

Helm is needed to write it alone. The file says which chart it was made of, so that a chart that changed shows without.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
CHART: Final = ROOT / "deploy" / "helm" / "heartline"
VALUES: Final = ROOT / "deploy" / "helm" / "everything.yaml"
RENDERED: Final = ROOT / "deploy" / "kubernetes" / "heartline.yaml"
KUBERNETES: Final = "1.31"


def chart_hash() -> str:
    """Of all that rendering depends on."""
    found = hashlib.sha256()
    for path in sorted([*(path for path in CHART.rglob("*") if path.is_file()), VALUES]):
        found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def header() -> str:
    """The first lines of the file."""
    return (
        "# Rendered from deploy/helm/heartline with deploy/helm/everything.yaml by `make kubernetes`; don't edit.\n"
        f"# Of the chart {chart_hash()}\n"
    )


def helm(*arguments: str) -> str | None:
    """What helm says; None: there is no helm on PATH."""
    program = shutil.which("helm")
    if program is None:
        return None
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def render() -> str | None:
    """The chart with all of its parts; None: there is no helm."""
    return helm("template", "heartline", str(CHART), "--kube-version", f"{KUBERNETES}.0", "--values", str(VALUES))


def manifests() -> list[dict[str, Any]]:
    """Every object of the rendered file."""
    return [each for each in yaml.safe_load_all(RENDERED.read_text("utf-8")) if each]


if __name__ == "__main__":
    rendered = render()
    if rendered is None:
        raise SystemExit("no helm on PATH; see https://helm.sh/docs/intro/install")
    RENDERED.write_text(header() + rendered, "utf-8")
