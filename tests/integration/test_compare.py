"""`leaderboard compare` on the committed results: a table, verdicts, and what cannot be compared."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leaderboard.__main__ import main
from leaderboard.render.cells import JOINED

ROOT = Path(__file__).parents[2]
FIRST, SECOND, THIRD = (f"efficientnet-lite{number}" for number in range(3))
COMPARED = {FIRST, SECOND, THIRD, "color-histogram", "hog", "pixels", "random-vit-small-16"}
WITHOUT = (
    "has no interval, so it cannot be compared; --metric may be knn1.f1_macro, retrieval.precision_at_n, "
    "linear.balanced_accuracy, or another score of knn or linear"
)
Edit = Callable[[str, Callable[[dict[str, Any]], None]], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The registry and the results of seven models of this repository, to be changed; whoever else is measured."""
    for name in ("models.yaml", "datasets.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for dataset in ("palynomorphs-20", "synthetic-palynomorphs"):
        (tmp_path / "leaderboard" / "results" / dataset).mkdir(parents=True)
        for model in COMPARED:
            name = f"leaderboard/results/{dataset}/{model}.json"
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def edit(root: Path) -> Edit:
    """Changes the stored cell of a model on the real images."""

    def change(model: str, how: Callable[[dict[str, Any]], None]) -> None:
        path = root / "leaderboard" / "results" / "palynomorphs-20" / f"{model}.json"
        fields = json.loads(path.read_text())
        how(fields)
        path.write_text(json.dumps(fields))

    return change


@pytest.fixture
def compare(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command prints."""

    def run(*arguments: str) -> str:
        assert main(["compare", "--root", str(root), *arguments]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run


@pytest.fixture
def refuse(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line that wrong use gives."""

    def run(*arguments: str) -> str:
        assert main(["compare", "--root", str(root), *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        (line,) = captured.err.splitlines()
        return line

    return run


def rows_of(text: str) -> dict[str, list[str]]:
    """Model -> its row's cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[-5]: row for row in rows}


def test_all_measured_models_are_compared_with_the_best(compare: Callable[..., str]) -> None:
    """On the one ranked data set; the two best are a tie, the third is not of it."""
    text = compare()
    rows = rows_of(text)
    assert list(rows)[:3] == [FIRST, SECOND, THIRD]
    assert set(rows) == COMPARED
    assert rows[FIRST][:2] == [f"1={JOINED}(1–2)", FIRST]
    assert rows[FIRST][2].startswith("0.718 ± 0.0")
    assert rows[FIRST][-1] == "the baseline"
    assert rows[SECOND][0] == f"1={JOINED}(1–2)"
    assert rows[SECOND][3].startswith("−0.018 ± 0.0")
    assert rows[SECOND][-1] == "not told apart"
    assert {rows[model][-1] for model in list(rows)[2:]} == {"worse"}
    assert "Ranks are among these 7 models." in text
    assert "\nThe smallest difference in NN F1 that these images can resolve is 0.0" in text
    assert ", for two of these models compared alone.\n" in text
    assert "p is adjusted (Holm) for all pairs, since the same images chose the best." in text
    assert f"\n- {SECOND}: about " in text
    assert " per class (now 35)\n" in text
    assert "synthetic" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_every_committed_cell_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """However many there are by now; one that cannot be is named with its reason."""
    assert main(["compare", "--root", str(ROOT), "--dataset", "palynomorphs-20"]) == 0
    measured = {path.stem for path in (ROOT / "leaderboard" / "results" / "palynomorphs-20").glob("*.json")}
    text = capsys.readouterr().out
    rows, named = set(rows_of(text)), set(re.findall(r"(\S+) is not compared: ", text))
    assert rows | named == measured
    assert rows >= COMPARED
    assert f"Ranks are among these {len(rows)} models." in text


def test_named_models_a_baseline_and_a_metric(compare: Callable[..., str]) -> None:
    """Only these are compared and adjusted for, whichever of them is better."""
    text = compare(SECOND, "--baseline", THIRD, "--dataset", "palynomorphs-20", "--metric", "retrieval.precision_at_n")
    rows = rows_of(text)
    assert list(rows) == [SECOND, THIRD]
    assert "P@N: 697 images, 20 classes" in text
    assert "Ranks are among these 2 models." in text
    assert rows[SECOND][3].startswith("+0.038 ± 0.0")
    assert rows[SECOND][4:] == ["< 0.001", "better"]
    assert "p is adjusted (Holm) for the comparisons shown." in text
    assert "settle" not in text


@pytest.mark.parametrize("title", ["P@N", "p@n"])
def test_a_metric_is_found_by_the_title_of_its_column(compare: Callable[..., str], title: str) -> None:
    """What a reader of the table has, in any case of letters."""
    assert compare(FIRST, SECOND, "--metric", title) == compare(FIRST, SECOND, "--metric", "retrieval.precision_at_n")


def test_a_model_alone_is_compared_with_all_others(compare: Callable[..., str]) -> None:
    """As their baseline; with one of its own it is only the two."""
    text = compare(THIRD)
    assert text == compare("--baseline", THIRD)
    assert set(rows_of(text)) == COMPARED
    assert rows_of(text)[THIRD][-1] == "the baseline"
    assert list(rows_of(compare(THIRD, "--baseline", SECOND))) == [SECOND, THIRD]


def test_a_smoke_test_is_compared_only_when_asked_for(compare: Callable[..., str]) -> None:
    """Without ranks, and with a word about what it is."""
    text = compare(FIRST, SECOND, "--dataset", "synthetic-palynomorphs")
    assert "no evidence about real fossils" in text
    assert "Rank" not in text


def test_a_stale_cell_is_named_below_with_its_reason(edit: Edit, compare: Callable[..., str]) -> None:
    """The rest is compared without it."""
    edit(FIRST, lambda fields: fields["provenance"]["inputs"].update(extraction=0))
    text = compare()
    assert next(iter(rows_of(text))) == SECOND
    assert FIRST not in rows_of(text)
    assert f"{FIRST} is not compared: stale: extraction changed." in text


def test_a_figure_that_does_not_follow_is_not_compared(edit: Edit, compare: Callable[..., str]) -> None:
    """An edited one, say."""
    edit(THIRD, lambda fields: fields["metrics"].update({"knn1.f1_macro": 0.999}))
    text = compare()
    assert next(iter(rows_of(text))) == FIRST
    assert f"{THIRD} is not compared: corrupt: knn1.f1_macro is 0.999, but its stored outcomes give 0.6156" in text


def test_a_baseline_that_cannot_be_compared_is_refused(edit: Edit, refuse: Callable[..., str]) -> None:
    """With the reason."""
    edit(FIRST, lambda fields: fields["provenance"]["inputs"].update(extraction=0))
    said = refuse("--baseline", FIRST)
    assert said.startswith(f"leaderboard: {FIRST} on palynomorphs-20 cannot be compared (stale: extraction changed);")


@pytest.mark.parametrize("models", [[THIRD], [THIRD, SECOND], [SECOND, THIRD]], ids=["alone", "first", "last"])
def test_a_model_asked_for_by_name_that_cannot_be_compared_is_refused(
    edit: Edit, refuse: Callable[..., str], models: list[str]
) -> None:
    """Nobody should miss it in a line below the others."""
    edit(THIRD, lambda fields: fields["metrics"].update({"knn1.f1_macro": 0.999}))
    said = refuse(*models)
    assert said.startswith(
        f"leaderboard: {THIRD} on palynomorphs-20 cannot be compared (corrupt: knn1.f1_macro is 0.999, "
    )
    assert said.endswith("); measure it again")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["efficientnet-lite9"], "model 'efficientnet-lite9' is not in models.yaml; nearest: efficientnet-lite"),
        (["--baseline", "nobody"], "model 'nobody' is not in models.yaml"),
        (["dinov2-base"], "dinov2-base is not measured on palynomorphs-20; measured there: color-histogram, "),
        (["--baseline", "dinov2-base"], "dinov2-base is not measured on palynomorphs-20; measured there: "),
        (["--dataset", "palynomorph"], "data set 'palynomorph' is not in datasets.yaml; nearest: palynomorphs-20"),
        (["--dataset", "nz-pollen", "--metric", "knn1.accuracy"], "nothing is measured on nz-pollen; measure it with"),
        (["--metric", "knn1.f1"], "--metric: metric 'knn1.f1' is unknown; nearest: knn1.f1_macro"),
        (["--metric", "linear.log_loss"], f"linear.log_loss {WITHOUT}"),
        (["--metric", "LR top-1"], f"learning_curve.lr.f100.top1 {WITHOUT}"),
        (["--dataset", "nz-pollen"], "nothing is measured on nz-pollen; measure it with `pytest -k nz-pollen` first"),
        (["--dataset", "nz-pollen", "--metric", "linear.log_loss"], "nothing is measured on nz-pollen;"),
        (["--dataset", "nz-pollen", "--metric", "knn1.f1"], "nothing is measured on nz-pollen;"),
    ],
    ids=[
        "model",
        "baseline",
        "unmeasured",
        "unmeasured baseline",
        "data set",
        "no cell",
        "metric",
        "loss",
        "title",
        "no cell at all",
        "no cell, loss",
        "no cell, metric",
    ],
)
def test_wrong_use_is_one_line(refuse: Callable[..., str], arguments: list[str], said: str) -> None:
    """With what would be right."""
    assert said in refuse(*arguments)


def test_without_results_there_is_nothing_to_compare(root: Path, refuse: Callable[..., str]) -> None:
    """One line with the folder."""
    shutil.rmtree(root / "leaderboard" / "results" / "palynomorphs-20")
    assert "no ranked data set has results; measure with pytest first" in refuse()


def test_a_data_set_that_cannot_be_compared_leaves_the_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its reason goes to stderr; when none is left, that is an error."""
    fields = json.loads((root / "leaderboard" / "results" / "palynomorphs-20" / f"{FIRST}.json").read_text())
    other = root / "leaderboard" / "results" / "nz-pollen" / f"{FIRST}.json"
    other.parent.mkdir()
    fields["provenance"]["inputs"]["extraction"] = 0
    other.write_text(json.dumps(fields | {"dataset": "nz-pollen"}))
    assert main(["compare", "--root", str(root)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("## palynomorphs-20")
    assert captured.err.startswith(f"nz-pollen is left out: {FIRST} on nz-pollen cannot be compared (stale: ")
    assert len(captured.err.splitlines()) == 1
    assert main(["compare", "--root", str(root), "dinov2-base"]) == 2
    assert "no data set is left to compare on; choose one with --dataset" in capsys.readouterr().err
