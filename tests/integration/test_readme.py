"""What the README says is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import leaderboard
from leaderboard.records import Cell, Outcome
from leaderboard.registry import load_registry
from leaderboard.render.outcomes import render_outcomes
from leaderboard.result_files import load_results

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_expected_table_is_that_of_the_stored_results() -> None:
    """The end of the first command's run, verbatim."""
    registry = load_registry(ROOT)
    stored = {(result.dataset, result.model): result for result in load_results(registry.leaderboard_dir / "results")}
    default = [spec.id for spec in registry.models.values() if spec.group == "default"]
    cells = [Cell(model, "synthetic-palynomorphs") for model in default]
    outcomes = [Outcome(cell, "ok", result=stored[cell.dataset, cell.model]) for cell in cells]
    table = render_outcomes(outcomes, registry).rpartition("\n")[0]
    assert len(outcomes) >= 4
    assert f"```text\n{table}\n```" in README


def test_the_three_lines_give_an_array(tmp_path, monkeypatch) -> None:
    """The Python block, run on a folder and compared with a list of the same files."""
    pytest.importorskip("timm", reason="needs the networks extra")
    (tmp_path / "slides").mkdir()
    for index in range(3):
        pixels = np.random.default_rng(index).integers(0, 255, size=(40, 50, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "slides" / f"{index}.png")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code.group(1), names)
    vectors = names["vectors"]
    assert vectors.shape == (3, 1280)
    files = [Path("slides") / f"{index}.png" for index in range(3)]
    assert np.array_equal(leaderboard.embed(names["model"], files), vectors)


def test_the_entry_shown_is_valid(tmp_path) -> None:
    """The YAML of "Add a model", appended to models.yaml, passes the schema."""
    block = re.search(r"```yaml\n(my-model:.*?)```", README, re.DOTALL).group(1)
    (tmp_path / "models.yaml").write_text((ROOT / "models.yaml").read_text() + block)
    (tmp_path / "datasets.yaml").write_text((ROOT / "datasets.yaml").read_text())
    assert load_registry(tmp_path).model("my-model").dimension == 384


def test_the_data_frame_holds_the_committed_results() -> None:
    """leaderboard.results() has the measured real cells, near the figures that the golden file gives."""
    frame = leaderboard.results(ROOT)
    real = frame[(frame["dataset"] == "palynomorphs-20") & (frame["class"] == "")]
    found = real.pivot(index="model", columns="metric", values="value")
    expected = {
        "efficientnet-lite0": (0.718, 0.398),
        "efficientnet-lite1": (0.701, 0.387),
        "efficientnet-lite2": (0.616, 0.349),
    }
    for model, (f1, precision) in expected.items():
        assert found.loc[model, "knn1.f1_macro"] == pytest.approx(f1, abs=0.005)
        assert found.loc[model, "retrieval.precision_at_n"] == pytest.approx(precision, abs=0.005)


def test_both_sources_are_cited_and_the_data_attributed() -> None:
    """Names, doi and licence."""
    for text in ("10.1016/j.aiig.2024.100080", "N. Rodgers", "NLOD", "Norwegian Offshore Directorate", "Martin Pearce"):
        assert text in README
