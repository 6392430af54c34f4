"""docs/settings.md, written from what every settings class declares: `make settings`."""

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel, IPvAnyNetwork, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from consumers.alerting.settings import AlertingSettings
from consumers.board.settings import BoardSettings
from consumers.intake.settings import IntakeSettings
from consumers.portfolio.settings import PortfolioSettings
from stream.config.settings import EVERYDAY_NAMES, ProcessSettings, Settings

PROCESSES: Final[dict[str, type[ProcessSettings]]] = {
    "worker": Settings,
    "alerting": AlertingSettings,
    "board": BoardSettings,
    "intake": IntakeSettings,
    "portfolio": PortfolioSettings,
}

_HEAD: Final = """# Every setting

<!-- Written by `make settings` from the code: change the descriptions there. -->

One YAML file serves all processes; each reads its own sections and ignores the others'. `HEARTLINE_CONFIG` or
`--config` names it. An environment variable goes before the file: `worker.metrics_port` is
`HEARTLINE_WORKER__METRICS_PORT`, where two underscores stand for the dot. A list or a mapping is given as JSON, nothing
as `null`; an empty variable counts as not set. {everyday}

A mistake ends the process at its start with file, line, value and what is accepted. A name that
nobody knows is a mistake.
"""


_TYPE_NAMES: Final[dict[Any, str]] = {
    IPvAnyNetwork: "address or network",
    bool: "`true`, `false`",
    int: "integer",
    float: "number",
    Path: "path",
    SecretStr: "secret",
}


class Setting(NamedTuple):
    """One line of the page."""

    name: str
    default: str
    accepted: str
    description: str


def page() -> str:
    """The whole page."""
    sections: dict[str, list[str]] = {}
    for process, settings in PROCESSES.items():
        for name in settings.model_fields:
            sections.setdefault(name, []).append(process)
    everyday = [f"`{name}` is `{'.'.join(path)}`" for name, path in EVERYDAY_NAMES.items()]
    parts = [_HEAD.format(everyday=f"{' and '.join(everyday)}, by the names that everyone uses.")]
    for name, processes in sorted(sections.items()):
        fields = [PROCESSES[process].model_fields[name] for process in processes]
        # Where one process reads a part of another's section, the whole of it is told.
        field = max(fields, key=lambda each: len(list(settings_of(name, each))))
        parts.append(_section(name, field, processes))
    return "\n".join(parts)


def _section(name: str, field: FieldInfo, processes: list[str]) -> str:
    """A section with its table."""
    description = field.description or next((_doc(model) for model in _models(field.annotation)), "")
    rows = [
        f"| `{s.name}` | {s.default} | {s.accepted} | {s.description.replace('<', '&lt;')} |"
        for s in settings_of(name, field)
    ]
    return "\n".join(
        [
            f"## {name}\n",
            f"{description[:1].upper()}{description[1:].rstrip('.')}. Read by: {', '.join(processes)}.\n",
            "| setting | default | accepted | meaning |\n|---|---|---|---|",
            *rows,
            "",
        ]
    )


def settings_of(name: str, field: FieldInfo) -> Iterator[Setting]:
    """A field's own line, or those of the model behind it; `<name>` stands for a key that the operator chooses.

    Raises:
        ValueError: a setting has no description.
    """
    models = list(_models(field.annotation))
    if not models:
        if not field.description:
            raise ValueError(f"{name}: a setting needs a description; docs/settings.md shows it")
        yield Setting(name, _default(field), _accepted(field), field.description)
        return
    if _is_mapping(field.annotation):
        keys = get_args(_bare(field.annotation))[0]
        words = get_args(keys) if get_origin(keys) is Literal else ()
        name = f"{name}.<{' or '.join(map(str, words)) if 0 < len(words) < 4 else 'name'}>"
    for model in models:
        for inner, inner_field in model.model_fields.items():
            yield from settings_of(f"{name}.{inner_field.alias or inner}", inner_field)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field holds, itself, as an option, or as the values of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for inner in get_args(annotation):
            yield from _models(inner)


def _bare(annotation: Any) -> Any:
    """A type without what surrounds it."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _is_mapping(annotation: Any) -> bool:
    return get_origin(_bare(annotation)) is dict


def _doc(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _default(field: FieldInfo) -> str:
    """The default as it is written in YAML."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "needed"
    if isinstance(value, SecretStr):
        return f"`{value.get_secret_value()}`"
    if value is None or value == "":
        return "null" if value is None else "empty"
    if isinstance(value, Enum):
        value = value.value
    text = msgspec.json.encode(value, enc_hook=str).decode() if isinstance(value, list | dict | bool) else str(value)
    return f"`{text.replace('|', chr(92) + '|')}`"


def _accepted(field: FieldInfo) -> str:
    """What is accepted, in short."""
    return _shape(field.annotation, [*field.metadata]).replace("|", "\\|")


def _shape(annotation: Any, limits: list[Any]) -> str:
    """A type and its limits in words."""
    if get_origin(annotation) is Annotated:
        return _shape(get_args(annotation)[0], [*limits, *get_args(annotation)[1:]])
    if get_origin(annotation) in (Union, UnionType):
        options = get_args(annotation)
        shapes = [_shape(inner, limits) for inner in options if inner is not type(None)]
        return " or ".join([*shapes, *(["null"] if type(None) in options else [])])
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(annotation))
    if get_origin(annotation) in (list, tuple, set, frozenset):
        return f"list of {_shape(get_args(annotation)[0], [])}"
    if get_origin(annotation) is dict:
        key, value = get_args(annotation)
        return f"mapping of {_shape(key, [])} to {_shape(value, [])}"
    kind = _TYPE_NAMES.get(annotation, "text" if annotation is str else getattr(annotation, "__name__", "text").lower())
    return kind + _limits(limits)


def _limits(limits: list[Any]) -> str:
    """Bounds and pattern of a value."""
    found = {
        name: getattr(item, name)
        for item in _flat(limits)
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
        if getattr(item, name, None) is not None
    }
    if found.get("pattern"):
        return f" like `{found['pattern']}`"
    if "ge" in found and "le" in found:
        return f", {found['ge']:,} to {found['le']:,}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    limits = [f"{words[name]} {found[name]:,}" for name in words if name in found]
    limits += [f"of at least {found['min_length']} characters"] if found.get("min_length", 0) > 1 else []
    return f" {' and '.join(limits)}" if limits else ""


def _flat(limits: list[Any]) -> Iterator[Any]:
    """Limits, those within a `Field` too."""
    for item in limits:
        if isinstance(item, FieldInfo):
            yield from item.metadata
        else:
            yield item


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
