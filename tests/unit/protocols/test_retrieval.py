"""Retrieval against the golden figures, and against a definition written out for one query at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from leaderboard.errors import LeaderboardError
from leaderboard.protocols import retrieval
from leaderboard.protocols.retrieval import compute_retrieval


def test_every_golden_figure_agrees_to_1e_9(golden_embeddings, golden) -> None:
    """Precision and recall at all cut-offs, at N, and the area are those of the source's script."""
    scores = compute_retrieval(golden_embeddings)
    expected = {f"retrieval.{name}": value for name, value in golden["retrieval"].items() if isinstance(value, float)}
    assert len(expected) == 44
    assert {name: scores.metrics[name] for name in expected} == pytest.approx(expected, abs=1e-9, rel=0)


def test_golden_per_class_figures_agree(golden_embeddings, golden) -> None:
    """The mean precision at N of each genus is the source's."""
    ours = dict(
        zip(
            golden_embeddings.classes,
            compute_retrieval(golden_embeddings).per_class["retrieval.precision_at_n"],
            strict=True,
        )
    )
    assert ours == pytest.approx(golden["retrieval"]["per_class_precision_at_n"], abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=24).filter(lambda labels: len(set(labels)) > 1), st.integers(0, 99)
)
def test_figures_follow_the_definition(make_embeddings, labels: list[int], seed: int) -> None:
    """On small sets with many equal distances, the figures are those of a ranking sorted query by query."""
    points = np.random.default_rng(seed).integers(0, 3, size=(len(labels), 2))
    precisions = []
    for query, label in enumerate(labels):
        others = [i for i in range(len(labels)) if i != query]
        others.sort(key=lambda i: (math.dist(points[query], points[i]), i))
        wanted = labels.count(label) - 1
        if wanted:
            precisions.append(sum(labels[i] == label for i in others[:wanted]) / wanted)
    if not precisions:
        return
    scores = compute_retrieval(make_embeddings(points, labels))
    assert scores.metrics["retrieval.precision_at_n"] == pytest.approx(np.mean(precisions), abs=1e-12)
    assert not any(query in row for query, row in enumerate(scores.outcomes["neighbours"]))


def test_mean_average_precision_is_scikit_learns(clusters) -> None:
    """Without ties, map is the mean of average_precision_score over the queries."""
    embeddings = clusters()
    expected = []
    for query in range(len(embeddings.labels)):
        others = np.arange(len(embeddings.labels)) != query
        distances = np.linalg.norm(embeddings.vectors.astype(float) - embeddings.vectors[query].astype(float), axis=1)
        expected.append(
            average_precision_score(embeddings.labels[others] == embeddings.labels[query], -distances[others])
        )
    assert compute_retrieval(embeddings).metrics["retrieval.map"] == pytest.approx(np.mean(expected), abs=1e-12)


def test_blocks_do_not_change_the_figures(clusters, monkeypatch) -> None:
    """Seven queries at a time give what all at once give."""
    whole = compute_retrieval(clusters())
    monkeypatch.setattr(retrieval, "BLOCK", 7)
    assert compute_retrieval(clusters()) == whole


def test_ties_go_to_the_lower_index(make_embeddings) -> None:
    """Of images at the same distance the earlier one is retrieved first."""
    scores = compute_retrieval(make_embeddings([[0], [1], [-1], [1]], [0, 0, 1, 1]))
    assert scores.outcomes["neighbours"][0] == [1, 2, 3]


def test_a_class_with_one_image_gives_no_query(make_embeddings) -> None:
    """Its own figure is NaN and the mean is over the other queries."""
    scores = compute_retrieval(make_embeddings([[0], [0.1], [5]], [0, 0, 1]))
    assert scores.metrics["retrieval.precision_at_n"] == 1.0
    assert math.isnan(scores.per_class["retrieval.precision_at_n"][1])


def test_cutoffs_beyond_the_set_are_left_out(make_embeddings, clusters) -> None:
    """With 48 images there is no precision at 50, with 12 none at 20."""
    assert "retrieval.precision_at_50" not in compute_retrieval(clusters()).metrics
    small = compute_retrieval(clusters(per_class=3)).metrics
    assert "retrieval.precision_at_10" in small
    assert "retrieval.precision_at_20" not in small


def test_a_single_class_is_refused_with_its_name_and_count(make_embeddings) -> None:
    """One class cannot be told from anything."""
    with pytest.raises(LeaderboardError, match=r"all 3 images are of class 'genus-0'; at least two"):
        compute_retrieval(make_embeddings([[0], [1], [2]], [0, 0, 0]))


def test_unlabelled_images_are_refused(make_embeddings) -> None:
    """Without labels nothing is relevant."""
    with pytest.raises(LeaderboardError, match="no labels"):
        compute_retrieval(make_embeddings(np.eye(3), []))


def test_classes_of_one_image_each_are_refused(make_embeddings) -> None:
    """No class with two images means no query at all."""
    with pytest.raises(LeaderboardError, match="no class has two images"):
        compute_retrieval(make_embeddings([[0], [1], [2]], [0, 1, 2]))
