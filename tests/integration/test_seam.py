"""Inner pytest runs: what a contributor types, reads and finds on disk."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from leaderboard.result_files import load_result


def summary(output: str) -> str:
    """The last line of a pytest run, without its time."""
    return output.strip().splitlines()[-1].strip("= ").rpartition(" in ")[0]


def test_plain_pytest_runs_the_default_group_and_publishes_it(clone) -> None:
    """Green; the header says what was left out; results, tables and the end of the run agree."""
    done = clone.pytest()
    assert done.returncode == 0, done.stdout
    assert "models: small" in done.stdout
    assert "left out: large, ghost (take one with -k and its name, all with --all-models)" in done.stdout
    assert f"data set grains: {clone.data / 'grains'}" in done.stdout
    assert "device: the first of cuda, mps, cpu, float32, 1 threads" in done.stdout
    assert "1 of 1 cells measured" in done.stdout
    value = load_result(clone.result("small")).metrics["knn1.f1_macro"]
    assert f"{value:.3f}" in done.stdout
    for page in ("leaderboard/README.md", "README.md"):
        assert f"{value:.3f}" in (clone.root / page).read_text(), page


def test_running_twice_changes_no_byte(clone) -> None:
    """Git status stays clean, also when embeddings are extracted again."""
    assert clone.pytest().returncode == 0
    before = clone.snapshot()
    assert clone.pytest("--refresh").returncode == 0
    assert clone.snapshot() == before


def test_a_keyword_takes_a_model_outside_the_default_group(clone) -> None:
    """-k large measures large and nothing else; -k grains stays within the group."""
    done = clone.pytest("-k", "large")
    assert done.returncode == 0, done.stdout
    assert clone.result("large").exists()
    assert not clone.result("small").exists()
    assert "models: small\n" in clone.pytest("-k", "grains", "--collect-only").stdout


def test_a_node_id_can_be_pasted_back(clone) -> None:
    """Ids read function, model, data set, metric."""
    node = "tests/bench/test_cells.py::test_metric[large-grains-knn1.f1_macro]"
    done = clone.pytest("-v", node)
    assert f"{node} PASSED" in done.stdout
    assert summary(done.stdout) == "1 passed"


def test_last_failed_takes_the_models_that_failed(clone) -> None:
    """After a failing -k large, --lf runs that case again, although large is outside the default group."""
    models = clone.root / "models.yaml"
    models.write_text(models.read_text().replace("grains: {knn1.f1_macro: 0.5}", "grains: {knn1.f1_macro: 1.0}"))
    assert summary(clone.pytest("-p", "cacheprovider", "-k", "large").stdout).startswith("1 failed, 1 passed")
    again = clone.pytest("-p", "cacheprovider", "--lf").stdout
    assert "knn1.f1_macro of large on grains is" in again
    assert summary(again).startswith("1 failed")


def test_a_partial_run_rewrites_only_its_own_cells(clone) -> None:
    """The other cell's bytes stay, and stay in the table."""
    clone.pytest("--all-models")
    before = clone.result("small").read_bytes()
    clone.result("large").unlink()
    clone.pytest("-k", "large")
    assert clone.result("small").read_bytes() == before
    assert "[small]" in (clone.root / "leaderboard" / "README.md").read_text()


def test_a_cell_that_cannot_be_measured_is_skipped_with_its_reason(clone) -> None:
    """Visible at the end, once; an older measurement stays; --require-measured makes it a failure."""
    clone.result("ghost").parent.mkdir(parents=True)
    done = clone.pytest("-k", "ghost")
    assert done.returncode == 0
    assert "0 of 1 cells measured" in done.stdout
    reason = "model ghost: nowhere/ghost.pth does not exist; place the weights there"
    assert f"skipped (not found) ghost-grains: {reason}" in done.stdout
    assert not clone.result("ghost").exists()
    strict = clone.pytest("-k", "ghost", "--require-measured")
    assert strict.returncode == 1
    assert "Traceback" not in strict.stdout


def test_a_missed_threshold_says_by_how_much_and_how_to_see_it_again(clone) -> None:
    """The case fails in one line; the measurement is stored all the same: it is true."""
    models = clone.root / "models.yaml"
    models.write_text(models.read_text().replace("knn1.f1_macro: 0.5,", "knn1.f1_macro: 1.0,"))
    before = clone.pytest()
    value = load_result(clone.result("small")).metrics["knn1.f1_macro"]
    assert value < 1
    assert before.returncode == 1
    assert f"knn1.f1_macro of small on grains is {value:.6f}, {1 - value:.6f} below its threshold 1" in before.stdout
    assert 'reproduce: pytest -k "small and grains"' in before.stdout
    assert summary(before.stdout) == "1 failed, 2 passed, 1 deselected"


def test_a_bad_image_fails_its_cells_unless_it_may_be_skipped(clone) -> None:
    """All bad files are listed; skipped ones are counted, and such a result is kept apart from the stored ones."""
    bad = [clone.data / "grains" / "blue" / name for name in ("0.png", "1.png")]
    for path in bad:
        path.write_bytes(b"no image")
    from leaderboard.datasets import list_dataset

    digest = list_dataset("grains", clone.data / "grains").digest
    text = (clone.root / "datasets.yaml").read_text()
    old = text.partition('digest: "')[2].partition('"')[0]
    (clone.root / "datasets.yaml").write_text(text.replace(old, digest))
    failed = clone.pytest()
    assert failed.returncode == 1
    assert "grains: 2 unreadable images; repair them, or leave them out with --skip-bad-images" in failed.stdout
    assert "blue/0.png: " in failed.stdout
    assert "blue/1.png: " in failed.stdout
    assert not clone.result("small").exists()
    board = clone.root / "mine"
    skipped = clone.pytest("--skip-bad-images", "--leaderboard-dir", str(board))
    assert skipped.returncode == 0, skipped.stdout
    assert load_result(board / "results" / "grains" / "small.json").left_out == ["blue/0.png", "blue/1.png"]
    assert "2 unreadable images left out" in (board / "README.md").read_text()


def test_changed_data_is_an_error_that_names_the_difference(clone) -> None:
    """A missing image must not pass as a measurement."""
    (clone.data / "grains" / "blue" / "0.png").unlink()
    done = clone.pytest()
    assert done.returncode == 1
    assert "29 images in 3 classes, expected 30 in 3" in done.stdout


def test_a_damaged_result_of_another_model_touches_no_other_cell(clone) -> None:
    """The measurement is stored; the tables wait, and the end of the run says which file to remove."""
    clone.result("large").parent.mkdir(parents=True)
    clone.result("large").write_text("{")
    done = clone.pytest()
    assert clone.result("small").exists()
    assert "the tables are not written: " in done.stdout
    assert "large.json is no result file" in done.stdout
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_a_run_asserts_what_it_measured_not_what_is_stored(clone) -> None:
    """A stored figure edited within the tolerance cannot lift a cell over its threshold."""
    clone.pytest()
    path = clone.result("small")
    value = load_result(path).metrics["knn1.f1_macro"]
    path.write_text(path.read_text().replace(f'"knn1.f1_macro": {value!r}', f'"knn1.f1_macro": {value + 0.0015!r}'))
    models = clone.root / "models.yaml"
    models.write_text(models.read_text().replace("knn1.f1_macro: 0.5,", f"knn1.f1_macro: {value + 0.001:.4f},"))
    done = clone.pytest()
    assert done.returncode == 1
    assert f"is {value:.6f}" in done.stdout


def test_two_workers_measure_each_cell_once(clone) -> None:
    """pytest-xdist shares the outcomes between processes."""
    (clone.root / "counting.py").write_text(
        "from pathlib import Path\n"
        "from leaderboard.run import Run\n"
        "measure = Run._measure\n"
        "def counted(self, cell):\n"
        "    with Path('count.txt').open('a') as log:\n"
        "        log.write(f'{cell}\\n')\n"
        "    return measure(self, cell)\n"
        "Run._measure = counted\n"
    )
    clone.environment["PYTHONPATH"] += f":{clone.root}"
    done = clone.pytest("-n", "2", "-p", "counting", "--all-models")
    assert done.returncode == 0, done.stdout
    assert sorted((clone.root / "count.txt").read_text().split()) == ["ghost-grains", "large-grains", "small-grains"]
    assert "2 of 3 cells measured" in done.stdout
    assert "[large]" in (clone.root / "README.md").read_text()


def test_a_killed_run_loses_nothing_that_was_finished(clone) -> None:
    """SIGKILL between two cells: the first result is whole, nothing half-written lies about, a rerun completes."""
    (clone.root / "slow.py").write_text(
        "import time\n"
        "from leaderboard.backbones.baseline import Baseline\n"
        "embed = Baseline.embed\n"
        "def slowly(self, batch):\n"
        "    time.sleep(60 if self.spec.id == 'large' else 0)\n"
        "    return embed(self, batch)\n"
        "Baseline.embed = slowly\n"
    )
    clone.environment["PYTHONPATH"] += f":{clone.root}"
    process = clone.start("-p", "slow", "--all-models")
    deadline = time.monotonic() + 60
    while not clone.result("small").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert load_result(clone.result("small")).metrics
    assert not clone.result("large").exists()
    assert clone.pytest("--all-models").returncode == 0
    assert clone.result("large").exists()
    assert list(clone.root.rglob("*.tmp")) == []


def test_two_runs_at_once_do_not_disturb_each_other(clone) -> None:
    """Both are green, the files are whole, and nothing temporary is left."""
    runs = [clone.start("--all-models") for _ in range(2)]
    outputs = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert load_result(clone.result("small")).metrics
    assert load_result(clone.result("large")).metrics
    before = clone.snapshot()
    clone.pytest("--all-models")
    assert clone.snapshot() == before
    assert not any(name.endswith(".tmp") for name in before)


def test_speed_is_measured_only_when_asked_for(clone) -> None:
    """With --record-speed it goes into the result and the table, and a later run keeps it."""
    assert "1 deselected" in clone.pytest().stdout
    assert load_result(clone.result("small")).speed is None
    done = clone.pytest("--record-speed")
    assert done.returncode == 0, done.stdout
    speed = load_result(clone.result("small")).speed
    assert speed["images_per_second"] > 0
    assert speed["device"] == "cpu"
    clone.pytest()
    assert load_result(clone.result("small")).speed == speed
    assert f"{speed['images_per_second']:.1f}" in (clone.root / "leaderboard" / "README.md").read_text()


def test_another_dtype_does_not_overwrite_the_stored_result(clone) -> None:
    """What cannot be compared is shown, and stored only where the user says."""
    clone.pytest()
    before = clone.snapshot()
    done = clone.pytest("--dtype", "bfloat16")
    assert "1 of 1 cells measured" in done.stdout
    assert clone.snapshot() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", "small and"], "-k 'small and'"),
        (["--device", "abacus"], "'abacus' is not a device; try cpu, cuda, cuda:0 or mps"),
        (["--device", "cuda:7", "-k", "random"], "--device cuda:7"),
        (["--dtype", "float8"], "invalid choice: 'float8'"),
        (["--batch-size", "0"], "'0' is not a whole number of at least 1"),
        (["--record-speed", "-n", "2"], "--record-speed with -n"),
    ],
)
def test_wrong_use_is_one_line(clone, arguments: list[str], message: str) -> None:
    """No traceback for a user's mistake."""
    models = clone.root / "models.yaml"
    models.write_text(
        models.read_text() + "random:\n  title: R\n  library: timm\n  architecture: test_vit\n  seed: 1\n"
        "  pooling: cls\n  preprocessing: {resize: 160, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}\n"
        "  dimension: 64\n  licence: null\n"
    )
    done = clone.pytest(*arguments)
    assert done.returncode in (1, 4)
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr


def test_a_mistake_in_models_yaml_ends_the_run_before_it_starts(clone) -> None:
    """With the line, and pytest's exit code for wrong use."""
    models = clone.root / "models.yaml"
    models.write_text(models.read_text().replace("title: Small", "titel: Small"))
    done = clone.pytest()
    assert done.returncode == 4
    assert "models.yaml:2: model 'small': unknown key 'titel'; did you mean 'title'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_collecting_imports_neither_torch_nor_transformers(clone) -> None:
    """So that `pytest --collect-only` answers at once."""
    (clone.root / "watching.py").write_text(
        "import json, sys\nfrom pathlib import Path\n"
        "def pytest_unconfigure(config):\n"
        "    heavy = {'torch', 'transformers', 'timm', 'sklearn', 'pandas', 'skimage'} & set(sys.modules)\n"
        "    Path('heavy.json').write_text(json.dumps(sorted(heavy)))\n"
    )
    clone.environment["PYTHONPATH"] += f":{clone.root}"
    done = clone.pytest("--collect-only", "-q", "-p", "watching", "tests/bench", "--all-models")
    assert "test_metric[large-grains-knn1.f1_macro]" in done.stdout
    assert json.loads((clone.root / "heavy.json").read_text()) == []


def test_an_entry_is_all_that_a_new_model_needs(clone) -> None:
    """One YAML entry, `-k` its name: cases, result, row."""
    models: Path = clone.root / "models.yaml"
    entry = models.read_text().partition("large:")[2].partition("ghost:")[0]
    models.write_text(models.read_text() + "medium:" + entry.replace("[16, 16]", "[8, 8]").replace("768", "192"))
    done = clone.pytest("-k", "medium")
    assert done.returncode == 0, done.stdout
    assert summary(done.stdout).startswith("2 passed")
    assert "[medium](leaderboard/results/grains/medium.json)" in (clone.root / "README.md").read_text()
