"""A draft becomes lines of YAML that read back as exactly its values."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.adding.entry_text import LONGEST, render_entry, write_scalar
from leaderboard.adding.guessing import Draft, Fact

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


@given(TEXTS)
def test_every_text_reads_back_on_one_line(text: str) -> None:
    """Line breaks of all kinds, control characters, what YAML takes for something else."""
    written = write_scalar(text)
    assert written.isprintable()
    assert yaml.safe_load(f"a:\n  b: {written}  # said\n  c: 1\n") == {"a": {"b": text, "c": 1}}


@given(st.lists(TEXTS, max_size=5))
def test_every_list_of_texts_reads_back_on_one_line(texts: list[str]) -> None:
    """However long it is."""
    assert yaml.safe_load(f"a:\n  b: {write_scalar(texts)}\n") == {"a": {"b": texts}}


@pytest.mark.parametrize("value", [None, True, 384, 0.25, [256, 256], [0.485, 0.456]])
def test_other_values_stay_plain(value) -> None:
    """As a person would write them."""
    assert yaml.safe_load(write_scalar(value)) == value
    assert '"' not in write_scalar(value)


@given(TEXTS, TEXTS)
def test_a_comment_never_leaves_its_line(reason: str, value: str) -> None:
    """Whatever the reasons say, the entry has its values and no other key."""
    fields = {"title": Fact(value, reason), "sources": Fact(None), "links": Fact({"backbone": value}, reason)}
    draft = Draft("0123", reason, fields, {"hub": Fact(value, reason), "drop": Fact([value], reason)})
    block = render_entry(draft)
    source = {"hub": value, "drop": [value]}
    assert yaml.safe_load(block) == {"0123": {"title": value, "sources": [source], "links": {"backbone": value}}}
    assert block.startswith("# ")


def test_lines_of_comments_are_cut() -> None:
    """At 120 characters; values never are."""
    draft = Draft("a", "x" * 300, {"title": Fact("t", "y" * 300), "licence": Fact("z" * 300, "short")})
    comment, _, title, licence = render_entry(draft).splitlines()
    assert (len(comment), len(title)) == (LONGEST, LONGEST)
    assert licence == f"  licence: {'z' * 300}"
