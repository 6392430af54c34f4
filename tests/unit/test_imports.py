"""Who may import whom, how long a module may be, and what none may be called."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("stream", "alerts", "consumers", "heartline")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LINES_MAX = 400

KAFKA = {"kafka", "aiokafka", "faust", "mode"}
PURE_STREAM = {
    *("events", "feeds", "decode", "rolling", "tickets", "surveys", "account"),
    *(
        f"health/{name}"
        for name in ("choice", "standing", "memory", "override", "changes", "phrases", "reason", "judge")
    ),
    *(
        f"measures/{name}"
        for name in (
            "tally",
            "facts",
            "asked",
            "known",
            "reach",
            "silence",
            "habit",
            "features",
            "support",
            "sentiment",
            "catalogue",
            "sittings",
            "champions",
            "launches",
            "contact",
            "goals",
            "renewal",
            "lifecycle",
            "engagement",
        )
    ),
    *(
        "daily",
        "trend",
        "journey",
        "places",
        "touchpoints",
        "outcomes",
        "subscriptions",
        "folding",
        "sessions",
        "product",
    ),
    *("scorecard/model", "scorecard/catalogue", "scorecard/reading"),
    *("report", "dead_letters", "schemas", "job", "clock", "errors", "topics", "partitioner", "settings"),
}
# The last one is the stock Faust that `heartline bench` compares with.
MAY_IMPORT_FAUST = ("stream/app.py", "stream/agents.py", "stream/engine/", "heartline/bench/stock.py")
ALERTS_MAY_USE = {
    "stream.contracts.report",
    "stream.contracts.topics",
    "stream.contracts.errors",
    "stream.contracts.values",
    "stream.measures.wording",
    "stream.config.yaml_source",
}
CONSUMERS_MAY_USE = {
    *(
        "stream.contracts.report",
        "stream.contracts.topics",
        "stream.contracts.errors",
        "stream.config.settings",
        "stream.calendar.clock",
        "stream.contracts.partitioner",
    ),
    "stream.config.logs",
    *("stream.history.rolling", "stream.contracts.dead_letters", "stream.contracts.events"),
}


def name_of(path: Path) -> str:
    """stream/engine/store.py is stream.engine.store."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, at its top or within a function; `from a import b` gives a.b, too."""
    found: set[str] = set()
    package = name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


IMPORTS = {path.relative_to(ROOT).as_posix(): imports_of(path) for path in MODULES}


def roots(imports: set[str]) -> set[str]:
    return {name.split(".")[0] for name in imports}


def ours(imports: set[str], package: str) -> set[str]:
    """The modules of one of our packages among imports, to their third name."""
    return {".".join(name.split(".")[:3]) for name in imports if name.startswith(f"{package}.")}


def within(*packages: str) -> list[str]:
    return [path for path in IMPORTS if path.split("/")[0] in packages]


def test_the_packages_are_found() -> None:
    """Else nothing below would check anything."""
    assert {path.split("/")[0] for path in IMPORTS} == set(PACKAGES)
    assert {"stream.contracts.events", "msgspec"} <= IMPORTS["stream/contracts/decode.py"]


@pytest.mark.parametrize("path", sorted(IMPORTS))
def test_only_the_engine_app_and_agents_import_faust(path: str) -> None:
    if not path.startswith(MAY_IMPORT_FAUST):
        assert not {"faust", "mode"} & roots(IMPORTS[path])


@pytest.mark.parametrize("path", within("stream"))
def test_stream_imports_nothing_of_ours_but_itself(path: str) -> None:
    assert not {"alerts", "consumers", "heartline"} & roots(IMPORTS[path])


@pytest.mark.parametrize("module", sorted(PURE_STREAM))
def test_the_pure_core_does_no_io(module: str) -> None:
    imports = IMPORTS[f"stream/{module}.py"]
    assert not (KAFKA | {"redis", "prometheus_client", "asyncio", "socket", "threading"}) & roots(imports)
    if module != "clock":
        assert "time" not in roots(imports)  # `now` is passed in


@pytest.mark.parametrize("path", within("alerts"))
def test_alerts_know_contracts_only(path: str) -> None:
    imports = IMPORTS[path]
    assert not (KAFKA | {"redis", "prometheus_client", "slack_sdk", "consumers", "heartline"}) & roots(imports)
    assert ours(imports, "stream") <= ALERTS_MAY_USE


# The board shows what is inside a state, and where the bands of a score lie.
BOARD_MAY_USE = (
    CONSUMERS_MAY_USE
    | {"stream.kinds.account", "stream.kinds.usage", "stream.measures", "stream.scorecard"}
    | {
        *("stream.kinds.tickets", "stream.kinds.surveys", "stream.kinds.touchpoints", "stream.history.series"),
    }
)


@pytest.mark.parametrize("path", within("consumers"))
def test_consumers_use_alerts_and_the_streams_contracts(path: str) -> None:
    imports = IMPORTS[path]
    assert not {"faust", "mode", "aiokafka", "heartline"} & roots(imports)
    allowed = BOARD_MAY_USE if path.startswith("consumers/board/") else CONSUMERS_MAY_USE
    assert ours(imports, "stream") <= allowed


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    """At the top of a module; what a function imports when it runs is no circle."""
    modules = {name_of(path): path for path in MODULES}
    edges = {name: top_level_imports(path) & modules.keys() - {name} for name, path in modules.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join([*way[way.index(name) :], name])
        if name not in done:
            for other in sorted(edges[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(edges):
        visit(name, ())


def top_level_imports(path: Path) -> set[str]:
    """The modules that importing a file imports; packages that only hold a name that is looked up are left out."""
    tree = ast.parse(path.read_text("utf-8"))
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = {name for name in names if (ROOT / (name.replace(".", "/") + ".py")).exists()}
            found |= submodules if len(submodules) == len(names) else submodules | {node.module}
    return found


@pytest.mark.parametrize("path", sorted(IMPORTS))
def test_a_module_is_one_idea(path: str) -> None:
    file = ROOT / path
    assert len(file.read_text("utf-8").splitlines()) <= LINES_MAX
    assert file.stem not in {"utils", "util", "helpers", "helper", "common", "misc", "tools"}


@pytest.mark.parametrize("path", sorted(IMPORTS))
def test_a_module_says_what_it_is(path: str) -> None:
    file = ROOT / path
    if text := file.read_text("utf-8"):
        assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


LISTS = [path for path in MODULES if path.name == "__init__.py" and path.parent != ROOT / "heartline"]


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.parent.relative_to(ROOT).as_posix())
def test_a_package_lists_its_modules(path: Path) -> None:
    """What a reader opens first leads to all of them, and to nothing that is gone."""
    told = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    here = [each for each in path.parent.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()]
    names = {each.stem for each in here} - {"__init__", "__main__"}
    assert names <= set(re.findall(r"\w+", told)), f"{path} does not list them all"
    assert set(re.findall(r"^(?:- `| {4})([a-z_]+)[/`]* ", told, re.MULTILINE)) <= names, f"{path} lists what is gone"
