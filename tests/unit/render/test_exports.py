"""The tidy table of all figures: what is in it, what it says of each, and what is read back."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

import leaderboard
from leaderboard.exports import COLUMNS, tabulate_metrics, to_csv, to_parquet
from leaderboard.records import Reported, Result
from leaderboard.registry import Registry, load_registry
from leaderboard.result_files import load_results
from leaderboard.sections import compute_sections

ROOT = Path(__file__).parents[3]
F1 = "knn1.f1_macro"
PER_CLASS = {"knn1.f1": [0.25, math.nan]}
WHOLE = """\
from leaderboard.exports import tabulate_metrics, to_csv, to_parquet
from leaderboard.registry import load_registry
from leaderboard.result_files import load_results
from leaderboard.sections import compute_sections
import hashlib
registry = load_registry()
results = load_results(registry.results_dir)
frame = tabulate_metrics(registry, results, compute_sections(registry, results))
print(hashlib.sha256(to_csv(frame) + to_parquet(frame)).hexdigest())
"""
WITHOUT_PYARROW = """\
import sys

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Gone())
from leaderboard.__main__ import main
"""


def tabulate(registry: Registry, results: Sequence[Result]) -> pd.DataFrame:
    """With the sections of the same."""
    return tabulate_metrics(registry, results, compute_sections(registry, results))


def read_csv(content: bytes) -> pd.DataFrame:
    """As docs/exports.md says: an empty class is no missing value."""
    frame = pd.read_csv(BytesIO(content), dtype="string")
    return frame.assign(**{"class": frame["class"].fillna("")}).astype(dict(COLUMNS))


@pytest.fixture
def frame(measure, crowd, with_model) -> pd.DataFrame:
    """Two measured models, one of them with figures per class; of a third others report something."""
    reported = Reported({F1: 0.99, "retrieval.map": 0.5}, "Somebody, 2024", parameters=21_000_000)
    board = with_model(crowd, "tin", reported={"grains": reported})
    return tabulate(board, [measure("toy", 8, parameters=7), measure("top", 30, per_class=PER_CLASS)])


def test_every_figure_is_a_row_and_the_rows_are_sorted(frame) -> None:
    """By data set, model, status, metric and class; columns and types are fixed."""
    keys = list(zip(frame["model"], frame["metric"], frame["class"], strict=True))
    assert keys == sorted(keys)
    assert len(keys) == 4 + 4 + 2 + 2
    assert {("top", "knn1.f1", "a"), ("top", "knn1.f1", "b"), ("tin", "retrieval.map", "")} < set(keys)
    assert frame.dtypes.astype(str).to_dict() == dict(COLUMNS)


def test_a_measured_row_says_what_it_rests_on(frame) -> None:
    """Protocol with its version, digest of the images, place of the weights, parameters; no source."""
    row = frame[(frame["model"] == "toy") & (frame["metric"] == F1)].iloc[0]
    assert row["status"] == "ok"
    assert (row["protocol"], row["protocol_version"]) == ("knn", 1)
    assert row["dataset_digest"] == "d" * 64
    assert (row["weights"], row["parameters"]) == ("none", 7)
    assert 0.5 < row["value"] < 1
    assert row[["weights_revision", "weights_sha256", "source", "remarks"]].isna().all()


def test_weights_have_their_revision_and_digest(measure, crowd) -> None:
    """Whole, as the result file has them."""
    weights = {"source": "hub:me/mine", "revision": "a" * 40, "sha256": "b" * 64}
    row = tabulate(crowd, [measure("toy", 8, model={"weights": weights})]).iloc[0]
    assert [row["weights"], row["weights_revision"], row["weights_sha256"]] == list(weights.values())


def test_only_columns_of_the_data_set_have_a_half_width(frame) -> None:
    """Of measured rows, for the whole set, to six digits."""
    having = frame[frame["half_width"].notna()]
    assert set(zip(having["model"], having["metric"], strict=True)) == {
        (model, metric)
        for model in ("toy", "top")
        for metric in (F1, "retrieval.precision_at_n", "linear.balanced_accuracy")
    }
    assert (having["half_width"] > 0).all()
    assert (having["half_width"] == having["half_width"].round(6)).all()
    assert (having["class"] == "").all()


def test_reported_rows_are_told_apart(frame) -> None:
    """By their status and source; nothing is said of a protocol or of weights that nobody here saw."""
    rows = frame[frame["model"] == "tin"]
    assert (rows["status"] == "reported").all()
    assert dict(zip(rows["metric"], rows["value"], strict=True)) == {F1: 0.99, "retrieval.map": 0.5}
    assert set(rows["source"]) == {"Somebody, 2024"}
    assert set(rows["parameters"]) == {21_000_000}
    unknown = ["half_width", "protocol", "protocol_version", "dataset_digest", "weights", "weights_revision"]
    assert rows[unknown].isna().all(axis=None)


def test_a_model_may_have_measured_and_reported_figures(measure, crowd, with_model) -> None:
    """Both stand there, each with its own value."""
    board = with_model(crowd, "toy", reported={"grains": Reported({F1: 0.99}, "Somebody")})
    rows = tabulate(board, [measure("toy", 8)])
    found = rows[rows["metric"] == F1].set_index("status")["value"]
    assert found["reported"] == 0.99
    assert found["ok"] < 0.99


def test_a_stale_cell_keeps_its_figures_and_says_so(measure, crowd, with_dataset) -> None:
    """Without a half width, because it is not compared."""
    rows = tabulate(with_dataset(crowd, digest="e" * 64), [measure("toy", 8)])
    assert set(rows["status"]) == {"stale"}
    assert set(rows["remarks"]) == {"data changed"}
    assert rows["value"].notna().all()
    assert rows["half_width"].isna().all()


def test_a_corrupt_cell_has_no_values(measure, crowd) -> None:
    """Not even those per class; its rows stay, and say why."""
    rows = tabulate(crowd, [measure("toy", 8, metrics={F1: 0.99}), measure("top", 30)])
    corrupt = rows[rows["status"] == "corrupt"]
    assert set(corrupt["model"]) == {"toy"}
    assert len(corrupt) == 4
    assert corrupt["value"].isna().all()
    assert corrupt["remarks"].str.contains("its stored outcomes give").all()
    assert rows[rows["model"] == "top"]["value"].notna().all()


def test_a_cell_without_an_entry_is_left_out(measure, crowd) -> None:
    """Nobody can say what it is worth."""
    stranger = replace(measure("toy", 8), model="gone")
    assert set(tabulate(crowd, [measure("toy", 8), stranger])["model"]) == {"toy"}


def test_a_table_without_figures_has_its_columns(crowd) -> None:
    """It can be written and read."""
    empty = tabulate(crowd, [])
    assert (len(empty), list(empty.columns)) == (0, list(COLUMNS))
    assert to_csv(empty).decode() == ",".join(COLUMNS) + "\n"
    assert pd.read_parquet(BytesIO(to_parquet(empty))).dtypes.astype(str).to_dict() == dict(COLUMNS)


def test_csv_and_parquet_read_back_as_they_were(frame) -> None:
    """To the last digit; an undefined figure is a missing one."""
    assert frame["value"].isna().sum() == 1
    pd.testing.assert_frame_equal(pd.read_parquet(BytesIO(to_parquet(frame))), frame)
    pd.testing.assert_frame_equal(read_csv(to_csv(frame)), frame)
    assert b"\r" not in to_csv(frame)


def test_no_text_of_the_csv_begins_a_formula(measure, crowd) -> None:
    """A class is called what a user's folder is called; parquet has it as it is."""
    rows = tabulate(crowd, [measure("toy", 8, classes=["=1+1", "é"], per_class=PER_CLASS)])
    lines = [line for line in to_csv(rows).decode("utf-8").splitlines() if ",knn1.f1," in line]
    assert [line.split(",")[4] for line in lines] == ["'=1+1", "é"]
    assert {"=1+1", "é"} < set(pd.read_parquet(BytesIO(to_parquet(rows)))["class"])


def test_the_order_of_the_files_changes_no_byte(measure, crowd) -> None:
    """Nor does writing twice."""
    results = [measure("toy", 8), measure("top", 30), measure("tin", 20)]
    once, again = tabulate(crowd, results), tabulate(crowd, results[::-1])
    assert to_csv(once) == to_csv(again)
    assert to_parquet(once) == to_parquet(again) == to_parquet(once)


def test_another_process_writes_the_same_bytes() -> None:
    """Of all committed results, whatever Python's hash seed is."""
    digests = [
        subprocess.run(
            [sys.executable, "-c", WHOLE],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(digests[0].strip()) == 64
    assert digests[0] == digests[1]


def test_the_measured_part_is_what_the_python_function_gives() -> None:
    """Of the committed results: the same cells, metrics, classes and values."""
    registry = load_registry(ROOT)
    rows = tabulate(registry, load_results(registry.results_dir))
    measured = rows[rows["status"] != "reported"]
    keys = ["dataset", "model", "metric", "class"]
    expected = leaderboard.results(ROOT).sort_values(keys, ignore_index=True)
    found = measured.sort_values(keys, ignore_index=True)
    assert len(found) > 5000
    for key in keys:
        assert found[key].tolist() == expected[key].tolist()
    same = (found["value"] == expected["value"]) | (found["value"].isna() & expected["value"].isna())
    assert same[found["status"] != "corrupt"].all()


def test_without_pyarrow_the_error_says_what_to_install(tmp_path) -> None:
    """In one line, before anything is computed or written; CSV needs none."""
    for name, code in (("metrics.parquet", 1), ("metrics.csv", 0)):
        program = f"{WITHOUT_PYARROW}sys.exit(main(['export', '--root', {str(ROOT)!r}, {name!r}]))"
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        said = ["leaderboard: it needs pyarrow, which is not installed; `pip install 'fossil-leaderboard[site]'`"]
        assert done.stderr.splitlines() == said[:code]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]
