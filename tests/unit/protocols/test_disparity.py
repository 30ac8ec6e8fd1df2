"""Disparity against the golden figures and against the formulas written out pair by pair."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.covariance import LedoitWolf

from leaderboard.errors import LeaderboardError
from leaderboard.protocols.disparity import compute_disparity

GOLDEN = Path(__file__).parents[2] / "golden" / "rodgers.json"


def test_golden_figures_agree_to_1e_5(golden_embeddings) -> None:
    """Relative; the source sums in float32."""
    golden = json.loads(GOLDEN.read_text())["disparity"]
    golden["total_variance"] = golden.pop("variance_sum")
    metrics = {name.partition(".")[2]: value for name, value in compute_disparity(golden_embeddings).metrics.items()}
    assert len(metrics) == 6
    assert metrics == pytest.approx({name: golden[name] for name in metrics}, rel=1e-5)


@pytest.mark.parametrize("shape", [(40, 7), (7, 40)], ids=["more images than dimensions", "fewer"])
def test_figures_are_those_of_all_pairs_and_of_the_full_covariance(make_embeddings, shape) -> None:
    """Without the short cuts: every distance, every eigenvalue."""
    vectors = np.random.default_rng(1).normal(1, 2, shape).astype(np.float32)
    metrics = compute_disparity(make_embeddings(vectors, [])).metrics
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    pairs = pdist(unit, "cosine")
    spectrum = np.linalg.eigvalsh(LedoitWolf().fit(unit).covariance_)
    share = spectrum / spectrum.sum()
    centroid = unit.mean(axis=0) / np.linalg.norm(unit.mean(axis=0))
    expected = {
        "disparity.mean_pairwise_distance": pairs.mean(),
        "disparity.std_pairwise_distance": pairs.std(),
        "disparity.mean_centroid_distance": (1 - unit @ centroid).mean(),
        "disparity.std_centroid_distance": (1 - unit @ centroid).std(),
        "disparity.total_variance": unit.var(axis=0, ddof=1).sum(),
        "disparity.effective_rank": np.exp(-(share * np.log(share)).sum()),
    }
    assert metrics == pytest.approx(expected, rel=1e-5)


def test_two_equal_images_have_no_disparity(make_embeddings) -> None:
    """And a rank of one, not NaN."""
    metrics = compute_disparity(make_embeddings(np.ones((2, 3)), [])).metrics
    assert metrics["disparity.mean_pairwise_distance"] == pytest.approx(0, abs=1e-6)
    assert metrics["disparity.std_pairwise_distance"] == pytest.approx(0, abs=1e-6)
    assert np.isfinite(metrics["disparity.effective_rank"])


def test_a_single_image_is_refused(make_embeddings) -> None:
    """There is no pair."""
    with pytest.raises(LeaderboardError, match="about pairs of images, and there is one; add images"):
        compute_disparity(make_embeddings(np.ones((1, 3)), []))
