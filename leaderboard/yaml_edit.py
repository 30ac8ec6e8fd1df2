"""Changes to a YAML text that leave every other byte of it as it is: comments, order, quotes, line breaks."""

from __future__ import annotations

import yaml

from leaderboard.yaml_lines import Location


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
    mapping = _find(yaml.compose(text, yaml.SafeLoader), location[:-1])
    if not isinstance(mapping, yaml.MappingNode) or not mapping.value:
        raise KeyError(location)
    found = next((node for key, node in mapping.value if key.value == location[-1]), None)
    if found is not None:
        return text[: found.start_mark.index] + written + text[found.end_mark.index :]
    return _add(text, mapping, f"{location[-1]}: {written}")


def _find(node: yaml.Node | None, location: Location) -> yaml.Node:
    for part in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
    if node is None:
        raise KeyError(location)
    return node


def _add(text: str, mapping: yaml.MappingNode, line: str) -> str:
    end = _end_of(mapping.value[-1][1])
    if mapping.flow_style:
        return f"{text[:end]}, {line}{text[end:]}"
    first_key = mapping.value[0][0].start_mark
    end = text.find("\n", end) if "\n" in text[end:] else len(text)  # behind a comment on the last line
    return f"{text[:end]}\n{' ' * first_key.column}{line}{text[end:]}"


def _end_of(node: yaml.Node) -> int:
    """Where a value really ends: a block's own mark stands at the beginning of what follows it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index
