"""Results with outcomes from which their figures follow, so that two of them can be compared on the same images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from leaderboard.records import Result
from leaderboard.standings import compute_from_outcomes

IMAGES = 200  # of two classes, in turn
FIGURES = ("knn1.f1_macro", "retrieval.precision_at_n")


def measured(
    make_result: Callable[..., Result], *, wrong: int, images: int = IMAGES, model: str = "toy", **changes: Any
) -> Result:
    """A cell that errs on the first ``wrong`` images: it names them wrongly, and finds nothing for them.

    ``changes`` are those of the fixture ``make_result``, but ``model`` is the id.
    """
    labels = [index % 2 for index in range(images)]
    named = [1 - label if index < wrong else label for index, label in enumerate(labels)]
    hits = [0 if index < wrong else images // 2 - 1 for index in range(images)]
    outcomes = {
        "knn": {"test": [list(range(images))], "predicted_k1": [named]},
        "retrieval": {"hits_at_n": hits},
    }
    result = make_result(**({"metrics": {}, "labels": labels, "outcomes": outcomes} | changes))
    figures = {name: compute_from_outcomes(result, name) for name in FIGURES}
    return replace(result, model=model, metrics=figures | dict(result.metrics))
