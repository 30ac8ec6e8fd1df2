"""k-NN predictions read off one survey: those of scikit-learn's classifier, split by split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn_vectors import CLASSES, KINDS
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from leaderboard.protocols import _nearest, knn
from leaderboard.protocols._nearest import Voter
from leaderboard.protocols._splits import compute_splits
from leaderboard.protocols._survey import compute_survey
from leaderboard.protocols.knn import NEIGHBOURS, compute_knn


def draw(make_embeddings: Any, kind: str, n: int, d: int, classes: int, seed: int) -> Any:
    """Every class has two images at least, and one in five is enough for all."""
    draws = np.random.default_rng(seed)
    labels = np.concatenate([np.repeat(np.arange(classes), 2), draws.integers(0, classes, n - 2 * classes)])
    return make_embeddings(KINDS[kind](draws, labels, d), labels.tolist())


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(50, 400),
    st.integers(16, 40),
    st.integers(2, CLASSES),
    st.integers(0, 10**6),
)
def test_votes_are_those_of_scikit_learn(make_embeddings, kind: str, n: int, d: int, classes: int, seed: int) -> None:
    """For every k, also where most distances tie or rounding is larger than what lies between them."""
    embeddings = draw(make_embeddings, kind, n, d, classes, seed)
    voter = Voter(embeddings, compute_survey(embeddings.vectors, embeddings.labels))
    train, test = compute_splits(embeddings)[seed % 10]
    for k, named in voter.predict((train, test), NEIGHBOURS).items():
        classifier = KNeighborsClassifier(k).fit(embeddings.vectors[train], embeddings.labels[train])
        assert named.tolist() == classifier.predict(embeddings.vectors[test]).tolist()


def test_scikit_learn_is_asked_only_where_a_tie_could_change_a_vote(make_embeddings, monkeypatch) -> None:
    """Never for vectors drawn at large, nor for copies within a class."""
    asked: list[int] = []
    original = Voter._ask
    monkeypatch.setattr(
        Voter, "_ask", lambda self, split, k, named, unsure: asked.append(k) or original(self, split, k, named, unsure)
    )
    embeddings = draw(make_embeddings, "overlapping classes", 600, 20, 5, 1)
    monkeypatch.setattr(knn, "FEWEST_IMAGES", 0)
    compute_knn(embeddings)
    embeddings.vectors[1] = embeddings.vectors[0]
    assert embeddings.labels[0] == embeddings.labels[1]
    compute_knn(embeddings)
    assert asked == []
    embeddings.vectors[1] = embeddings.vectors[3]
    assert embeddings.labels[1] != embeddings.labels[3]
    compute_knn(embeddings)
    assert 1 in asked


def test_large_and_small_sets_give_the_same_scores(make_embeddings, monkeypatch) -> None:
    """Metrics, figures per class and outcomes: the way is a matter of speed."""
    embeddings = draw(make_embeddings, "overlapping classes", 500, 24, 4, 2)
    plain = compute_knn(embeddings)
    monkeypatch.setattr(knn, "FEWEST_IMAGES", 0)
    assert compute_knn(embeddings) == plain


@pytest.mark.parametrize("known", [1, 5, 12])
def test_queries_with_too_few_known_neighbours_are_asked(make_embeddings, monkeypatch, known: int) -> None:
    """Though a survey keeps so many that it hardly ever happens."""
    from leaderboard.protocols import _survey

    monkeypatch.setattr(_survey, "NEAREST", known)
    monkeypatch.setattr(knn, "FEWEST_IMAGES", 0)
    embeddings = draw(make_embeddings, "one cloud", 300, 16, 3, 3)
    quick = compute_knn(embeddings)
    monkeypatch.setattr(knn, "FEWEST_IMAGES", 10**6)
    assert quick == compute_knn(embeddings)


def test_few_dimensions_are_left_to_scikit_learn(clusters, monkeypatch) -> None:
    """It searches a tree there, whose ties go another way."""
    monkeypatch.setattr(knn, "FEWEST_IMAGES", 0)
    monkeypatch.setattr(knn, "survey", None)
    assert _nearest.TREES == 15
    compute_knn(clusters(dimension=15))
    with pytest.raises(TypeError):
        compute_knn(clusters(dimension=16))
