"""The tables for a paper: rows, signs, notes, and text that LaTeX would read as commands."""

from __future__ import annotations

import re

import pytest

from leaderboard.records import Literature, Reported
from leaderboard.render.latex import render_latex, to_latex
from leaderboard.render.tables import render_reported
from leaderboard.sections import NO_NEWS, News, compute_sections, narrow

F1 = "knn1.f1_macro"
FIGURE = r"\$\d\.\d{3} \\pm \d\.\d{3}\$"


@pytest.fixture
def reported(crowd, with_model):
    """Of the third model there is a figure of others."""
    figures = Reported({F1: 0.9}, "A_paper & 100 % of #2")
    return with_model(crowd, "tin", reported={"grains": figures})


def list_rows(text: str) -> list[list[str]]:
    """The cells of every line that ends a row of a tabular."""
    inside = text.partition(r"\begin{tabular}")[2].partition(r"\end{tabular}")[0]
    return [line.removesuffix(r" \\").split(" & ") for line in inside.splitlines() if line.endswith(r" \\")]


def render(registry, results, news=NO_NEWS) -> str:
    """All sections."""
    return render_latex(compute_sections(registry, results, news))


def test_a_table_has_ranks_figures_and_statuses(measure, crowd) -> None:
    """Tied models share a rank, intervals stand in math mode, best first."""
    head, *rows = list_rows(render(crowd, [measure("toy", 30), measure("top", 2), measure("tin", 31)]))
    assert head == ["Rank", "Model", "NN F1", "P@N", "Linear bal. acc.", "Status"]
    assert [row[:2] for row in rows] == [["1", "top"], ["2=~(2--3)", "toy"], ["2=~(2--3)", "tin"]]
    for row in rows:
        assert all(re.fullmatch(FIGURE, cell) for cell in row[2:5])
        assert row[5] == "ok"


def test_reported_rows_stand_below_a_rule_with_their_source(measure, reported) -> None:
    """Without a rank, with their own digits, what they lack as a dash; the source is escaped."""
    text = render(reported, [measure("toy", 30)])
    assert text.count(r"\midrule") == 2
    below = text.rpartition(r"\midrule")[2]
    assert r"\multicolumn{6}{l}{\emph{Reported by others, not measured here and not ranked}} \\" in below
    assert list_rows(text)[-1] == ["--", "tin", "0.9", "--", "--", "reported"]
    assert r"Source: A\_paper \& 100 \% of \#2." in below


def test_reported_rows_alone_need_one_rule(reported) -> None:
    """No ranks, no word about intervals, and no finding."""
    text = render(reported, [])
    assert text.count(r"\midrule") == 1
    assert list_rows(text)[0][0] == "Model"
    assert r"$\pm$" not in text
    assert "No row can be compared" not in text


def test_reported_rows_stand_in_the_order_of_the_other_tables(crowd, with_model) -> None:
    """By the first column of which others report a figure, here the second; one without it comes last."""
    share, balanced = "retrieval.precision_at_n", "linear.balanced_accuracy"
    board = crowd
    for model, figures in {"toy": {balanced: 0.9}, "top": {share: 0.4, balanced: 0.1}, "tin": {share: 0.6}}.items():
        board = with_model(board, model, reported={"grains": Reported(figures, "Somebody")})
    [section] = compute_sections(board, [])
    names = [row[0] for row in list_rows(render_latex([section])) if row[-1] == "reported"]
    assert names == ["tin", "top", "toy"]
    assert names == re.findall(r"^\| (t\w+) ", render_reported(section), re.MULTILINE)


def test_the_caption_says_what_the_images_can_resolve(measure, crowd) -> None:
    """Without markdown's asterisks."""
    caption = render(crowd, [measure("toy", 30), measure("top", 2)]).partition(r"\caption{")[2].partition("\n")[0]
    assert caption.startswith(
        "Grains: 80 images, 2 classes, licence not stated. Nobody's. The smallest difference in NN F1"
    )
    assert re.search(rf"it is|above toy|{FIGURE}", caption)
    assert "*" not in caption


def test_a_smoke_test_has_no_ranks_and_says_what_it_is(measure, crowd, with_dataset) -> None:
    """In the caption."""
    text = render(with_dataset(crowd, ranked=False), [measure("toy", 30)])
    assert "no evidence about real fossils" in text
    assert "Rank" not in text


def test_notes_hold_remarks_notices_and_other_methods(measure, crowd, with_model, with_dataset) -> None:
    """What markdown says below its table."""
    board = with_model(crowd, "toy", notice="Built with {toys}")
    board = with_dataset(board, literature=(Literature(F1, 0.75, "best of Somebody"),))
    text = render(board, [measure("toy", 30), measure("top", 2, model={"dtype": "bfloat16"})])
    notes = text.partition(r"\parbox")[2]
    assert r"$\dagger$ top: bfloat16." in notes
    assert r"toy: Built with \{toys\}." in notes
    assert "Other methods, to compare with NN F1: 0.75, best of Somebody." in notes
    assert list_rows(text)[-1][-1] == r"ok~$\dagger$"


def test_arrows_and_statuses_of_a_run_are_shown(measure, crowd) -> None:
    """As in the other tables."""
    from leaderboard.records import Cell

    news = News(
        arrows={Cell("toy", "grains"): {F1: "improved"}}, statuses={Cell("tin", "grains"): ("gated", "ask_for it")}
    )
    text = render(crowd, [measure("toy", 30)], news)
    assert re.search(FIGURE + r"~\$\\uparrow\$ &", text)
    assert r"gated~$\dagger$" in text
    assert r"tin: ask\_for it." in text


def test_what_is_long_stands_on_several_lines(measure, crowd) -> None:
    """Titles, and names of metrics without one."""
    board = narrow(crowd, ["knn1.accuracy", "clustering.umap.kmeans_known_k.ami"])
    text = render(board, [measure("toy", 30, metrics={"clustering.umap.kmeans_known_k.ami": -0.25})])
    head, row = list_rows(text)
    assert sum("shortstack[r]" in title for title in head) >= 1
    assert max(len(line) for title in head for line in re.split(r"\\\\|\{|\}", title)) <= 20
    assert "$-0.250$" in row


def test_a_corrupt_cell_shows_no_figure(measure, crowd) -> None:
    """Dashes, and why."""
    text = render(crowd, [measure("toy", 30, metrics={F1: 0.99})])
    assert list_rows(text)[-1] == ["toy", "--", "--", "--", r"corrupt~$\dagger$"]
    assert "0.990" not in text


def test_no_text_is_read_as_a_command() -> None:
    """Every sign that LaTeX treats apart, and the signs of the tables in math mode."""
    assert to_latex("a_b & 5% #1 $x {y} ~ ^ \\z") == (
        r"a\_b \& 5\% \#1 \$x \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z"
    )
    assert to_latex('the "best" ± 0.5') == r"the ``best'' $\pm$ 0.5"
    assert to_latex("-0.1 ± 0.2; 8×8 – †") == r"$-0.1 \pm 0.2$; 8$\times$8 -- $\dagger$"


def test_braces_are_balanced_whatever_a_title_holds(measure, crowd, with_dataset) -> None:
    """And every environment that begins ends."""
    text = render(with_dataset(crowd, title="{50 %} of } the {", attribution="\\end{table}"), [measure("toy", 30)])
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    for name in ("table", "tabular"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") == 1


def test_nothing_gives_nothing(crowd) -> None:
    """Not even the line about the preamble."""
    assert render(crowd, []) == ""
