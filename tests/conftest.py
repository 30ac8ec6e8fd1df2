"""Records that several tests need: a registry with one model and one data set, and results of that cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from leaderboard.backbones import loader_version
from leaderboard.extract import EXTRACTION_VERSION
from leaderboard.protocols import PROTOCOLS
from leaderboard.records import DatasetSpec, ModelSpec, Preprocessing, Provenance, Result
from leaderboard.registry import Registry

PREPROCESSING = Preprocessing((8, 8), None, "bilinear", (0.0,) * 3, (1.0,) * 3)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """One baseline on one data set of four images."""
    model = ModelSpec("toy", "Toy", "baseline", (), "pixels", None, PREPROCESSING, 192, "MIT")
    dataset = DatasetSpec("grains", "Grains", "folder", 2, 4, "d" * 64, None, "Nobody's.")
    return Registry(tmp_path, {"toy": model}, {"grains": dataset})


@pytest.fixture
def make_result() -> Callable[..., Result]:
    """A result of that cell, up to date unless something is changed."""

    def make(
        *,
        inputs: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Result:
        measured = {
            "library": "baseline",
            "loader": loader_version("baseline"),
            "architecture": "pixels",
            "pooling": None,
            "seed": None,
            "preprocessing": asdict(PREPROCESSING),
            "preprocessing_of": "entry",
            "dtype": "float32",
            "weights": {"source": "none"},
        }
        known = {
            "model": measured | dict(model or {}),
            "dataset": "d" * 64,
            "extraction": EXTRACTION_VERSION,
            "protocols": {name: protocol.version for name, protocol in PROTOCOLS.items()},
        }
        fields: dict[str, Any] = {
            "model": "toy",
            "dataset": "grains",
            "parameters": 0,
            "dimension": 192,
            "metrics": {"knn1.f1_macro": 0.5},
            "per_class": {},
            "outcomes": {},
            "classes": ["a", "b"],
            "labels": [0, 0, 1, 1],
            "left_out": [],
            "provenance": Provenance(known | dict(inputs or {}), dict(environment or {"device": "cpu"})),
        }
        return Result(**(fields | changes))

    return make
