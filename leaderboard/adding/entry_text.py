"""A draft -> the lines of an entry in models.yaml, with the reasons as comments. Pure.

What the Hub says can be anything: each value is written so that it reads back as exactly that, on one line, and a
comment never leaves its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from leaderboard.adding.guessing import Draft, Fact
from leaderboard.errors import printable

LONGEST = 120  # characters of a line; a value may need more
SHORTEST = 24  # of them, of a comment that says something
ENDLESS = 2**31  # characters, after which YAML would fold a line


def render_entry(draft: Draft) -> str:
    """The block of an entry, as ``yaml_edit.insert_entry`` takes it."""
    lines = [_cut(f"# {printable(draft.summary)}"), f"{write_scalar(draft.id)}:"]
    for name, fact in draft.fields.items():
        lines += _source_lines(draft.source) if name == "sources" else _lines(name, fact)
    return "\n".join(lines) + "\n"


def write_scalar(value: Any) -> str:
    """A value as YAML on one line, lists in brackets; it reads back as the same."""
    plain = _dump(value, style=None)
    return plain if plain.isprintable() else _dump(value, style='"')


def _dump(value: Any, style: str | None) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, default_style=style, width=ENDLESS, allow_unicode=style is None
    )
    return text.removesuffix("...\n").removesuffix("\n")


def _source_lines(source: Mapping[str, Fact]) -> Iterator[str]:
    yield "  sources:"
    for number, (name, fact) in enumerate(source.items()):
        lead = "    - " if number == 0 else "      "
        yield _with_comment(f"{lead}{name}: {write_scalar(fact.value)}", fact.reason)


def _lines(name: str, fact: Fact) -> Iterator[str]:
    if not isinstance(fact.value, Mapping):
        yield _with_comment(f"  {name}: {write_scalar(fact.value)}", fact.reason)
        return
    yield _with_comment(f"  {name}:", fact.reason)
    for key, value in fact.value.items():
        yield f"    {key}: {write_scalar(value)}"


def _with_comment(line: str, reason: str) -> str:
    """With the reason behind the value, as far as the line has room for it."""
    if not reason or len(line) + SHORTEST > LONGEST:
        return line
    return _cut(f"{line}  # {printable(reason)}")


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
