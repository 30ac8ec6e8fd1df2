"""The markdown of a review: plain words for who reads it, and nothing but text for what a stranger wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from leaderboard.changes import Change
from leaderboard.pull_request.changed import Changed
from leaderboard.pull_request.review import Review, ReviewedCell
from leaderboard.records import Cell
from leaderboard.render.changes import escape
from leaderboard.render.review import LONGEST, render_review

CELL = Cell("toy", "grains")
NOTHING = Changed({}, (), (), ())
TOY = Changed({"toy": ("new",)}, (), (), ())
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TEXT = {"text", "inline", "softbreak"}  # what a stranger's words may come out as, within <code>
HOSTILE = {
    "pipe": "a | b || c",
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "comment": "<!-- fossil-leaderboard: measured again -->",
    "end of code": "</code></details><b>x</b>",
    "mention": "@somebody and @org/team",
    "issue": "#12 and acme/toy#3",
    "lines": "a\n\n# Title\n\n- item\r\n| x |\u2028y\u0085z",
    "code": "`a` ``` b",
    "fence": "~~~ a",
    "link": "[click](http://example.org)",
    "picture": "![x](http://example.org/x.png)",
    "reference": "[x]: http://example.org",
    "address": "http://example.org/x",
    "bare address": "see www.example.org/login now",
    "upper address": "WWW.example.org",
    "angled": "<http://example.org>",
    "emphasis": "*a* **b** _c_ __d__",
    "struck": "~~a~~ and ~b~",
    "entity": "&lt;b&gt; &#124; &amp;",
    "escape": "\\| \\` \\",
    "control": "a\x1b[2Jb\x00c\x07",
    "right to left": "a\u202egnp.exe\u202c\u2066b\u200f",
    "invisible": "a\u200bb\u00ad\ufeff",
    "heading": "# a",
    "item": "- a",
    "number": "1. a",
    "other number": "1) a",
    "rule": "---",
    "quote": "> a",
    "table": "--- | ---",
    "maths": "$x$ $$y$$",
    "indented": "      a",
    "template": "${{ github.token }}",
    "command": "::error::a",
}


def render(review: Review, **refused: str) -> str:
    """As a comment would have it."""
    return render_review(review, refused)


def make_review(*cells: ReviewedCell, changed: Changed = TOY, **changes) -> Review:
    """Of one cell that agrees, unless others are given."""
    return Review(changed, cells or [ReviewedCell(CELL, "ok", "")], [], [], "main", **changes)


def list_tokens(text: str) -> list[Token]:
    """What a reader of markdown makes of it, inner parts too."""
    return [part for token in PARSER.parse(text) for part in (token, *(token.children or ()))]


def describe(text: str) -> list[tuple[str, str]]:
    """The structure without the words: kind of each part, and HTML as it stands."""
    kinds = [
        (token.type, token.content.strip() if token.type.startswith("html") else "") for token in list_tokens(text)
    ]
    return [kind for kind in kinds if kind[0] not in TEXT and kind[1] not in ("<code>", "</code>")]


def say_everywhere(text: str) -> str:
    """A review in which every place that can hold a stranger's words holds these."""
    cells: Sequence[ReviewedCell] = [
        ReviewedCell(Cell(text, text), "error", text),
        ReviewedCell(Cell(text, text), "ok", "", text, missed=(text,)),
    ]
    changed = Changed({text: (text, text)}, (text,), (text,), (text,))
    changes = [Change(Cell(text, text), "unchanged", elsewhere=(text,))]
    review = Review(changed, cells, [text], changes, text, [Cell(text, text)], (text,))
    return render(review, **{text: text})


@pytest.mark.parametrize("name", HOSTILE)
def test_foreign_words_are_text_wherever_they_stand(name: str) -> None:
    """The parts of the page are those of a page with plain words: no tag, link, row or heading more."""
    page = say_everywhere(HOSTILE[name])
    assert describe(page) == describe(say_everywhere("plain"))


@pytest.mark.parametrize("name", HOSTILE)
def test_foreign_words_mean_nothing_to_the_host_either(name: str) -> None:
    """Mentions, issues, bare addresses and maths are found beside markdown: in code, and without their signs."""
    text = escape(HOSTILE[name])
    inside = text.removeprefix("<code>").removesuffix("</code>")
    assert not set(inside) & set("@<>|`*[]$\\~\n\r\x1b\x00\u202e\u2028\u200b")
    assert "www." not in inside.lower()
    assert "://" not in inside
    assert text == inside or text == f"<code>{inside}</code>"
    assert inside.isascii()


@pytest.mark.parametrize("name", ["pipe", "script", "mention", "struck", "bare address", "item"])
def test_foreign_words_can_still_be_read(name: str) -> None:
    """As they were written."""
    words = HOSTILE[name]
    shown = "".join(token.content for token in list_tokens(escape(words)) if token.type == "text")
    assert shown == words


def test_two_names_with_a_tilde_do_not_strike_out_what_is_between() -> None:
    """HEAD~2 and HEAD~1 are ordinary names of commits."""
    page = f"from {escape('HEAD~2')} to {escape('HEAD~1')}"
    assert not any(token.type.startswith("s_") for token in list_tokens(page))


@pytest.mark.parametrize(
    ("review", "refused", "first"),
    [
        (make_review(changed=NOTHING), {}, "Every measured figure is as this pull request says."),
        (Review(NOTHING, [], [], [], "main"), {}, "No figure of the leaderboard is concerned."),
        (make_review(ReviewedCell(CELL, "error", "x")), {}, "1 problem to mend before this can be merged."),
        (make_review(notes=("x",)), {"a": "b"}, "2 problems to mend before this can be merged."),
        (
            make_review(ReviewedCell(CELL, "ok", "", is_carried=False)),
            {},
            "Measured; but this pull request does not carry every figure.",
        ),
    ],
)
def test_the_first_line_is_the_verdict(review: Review, refused: dict[str, str], first: str) -> None:
    """In bold, with the number of problems."""
    assert render(review, **refused).splitlines()[0] == f"**{first}**"


def test_each_cell_is_a_row_with_what_became_of_it() -> None:
    """Measured again, and how the carried figures stand to that."""
    cells = [
        ReviewedCell(Cell("a", "grains"), "ok", ""),
        ReviewedCell(Cell("b", "grains"), "ok", "", "knn1.f1_macro is stored as 0.9, measured as 0.5"),
        ReviewedCell(Cell("c", "grains"), "ok", "", is_carried=False),
        ReviewedCell(Cell("d", "grains"), "gated", "no account"),
        ReviewedCell(Cell("e", "grains"), "ok", "", missed=("knn1.f1_macro is 0.5, below its threshold 0.6",)),
    ]
    rows = [line for line in render(make_review(*cells)).splitlines() if line.startswith("|")][2:]
    shown = [[part.strip() for part in row.strip("|").split("|")][2:] for row in rows]
    assert shown == [
        ["ok", "agree"],
        ["ok", "**differ**: knn1.f1_macro is stored as 0.9, measured as 0.5"],
        ["ok", "none: commit the result file"],
        ["gated; no account", "not compared"],
        ["ok; knn1.f1_macro is 0.5, below its threshold 0.6", "agree"],
    ]


def test_what_a_maintainer_has_to_know_is_told() -> None:
    """Gated models, workflows, what nobody measured, what was not read."""
    changed = Changed({"toy": ("new", "result on grains")}, ("top",), ("old",), (".github/workflows/ci.yml",))
    review = replace(make_review(changed=changed), unmeasured=["tin"], unchecked=[Cell("toy", "spores")])
    page = render(review, artifact="it is no zip file")
    for line in (
        "- toy: new; result on grains",
        "- old: removed",
        "- tin was to be measured, and nothing came of it: see the job's log.",
        "- top is gated: a maintainer measures it, with the workflow *gated*.",
        "- toy on spores was not measured again: its figures are the contributor's word.",
        "- Not read: it is no zip file",
        "- **It changes what runs here** (.github/workflows/ci.yml): a maintainer reads that before anything else.",
    ):
        assert line in page.splitlines()


def test_a_page_about_no_figure_is_one_line() -> None:
    """No table, no heading."""
    assert render(Review(NOTHING, [], [], [], "main")) == "**No figure of the leaderboard is concerned.**\n"


def test_long_words_are_cut() -> None:
    """A traceback, or whatever a stranger sends: the rest of the page is to be read too."""
    long = "x" * 100_000
    page = render(
        make_review(
            ReviewedCell(CELL, "error", long),
            ReviewedCell(CELL, "ok", "", long),
            changed=Changed({"toy": (long,)}, (), (), (long,)),
            notes=(long,),
        ),
        artifact=long,
    )
    assert "x" * (LONGEST + 1) not in page
    assert page.count("x" * LONGEST) == 6
    assert "…" not in render(make_review(ReviewedCell(CELL, "error", "x" * LONGEST)))
