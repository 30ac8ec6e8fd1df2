"""Fixtures of the unit tests: an empty cache, tiny folders of images, a toy for a network."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from leaderboard.datasets import list_dataset
from leaderboard.records import Dataset


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
