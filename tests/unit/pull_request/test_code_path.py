"""Which files decide about figures is read from the imports, and holds what measuring really loads."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard.pull_request.code_path import PACKAGE, concerns_every_model, library_of, list_measuring_files

ROOT = PACKAGE.parent
MEASURE = """
import json, sys
from pathlib import Path
from leaderboard.records import Cell, DatasetSpec, RunOptions
from leaderboard.registry import Registry, load_registry
from leaderboard.run import Run

images, shared, root = map(Path, sys.argv[1:])
protocols = ("retrieval", "knn", "linear")  # the others take longer; they are imported all the same
grains = DatasetSpec("grains", "Grains", "folder", 2, 20, None, None, "Nobody's.", protocols=protocols)
registry = Registry(root, load_registry(root).models, {"grains": grains})
run = Run(registry, RunOptions(), shared, shared / "results")
for model in ("pixels", "efficientnet-lite0"):
    outcome = run.outcome(Cell(model, "grains"))
    assert outcome.status == "ok", outcome.reason
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
print(json.dumps([file for file in files if file]))
"""


def find_loaded(images: Path, folder: Path) -> set[str]:
    """Our own files that a process has loaded which measured two models on a few images."""
    environment = os.environ | {"LEADERBOARD_DATA": str(images.parent), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MEASURE, str(images), str(folder), str(ROOT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    loaded = [Path(file).resolve() for file in json.loads(done.stdout)]
    return {file.relative_to(ROOT).as_posix() for file in loaded if file.is_relative_to(PACKAGE)}


def test_everything_that_measuring_loads_is_in_the_list(image_folder, tmp_path) -> None:
    """By a process of its own that measures a baseline, and a model with weights from a package."""
    loaded = find_loaded(image_folder((10, 10), name="grains"), tmp_path / "run")
    assert {"leaderboard/run.py", "leaderboard/extract.py", "leaderboard/protocols/knn.py"} <= loaded
    assert {file for file in loaded if not concerns_every_model(file) and library_of(file) is None} == set()


def test_the_list_has_what_figures_are_made_of() -> None:
    """Images, vectors, protocols, loaders, the registry's reader."""
    files = list_measuring_files()
    assert {f"leaderboard/{name}.py" for name in ("run", "extract", "images", "cells", "registry", "schema")} <= files
    for folder in ("protocols", "datasets", "backbones"):
        there = {path.relative_to(ROOT).as_posix() for path in (PACKAGE / folder).glob("*.py")}
        assert there
        assert there <= files


def test_the_list_has_nothing_that_only_shows_or_compares_figures() -> None:
    """A change of the table's layout measures nothing."""
    apart = ("render/", "site/", "report/", "commands/", "github/", "pull_request/", "adding/")
    shown = tuple(f"leaderboard/{folder}" for folder in apart)
    assert [file for file in list_measuring_files() if file.startswith(shown)] == []
    assert not any(concerns_every_model(f"{folder}x.py") for folder in shown)
    assert not concerns_every_model("leaderboard/standings.py")


def test_every_listed_file_is_there() -> None:
    """Relative to the clone, as git names them."""
    assert [file for file in list_measuring_files() if not (ROOT / file).is_file()] == []


def test_no_module_imports_by_dots() -> None:
    """What is imported so, the list would not follow."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found += [path.name for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
    assert found == []


@pytest.mark.parametrize(
    ("file", "library"),
    [
        ("leaderboard/backbones/timm.py", "timm"),
        ("leaderboard/backbones/new_one.py", "new_one"),
        ("leaderboard/backbones/_hub.py", None),
        ("leaderboard/backbones/__init__.py", None),
        ("leaderboard/backbones/README.md", None),
        ("leaderboard/backbones/deep/timm.py", None),
        ("leaderboard/protocols/knn.py", None),
    ],
)
def test_a_file_per_library_is_about_that_library(file: str, library: str | None) -> None:
    """Files that several libraries share are about none, and concern every model."""
    assert library_of(file) == library
    assert concerns_every_model(file) == (library is None and file.startswith("leaderboard/"))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("leaderboard/protocols/deep/er/x.py", True),
        ("leaderboard/__init__.py", True),
        ("leaderboard/new.py", False),
        ("leaderboard", False),
        ("torch/__init__.py", True),
        ("pytest.py", True),
        ("pytest.ini", True),
        ("tests/conftest.py", True),
        ("docs/conftest.py", False),
        ("README.md", False),
        ("tests/bench/new/test_x.py", True),
        ("leaderboard/canary_images/0.png", True),
    ],
)
def test_a_folder_counts_at_whatever_depth(file: str, expected: bool) -> None:
    """What stands in a package that measuring loads, may be loaded; so may what stands in a library's place."""
    assert concerns_every_model(file) is expected
