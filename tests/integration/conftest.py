"""A miniature clone: this repository's conftest.py and tests/bench on three small models and thirty images.

And a browser for the pages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leaderboard.datasets import list_dataset

ROOT = Path(__file__).parents[2]
PREPROCESSING = "{resize: [%d, %d], interpolation: bilinear, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}"
MODELS = f"""\
small:
  title: Small thumbnail
  library: baseline
  architecture: pixels
  preprocessing: {PREPROCESSING % (4, 4)}
  dimension: 48
  licence: Apache-2.0
  group: default
  thresholds: {{grains: {{knn1.f1_macro: 0.5, retrieval.precision_at_n: 0.5}}}}
large:
  title: Large thumbnail
  library: baseline
  architecture: pixels
  preprocessing: {PREPROCESSING % (16, 16)}
  dimension: 768
  licence: Apache-2.0
  thresholds: {{grains: {{knn1.f1_macro: 0.5}}}}
ghost:
  title: Weights that are nowhere
  library: timm
  architecture: test_vit
  sources: [{{path: nowhere/ghost.pth}}]
  pooling: cls
  preprocessing: {PREPROCESSING % (16, 16)}
  dimension: 64
  licence: null
"""
DATASETS = """\
grains:
  title: Grey, green and blue noise
  kind: folder
  protocols: [retrieval, knn, linear]
  classes: 3
  images: 30
  digest: "{digest}"
  licence: null
  attribution: Drawn by the tests.
"""


@dataclass
class Clone:
    """The miniature clone's folder, and how to run things in it."""

    root: Path
    data: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        """Pytest on the benchmark."""
        return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to the end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run it beside the test."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def snapshot(self) -> dict[str, bytes]:
        """Every file of the clone that git would look at."""
        files = (path for path in self.root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in files}

    def result(self, model: str) -> Path:
        """The result file of a model."""
        return self.root / "leaderboard" / "results" / "grains" / f"{model}.json"


def save_grains(folder: Path) -> None:
    """Three classes of ten images whose colours differ, so that small thumbnails tell them apart."""
    draws = np.random.default_rng(7)
    for number, name in enumerate(("blue", "green", "grey")):
        (folder / name).mkdir(parents=True)
        for index in range(10):
            values = draws.integers(0, 120, size=(20, 24, 3))
            values[..., :number] += 5  # a difference that a nearest neighbour does not always see
            Image.fromarray(values.astype(np.uint8)).save(folder / name / f"{index}.png")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A fresh one for every test, with its own cache."""
    root, data = tmp_path / "clone", tmp_path / "data"
    save_grains(data / "grains")
    (root / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "conftest.py", root)
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(ROOT / "tests" / "bench", root / "tests" / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "models.yaml").write_text(MODELS)
    digest = list_dataset("grains", data / "grains").digest
    (root / "datasets.yaml").write_text(DATASETS.format(digest=digest))
    (root / "README.md").write_text("# Mine\n<!-- leaderboard:begin --><!-- leaderboard:end -->\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    environment |= {
        "LEADERBOARD_DATA": str(data),
        "LEADERBOARD_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    return Clone(root, data, environment)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one these tests fail, because nothing else would test a page."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.fail(f"none of {', '.join(names)} is installed; install one, e.g. `apt install chromium`")
    with sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()
