"""YAML that remembers its lines, and refuses what is no honest document.

A document is read into nodes, not into values: so that a mistake can be told with its line, a key that stands twice is
noticed, and a few lines of aliases never grow into gigabytes.
"""

import difflib
import math
import reprlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stream.contracts.errors import ConfigError

FILE_BYTES_MAX: Final = 1 << 18
NODES_MAX: Final = 20_000
DEPTH_MAX: Final = 20
SHOWN_MISTAKES_MAX: Final = 20


@dataclass
class YamlDocument:
    """One file and the mistakes that are found in it.

    Args:
        path: the file.
        what: what it holds, as "scorecards", for the messages.
    """

    path: Path
    what: str
    mistakes: list[tuple[int, str]] = field(default_factory=list)

    def mistake(self, node: Node, name: str, told: str) -> None:
        """Note a mistake at a node: `told` says the value and what is accepted."""
        self.mistakes.append((node.start_mark.line + 1, f"{name}{told}"))

    def refuse(self) -> None:
        """Tell all mistakes at once, in the order of their lines.

        Raises:
            ConfigError: there are any.
        """
        if self.mistakes:
            told = [f"{self.path}:{line}: {text}" for line, text in sorted(self.mistakes)]
            if len(told) > SHOWN_MISTAKES_MAX:
                told = [*told[:SHOWN_MISTAKES_MAX], f"... and {len(told) - SHOWN_MISTAKES_MAX} more"]
            raise ConfigError(f"wrong {self.what}:\n  " + "\n  ".join(told))


@dataclass(frozen=True)
class YamlNode:
    """One value of the document: where it is, and what it is called."""

    document: YamlDocument
    node: Node
    name: str

    def wrong(self, expected: str) -> None:
        """Note that the value is not what is accepted here."""
        self.document.mistake(self.node, self.name, f" = {shown(self.node)}: expected {expected}")

    def mapping(self, accepted: Collection[str] | None = None, needed: Collection[str] = ()) -> dict[str, "YamlNode"]:
        """The value as a mapping by words; unknown, repeated and missing keys are noted, and left out."""
        found: dict[str, YamlNode] = {}
        if not isinstance(self.node, MappingNode):
            self.wrong("a mapping" + (f" of {', '.join(accepted)}" if accepted else ""))
            return found
        for key, value in self.node.value:
            name = key.value if isinstance(key, ScalarNode) else None
            place = YamlNode(self.document, value, f"{self.name}.{name}" if self.name else str(name))
            if name is None:
                self.document.mistake(key, self.name, f": the key {shown(key)} is no word")
            elif name in found:
                self.document.mistake(key, place.name, ": stands here twice; keep one")
            elif accepted is not None and name not in accepted:
                alike = difflib.get_close_matches(name, accepted, 1)
                hint = f"did you mean {alike[0]}? " if alike else ""
                self.document.mistake(key, place.name, f": not known here; {hint}accepted are {', '.join(accepted)}")
            else:
                found[name] = place
        for name in needed:
            if name not in found:
                self.document.mistake(self.node, self.name, f": {name} is missing")
        return found

    def items(self, of: str) -> list["YamlNode"]:
        """The value as a list."""
        if not isinstance(self.node, SequenceNode) or not self.node.value:
            self.wrong(f"a list of {of}")
            return []
        return [YamlNode(self.document, node, f"{self.name}[{at}]") for at, node in enumerate(self.node.value)]

    def number(self, low: float, high: float, expected: str) -> float | None:
        """The value as a number within bounds; None, and a mistake noted, when it is not."""
        if isinstance(self.node, ScalarNode) and self.node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
            try:
                value = float(self.node.value.replace("_", ""))
            except ValueError:
                value = math.nan  # 0x10, 1:30 and their like
            if low <= value <= high:
                return value
        self.wrong(expected)
        return None

    def text(self, expected: str, longest: int = 100) -> str | None:
        """The value as words; None, and a mistake noted, when it is empty, too long or no scalar."""
        if isinstance(self.node, ScalarNode) and self.node.tag != "tag:yaml.org,2002:null":
            value = str(self.node.value).strip()
            if 0 < len(value) <= longest and value.isprintable():
                return value
        self.wrong(expected)
        return None


def shown(node: Node) -> str:
    """A node's value for a message, short."""
    if isinstance(node, ScalarNode):
        plain = node.style is None and node.tag != "tag:yaml.org,2002:str"
        return "nothing" if node.value == "" and plain else reprlib.repr(node.value) if not plain else node.value[:40]
    return "a list" if isinstance(node, SequenceNode) else "a mapping"


def read_document(path: Path, what: str, expected: str) -> YamlNode:
    """The root of a YAML file.

    Args:
        path: the file.
        what: what it holds, as "scorecards".
        expected: what an empty one should hold, and where that is described.

    Raises:
        ConfigError: it can't be read, is too large, not YAML, empty, or grows by its aliases.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{what} {path}: larger than {FILE_BYTES_MAX} bytes; is it the right file?")
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"{what} {path}: {error.strerror}; check the path") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{what} {path}: not valid YAML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{what} {path}: nested too deeply") from None
    if root is None:
        raise ConfigError(f"{what} {path}: empty; expected {expected}")
    _check_size(path, what, root)
    return YamlNode(YamlDocument(path, what), root, "")


def _check_size(path: Path, what: str, root: Node) -> None:
    """Refuse a document whose values, each counted wherever it is aliased, are too many or too deep."""
    waiting, count = [(root, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > NODES_MAX:
            raise ConfigError(f"{what} {path}: its aliases make more than {NODES_MAX} values of it")
        if depth > DEPTH_MAX:
            line = node.start_mark.line + 1
            raise ConfigError(f"{what} {path}:{line}: nested more than {DEPTH_MAX} deep")
        waiting.extend((child, depth + 1) for child in _children(node))


def _children(node: Node) -> Iterator[Node]:
    """What a node holds, keys too."""
    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value


def plain(place: YamlNode) -> Any:
    """The value as plain Python data; repeated keys, and what is no plain value, are noted and left out."""
    if isinstance(place.node, MappingNode):
        return {name: plain(child) for name, child in place.mapping().items()}
    if isinstance(place.node, SequenceNode):
        return [plain(YamlNode(place.document, n, f"{place.name}[{at}]")) for at, n in enumerate(place.node.value)]
    try:
        return yaml.SafeLoader("").construct_object(place.node)
    except (yaml.YAMLError, ValueError, OverflowError):
        place.wrong("a plain value")
        return None
