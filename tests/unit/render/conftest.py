"""Fixtures of the tables' tests: results whose figures follow from their outcomes, and a reader of markdown tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from leaderboard.records import Result
from leaderboard.registry import Registry
from leaderboard.render.cells import JOINED
from leaderboard.standings import compute_from_outcomes

IMAGES = 80
LABELS = [0] * 40 + [1] * 40
TESTS = [list(range(0, IMAGES, 2)), list(range(1, IMAGES, 2))]  # half of each class, every image once
MIXED = [37 * place % IMAGES for place in range(IMAGES)]  # all images, classes and test sets mixed
FIGURES = ("knn1.f1_macro", "knn1.accuracy", "retrieval.precision_at_n", "linear.balanced_accuracy")


@pytest.fixture
def crowd(registry: Registry) -> Registry:
    """Three models on a data set of 80 images."""
    toy, grains = registry.model("toy"), replace(registry.dataset("grains"), images=IMAGES)
    return replace(
        registry, models={id_: replace(toy, id=id_) for id_ in ("toy", "top", "tin")}, datasets={"grains": grains}
    )


@pytest.fixture
def with_model() -> Callable[..., Registry]:
    """A registry with an entry changed."""

    def change(registry: Registry, model: str, **changes: Any) -> Registry:
        return replace(registry, models={**registry.models, model: replace(registry.model(model), **changes)})

    return change


@pytest.fixture
def with_dataset() -> Callable[..., Registry]:
    """A registry with its data set changed."""

    def change(registry: Registry, **changes: Any) -> Registry:
        grains = replace(registry.dataset("grains"), **changes)
        return replace(registry, datasets={grains.id: grains})

    return change


@pytest.fixture
def two_sets(crowd):
    """Grains and spores, as many images."""
    return replace(crowd, datasets=crowd.datasets | {"spores": replace(crowd.dataset("grains"), id="spores")})


@pytest.fixture
def measure(make_result: Callable[..., Result]) -> Callable[..., Result]:
    """A model that names ``wrong`` images wrongly, one that names more of them also those, from the ``first`` on.

    By neighbours and by the classifier; such an image finds 19 instead of 39 of its class. Figures follow from that,
    but for ``metrics``, which stand in their place; None: there is none. Other changes are of the result.
    """

    def make(
        model: str, wrong: int, /, first: int = 0, metrics: Mapping[str, float | None] | None = None, **changes: Any
    ) -> Result:
        mistaken = {MIXED[(first + place) % IMAGES] for place in range(wrong)}
        said = [[1 - LABELS[image] if image in mistaken else LABELS[image] for image in test] for test in TESTS]
        outcomes = {
            "knn": {"test": TESTS, "predicted_k1": said},
            "linear": {"test": TESTS, "predicted": said},
            "retrieval": {"hits_at_n": [19 if image in mistaken else 39 for image in range(IMAGES)]},
        }
        result = make_result(labels=LABELS, outcomes=outcomes, **changes)
        figures = {name: compute_from_outcomes(result, name) for name in FIGURES} | dict(metrics or {})
        kept = {name: value for name, value in figures.items() if value is not None}
        return replace(result, model=model, metrics=kept)

    return make


@pytest.fixture
def read_tables() -> Callable[[str], list[list[dict[str, str]]]]:
    """The pipe tables of a text, each a list of rows: title of a column -> cell."""

    def read(text: str) -> list[list[dict[str, str]]]:
        blocks = [block.splitlines() for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)]
        tables = []
        for head, _, *body in ([_split(line) for line in block] for block in blocks):
            tables.append([dict(zip(head, cells, strict=True)) for cells in body])
        return tables

    return read


def _split(line: str) -> list[str]:
    """The cells of a line, as they look on a screen; a pipe behind a backslash ends none."""
    return [cell.strip().replace(JOINED, " ") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.fixture
def find_row(read_tables) -> Callable[[str, str], dict[str, str]]:
    """The first row of a model in a text."""

    def find(text: str, model: str) -> dict[str, str]:
        rows = [row for table in read_tables(text) for row in table]
        return next(row for row in rows if row["Model"] == model or row["Model"].startswith(f"[{model}]("))

    return find
