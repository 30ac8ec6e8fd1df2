"""The tables of the report, and the files that they are written to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leaderboard.records import Scores
from leaderboard.report.analysis import Analysis
from leaderboard.report.collection_file import Collection
from leaderboard.report.comparison import compare_models
from leaderboard.report.saving import escape_latex, render_latex, save_table
from leaderboard.report.tables import (
    tabulate_bad_files,
    tabulate_class_scores,
    tabulate_classes,
    tabulate_clustering,
    tabulate_curve,
    tabulate_curve_in_full,
    tabulate_disparity,
    tabulate_duplicates,
    tabulate_headlines,
    tabulate_images,
    tabulate_medoids,
    tabulate_models,
    tabulate_outliers,
    tabulate_queries,
)
from leaderboard.report.tables.models import make_frame
from leaderboard.spreadsheet import keep_text

Make = Callable[..., Analysis]


@pytest.fixture
def collection() -> Collection:
    """Five images in two classes: three with the same pixels, in both classes, and a near pair; one bad file."""
    return Collection(
        dataset="slides",
        files=("a/1.png", "a/2.png", "b/3.png", "b/4.png", "b/5.png"),
        labels=np.array([0, 0, 1, 1, 1]),
        classes=("a", "b"),
        sizes=np.array([[10, 20], [30, 40], [5, 6], [7, 6], [90, 6]]),
        pixel_digests=("x", "x", "x", "y", "z"),
        thumbnails={},
        bad={"b/6.png": "the file is empty"},
        exact_duplicates=((0, 1, 2),),
        near_duplicates=((3, 4, 0.98),),
    )


def test_headlines_have_half_intervals_and_ranks_beside_them(make_analysis: Make) -> None:
    """Those of the comparison; a figure that was not compared has none, a protocol that did not run no column."""
    models = [
        make_analysis(),
        make_analysis(model="other", seed=1),
        make_analysis(model="part", protocols=("retrieval",)),
    ]
    compared = compare_models(models)
    frame = tabulate_headlines(models, compared)
    assert frame["model"].tolist() == ["toy", "other", "part"]
    assert frame.columns[:4].tolist() == ["model", "NN F1", "NN F1, half interval", "NN F1, rank"]
    for metric, title in (("knn1.f1_macro", "NN F1"), ("retrieval.precision_at_n", "P@N")):
        of = compared[metric].of
        rows = frame[frame["model"].isin(of)]
        assert rows[title].tolist() == [model.metrics[metric] for model in models if model.model in of]
        assert rows[f"{title}, half interval"].tolist() == [standing.half_width for standing in of.values()]
        assert rows[f"{title}, rank"].tolist() == [standing.rank for standing in of.values()]
    assert frame.loc[2, ["NN F1", "NN F1, half interval", "NN F1, rank"]].isna().all()
    assert not any(column.startswith("MAP,") for column in frame)
    assert "NN F1" not in tabulate_headlines(models[2:], compared)


def test_a_single_model_has_intervals_and_no_rank(make_analysis: Make) -> None:
    """There is nobody to be ranked with."""
    models = [make_analysis()]
    columns = tabulate_headlines(models, compare_models(models)).columns
    assert [column for column in columns if "," in column] == [
        "NN F1, half interval", "P@N, half interval", "linear bal. acc., half interval",
    ]  # fmt: skip


def test_the_class_table_has_a_row_for_every_class(make_analysis: Make) -> None:
    """Counts and the protocols' own figures; several models have their columns side by side."""
    analysis = make_analysis((12, 10, 8))
    frame = tabulate_class_scores([analysis])
    assert frame["images"].tolist() == [12, 10, 8]
    assert frame["F1"].tolist() == analysis.scores["knn"].per_class["knn1.f1"]
    assert frame["P@N"].tolist() == analysis.scores["retrieval"].per_class["retrieval.precision_at_n"]
    both = tabulate_class_scores([analysis, replace(analysis, model="other")])
    assert [column for column in both if column.startswith("F1")] == ["F1, 1 toy", "F1, 2 other"]


def test_curve_tables_have_a_row_per_model_and_classifier(make_analysis: Make, curve_scores: dict) -> None:
    """Columns in numerical order; the full one has deviations and folds, missing deviations stay missing."""
    analysis = make_analysis(scores=curve_scores, protocols=())
    frame = tabulate_curve([analysis], "learning_curve")
    assert frame.columns.tolist() == ["model", "classifier", "30 %", "100 %"]
    assert frame["100 %"].tolist() == pytest.approx([0.9, 100 / 300 + 0.3])
    assert tabulate_curve([analysis], "few_shot").columns.tolist()[2:] == ["1", "2", "3", "5", "10", "20"]
    full = tabulate_curve_in_full([analysis], "learning_curve")
    assert full["folds"].tolist() == [41, 50, 41, 50]
    assert full["top-1 std"].tolist() == pytest.approx([0.085, 0.05, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_clustering_table_leaves_out_what_needs_labels(
    make_analysis: Make, cluster_scores: Callable, labelled: bool
) -> None:
    """A row per clustering that was computed; numbers of clusters are whole."""
    scores = {"clustering": cluster_scores(30, labelled=labelled)}
    frame = tabulate_clustering([make_analysis(scores=scores, protocols=())])
    assert frame["algorithm"].tolist() == ["k-means (K chosen)", "HDBSCAN"]
    assert [str(value) for value in frame["clusters"]] == ["3", "2"]
    assert ("ARI" in frame) == labelled


def test_disparity_has_a_row_per_model(make_analysis: Make) -> None:
    """With the protocol's figures."""
    analysis = make_analysis()
    frame = tabulate_disparity([analysis, replace(analysis, scores={})])
    assert len(frame) == 1
    assert frame["Effective rank"].tolist() == [analysis.metrics["disparity.effective_rank"]]


def test_only_tables_with_rows_are_given(make_analysis: Make, curve_scores: dict, cluster_scores: Callable) -> None:
    """All of them when everything ran; without any protocol only the counts per class."""
    full = make_analysis(scores={**curve_scores, "clustering": cluster_scores(30)})
    bare = replace(make_analysis(protocols=()), outlier_scores=None)
    names = [table.name for table in tabulate_models([full])]
    assert names == [
        "headlines", "classes-scores", "learning-curve", "learning-curve-all", "few-shot", "few-shot-all",
        "clustering", "disparity", "queries", "medoids", "outliers",
    ]  # fmt: skip
    assert [table.name for table in tabulate_models([bare])] == ["classes-scores"]
    for table in tabulate_models([full], compare_models([full])):
        assert set(table.best) <= set(table.frame.columns)
        assert table.caption.endswith(".")


def test_queries_are_listed_with_their_files(make_analysis: Make) -> None:
    """Ten best, ten worst of each model, with what lies nearest to them; nothing without labels."""
    analysis = make_analysis((12, 10, 8))
    frame = tabulate_queries([analysis, replace(analysis, model="other")])
    assert frame["model"].tolist() == ["toy"] * 20 + ["other"] * 20
    assert frame["query"].tolist() == (["best"] * 10 + ["worst"] * 10) * 2
    best, worst = frame["P@N"][:10], frame["P@N"][10:20]
    assert best.is_monotonic_decreasing
    assert worst.is_monotonic_increasing
    assert best.min() > worst.max()
    row = frame.iloc[12]
    index = analysis.embeddings.files.index(row["file"])
    nearest = analysis.scores["retrieval"].outcomes["neighbours"][index][0]
    assert row["class"] == f"genus-{analysis.embeddings.labels[index]}"
    assert row["nearest file"] == analysis.embeddings.files[nearest]
    assert row["nearest class"] == f"genus-{analysis.embeddings.labels[nearest]}"
    assert tabulate_queries([_without_labels(analysis)]).empty


def test_outliers_are_listed_with_their_files(make_analysis: Make) -> None:
    """Ranked by score; without labels there is no class, without files the images are numbered."""
    analysis = replace(make_analysis(protocols=()), outlier_scores=np.linspace(0, 1, 30))
    frame = tabulate_outliers([analysis])
    assert frame.columns.tolist() == ["model", "rank", "file", "class", "outlier score"]
    assert frame["rank"].tolist() == list(range(1, 21))
    assert frame["file"].tolist() == [f"{number:03d}.png" for number in range(29, 9, -1)]
    assert frame.iloc[0].tolist() == ["toy", 1, "029.png", "genus-2", 1.0]
    nameless = _without_labels(replace(analysis, embeddings=replace(analysis.embeddings, files=())))
    assert tabulate_outliers([nameless]).iloc[0].tolist() == ["toy", 1, "image 30", 1.0]


def test_medoids_are_listed_with_their_clusters(make_analysis: Make) -> None:
    """Numbered by size, noise left out; the first of the preferred clusterings that found a cluster."""
    clusters = {"pca.hdbscan": [0] * 5 + [-1] * 5 + [1] * 20, "umap.kmeans_auto_k": [-1] * 30}
    analysis = make_analysis((12, 10, 8), scores={"clustering": Scores({}, outcomes=clusters)}, protocols=())
    frame = tabulate_medoids([analysis])
    assert frame["clustering"].tolist() == ["HDBSCAN in PCA space"] * 2
    assert frame["cluster"].tolist() == [1, 2]
    assert frame["images"].tolist() == [20, 5]
    assert frame["commonest class"].tolist() == ["genus-1", "genus-0"]
    assert frame["share"].tolist() == [0.5, 1.0]
    places = [analysis.embeddings.files.index(name) for name in frame["file"]]
    assert places[0] >= 10
    assert places[1] < 5
    assert "share" not in tabulate_medoids([_without_labels(analysis)])


def _without_labels(analysis: Analysis) -> Analysis:
    return replace(analysis, embeddings=replace(analysis.embeddings, labels=np.zeros(0, np.int64), classes=()))


def test_sizes_in_pixels_are_whole_numbers(collection: Collection) -> None:
    """A median of an even number of images may be a half; a class without sizes changes nothing."""
    uneven = replace(collection, sizes=collection.sizes + np.eye(5, 2, -1, np.int64))
    rows = render_latex(tabulate_classes(replace(uneven, classes=("a", "b", "none")))).splitlines()[4:7]
    assert rows[0] == r"a & 2 & 10 & 20.5 & 31 & 20 & 30 & 40 \\"
    assert rows[2] == r"none & 0 & -- & -- & -- & -- & -- & -- \\"
    assert tabulate_classes(collection)["least width"].dtype.kind == "i"


def test_classes_have_counts_and_sizes(collection: Collection) -> None:
    """A class of unreadable images only has no sizes; without classes there is one row for all."""
    frame = tabulate_classes(replace(collection, classes=("a", "b", "none")))
    assert frame["images"].tolist() == [2, 3, 0]
    assert frame["median width"].tolist() == pytest.approx([20, 7, np.nan], nan_ok=True)
    assert frame["greatest height"].tolist() == pytest.approx([40, 6, np.nan], nan_ok=True)
    loose = tabulate_classes(replace(collection, labels=np.zeros(0, np.int64), classes=()))
    assert loose[["class", "images", "least width"]].to_numpy().tolist() == [["all images", 5, 5]]


def test_copies_are_listed_in_pairs(collection: Collection) -> None:
    """Exact ones first, and whether they have one label or two."""
    frame = tabulate_duplicates(collection)
    assert frame["copy"].tolist() == ["exact", "exact", "near"]
    assert frame["other file"].tolist() == ["a/2.png", "b/3.png", "b/5.png"]
    assert frame["same class"].tolist() == ["yes", "no", "yes"]
    assert "class" not in tabulate_duplicates(replace(collection, labels=np.zeros(0, np.int64), classes=()))


def test_bad_files_are_listed_with_their_reason(collection: Collection) -> None:
    """And no table is given when there are none."""
    assert tabulate_bad_files(collection).to_numpy().tolist() == [["b/6.png", "the file is empty"]]
    clean = replace(collection, bad={}, exact_duplicates=(), near_duplicates=())
    assert [table.name for table in tabulate_images(collection)] == ["classes", "duplicates", "bad-files"]
    assert [table.name for table in tabulate_images(clean)] == ["classes"]


def test_every_special_character_is_escaped() -> None:
    """Also those that LaTeX would read as an option after a line break; control characters become blanks."""
    assert escape_latex("_ & % # $ { } ~ ^ \\") == (
        r"\_ \& \% \# \$ \{ \} \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )
    assert escape_latex("[1mm] *") == "{[}1mm{]} {*}"
    assert escape_latex("a\nb\udce9<") == r"a b?\textless{}"


def test_a_quotation_mark_is_one_in_every_encoding_of_latex() -> None:
    """``textquotedbl`` is not defined in the default one."""
    assert escape_latex('"a"') == r"\char34{}a\char34{}"


def test_no_cell_of_a_csv_begins_a_formula(tmp_path: Path) -> None:
    """Paths keep naming their files; numbers below zero stay numbers, what is missing stays empty."""
    frame = pd.DataFrame({"nearest file": ["=1.png", "a.png"], "class": ["@x", None], "change": [-0.5, 2.0]})
    save_table(tmp_path, "guarded", frame)
    lines = (tmp_path / "guarded.csv").read_text().splitlines()
    assert lines == ["nearest file,class,change", "./=1.png,'@x,-0.5", "a.png,,2.0"]
    assert frame["class"][0] == "@x"


def test_the_best_of_the_unrounded_values_is_bold() -> None:
    """Ties all are; a missing value is a dash and never best; smaller is better where it is said."""
    frame = pd.DataFrame(
        {
            "model": ["a", "b", "c", "d"],
            "F1": [0.50004, 0.50001, 0.50004, np.nan],
            "loss": [0.2, 0.1, np.inf, np.nan],
            "clusters": [3, 2, 1, 0],
        }
    )
    rows = render_latex(frame, {"F1": "max", "loss": "min"}).splitlines()[4:8]
    assert rows == [
        r"a & \textbf{0.500} & 0.200 & 3 \\",
        r"b & 0.500 & \textbf{0.100} & 2 \\",
        r"c & \textbf{0.500} & -- & 1 \\",
        r"d & -- & -- & 0 \\",
    ]


def test_latex_has_the_half_interval_behind_its_figure() -> None:
    """In one column, without that of the rank; bold are all of the first rank, whatever their digits."""
    frame = pd.DataFrame({"model": ["a", "b", "c"], "F1": [0.7, 0.69, np.nan]})
    frame = frame.assign(**{"F1, half interval": [0.04, 0.0512, np.nan], "F1, rank": [1, 1, np.nan]})
    text = render_latex(frame, {"F1": "max"})
    assert text.splitlines()[0] == r"\begin{tabular}{lr}"
    assert text.splitlines()[2] == r"model & F1 \\"
    assert text.splitlines()[4:7] == [
        r"a & \textbf{0.700} $\pm$ 0.040 \\",
        r"b & \textbf{0.690} $\pm$ 0.051 \\",
        r"c & -- \\",
    ]


def test_a_single_model_has_no_best() -> None:
    """Its rows are not compared with each other."""
    frame = pd.DataFrame({"model": ["a", "a"], "F1": [0.1, 0.2]})
    assert "textbf" not in render_latex(frame, {"F1": "max"})


def test_latex_is_a_booktabs_table() -> None:
    """Text at the left, numbers at the right, a rule above, between and below."""
    text = render_latex(pd.DataFrame({"class": ["a_b", "c"], "images": [1, 2], "F1": [0.12345, 1.0]}))
    assert text.splitlines() == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"class & images & F1 \\",
        r"\midrule",
        r"a\_b & 1 & 0.123 \\",
        r"c & 2 & 1.000 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_csv_keeps_every_digit_and_every_byte(tmp_path: Path) -> None:
    """Numbers read back equal, names that are no UTF-8 keep their bytes, and nothing else is left in the folder."""
    frame = make_frame({"file": ['a,"b"\n.png', "caf\udce9.png"], "F1": [1 / 3, 0.1 + 0.2]})
    save_table(tmp_path / "tables", "copies", frame)
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["copies.csv", "copies.tex"]
    assert b"caf\xe9.png" in (tmp_path / "tables" / "copies.csv").read_bytes()
    with keep_text():
        back = pd.read_csv(tmp_path / "tables" / "copies.csv", encoding_errors="surrogateescape", dtype=str)
    back["F1"] = back["F1"].map(float)
    assert back.to_numpy().tolist() == frame.to_numpy().tolist()
