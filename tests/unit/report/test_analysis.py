"""An analysis: what images do not allow is told, and everything else goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaderboard.protocols import PROTOCOLS
from leaderboard.records import Embeddings, Provenance
from leaderboard.report.analysis import analyse, count_steps
from leaderboard.report.maps import STEPS


@pytest.fixture
def embeddings() -> Embeddings:
    """Twelve images in two classes: enough for all but maps of neighbours and clusters."""
    draws = np.random.default_rng(1)
    labels = np.repeat([0, 1], 6)
    vectors = (draws.normal(size=(12, 4)) + 3 * labels[:, None]).astype(np.float32)
    return Embeddings(vectors, labels, tuple(f"{n}.png" for n in range(12)), ("a", "b"), Provenance({}, {}))


def test_what_the_images_do_not_allow_is_skipped_with_its_reason(embeddings: Embeddings) -> None:
    """Twelve images are too few for clusters; the others are there."""
    analysis = analyse("toy", embeddings, ("clustering", "retrieval", "disparity"))
    assert set(analysis.scores) == {"retrieval", "disparity"}
    assert analysis.skipped == {"clustering": "12 images: clustering needs 20; add images"}
    assert set(analysis.maps) == {"PCA"}
    assert analysis.outlier_scores is None


def test_without_classes_only_what_needs_none_is_computed(embeddings: Embeddings) -> None:
    """Every protocol that needs them says so."""
    analysis = analyse("toy", replace(embeddings, labels=np.zeros(0, np.int64), classes=()), tuple(PROTOCOLS))
    assert set(analysis.scores) == {"disparity"}
    assert all("labels" in analysis.skipped[name] for name in ("knn", "linear", "retrieval", "few_shot"))
    assert not analysis.is_labelled


def test_each_step_is_announced_and_counted(embeddings: Embeddings) -> None:
    """Protocols in the order asked for, then maps; also those that are skipped."""
    heard: list[str] = []
    analyse("toy", embeddings, ("disparity", "clustering"), announce=heard.append)
    assert heard == ["disparity", "clustering", *STEPS]
    assert len(heard) == count_steps(("disparity", "clustering"))


def test_figures_of_all_protocols_are_in_one_mapping(embeddings: Embeddings) -> None:
    """By their full names."""
    analysis = analyse("toy", embeddings, ("retrieval", "disparity"))
    assert {name.partition(".")[0] for name in analysis.metrics} == {"retrieval", "disparity"}
    assert (
        analysis.metrics["retrieval.precision_at_n"] == analysis.scores["retrieval"].metrics["retrieval.precision_at_n"]
    )
