"""How long a large site takes. Runs only with --benchmark-only, on a machine that does nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from generated_results import save_generated_results

ROOT = Path(__file__).parents[2]
MODELS, DATASETS = 50, 6
BUDGET = 10.0  # seconds: the goal of the issue that asked for the site
ROUNDS = 5  # the quickest counts: another process may have had the processor


def build(root: Path, out: Path, cache: Path) -> None:
    """The command, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "LEADERBOARD_DATA"}
    command = [sys.executable, "-m", "leaderboard", "site", "--root", root, "--out", out]
    environment["LEADERBOARD_CACHE"] = str(cache)
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=120)


@pytest.mark.speed
def test_fifty_models_on_six_data_sets_take_less_than_ten_seconds(tmp_path, benchmark) -> None:
    """From *generated* result files, intervals, ties and per-genus differences included; no measurement."""
    save_generated_results(tmp_path / "root", models=MODELS, datasets=DATASETS)
    folders = iter(tmp_path / f"site-{number}" for number in range(ROUNDS))
    benchmark.pedantic(build, setup=lambda: ((tmp_path / "root", next(folders), tmp_path / "cache"), {}), rounds=ROUNDS)
    assert len(list((tmp_path / "site-0" / "models").iterdir())) == MODELS + MODELS // 10
    assert benchmark.stats.stats.min < BUDGET
