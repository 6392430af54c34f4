"""YAML files read into pydantic models, every mistake told at once: file, line, field, value and what is accepted."""

import difflib
import re
import reprlib
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, RootModel, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stream.config.redact import HIDDEN
from stream.config.yaml_source import YamlNode, plain, read_document, shown

# Words in a field's name whose value must not be repeated, not even as a mistake.
_SECRET: Final = ("password", "token", "secret", "url", "key", "webhook")

_KEY: Final = "[key]"  # pydantic's way to say that a key is wrong, and not its value

_SIZE: Final = re.compile(
    r"(?:Dictionary|List|Tuple|Value) should have (at (?:least|most) \d+ (?:items?|characters)) after validation, "
    r"not \d+"
)

TAG: Final = "type"  # names the kind, where a value may be of several

Loc = tuple[int | str, ...]

M = TypeVar("M", bound=BaseModel)


def read_model(path: Path, model: type[M], what: str, expected: str) -> M:
    """The model that a YAML file holds.

    Args:
        path: the file.
        model: what it is read as. Its validators may say where in a value a mistake lies, by `at` in the context of a
            `PydanticCustomError`: the way on from the validated value.
        what: what it holds, as "scorecards".
        expected: what an empty one should hold, and where that is described.

    Raises:
        ConfigError: every mistake in it, at most twenty, each with file, line, field, value and what is accepted.
    """
    root = read_document(path, what, expected)
    assert root is not None
    data = plain(root)
    root.document.refuse()
    try:
        return model.model_validate(data)
    except ValidationError as error:
        note_mistakes(root, model, error)
        root.document.refuse()
        raise


def note_mistakes(root: YamlNode, model: type[BaseModel], error: ValidationError) -> None:
    """Note every mistake of a validation at its line of the document.

    Args:
        root: the document's root, of which the validated data were made.
        model: what it was validated as.
        error: what pydantic found.
    """
    for item in error.errors(include_url=False):
        note_mistake(root, model, item)


def note_mistake(root: YamlNode, model: type[BaseModel], item: Any) -> None:
    """The same for one entry of pydantic's list of errors."""
    root.document.mistake(*_mistake(_find(root.node, loc_of(item)), model, item))


def told_plainly(model: type[BaseModel], item: Any) -> str:
    """A mistake that stands in no document: its name, its value unless secret, and what is accepted."""
    loc = loc_of(item)
    name = ".".join(map(str, loc))
    if item["type"] == "extra_forbidden":
        return f"{name}: not known here; {accepted(model, loc)}"
    given = reprlib.repr(item["input"])
    if isinstance(item["input"], list | dict):
        value = "a list" if isinstance(item["input"], list) else "a mapping"
    else:
        value = HIDDEN if _is_secret(name, given) or _stands_for_section(item) else given[:80]
    return f"{name} = {value}: {worded(item['msg'])}"


def _stands_for_section(item: Any) -> bool:
    """Whether a text stands where a whole section was expected: it may be any of its settings, so a password."""
    return item["type"].startswith(("dict", "model")) and len(loc_of(item)) == 1 and isinstance(item["input"], str)


def loc_of(item: Any) -> Loc:
    """Where in the data a mistake is, an entry of pydantic's list of errors."""
    return tuple(part for part in (*item["loc"], *item.get("ctx", {}).get("at", ())) if part != _KEY)


class _Found(NamedTuple):
    """The node that an error location names, as far as it is there.

    Attributes:
        node: the value.
        key: what names it in its mapping; None in a list, and at the root.
        name: what it is called, as rules.silence.days[0].
        is_there: whether the whole way to it is in the document.
    """

    node: Node
    key: Node | None
    name: str
    is_there: bool


def _mistake(found: _Found, model: type[BaseModel], item: Any) -> tuple[Node, str, str]:
    """A mistake as the document notes it: its node, its name, and what is wrong."""
    node, key, name, _ = found
    if item["type"] in ("union_tag_invalid", "union_tag_not_found"):
        node, name = _child(node, TAG)[1] or node, f"{name}.{TAG}"
        tags = item["ctx"].get("expected_tags")
        return node, name, f" = {_shown(node, name)}: expected {tags}" if tags else ": is missing"
    if item["type"] == "extra_forbidden":
        return key or node, name, f": not known here; {accepted(model, loc_of(item))}"
    if item["type"] == "missing":
        return node, name, ": is missing"
    if not isinstance(node, ScalarNode) and not item["type"].endswith("_type"):
        return key or node, name, f": {worded(item['msg'])}"
    value = HIDDEN if _stands_for_section(item) else _shown(node, name)
    return node, name, f" = {value}: {worded(item['msg'])}"


def _find(node: Node, loc: Loc) -> _Found:
    """The node that an error location names, as far as it is there, and its name, without pydantic's own parts."""
    name, last_key, is_there = "", None, True
    for at, part in enumerate(loc):
        key, child = _child(node, part)
        if child is not None:
            node, last_key = child, key
        elif at < len(loc) - 1 or not isinstance(node, MappingNode) or part == _tag(node):
            is_there = False
            continue  # the name of a union's branch, or of a validator
        else:
            is_there = False
        name = f"{name}[{part}]" if isinstance(part, int) else f"{name}.{part}" if name else str(part)
    return _Found(node, last_key, name, is_there)


def _tag(node: Node) -> str | None:
    """What kind of thing a mapping says that it is."""
    tag = _child(node, TAG)[1]
    return tag.value if isinstance(tag, ScalarNode) else None


def _child(node: Node, part: int | str) -> tuple[Node | None, Node | None]:
    """The key and the value of an entry of a mapping or list; None where it is not there."""
    children: Iterator[tuple[Node | None, Node]] = iter(())
    if isinstance(node, SequenceNode) and isinstance(part, int):
        children = ((None, value) for value in islice(node.value, part, None))
    elif isinstance(node, MappingNode):
        children = ((k, value) for k, value in node.value if isinstance(k, ScalarNode) and k.value == str(part))
    return next(children, (None, None))


def _shown(node: Node, name: str) -> str:
    """A value for a message, unless it is a secret."""
    value = shown(node)
    return HIDDEN if _is_secret(name, value) else value


def _is_secret(name: str, value: str) -> bool:
    """Whether a value must not be repeated; an address may hold a password, or stand where a section was expected."""
    return "://" in value or any(word in name for word in _SECRET)


def worded(message: str) -> str:
    """Pydantic's sentence as the others are put.

    >>> worded("Input should be a valid dictionary"), worded("List should have at least 1 item after validation, not 0")
    ('expected a mapping', 'expected at least 1 item')
    >>> worded("Value should have at least 8 items after validation, not 7")
    'expected at least 8 characters'
    """
    message = message.removeprefix("Value error, ").replace("Input should be", "expected")
    if message.startswith("Value"):  # of a secret, which pydantic counts as if it were a list
        message = re.sub(r" items?\b", " characters", message)
    message = message.replace("a valid dictionary", "a mapping").partition(" or instance of")[0]
    return _SIZE.sub(r"expected \1", message)


def accepted(model: type[BaseModel], loc: Loc) -> str:
    """What could stand where something unknown does."""
    names: list[str] = []
    owners = [*_within(model.model_fields["root"].annotation)] if issubclass(model, RootModel) else [model]
    for part in loc[:-1]:
        tagged = [owner for owner in owners if TAG in owner.model_fields and part in _tags(owner)]
        owners = tagged or [m for owner in owners for m in _models(owner, part)] or owners
    for owner in owners:
        names += [field.alias or name for name, field in owner.model_fields.items()]
    return near(str(loc[-1]), dict.fromkeys(names))


def near(name: str, known: Collection[str]) -> str:
    """What was probably meant, and what there is.

    >>> near("wieght", ["weight", "curve"])
    'did you mean weight? accepted are weight, curve'
    """
    alike = difflib.get_close_matches(name, known, 1)
    return (f"did you mean {alike[0]}? " if alike else "") + f"accepted are {', '.join(known)}"


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
