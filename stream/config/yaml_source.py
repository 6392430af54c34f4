"""YAML that remembers its lines, and refuses what is no honest document.

A document is read into nodes, not into values: so that a mistake can be told with its line, a key that stands twice is
noticed, and a few lines of aliases never grow into gigabytes.
"""

import re
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stream.contracts.errors import ConfigError

FILE_BYTES_MAX: Final = 1 << 20
NODES_MAX: Final = 100_000
DEPTH_MAX: Final = 20
SHOWN_MISTAKES_MAX: Final = 20

_PLAIN_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


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

    def mistake(self, node: Node, name: str, problem: str) -> None:
        """Note a mistake at a node: `problem` says the value and what is accepted."""
        self.mistakes.append((node.start_mark.line + 1, f"{name or 'the file'}{problem}"))

    def refuse(self) -> None:
        """Tell all mistakes at once, in the order of their lines.

        Raises:
            ConfigError: there are any.
        """
        if self.mistakes:
            lines = [f"{self.path}:{line}: {text}" for line, text in sorted(self.mistakes)]
            if len(lines) > SHOWN_MISTAKES_MAX:
                lines = [*lines[:SHOWN_MISTAKES_MAX], f"... and {len(lines) - SHOWN_MISTAKES_MAX} more"]
            raise ConfigError(f"wrong {self.what}:\n  " + "\n  ".join(lines))


@dataclass(frozen=True)
class YamlNode:
    """One value of the document: where it is, and what it is called."""

    document: YamlDocument
    node: Node
    name: str

    def wrong(self, expected: str) -> None:
        """Note that the value is not what is accepted here."""
        self.document.mistake(self.node, self.name, f" = {shown(self.node)}: expected {expected}")

    def mapping(self) -> dict[str, "YamlNode"]:
        """The value, which is a mapping, by its keys; keys that are no words or stand twice are noted, and left out."""
        found: dict[str, YamlNode] = {}
        for key, value in self.node.value:
            name = key.value if isinstance(key, ScalarNode) else None
            node = YamlNode(self.document, value, f"{self.name}.{name}" if self.name else str(name))
            if name is None:
                self.document.mistake(key, self.name, f": the key {shown(key)} is no word")
            elif name in found:
                self.document.mistake(key, node.name, ": stands here twice; keep one")
            else:
                found[name] = node
        return found


def shown(node: Node) -> str:
    """A node's value for a message, short."""
    if isinstance(node, ScalarNode):
        plain = node.style is None and node.tag != "tag:yaml.org,2002:str"
        return "nothing" if node.value == "" and plain else reprlib.repr(node.value) if not plain else node.value[:40]
    return "a list" if isinstance(node, SequenceNode) else "a mapping"


def read_document(path: Path, what: str, expected: str | None) -> YamlNode | None:
    """The root of a YAML file.

    Args:
        path: the file.
        what: what it holds, as "scorecards".
        expected: what an empty one should hold, and where that is described; None: it may be empty.

    Returns:
        None where it is empty, and may be.

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
        raise ConfigError(f"{what} {path}: not valid YAML: {_worded(error)}") from None
    except RecursionError:
        raise ConfigError(f"{what} {path}: nested too deeply") from None
    if root is None and expected is None:
        return None
    if root is None:
        raise ConfigError(f"{what} {path}: empty; expected {expected}")
    _check_size(path, what, root)
    return YamlNode(YamlDocument(path, what), root, "")


def _worded(error: Exception) -> str:
    """What is wrong and where; not the line itself, which may hold a password, nor a word of it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return type(error).__name__ if isinstance(error, yaml.YAMLError) else str(error)
    problem = re.sub(r"'[^'<]{2,}'", "'...'", error.problem or error.context or "unknown")
    mark = error.problem_mark or error.context_mark
    return problem if mark is None else f"{problem} (line {mark.line + 1}, column {mark.column + 1})"


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


def plain(node: YamlNode) -> Any:
    """The value as plain Python data; repeated keys, and what is no plain value, are noted and left out."""
    if isinstance(node.node, MappingNode | SequenceNode) and node.node.tag not in _PLAIN_TAGS:
        node.wrong("a plain value")
        return None
    if isinstance(node.node, MappingNode):
        return {name: plain(child) for name, child in node.mapping().items()}
    if isinstance(node.node, SequenceNode):
        return [plain(YamlNode(node.document, n, f"{node.name}[{at}]")) for at, n in enumerate(node.node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node.node)
    except (yaml.YAMLError, ValueError, OverflowError):
        node.wrong("a plain value")
        return None
