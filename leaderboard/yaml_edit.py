"""Changes to a YAML text that leave every other byte of it as it is: comments, order, quotes, line breaks. Pure.

An entry is a key at the top of the file with what belongs to it: its *block* begins with the comment lines directly
above the key and ends where the next block begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import yaml

from leaderboard.errors import LeaderboardError
from leaderboard.yaml_lines import Location

ATTACHED = re.compile(r"(?:^#[^\n]*\n)+\Z", re.MULTILINE)  # comment lines without a blank line below them
UNDEFINED = re.compile(r"found undefined alias '?([^']*)")


@dataclass(frozen=True)
class Block:
    """An entry as it stands in the text."""

    id: str
    text: str  # comments above it, key, value, comments behind it
    gap: str  # line breaks down to the next block


@dataclass(frozen=True)
class Entries:
    """A text in pieces: together they are the text."""

    head: str
    blocks: tuple[Block, ...]
    tail: str  # from an explicit end of the document on

    def __str__(self) -> str:
        return self.head + "".join(block.text + block.gap for block in self.blocks) + self.tail


def set_value(text: str, location: Location, value: str) -> str:
    """The text with one scalar replaced, or added as the last key of its mapping.

    Args:
        text: a YAML document.
        location: keys and indices from the top; all but the last one have to be there.
        value: of the key, as plain text.

    Raises:
        KeyError: the mapping is not there.
    """
    written = f'"{value}"' if value.isdigit() else value  # a number would be read as one
    mapping, found = _find_key(text, location)
    if found is not None:
        node = found[1]
        return text[: node.start_mark.index] + written + text[node.end_mark.index :]
    if mapping.flow_style:
        end = _end_of(text, mapping.value[-1][1])
        return f"{text[:end]}, {location[-1]}: {written}{text[end:]}"
    return _append(text, mapping, [f"{location[-1]}: {written}"])


def set_block(text: str, location: Location, lines: Sequence[str]) -> str:
    """The text with a key, its value and its comments replaced, or added as the last key of its mapping.

    Args:
        text: a YAML document.
        location: keys and indices from the top; all but the last one have to be there.
        lines: the key and its value, as they would stand at the top of a file; comments may be among them.

    Raises:
        KeyError: the mapping is not there.
        LeaderboardError: the mapping is written in braces, where no lines can be added.
    """
    mapping, found = _find_key(text, location)
    if mapping.flow_style:
        where = ".".join(map(str, location[:-1]))
        raise LeaderboardError(f"models.yaml: {where} stands in braces; write one key per line there")
    if found is None:
        return _append(text, mapping, lines)
    key, value = found
    end = _end_of_line(text, max(_end_of(text, value), key.end_mark.index))
    return text[: key.start_mark.index] + _indent(text, lines, key.start_mark.column) + text[end:]


def insert_entry(text: str, id_: str, block: str) -> str:
    """The text with an entry more, before the first one whose id is greater, else at the end.

    Args:
        text: a YAML document that maps ids to entries; it may be empty.
        id_: of the new entry.
        block: its lines, ``id:`` and what is below it, comments too. No aliases: what they stand for may come later.

    Raises:
        LeaderboardError: the id is there already, or the file is no mapping written line by line.
    """
    entries = _split(text)
    if id_ in (own.id for own in entries.blocks):
        raise LeaderboardError(f"models.yaml has an entry {id_!r} already; choose another id")
    newline = _newline_of(text)
    body = newline.join(block.strip("\r\n").splitlines())
    place = next((n for n, own in enumerate(entries.blocks) if own.id > id_), len(entries.blocks))
    before = str(replace(entries, blocks=entries.blocks[:place], tail=""))
    after = str(replace(entries, head="", blocks=entries.blocks[place:]))
    return before + _lacking(before, newline) + body + newline * (2 if place < len(entries.blocks) else 1) + after


def sort_entries(text: str) -> str:
    """The text with its entries in the order of their ids; comments move with the entry that they are of.

    Comments at the top with a blank line below them stay at the top.

    Raises:
        LeaderboardError: an alias would come before its anchor, or the file is no mapping written line by line.
    """
    entries = _split(text)
    blocks = sorted(entries.blocks, key=lambda block: block.id)
    if blocks == list(entries.blocks):
        return text
    last, moved = blocks[-1], entries.blocks[-1]
    swapped = {moved.id: last.gap, last.id: moved.gap}  # the end of the file stays as it is
    blocks = [replace(block, gap=swapped.get(block.id, block.gap)) for block in blocks]
    changed = str(replace(entries, blocks=tuple(blocks)))
    _check_anchors(changed)
    return changed


# ---- entries


def _split(text: str) -> Entries:
    root = yaml.compose(text, _Composer)
    if root is None or (isinstance(root, yaml.MappingNode) and not root.value):  # a mapping in braces, without a key
        end = root.end_mark.index if root else 0
        return Entries(text[: root.start_mark.index] + text[end:].lstrip("\r\n") if root else text, (), "")
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise LeaderboardError("models.yaml is no mapping of ids written line by line; docs/adding-a-model.md shows it")
    starts, free = [], 0
    for key, value in root.value:
        starts.append(_start_of_block(text, key.start_mark.index, free))
        free = _end_of_line(text, _end_of(text, value))
    ends = [*starts[1:], root.end_mark.index]
    ids = [str(key.value) for key, _ in root.value]
    blocks = tuple(_block(id_, text[start:end]) for id_, start, end in zip(ids, starts, ends, strict=True))
    return Entries(text[: starts[0]], blocks, text[ends[-1] :])


def _start_of_block(text: str, key: int, free: int) -> int:
    """Where the comment lines above a key begin; what is before ``free`` belongs to the value above."""
    attached = ATTACHED.search(text[free:key])
    return free + attached.start() if attached else key


def _block(id_: str, text: str) -> Block:
    body = text.rstrip("\r\n")
    return Block(id_, body, text[len(body) :])


def _newline_of(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _lacking(before: str, newline: str) -> str:
    """The line breaks that a blank line at the end of a text still needs."""
    breaks = len(before) - len(before.rstrip("\r\n"))
    return newline * max(0, 2 - breaks // len(newline)) if before.strip() else ""


def _check_anchors(text: str) -> None:
    try:
        yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        anchor = UNDEFINED.search(str(error))
        if anchor is None:
            raise
        name = anchor[1]
        raise LeaderboardError(
            f"models.yaml: in sorted order alias *{name} would come before its anchor &{name}; move the anchor's "
            "definition to the first entry that uses it"
        ) from None


# ---- keys


class _Composer(yaml.SafeLoader):
    """Nodes as they stand in the text: an alias is itself, not what it stands for elsewhere."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if not self.check_event(yaml.AliasEvent):
            return super().compose_node(parent, index)
        event = self.get_event()  # type: ignore[no-untyped-call]
        return yaml.ScalarNode("alias", event.anchor, event.start_mark, event.end_mark)


def _find_key(text: str, location: Location) -> tuple[yaml.MappingNode, tuple[yaml.Node, yaml.Node] | None]:
    """The mapping that holds the last part of a location, and that key with its value if it is there."""
    mapping = _find(yaml.compose(text, _Composer), location[:-1])
    if not isinstance(mapping, yaml.MappingNode) or not mapping.value:
        raise KeyError(location)
    return mapping, next(((key, value) for key, value in mapping.value if key.value == location[-1]), None)


def _find(node: yaml.Node | None, location: Location) -> yaml.Node:
    for part in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
    if node is None:
        raise KeyError(location)
    return node


def _append(text: str, mapping: yaml.MappingNode, lines: Sequence[str]) -> str:
    """With lines below the last key of a mapping, and below a comment on its last line."""
    column = mapping.value[0][0].start_mark.column
    end = _end_of_line(text, _end_of(text, mapping.value[-1][1]))
    return f"{text[:end]}{_newline_of(text)}{' ' * column}{_indent(text, lines, column)}{text[end:]}"


def _indent(text: str, lines: Sequence[str], column: int) -> str:
    """Lines below one another, all but the first one moved to the column where that one will stand."""
    return (_newline_of(text) + " " * column).join(lines)


def _end_of(text: str, node: yaml.Node) -> int:
    """Where a value really ends: a block's own mark stands at the beginning of what follows it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of(text, last[1] if isinstance(last, tuple) else last)
    return node.start_mark.index + len(text[node.start_mark.index : node.end_mark.index].rstrip())


def _end_of_line(text: str, index: int) -> int:
    """The end of the line, before its line break."""
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if text[:end].endswith("\r") else end
