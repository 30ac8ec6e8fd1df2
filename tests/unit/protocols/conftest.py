"""Embeddings for the protocols: the golden file, and small ones made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leaderboard.cache import load_embeddings
from leaderboard.records import Embeddings, Provenance

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="session")
def golden_embeddings() -> Embeddings:
    """Real EfficientNet-Lite0 embeddings of the 697 images (697, 1280)."""
    return load_embeddings(GOLDEN / "palynomorphs-20.efficientnet-lite0.npz")


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    """What the SCAMPI benchmark's own script gives on them."""
    return json.loads((GOLDEN / "scampi.json").read_text())


@pytest.fixture(scope="session")
def make_embeddings() -> Callable[..., Embeddings]:
    """Embeddings from rows and labels."""

    def make(vectors: Any, labels: Sequence[int]) -> Embeddings:
        classes = tuple(f"genus-{number}" for number in range(max(labels, default=0) + 1))
        return Embeddings(
            np.asarray(vectors, np.float32), np.asarray(labels, np.int64), (), classes, Provenance({}, {})
        )

    return make


@pytest.fixture(scope="session")
def clusters(make_embeddings: Callable[..., Embeddings]) -> Callable[..., Embeddings]:
    """Overlapping Gaussian classes."""

    def make(*, per_class: int = 12, classes: int = 4, dimension: int = 6, seed: int = 0) -> Embeddings:
        draws = np.random.default_rng(seed)
        centres = draws.normal(size=(classes, dimension))
        labels = np.repeat(np.arange(classes), per_class)
        return make_embeddings(centres[labels] + draws.normal(size=(len(labels), dimension)), labels.tolist())

    return make
