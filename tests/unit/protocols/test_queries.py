"""Sets beyond the limit: a fixed sample is asked, and the result says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.evidence import gather
from leaderboard.protocols import PROTOCOLS, _queries, knn, retrieval
from leaderboard.protocols._queries import choose_queries
from leaderboard.records import Embeddings, Scores


@pytest.fixture
def sampled(
    monkeypatch: pytest.MonkeyPatch, clusters: Callable[..., Embeddings]
) -> tuple[Embeddings, dict[str, Scores]]:
    """800 images of four classes of which 200 are asked, and what retrieval and knn make of them."""
    embeddings = clusters(per_class=200, dimension=20)
    whole = {name: PROTOCOLS[name].compute(embeddings) for name in ("retrieval", "knn")}
    monkeypatch.setattr(_queries, "MOST_IMAGES", 799)
    monkeypatch.setattr(_queries, "SAMPLE", 200)
    for module in (knn, retrieval):
        monkeypatch.setattr(module, "FEWEST_IMAGES", 0)
    return embeddings, whole


def test_every_image_is_asked_up_to_60_000() -> None:
    """The sample begins with one more."""
    labels = np.zeros(60_000, np.int64)
    assert np.array_equal(choose_queries(labels), np.arange(60_000))
    assert len(choose_queries(np.zeros(60_001, np.int64))) == 20_000


def test_a_sample_has_the_same_share_of_every_class() -> None:
    """Rounded up, so that a class of one image is asked; always the same images."""
    labels = np.repeat(np.arange(4), [70_000, 29_000, 999, 1])
    queries = choose_queries(labels)
    assert np.bincount(labels[queries]).tolist() == [14_000, 5_800, 200, 1]
    assert (np.diff(queries) > 0).all()
    assert np.array_equal(queries, choose_queries(labels))


def test_queries_of_a_sample_find_what_they_find_among_all(sampled: Any) -> None:
    """The gallery is whole: hits of an asked image are those of the full run, and the mean is over the asked."""
    embeddings, whole = sampled
    scores = PROTOCOLS["retrieval"].compute(embeddings)
    (queries,), hits = scores.outcomes["test"], np.array(scores.outcomes["hits_at_n"])
    assert scores.metrics["retrieval.queries"] == len(queries) == 200
    assert "neighbours" not in scores.outcomes
    full = np.array(whole["retrieval"].outcomes["hits_at_n"])
    assert hits[queries].tolist() == full[queries].tolist()
    assert scores.metrics["retrieval.precision_at_n"] == pytest.approx(full[queries].mean() / 199)
    assert scores.metrics["retrieval.map"] == pytest.approx(whole["retrieval"].metrics["retrieval.map"], abs=0.05)


def test_test_images_of_a_sample_are_named_as_among_all(sampled: Any) -> None:
    """The training sets are whole; a split's test set is what the sample has of it."""
    embeddings, whole = sampled
    scores = PROTOCOLS["knn"].compute(embeddings)
    queries = set(choose_queries(embeddings.labels).tolist())
    assert scores.metrics["knn.queries"] == 200
    for split, test in enumerate(whole["knn"].outcomes["test"]):
        kept = [
            (image, name)
            for image, name in zip(test, whole["knn"].outcomes["predicted_k5"][split], strict=True)
            if image in queries
        ]
        assert scores.outcomes["test"][split] == [image for image, _ in kept]
        assert scores.outcomes["predicted_k5"][split] == [name for _, name in kept]


@pytest.mark.parametrize("metric", ["retrieval.precision_at_n", "knn1.f1_macro"])
def test_figures_of_a_sample_follow_from_their_outcomes(sampled: Any, metric: str) -> None:
    """So that they have an interval: images that were not asked count nowhere, whatever their weight."""
    embeddings, _ = sampled
    scores = PROTOCOLS[metric.split(".")[0].rstrip("1")].compute(embeddings)
    figures = gather(metric, [scores.outcomes], embeddings.labels.tolist())
    assert figures.measured[0] == pytest.approx(scores.metrics[metric], abs=1e-12)
    weights = np.ones((800, 1), np.int64)
    weights[np.setdiff1d(np.arange(800), choose_queries(embeddings.labels))] = 7
    assert figures.weighted(weights)[0, 0] == pytest.approx(figures.measured[0], abs=1e-12)


def test_models_asked_for_different_images_are_not_compared(sampled: Any) -> None:
    """A figure of the whole set is none of a sample."""
    embeddings, whole = sampled
    scores = PROTOCOLS["retrieval"].compute(embeddings)
    both = [scores.outcomes, whole["retrieval"].outcomes]
    with pytest.raises(LeaderboardError, match="asked for different images; measure them again"):
        gather("retrieval.precision_at_n", both, embeddings.labels.tolist())


def test_whole_sets_have_no_mark(sampled: Any) -> None:
    """Nothing but a sample has ``queries`` among its figures, or a test set of retrieval."""
    _, whole = sampled
    assert not any(name.endswith(".queries") for scores in whole.values() for name in scores.metrics)
    assert "test" not in whole["retrieval"].outcomes


@pytest.mark.parametrize(
    ("name", "words"),
    [("learning_curve", "the learning curve"), ("few_shot", "few-shot learning"), ("clustering", "clustering")],
)
def test_what_has_no_sample_is_refused_in_one_line(sampled: Any, name: str, words: str) -> None:
    """Before anything large is computed."""
    with pytest.raises(
        LeaderboardError, match=rf"^800 images: {words} takes at most 799; leave it out \(--protocols\)"
    ):
        PROTOCOLS[name].compute(sampled[0])
