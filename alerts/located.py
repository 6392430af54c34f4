"""Where in a YAML file a mistake is that pydantic found: its line, its name, its value, and what is accepted there."""

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stream.config.yaml_source import YamlNode, shown

# Words in a field's name whose value must not be repeated, not even as a mistake.
_SECRET: Final = ("password", "token", "secret", "url", "key", "webhook")

TAG: Final = "type"  # names the kind, where a value may be of several

Loc = tuple[int | str, ...]


def note_mistakes(root: YamlNode, model: type[BaseModel], error: ValidationError) -> None:
    """Note every mistake of a validation at its line of the document.

    Args:
        root: the document's root, of which the validated data were made.
        model: what it was validated as.
        error: what pydantic found.
    """
    for item in error.errors(include_url=False):
        loc: Loc = (*item["loc"], *item.get("ctx", {}).get("at", ()))
        node, name = _find(root.node, loc)
        if item["type"] in ("union_tag_invalid", "union_tag_not_found"):
            node, name = _child(node, TAG) or node, f"{name}.{TAG}"
            tags = item["ctx"].get("expected_tags")
            root.document.mistake(node, name, f" = {_shown(node, name)}: expected {tags}" if tags else ": is missing")
        elif item["type"] == "extra_forbidden":
            root.document.mistake(node, name, f": not known here; {_accepted(model, loc)}")
        elif item["type"] == "missing":
            root.document.mistake(node, name, ": is missing")
        else:
            root.document.mistake(node, name, f" = {_shown(node, name)}: {_worded(item['msg'])}")


def _find(node: Node, loc: Loc) -> tuple[Node, str]:
    """The node that a place names, as far as it is there, and its name; pydantic's own parts of it are left out."""
    name = ""
    for at, part in enumerate(loc):
        child = _child(node, part)
        if child is not None:
            node = child
        elif at < len(loc) - 1 or not isinstance(node, MappingNode) or part == _tag(node):
            continue  # the name of a union's branch, or of a validator
        name = f"{name}[{part}]" if isinstance(part, int) else f"{name}.{part}" if name else str(part)
    return node, name


def _tag(node: Node) -> str | None:
    """What kind of thing a mapping says that it is."""
    tag = _child(node, TAG)
    return tag.value if isinstance(tag, ScalarNode) else None


def _child(node: Node, part: int | str) -> Node | None:
    children: Iterator[Node] = iter(())
    if isinstance(node, SequenceNode) and isinstance(part, int):
        children = islice(node.value, part, None)
    elif isinstance(node, MappingNode):
        children = (value for key, value in node.value if isinstance(key, ScalarNode) and key.value == str(part))
    return next(children, None)


def _shown(node: Node, name: str) -> str:
    value = shown(node)
    secret = "://" in value or any(word in name.rpartition(".")[2] for word in _SECRET)
    return "(hidden)" if secret else value


def _worded(message: str) -> str:
    """Pydantic's sentence as the others are put."""
    return message.removeprefix("Value error, ").replace("Input should be", "expected")


def _accepted(model: type[BaseModel], loc: Loc) -> str:
    """What could stand where something unknown does."""
    names: list[str] = []
    owners = [model]
    for part in loc[:-1]:
        tagged = [owner for owner in owners if TAG in owner.model_fields and part in _tags(owner)]
        owners = tagged or [m for owner in owners for m in _models(owner, part)] or owners
    for owner in owners:
        names += [field.alias or name for name, field in owner.model_fields.items()]
    alike = difflib.get_close_matches(str(loc[-1]), names, 1)
    return (f"did you mean {alike[0]}? " if alike else "") + f"accepted are {', '.join(dict.fromkeys(names))}"


def _tags(owner: type[BaseModel]) -> tuple[Any, ...]:
    """The tags under which a model is one of several kinds."""
    return get_args(owner.model_fields[TAG].annotation)


def _models(owner: type[BaseModel], part: int | str) -> Iterator[type[BaseModel]]:
    """The models behind a model's field."""
    for name, field in owner.model_fields.items():
        if part in (name, field.alias):
            yield from _within(field.annotation)


def _within(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _within(inner)
