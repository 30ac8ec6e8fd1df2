"""One cell: what of a model and a data set ends up in a result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaderboard.cells import compute_result, number_specimens
from leaderboard.errors import LeaderboardError
from leaderboard.extract import extract
from leaderboard.protocols import PROTOCOL_OF, PROTOCOLS
from leaderboard.records import Result


@pytest.fixture
def measured(toy, toy_dataset):
    """A toy, twenty small images of two classes, and what the one makes of the other."""
    backbone, dataset = toy(), toy_dataset((10, 10))
    return backbone, dataset, extract(dataset, backbone)


@pytest.fixture
def result(measured) -> Result:
    """The cell by two protocols."""
    return compute_result(*measured, protocols=("knn", "disparity"))


def test_a_cell_by_some_protocols_has_their_figures_alone(result: Result) -> None:
    """All of them, and outcomes of no other."""
    assert {PROTOCOL_OF[name] for name in result.metrics} == {"knn", "disparity"}
    assert {"knn1.f1_macro", "knn9.accuracy", "disparity.effective_rank"} <= result.metrics.keys()
    assert result.outcomes.keys() == {"knn", "disparity"}
    assert result.per_class.keys() == {"knn1.recall", "knn1.precision", "knn1.f1"}


def test_provenance_names_the_protocols_and_libraries_that_were_used(result: Result, measured) -> None:
    """Beside what decided the vectors; a library of another protocol does not count."""
    _, dataset, embeddings = measured
    versions = {name: PROTOCOLS[name].version for name in ("knn", "disparity")}
    assert result.provenance.inputs == {**embeddings.provenance.inputs, "protocols": versions}
    assert result.provenance.inputs["dataset"] == dataset.digest
    assert {"device", "numpy", "scipy", "scikit-learn"} <= result.provenance.environment.keys()
    assert "umap-learn" not in result.provenance.environment


def test_a_cell_describes_its_model_and_images(result: Result) -> None:
    """Names, sizes and labels, in the order of the files."""
    assert (result.model, result.dataset, result.dimension) == ("toy", "toy-data", 8)
    assert list(result.classes) == ["class-0", "class-1"]
    assert result.labels == [0] * 10 + [1] * 10
    assert result.canary is None


def test_a_model_that_tells_no_two_images_apart_has_no_cell(measured) -> None:
    """It would have figures all the same."""
    backbone, dataset, embeddings = measured
    same = replace(embeddings, vectors=np.ones_like(embeddings.vectors))
    with pytest.raises(LeaderboardError, match="toy on toy-data: all 20 vectors are the same; the model has collapsed"):
        compute_result(backbone, dataset, same, protocols=("disparity",))


def test_a_cell_keeps_which_images_are_of_one_specimen(measured) -> None:
    """Numbered as they come, with the pattern among the inputs; without a pattern there are none."""
    result = compute_result(*measured, protocols=("disparity",), specimen=r"(\d)\.")
    assert result.specimens == list(range(10)) * 2
    assert result.provenance.inputs["specimen"] == r"(\d)\."
    without = compute_result(*measured, protocols=("disparity",))
    assert without.specimens is None
    assert "specimen" not in without.provenance.inputs


def test_specimens_are_numbered_by_the_name_that_the_group_finds() -> None:
    """One name is one specimen, wherever its files stand."""
    files = ["a/s1_1.png", "a/s2_1.png", "b/s1_2.png", "b/s3_1.png"]
    assert number_specimens(files, [0, 0, 1, 1], r"/(\w+)_\d+\.png$") == [0, 1, 0, 2]


def test_a_class_of_a_single_specimen_is_an_error() -> None:
    """Its resamples would never vary, and everything would seem certain."""
    files = ["a/s1_1.png", "a/s2_1.png", "b/s1_1.png", "b/s1_2.png"]
    with pytest.raises(LeaderboardError, match=r"the class of b/s1_1\.png has images of a single specimen, .*; add"):
        number_specimens(files, [0, 0, 1, 1], r"/(\w+)_\d+\.png$")


@pytest.mark.parametrize("pattern", [r"/(\w+)_\d+\.jpg$", r"/(x)?s\d_\d\.png$"])
def test_a_file_in_which_the_pattern_finds_nothing_is_an_error(pattern: str) -> None:
    """Neither no match nor an empty group makes a specimen of its own."""
    with pytest.raises(LeaderboardError, match=r"names none in a/s1_1\.png; mend it in datasets\.yaml"):
        number_specimens(["a/s1_1.png"], [0], pattern)
