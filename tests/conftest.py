"""What several tests need: a registry with one cell and results of it, a Hub on this machine, tiny models."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from leaderboard.backbones import loader_version
from leaderboard.extract import EXTRACTION_VERSION
from leaderboard.protocols import PROTOCOLS
from leaderboard.records import DatasetSpec, ModelSpec, Preprocessing, Provenance, Result
from leaderboard.registry import Registry

if TYPE_CHECKING:
    from hub_server import Hub

HERE = str(Path(__file__).parent)
if HERE not in sys.path:  # hub_server and zoo are imported from here, whatever pytest's import mode
    sys.path.append(HERE)
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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running Hub without repositories, to which the real client talks: with an empty cache and without a token."""
    client = pytest.importorskip("huggingface_hub")
    from hub_server import Hub

    with Hub(tmp_path / "hub-home") as server:
        server.redirect_client(monkeypatch)
        yield server
        client.close_session()  # the next test's is made in its own environment


@pytest.fixture(scope="session")
def zoo() -> ModuleType:
    """The module of tiny models; it imports the libraries when it is asked for a model."""
    return importlib.import_module("zoo")
