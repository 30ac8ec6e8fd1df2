"""The page: which sections it has, how tables and facts stand there, and that names are text whatever is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leaderboard.records import Embeddings, Provenance
from leaderboard.report.analysis import Analysis
from leaderboard.report.companions import Best
from leaderboard.report.comparison import compare_models
from leaderboard.report.facts import list_facts
from leaderboard.report.page import Contents, Drawn, render_report
from leaderboard.report.page_tables import LONGEST, view_table
from leaderboard.report.tables import Table, tabulate_models

Make = Callable[..., Analysis]
PNG = b"\x89PNG\r\n\x1a\n"


def headings(page: str) -> list[str]:
    """Of its sections."""
    return re.findall("<h2>(.*?)</h2>", page)


def table_of(best: Mapping[str, Best] | None = None, **columns: object) -> Table:
    return Table("made-up", "A caption.", pd.DataFrame(columns), best or {})


def test_empty_sections_are_left_out(make_analysis: Make) -> None:
    """No tables, figures, maps or remarks: only how it was made."""
    analysis = replace(make_analysis(protocols=()), maps={})
    page = render_report(Contents("slides", "Take none.", [analysis], None))
    assert headings(page) == ["How it was made"]
    assert 'id="remarks"' not in page
    assert "<script" not in page
    assert "Take none." in page
    assert "30 images in 3 classes; toy." in page


def test_every_table_and_figure_has_its_section(make_analysis: Make) -> None:
    """In the order of the page, each linked from the contents, the PNG written into the page."""
    analysis = make_analysis()
    figures = [Drawn("confusion.toy", "toy", "Confused.", PNG), Drawn("precision-recall", None, "A curve.", PNG)]
    page = render_report(Contents("slides", "", [analysis], None, list(tabulate_models([analysis])), figures))
    titles = ["Maps", "Naming", "Looking alike", "Class by class", "Groups without labels"]
    assert headings(page) == [*titles, "How it was made"]
    assert [target in page for target in re.findall('href="#(.*?)"', page)] == [True] * 6
    assert all(f'id="{target}"' in page for target in re.findall('href="#(.*?)"', page))
    assert page.count('src="data:image/png;base64,iVBORw0KGgo="') == 2
    assert all(f'href="figures/{name}.pdf"' in page for name in ("confusion.toy", "precision-recall"))


def test_a_single_image_in_a_single_class_is_counted_in_the_singular(make_analysis: Make) -> None:
    """And without classes none are counted."""
    analysis = make_analysis((1,), protocols=())
    assert "1 image in 1 class; toy." in render_report(Contents("slides", "", [analysis], None))
    bare = replace(analysis, embeddings=replace(analysis.embeddings, labels=np.zeros(0, np.int64)))
    assert "1 image; toy." in render_report(Contents("slides", "", [bare], None))


def test_what_a_licence_asks_to_be_shown_is_shown(make_analysis: Make) -> None:
    """At the foot of the page, with the model that it is about."""
    notices = {"toy": "Built with Toys."}
    page = render_report(Contents("slides", "", [make_analysis(protocols=())], None, notices=notices))
    assert "<footer>toy: Built with Toys. " in page


def test_figures_of_several_models_stand_below_the_models_name(make_analysis: Make) -> None:
    """What compares models first, then model after model; a single model needs no heading."""
    models = [make_analysis(model=name) for name in ("first", "second")]
    kinds = ("queries-best", "queries-worst")
    figures = [Drawn(f"{kind}.{model.model}", model.model, "Seen.", PNG) for model in models for kind in kinds]
    figures.append(Drawn("precision-recall", None, "Compared.", PNG))
    page = render_report(Contents("slides", "", models, None, (), figures))
    found = re.findall(r'<h3>(\w+)</h3>|<figure id="([\w.-]+)"', page)
    assert ["".join(pair) for pair in found] == [
        "precision-recall",
        *("first", "queries-best.first", "queries-worst.first"),
        *("second", "queries-best.second", "queries-worst.second"),
    ]
    alone = render_report(Contents("slides", "", models[:1], None, (), figures[:2]))
    assert "<h3>" not in alone


MARKUP = "<script>alert(1)<!-- x.png"


def test_markup_in_names_is_text(make_analysis: Make) -> None:
    """Of the collection, classes, files, models, figures, facts and notices; also inside the script's data."""
    analysis = make_analysis(names=(MARKUP, "</script>", "'\"&"), model=MARKUP)
    analysis = replace(analysis, embeddings=replace(analysis.embeddings, files=(MARKUP,) * 30))
    figures = [Drawn(f"confusion.{MARKUP}", MARKUP, MARKUP, PNG)]
    facts, notices = {MARKUP: {MARKUP: MARKUP}}, {MARKUP: MARKUP}
    tables = [*tabulate_models([analysis]), table_of(**{MARKUP: [MARKUP]})]
    page = render_report(Contents(MARKUP, MARKUP, [analysis], None, tables, figures, facts, notices))
    assert "<script>alert" not in page
    assert "<!--" not in page
    assert page.count("</script>") == page.count("<script") == 2
    assert "&lt;script&gt;alert(1)" in page
    assert r"\u003cscript\u003ealert(1)" in page


def test_undecodable_names_can_be_written(make_analysis: Make) -> None:
    """Bytes of a file system that are no UTF-8."""
    analysis = make_analysis(names=("\udcff", "b", "c"))
    page = render_report(Contents("\udce9", "", [analysis], None, list(tabulate_models([analysis]))))
    assert "\\udcff" in page.encode("utf-8").decode("utf-8")


def test_the_best_of_a_column_is_marked_before_rounding() -> None:
    """Highest or lowest as the table says, ties all of them; both show the same digits otherwise."""
    table = table_of(
        {"F1": "max", "loss": "min"}, model=["a", "b", "c"], F1=[0.71234, 0.71233, 0.5], loss=[1.0, 0.5, 0.5]
    )
    rows = view_table(table, ("a", "b", "c")).rows
    assert [[cell.is_best for cell in row] for row in rows] == [
        [False, True, False],
        [False, False, True],
        [False, False, True],
    ]
    assert [row[1].text for row in rows] == ["0.712", "0.712", "0.500"]


def test_best_values_are_bold_on_the_page(make_analysis: Make) -> None:
    """As many as the view marks."""
    models = [make_analysis(model=name, seed=seed) for name, seed in (("a", 1), ("b", 2))]
    tables = list(tabulate_models(models, compare_models(models)))
    views = [view_table(table, ("a", "b")) for table in tables if table.name in ("headlines", "disparity")]
    marked = sum(cell.is_best for view in views for row in view.rows for cell in row)
    assert marked >= 3
    assert render_report(Contents("slides", "", models, None, tables)).count('<td class="best">') == marked


def test_a_model_alone_is_the_best_of_nothing() -> None:
    """Nor is a row of a model whose other rows are its own."""
    table = table_of({"F1": "max"}, model=["a", "a"], F1=[0.7, 0.5])
    assert not any(cell.is_best for row in view_table(table, ("a",)).rows for cell in row)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("F1", 1.0, "1.000"),
        ("F1", 0.12345, "0.123"),
        ("F1", -0.5, "-0.500"),
        ("F1", float("nan"), "–"),
        ("F1", None, "–"),
        ("rank", 12.34, "12.3"),
        ("images", 7, "7"),
        ("median width", 8.0, "8"),
        ("median height", 8.5, "8.5"),
        ("file", "a b.png", "a b.png"),
    ],
)
def test_values_are_written_as_a_reader_expects(column: str, value: object, text: str) -> None:
    """Shares to three digits, sizes in whole pixels, a dash for what is not known."""
    frame = pd.DataFrame({column: pd.Series([value], dtype=object)})
    assert view_table(Table("t", "", frame), ()).rows[0][0].text == text


def test_half_an_interval_stands_below_its_figure() -> None:
    """Three columns of the file are one of the page; a model without an interval has none, of a rank there is none."""
    nan = float("nan")
    columns = {"model": ["a", "b"], "NN F1": [0.5, 0.6], "NN F1, half interval": [0.0412, nan]}
    view = view_table(table_of(**columns, **{"NN F1, rank": [1, nan], "P@N": [0.3, 0.2]}), ("a", "b"))
    assert view.heads == (("model", False), ("NN F1", True), ("P@N", True))
    assert [row[1].interval for row in view.rows] == ["± 0.041", ""]


def test_what_is_tied_with_the_best_is_as_good() -> None:
    """All of the first rank are marked, and no value of a lower one."""
    table = table_of({"F1": "max"}, model=["a", "b", "c"], F1=[0.70, 0.71, 0.3], **{"F1, rank": [1, 1, 3]})
    assert [row[1].is_best for row in view_table(table, ("a", "b", "c")).rows] == [True, True, False]


def test_columns_of_models_stand_below_their_names(make_analysis: Make) -> None:
    """Each model's four columns of the classes' table."""
    models = [make_analysis(model=name) for name in ("a", "b, 1 a")]
    table = next(table for table in tabulate_models(models) if table.name == "classes-scores")
    view = view_table(table, ["a", "b, 1 a"])
    assert view.groups == (("", 2), ("a", 4), ("b, 1 a", 4))
    measures = ["recall", "precision", "F1", "P@N"]
    assert [title for title, _ in view.heads] == ["class", "images", *measures, *measures]
    alone = next(table for table in tabulate_models(models[:1]) if table.name == "classes-scores")
    assert view_table(alone, ["a"]).groups == ()


def test_a_long_table_is_cut_and_says_so(make_analysis: Make) -> None:
    """All rows are in the file."""
    names = tuple(f"genus-{number}" for number in range(LONGEST + 1))
    analysis = make_analysis((2,) * (LONGEST + 1), names=names, protocols=("retrieval",))
    tables = [table for table in tabulate_models([analysis]) if table.name == "classes-scores"]
    page = render_report(Contents("slides", "", [analysis], None, tables))
    assert f"The first {LONGEST} of {LONGEST + 1} rows; all are in the CSV." in page
    assert f"({LONGEST + 1} rows)</summary>" in page
    assert page.count('<td class="text">genus-') == LONGEST


def embeddings_of(model: object) -> Embeddings:
    inputs = {"model": model, "dataset": "d" * 64}
    vectors = np.zeros((2, 7), np.float32)
    return Embeddings(vectors, np.zeros(2, np.int64), (), ("a",), Provenance(inputs, {"device": "cpu"}))


def test_facts_say_in_words_how_a_model_was_run() -> None:
    """Weights with their revision, preprocessing in order, pooling, type of number; nothing that is not known."""
    scale = {"mean": [0.5] * 3, "std": [0.25] * 3}
    steps = {"resize": 256, "crop": 224, "interpolation": "bicubic", **scale}
    weights = {"source": "hub:someone/net", "revision": "c" * 40, "file": "model.safetensors", "digest": "e" * 64}
    how = {"architecture": "net", "library": "timm", "pooling": "cls", "dtype": "float32"}
    facts = list_facts({"toy": embeddings_of(how | {"preprocessing": steps, "weights": weights})})
    assert facts["this report"]["digest of the images"] == "d" * 64
    assert facts["toy"] == {
        "architecture": "net of timm",
        "weights": f"hub:someone/net, revision {'c' * 40}, model.safetensors",
        "digest of the weights": "e" * 64,
        "preprocessing": (
            "resized (shorter side to 256 pixels, bicubic), centre crop 224, mean 0.5 0.5 0.5, std 0.25 0.25 0.25"
        ),
        "pooling": "cls",
        "vectors": "7 dimensions, float32",
        "computed on": "cpu",
    }


def test_facts_of_an_untrained_model_and_of_its_own_preprocessing() -> None:
    """A seed of 0 is a seed; unknown steps are listed as they are."""
    how = {"weights": {"source": "none"}, "seed": 0, "preprocessing": {"size": 9, "a": True}}
    facts = list_facts({"toy": embeddings_of(how)})["toy"]
    assert facts["weights"] == "none: nothing was learnt"
    assert facts["seed of the weights"] == "0"
    assert facts["preprocessing"] == "a True, size 9"
    assert "pooling" not in facts


def test_facts_of_bare_vectors_are_few() -> None:
    """An .npz of somebody else tells nothing but its size."""
    bare = replace(embeddings_of(None), provenance=Provenance({"file": "x.npz"}, {}))
    facts = list_facts({"x": bare})
    assert facts["x"] == {"vectors": "7 dimensions"}
    assert set(facts["this report"]) == {"fossil-leaderboard", "computed with"}
