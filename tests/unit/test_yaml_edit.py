"""One value, key or entry of a YAML text is changed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.errors import LeaderboardError
from leaderboard.yaml_edit import insert_entry, set_block, set_value, sort_entries

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
    """In models.yaml as it is, each source takes a value without a change elsewhere, one after the other."""
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    models = yaml.safe_load(text)
    places = [(id_, index) for id_, entry in models.items() for index in range(len(entry.get("sources", [])))]
    for number, (id_, index) in enumerate(places):
        pin, kept = f"abc{number}", models[id_]["sources"]
        text = set_value(text, (id_, "sources", index, "sha256"), pin)
        models[id_]["sources"] = [own | ({"sha256": pin} if n == index else {}) for n, own in enumerate(kept)]
    assert yaml.safe_load(text) == models
    assert len(places) > 30


@pytest.mark.parametrize("location", [("gone", "title"), ("toy", "licence", "text"), ("toy", "sources", 9, "hub")])
def test_a_place_that_is_not_there_is_an_error(location) -> None:
    """Nothing is made up on the way to it."""
    with pytest.raises((KeyError, IndexError)):
        set_value(TEXT, location, "abc")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: &x {b: 1}\nc:\n  d: *x  # said\n", "a: &x {b: 1}\nc:\n  d: *x  # said\n  e: f\n", id="alias"),
        pytest.param(
            "c:\n  d: |\n    one\n    # two\n\nz: 1\n", "c:\n  d: |\n    one\n    # two\n  e: f\n\nz: 1\n", id="text"
        ),
        pytest.param("c:\r\n  d: 1\r\nz: 1\r\n", "c:\r\n  d: 1\r\n  e: f\r\nz: 1\r\n", id="line-breaks"),
    ],
)
def test_a_key_is_added_below_whatever_the_last_value_is(text: str, expected: str) -> None:
    """An alias ends where it stands, not at its anchor; a text of several lines at its last one."""
    assert set_value(text, ("c", "e"), "f") == expected


# ---- a key with all that belongs to it

ENTRY = """\
a: {k: 1}
# said of b
b:
  one: 1
  # said of floors
  floors: {x: {m: 1}}  # old
  # said of two
  two: &two
    - 2

c: *two
"""
LINES = ["floors:", "  x: {m: 2}", "  y:  # new", "    m: 3"]


def test_a_block_takes_the_place_of_a_value() -> None:
    """Its comment goes with it; comments of other keys stay."""
    changed = set_block(ENTRY, ("b", "floors"), LINES)
    new = "  floors:\n    x: {m: 2}\n    y:  # new\n      m: 3\n"
    assert changed == ENTRY.replace("  floors: {x: {m: 1}}  # old\n", new)
    assert yaml.safe_load(changed)["b"]["floors"] == {"x": {"m": 2}, "y": {"m": 3}}


def test_a_block_is_replaced_by_a_shorter_one_and_comes_back() -> None:
    """All lines of the old value go, none of another one."""
    changed = set_block(ENTRY, ("b", "floors"), LINES)
    assert set_block(changed, ("b", "floors"), ["floors: {x: {m: 1}}  # old"]) == ENTRY


def test_a_block_is_added_as_the_last_key() -> None:
    """Below the last value, however deep that is, and before the blank line."""
    changed = set_block(ENTRY, ("b", "digest"), ["digest:  # of it", "  k: v"])
    assert changed == ENTRY.replace("    - 2\n", "    - 2\n  digest:  # of it\n    k: v\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_block_has_the_line_breaks_of_its_file(newline: str) -> None:
    """And a file that ends without one still does."""
    text = newline.join(["b:", "  one: 1"])
    assert set_block(text, ("b", "two"), ["two:", "  k: v"]) == newline.join(["b:", "  one: 1", "  two:", "    k: v"])


def test_lines_do_not_go_between_braces() -> None:
    """The place is named."""
    with pytest.raises(LeaderboardError, match="a stands in braces"):
        set_block(ENTRY, ("a", "l"), ["l: 1"])


def test_entries_of_this_repository_take_floors() -> None:
    """In models.yaml as it is, written anew or added, without a change elsewhere, one after the other."""
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    models = yaml.safe_load(text)
    for number, id_ in enumerate(list(models)[::3]):
        text = set_block(text, (id_, "thresholds"), ["thresholds:", f"  grains: {{m: 0.{number}5}}"])
        models[id_] |= {"thresholds": {"grains": {"m": float(f"0.{number}5")}}}
    assert yaml.safe_load(text) == models


# ---- entries

BLOCK = "m:  # new\n  k: v\n"
PLACES = {  # what there is -> what it becomes
    "nothing": ("", "m:  # new\n  k: v\n"),
    "braces": ("# head\n{}\n", "# head\n\nm:  # new\n  k: v\n"),
    "a-head": ("# head\n", "# head\n\nm:  # new\n  k: v\n"),
    "at-the-end": ("a: 1\n", "a: 1\n\nm:  # new\n  k: v\n"),
    "at-an-end-without-a-newline": ("a: 1", "a: 1\n\nm:  # new\n  k: v\n"),
    "behind-a-comment": ("a: 1\n# last\n", "a: 1\n# last\n\nm:  # new\n  k: v\n"),
    "first": ("z: 1\n", "m:  # new\n  k: v\n\nz: 1\n"),
    "first-below-a-head": ("# head\n\n# of z\nz: 1", "# head\n\nm:  # new\n  k: v\n\n# of z\nz: 1"),
    "first-above-its-comment": ("# of z\nz: 1\n", "m:  # new\n  k: v\n\n# of z\nz: 1\n"),
    "between": ("a: 1\n\nz: 1\n", "a: 1\n\nm:  # new\n  k: v\n\nz: 1\n"),
    "between-dense-ones": ("a: 1\n# of z\nz: 1\n", "a: 1\n\nm:  # new\n  k: v\n\n# of z\nz: 1\n"),
    "unsorted": ("z: 1\n\na: 1\n", "m:  # new\n  k: v\n\nz: 1\n\na: 1\n"),
    "line-breaks": ("a: 1\r\n\r\nz: 1\r\n", "a: 1\r\n\r\nm:  # new\r\n  k: v\r\n\r\nz: 1\r\n"),
    "no-comment-but-text": ('a: "x\n# y"\nz: 1\n', 'a: "x\n# y"\n\nm:  # new\n  k: v\n\nz: 1\n'),
    "an-indented-comment": ("a:\n  k: 1\n  # of a\nz: 1\n", "a:\n  k: 1\n  # of a\n\nm:  # new\n  k: v\n\nz: 1\n"),
    "an-anchor-below": ("a: &x {k: 1}\n\nz: *x\n", "a: &x {k: 1}\n\nm:  # new\n  k: v\n\nz: *x\n"),
    "a-marked-document": ("---\na: 1\n...\n", "---\na: 1\n\nm:  # new\n  k: v\n...\n"),
}


@pytest.mark.parametrize(("text", "expected"), PLACES.values(), ids=PLACES)
def test_an_entry_comes_to_its_place(text: str, expected: str) -> None:
    """Before the first greater id, with one blank line around; the rest stays byte for byte."""
    changed = insert_entry(text, "m", BLOCK)
    assert changed == expected
    assert yaml.safe_load(changed) == (yaml.safe_load(text) or {}) | {"m": {"k": "v"}}


@pytest.mark.parametrize(
    ("text", "match"), [("m: 1\n", "entry 'm' already"), ("[m]", "no mapping"), ("{a: 1}", "no mapping")]
)
def test_where_no_entry_can_be_inserted_one_line_says_so(text: str, match: str) -> None:
    """The id is taken, or there are no lines to insert between."""
    with pytest.raises(LeaderboardError, match=match):
        insert_entry(text, "m", BLOCK)


NAMES = st.text("abcxyz019.-", min_size=1, max_size=4).filter(lambda name: name[0] in "abcxyz" and name[-1] not in ".-")
BODIES = st.sampled_from(
    [
        "{0}: 1",
        "# of {0}\n{0}: 1",
        "{0}:\n  k: |\n    # text\n  # inside",
        "{0}: {{k: [1, 2]}}  # said",
        "{0}:\n  - 'a\n\n    b'",
    ]
)


@given(st.dictionaries(NAMES, BODIES, min_size=1, max_size=6), NAMES, st.booleans())
def test_an_inserted_entry_changes_nothing_else(bodies: dict[str, str], id_: str, with_head: bool) -> None:
    """Whatever entries there are: without its lines the file is what it was, but for blank lines."""
    others = {name: body for name, body in bodies.items() if name != id_}
    head = "# the head\n\n" if with_head else ""
    text = head + "\n\n".join(body.format(name) for name, body in sorted(others.items())) + "\n"
    block = f"{id_}:  # inserted\n  k: v\n"
    changed = insert_entry(text, id_, block)
    rest = changed.replace(block, "", 1)
    assert [line for line in rest.splitlines() if line] == [line for line in text.splitlines() if line]
    assert list(yaml.safe_load(changed)) == sorted([*others, id_])
    assert sort_entries(changed) == changed


@given(st.permutations(["a", "b", "c.d", "c-d", "e"]), st.booleans())
def test_sorted_entries_take_their_comments_along(order: list[str], ends: bool) -> None:
    """From any order the same file comes out; its head stays at the top and its end as it was."""
    bodies = {id_: f"# of {id_}\n{id_}:  # said\n  k: {id_}\n\n  # inside" for id_ in order}

    def join(ids: list[str]) -> str:
        return "# head\n\n" + "\n\n".join(bodies[id_] for id_ in ids) + ("\n" if ends else "")

    assert sort_entries(join(order)) == join(sorted(order))


def test_an_alias_does_not_come_before_its_anchor() -> None:
    """The anchor is named, and what to do."""
    with pytest.raises(LeaderboardError, match=r"alias \*x would come before its anchor &x; move the anchor"):
        sort_entries("z: &x {k: 1}\n\na: *x\n")


def test_this_repository_is_in_order() -> None:
    """Two pull requests rarely touch the same lines."""
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    assert sort_entries(text) == text
