"""Fixtures of the unit tests: an empty cache, small folders of images, a toy for a network, results that add up."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leaderboard.datasets import list_dataset
from leaderboard.records import Dataset, Result
from leaderboard.registry import Registry
from leaderboard.standings import compute_from_outcomes

IMAGES = 80
LABELS = [0] * 40 + [1] * 40
TESTS = [list(range(0, IMAGES, 2)), list(range(1, IMAGES, 2))]  # half of each class, every image once
MIXED = [37 * place % IMAGES for place in range(IMAGES)]  # all images, classes and test sets mixed
FIGURES = ("knn1.f1_macro", "knn1.accuracy", "retrieval.precision_at_n", "linear.balanced_accuracy")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own, and no data from outside."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LEADERBOARD_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def doubles() -> ModuleType:
    """The module beside this file, whatever pytest's import mode."""
    name = "unit_doubles"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("doubles.py"))
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up there
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def toy(doubles: ModuleType) -> Callable[..., object]:
    """The class of the toy backbone."""
    return doubles.ToyBackbone


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of small images, PNG and JPEG in turn, all different: ``counts`` of them per class."""

    def make(counts: Sequence[int] = (3, 2), *, name: str = "toy-data", size: int = 12, seed: int = 0) -> Path:
        draws = np.random.default_rng(seed)
        for index, count in enumerate(counts):
            folder = tmp_path / name / f"class-{index}"
            folder.mkdir(parents=True)
            for number in range(count):
                values = draws.integers(0, 256, (size, size, 3), dtype=np.uint8)
                Image.fromarray(values).save(folder / f"{number:03d}.{('png', 'jpg')[number % 2]}")
        return tmp_path / name

    return make


@pytest.fixture
def toy_dataset(image_folder: Callable[..., Path]) -> Callable[..., Dataset]:
    """Makes a folder of small images and lists it."""

    def make(counts: Sequence[int] = (3, 2), **options: object) -> Dataset:
        return list_dataset("toy-data", image_folder(counts, **options))

    return make


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
