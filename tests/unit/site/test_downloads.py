"""The files to take away: the tables' figures are few enough for a spreadsheet, all the others are in parquet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import pandas as pd
import pytest

from leaderboard.exports import COLUMNS, tabulate_metrics
from leaderboard.records import Reported, Result
from leaderboard.registry import Registry
from leaderboard.sections import compute_sections
from leaderboard.site.downloads import DOWNLOADS, list_downloads, select_columns
from leaderboard.site.material import Material

F1, SHARE, BALANCED = "knn1.f1_macro", "retrieval.precision_at_n", "linear.balanced_accuracy"
HEADLINES = {F1, SHARE, BALANCED}
PER_CLASS = {"knn1.f1": [0.25, math.nan], F1: [0.1, 0.2]}


def gather(registry: Registry, results: Sequence[Result]) -> Material:
    """What the site is made from."""
    return Material(registry, results, compute_sections(registry, results))


def select(material: Material) -> pd.DataFrame:
    """The figures of its tables."""
    return select_columns(tabulate_metrics(material.registry, material.results, material.sections), material)


@pytest.fixture
def material(measure, crowd, with_model) -> Material:
    """A measured model with other metrics and figures per class; of another one others report two figures."""
    board = with_model(crowd, "tin", reported={"grains": Reported({F1: 0.99, "retrieval.map": 0.5}, "Somebody")})
    return gather(board, [measure("toy", 8, per_class=PER_CLASS)])


def test_the_figures_of_the_columns_stay(material) -> None:
    """Measured and reported ones, with all that the tidy table says of them."""
    shown = select(material)
    assert {(row.model, row.status, row.metric) for row in shown.itertuples()} == {
        *(("toy", "ok", metric) for metric in HEADLINES),
        ("tin", "reported", F1),
    }
    assert shown.dtypes.astype(str).to_dict() == dict(COLUMNS)


def test_other_metrics_and_single_classes_go(material) -> None:
    """Even the classes of a metric that is a column."""
    every = tabulate_metrics(material.registry, material.results, material.sections)
    gone = every.drop(select(material).index)
    assert {(row.metric, bool(row._5)) for row in gone.itertuples()} == {
        ("knn1.accuracy", False),
        ("retrieval.map", False),
        ("knn1.f1", True),
        (F1, True),
    }


def test_each_data_set_has_its_own_columns(measure, two_sets) -> None:
    """A column of one is no column of the other."""
    spores = replace(two_sets.dataset("spores"), columns=("knn1.accuracy",))
    board = replace(two_sets, datasets=two_sets.datasets | {"spores": spores})
    results = [measure("toy", 8), replace(measure("toy", 8), dataset="spores")]
    shown = select(gather(board, results))
    assert {name: set(own["metric"]) for name, own in shown.groupby("dataset")} == {
        "grains": HEADLINES,
        "spores": {"knn1.accuracy"},
    }


def test_a_leaderboard_without_results_has_empty_tables(crowd) -> None:
    """With their columns."""
    contents = list_downloads(gather(crowd, []))
    assert contents["data/tables.csv"].decode() == ",".join(COLUMNS) + "\n"


def test_the_files_hold_what_they_are_called(material) -> None:
    """The tables as CSV and LaTeX, every metric and class as parquet."""
    contents = list_downloads(material)
    assert list(contents) == list(DOWNLOADS)
    assert len(contents["data/tables.csv"].splitlines()) == 1 + 4
    assert contents["data/tables.tex"].count(b"\\begin{table}") == 1
    every = pd.read_parquet(BytesIO(contents["data/metrics.parquet"]))
    assert len(every) == 4 + 4 + 2
