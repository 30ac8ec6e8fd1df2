"""YAML with line numbers: the data, where each value stands, and keys that were given twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from leaderboard.errors import LeaderboardError

MOST_BYTES = 5 * 10**6  # models.yaml has 100,000
MOST_VALUES = 200_000  # likewise 10,000
DEEPEST = 100
Location = tuple[str | int, ...]


@dataclass
class Document:
    """A parsed YAML file. ``lines`` maps the location of every key and item to its line, from 1."""

    path: Path
    data: Any
    lines: dict[Location, int] = field(default_factory=dict)
    repeated: list[Location] = field(default_factory=list)

    def line(self, location: Location) -> int:
        """The line of a location, or of its nearest enclosing one when it is not in the file."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def known(self, location: Location) -> Location:
        """The location without the parts that a validator added and the file does not have."""
        kept: Location = ()
        for part in location:
            if (*kept, part) in self.lines:
                kept = (*kept, part)
        return kept


def load_yaml(path: Path) -> Document:
    """Read a YAML file with the safe loader.

    Raises:
        LeaderboardError: when the file is missing, is not UTF-8 or is not YAML.
    """
    try:
        loader = yaml.SafeLoader(_read_text(path))
        node = loader.get_single_node()
        _check_size(node)
        document = Document(path, loader.construct_document(node) if node else None)
        places = list(_walk(node, ()))
    except FileNotFoundError:
        raise LeaderboardError(f"{path} does not exist; run from a clone or pass --root") from None
    except OSError as error:
        raise LeaderboardError(f"{path} cannot be read ({error.strerror}); check what it is and its rights") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none, an alias of itself
        raise LeaderboardError(_syntax_message(path, error)) from None
    for location, line in places:
        if location in document.lines:
            document.repeated.append(location)
        document.lines[location] = line
    return document


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes")
    return content.decode("utf-8").replace("\r\n", "\n")


def _check_size(root: yaml.Node | None) -> None:
    """Before anything walks through it: aliases of aliases make a document of 500 bytes one of 10^10 values.

    Raises:
        ValueError: it would have too many values with its aliases written out, or is nested too deeply.
    """
    if root is not None and _count(root, {}, 0) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES:,} values with its aliases written out")


def _count(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """Nodes from this one on, each alias for as many as it stands for; every node is looked at once."""
    if depth > DEEPEST:
        raise ValueError(f"nested deeper than {DEEPEST}, or an alias of itself")
    if id(node) not in known:
        known[id(node)] = 1 + sum(_count(part, known, depth + 1) for part in _parts_of(node))
    return known[id(node)]


def _parts_of(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from chain.from_iterable(node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _walk(node: yaml.Node | None, at: Location) -> Iterator[tuple[Location, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*at, key.value)
            yield here, key.start_mark.line + 1
            yield from _walk(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            here = (*at, index)
            yield here, item.start_mark.line + 1
            yield from _walk(item, here)


def _syntax_message(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    problem = getattr(error, "problem", None) or error
    return f"{path.name}:{line}: not valid YAML ({problem}); check indentation, quotes and colons there"
