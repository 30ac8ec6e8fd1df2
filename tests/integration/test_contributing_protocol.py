"""The protocol that docs/adding-a-protocol.md starts from computes what it says."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from leaderboard.evidence import gather
from leaderboard.outcome_checks import check_outcomes
from leaderboard.protocols import METRICS
from leaderboard.records import Embeddings, Provenance

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-protocol.md"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The page's protocol, as a module."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    module = ModuleType("centroid")
    exec(compile(code[1], "docs/adding-a-protocol.md", "exec"), module.__dict__)
    return module


def test_the_example_of_a_protocol_computes_what_it_says(example: ModuleType) -> None:
    """Held against centres that are computed for one image after the other, without it."""
    draws = np.random.default_rng(3)
    labels = np.repeat(np.arange(3), [4, 6, 8])
    vectors = (draws.normal(size=(18, 5)) + 0.7 * np.eye(5)[labels]).astype(np.float32)
    files = tuple(f"{index}.png" for index in range(18))
    scores = example.PROTOCOL.compute(Embeddings(vectors, labels, files, ("a", "b", "c"), Provenance({}, {})))
    named = [name_without(vectors.astype(np.float64), labels, index) for index in range(18)]
    assert scores.outcomes["predicted"] == [named]
    assert scores.metrics == {"centroid.accuracy": float(np.mean(np.array(named) == labels))}
    assert 0.2 < scores.metrics["centroid.accuracy"] < 1
    assert set(scores.metrics) <= {metric.name for metric in example.PROTOCOL.metrics}
    check_outcomes({"centroid": scores.outcomes}, images=18, classes=3)


def name_without(vectors: np.ndarray, labels: np.ndarray, index: int) -> int:
    """The class whose other images' mean is nearest to one image."""
    others = np.delete(vectors, index, axis=0), np.delete(labels, index)
    centres = [others[0][others[1] == label].mean(axis=0) for label in range(3)]
    return int(np.argmin([np.linalg.norm(vectors[index] - centre) for centre in centres]))


def test_the_figure_of_the_example_follows_from_its_outcomes(example: ModuleType, monkeypatch) -> None:
    """As its evidence declares, so it has an interval."""
    (metric,) = example.PROTOCOL.metrics
    monkeypatch.setitem(METRICS, metric.name, metric)
    outcomes = {"test": [[0, 1, 2, 3]], "predicted": [[0, 0, 1, 0]]}
    assert gather(metric.name, [outcomes], [0, 0, 1, 1]).measured == pytest.approx([0.75])
