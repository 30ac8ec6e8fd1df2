"""One value of a YAML text is changed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.yaml_edit import set_value

ROOT = Path(__file__).parents[2]
TEXT = """\
# the head

toy:   # said of toy
  "title": 'Toy'  # said of its title
  sources:
    - {hub: a/b, revision: main}  # in braces
    - hub: c/d   # in a block
      file: e.pth  # its last line

    # before the next
    - {url: https://example.org/a.pth}
  licence: MIT
other: {title: Other}"""


@pytest.mark.parametrize(
    ("location", "old", "new"),
    [
        pytest.param(("toy", "sources", 0, "revision"), "revision: main}", "revision: abc}", id="replaced"),
        pytest.param(("toy", "title"), "'Toy'", "abc", id="quotes-go-with-the-value"),
        pytest.param(("toy", "sources", 2, "sha256"), "a.pth}", "a.pth, sha256: abc}", id="added-in-braces"),
        pytest.param(
            ("toy", "sources", 1, "revision"),
            "file: e.pth  # its last line\n",
            "file: e.pth  # its last line\n      revision: abc\n",
            id="added-in-a-block-behind-its-comment",
        ),
        pytest.param(("toy", "notice"), "  licence: MIT\n", "  licence: MIT\n  notice: abc\n", id="added-to-the-entry"),
        pytest.param(("other", "licence"), "Other}", "Other, licence: abc}", id="added-at-the-end-of-the-file"),
    ],
)
def test_only_the_value_changes(location, old: str, new: str) -> None:
    """Comments, order, quotes and blank lines stay; the reader sees the new value at its place."""
    changed = set_value(TEXT, location, "abc")
    assert changed == TEXT.replace(old, new)
    place = yaml.safe_load(changed)
    for part in location:
        place = place[part]
    assert place == "abc"


def test_a_key_is_added_behind_the_last_line_of_a_file_without_a_newline() -> None:
    """A block mapping that ends the text gets its own line."""
    assert set_value("a:\n  b: c", ("a", "d"), "e") == "a:\n  b: c\n  d: e"


@given(st.text("0123456789abcdef", min_size=40, max_size=40))
def test_every_commit_comes_back_as_text(commit: str) -> None:
    """Also one of digits alone, which YAML would read as a number."""
    changed = set_value(TEXT, ("toy", "sources", 0, "revision"), commit)
    assert yaml.safe_load(changed)["toy"]["sources"][0]["revision"] == commit


def test_every_source_of_this_repository_can_be_pinned() -> None:
    """In models.yaml as it is, each source takes a value without a change elsewhere."""
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    models = yaml.safe_load(text)
    places = [(id_, index) for id_, entry in models.items() for index in range(len(entry.get("sources", [])))]
    for id_, index in places:
        changed = yaml.safe_load(set_value(text, (id_, "sources", index, "sha256"), "abc"))
        kept = models[id_]["sources"]
        models[id_]["sources"] = [source | ({"sha256": "abc"} if n == index else {}) for n, source in enumerate(kept)]
        assert changed == models
        models[id_]["sources"] = kept
    assert len(places) > 30


@pytest.mark.parametrize("location", [("gone", "title"), ("toy", "licence", "text"), ("toy", "sources", 9, "hub")])
def test_a_place_that_is_not_there_is_an_error(location) -> None:
    """Nothing is made up on the way to it."""
    with pytest.raises((KeyError, IndexError)):
        set_value(TEXT, location, "abc")
