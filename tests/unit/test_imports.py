"""Who may import whom, what a module is called, and that packages lead to their modules.

The contracts themselves stand in pyproject.toml under `tool.importlinter`; `make lint` runs them, too.
"""

import ast
import re
import tomllib
from pathlib import Path

import grimp
from click.testing import CliRunner
from importlinter.cli import lint_imports_command

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = ROOT / "pyproject.toml"
SETTINGS = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]
PACKAGES = SETTINGS["importlinter"]["root_packages"]
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DESCRIBED = [*MODULES, *sorted(path for package in ("bench", "dashboards") for path in (ROOT / package).rglob("*.py"))]

# The parts of the worker that do I/O. All others are pure, and the contract about purity names them.
EDGES = {"stream.app", "stream.agents", "stream.config", "stream.engine", "stream.run", "stream.worker"}
SAYS_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "tools",
    "base",
    "core",
    "lib",
    "shared",
    "stuff",
}


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def docstring_of(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""


def test_the_import_contracts_hold() -> None:
    result = CliRunner().invoke(lint_imports_command, ["--no-logo", "--no-cache", str(PYPROJECT)])
    assert result.exit_code == 0, result.output


def test_the_contracts_see_every_module_that_the_wheel_holds() -> None:
    """Else they would hold for what they do not know."""
    assert set(SETTINGS["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in MODULES}
    assert names <= graph.modules


def test_every_part_of_the_worker_is_pure_or_a_named_edge() -> None:
    """A new package under stream/ is in the contract about purity, or it is listed here as one that does I/O."""
    contracts = SETTINGS["importlinter"]["contracts"]
    pure = next(set(each["source_modules"]) for each in contracts if "is pure: no I/O" in each["name"])
    here = {
        f"stream.{path.stem}"
        for path in (ROOT / "stream").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert pure | EDGES == here - {"stream.__init__"}
    assert not pure & EDGES


def test_a_module_says_what_it_is() -> None:
    assert [shown(path) for path in DESCRIBED if path.read_text("utf-8") and not docstring_of(path)] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = [path.parent if path.name == "__init__.py" else path for path in DESCRIBED]
    assert [shown(path) for path in names if path.stem in SAYS_NOTHING] == []


def test_a_package_lists_its_modules() -> None:
    """What a reader opens first leads to all of them, and to nothing that is gone."""
    wrong = []
    for path in DESCRIBED:
        if path.name != "__init__.py" or path.parent == ROOT / "heartline":
            continue
        text = docstring_of(path)
        here = [each for each in path.parent.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()]
        names = {each.stem for each in here} - {"__init__", "__main__"}
        missing = names - set(re.findall(r"\w+", text))
        gone = set(re.findall(r"^(?:- `| {4})([a-z_]+)[/`]* ", text, re.MULTILINE)) - names
        if missing or gone:
            wrong.append(f"{shown(path)}: missing {sorted(missing)}, gone {sorted(gone)}")
    assert wrong == []
