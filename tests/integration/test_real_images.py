"""The real 697 images, where they are: extraction itself, against the golden embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import leaderboard
from leaderboard.cache import load_embeddings
from leaderboard.datasets import find_dataset, load_dataset
from leaderboard.extract import embed_images
from leaderboard.registry import load_registry

ROOT = Path(__file__).parents[2]
SPEC = load_registry(ROOT).dataset("palynomorphs-20")
GOLDEN = ROOT / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"


@pytest.mark.skipif(find_dataset(SPEC) is None, reason="palynomorphs-20 is not here: `leaderboard fetch` it")
def test_recomputed_vectors_are_the_golden_ones() -> None:
    """In the same order, with a cosine similarity of at least 0.9999 for every image."""
    dataset, golden = load_dataset(SPEC), load_embeddings(GOLDEN)
    assert dataset.files == golden.files
    assert dataset.classes == golden.classes
    assert list(dataset.labels) == golden.labels.tolist()
    model = leaderboard.load_model("efficientnet-lite0", device="cpu", root=ROOT)
    ours, theirs = embed_images(model, [dataset.root / name for name in dataset.files]), golden.vectors
    cosine = (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosine.min() >= 0.9999
