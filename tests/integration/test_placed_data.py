"""Data sets that a user places by hand, and tables with columns of a user's choice: typed, printed, skipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leaderboard.__main__ import main
from leaderboard.render.cells import JOINED

SPORES = """\
spores:
  title: Spores
  kind: folder
  origin: a museum
  paper: 10.1234/abc
  classes: 3
  images: 30
  licence: null
  unverified: [licence, archive layout]
  attribution: Nobody's.
  columns: [linear.log_loss, knn1.accuracy]
"""
REPORT = b'{"cells": [{"model": "small", "dataset": "grains", "status": "gated", "reason": "accept its licence"}]}'
NO_REPORT = " is no run report ("
WANTED = "get it from a museum (doi 10.1234/abc) and place it in"


@pytest.fixture(autouse=True)
def inside(clone, monkeypatch) -> None:
    """Commands run in the miniature clone, which has a second data set without files."""
    with (clone.root / "datasets.yaml").open("a") as stream:
        stream.write(SPORES)
    monkeypatch.chdir(clone.root)
    monkeypatch.setenv("LEADERBOARD_DATA", str(clone.data))
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])


def test_fetch_says_what_to_place_where(clone, capsys) -> None:
    """In one line, with exit code 1: it is nobody's mistake."""
    assert main(["fetch", "spores"]) == 1
    said = capsys.readouterr().err
    assert f"{WANTED} {clone.data / 'spores'}/, one subfolder per class, 30 images in 3 classes" in said
    assert len(said.strip().splitlines()) == 1


def test_fetch_verifies_what_was_placed_by_its_counts(clone, capsys) -> None:
    """And says that there is no digest to hold it against."""
    (clone.data / "grains").rename(clone.data / "spores")
    assert main(["fetch", "spores"]) == 0
    printed = capsys.readouterr().out
    assert "spores: 30 images in 3 classes, as many as expected, no digest to hold theirs against" in printed
    assert "licence not verified; Nobody's." in printed


def test_a_cell_without_its_data_is_skipped_with_what_to_place(clone) -> None:
    """At the end of the run, which is no failure."""
    done = clone.pytest("-k", "small and spores")
    assert done.returncode == 0, done.stdout
    assert "0 of 1 cells measured" in done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("skipped (not found) small-spores"))
    assert f"{WANTED} {clone.data / 'spores'}/" in line


def test_a_measured_set_without_digest_is_not_stale(clone, capsys) -> None:
    """Its result keeps the digest of the files that were there; the table has its columns, and a loss ranks none."""
    (clone.data / "grains").rename(clone.data / "spores")
    done = clone.pytest("-k", "small and spores")
    assert "1 of 1 cells measured" in done.stdout
    path = clone.root / "leaderboard" / "results" / "spores" / "small.json"
    assert len(json.loads(path.read_text())["provenance"]["inputs"]["dataset"]) == 64
    board = (clone.root / "leaderboard" / "README.md").read_text()
    head, _, row, *_ = [[cell.strip() for cell in line.split("|")] for line in board.splitlines() if line[:1] == "|"]
    assert head[1:-1] == ["Model", "linear.log_loss", "knn1.accuracy", "Status"]
    assert row[1] == "[small](results/spores/small.json)"
    assert row[-2] == "ok"
    assert "linear.log_loss has no interval, so the order of the rows is no ranking" in board


def test_render_prints_tables_with_other_columns_and_writes_nothing(clone, capsys) -> None:
    """Of every data set that has rows, or of one."""
    with (clone.root / "models.yaml").open("a") as stream:  # in the last entry
        stream.write("  reported: {grains: {source: a paper, metrics: {retrieval.map: 0.25, knn5.accuracy: 0.5}}}\n")
    before = clone.snapshot()
    for options in ([], ["--dataset", "grains"]):
        assert main(["render", "--columns", "retrieval.map,knn5.accuracy", *options]) == 0
        printed = capsys.readouterr().out
        rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in printed.splitlines() if line[:1] == "|"]
        assert printed.startswith("## grains\n")
        assert [rows[0], rows[2]] == [["Model", "retrieval.map", "knn5.accuracy"], ["ghost", "0.25", "0.5"]]
    assert main(["render", "--columns", "retrieval.map", "--dataset", "spores"]) == 0
    assert capsys.readouterr().out == "no cell is measured there, and nothing is reported\n"
    assert clone.snapshot() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--columns", "knn1.f1_marco"], "--columns: metric 'knn1.f1_marco' is unknown; nearest: knn1.f1_macro"),
        (["--columns", "knn1.f1_macro,"], "--columns: metric '' is unknown; nearest: knn1.f1_macro"),
        (["--columns", "knn1.f1_macro", "--dataset", "grain"], "data set 'grain' is not in datasets.yaml; nearest"),
        (["--dataset", "grains"], "--dataset grains is for printing; give --columns, --run-report or --latex too, or"),
    ],
)
def test_columns_that_are_not_there_are_one_line(arguments: list[str], message: str, capsys) -> None:
    """With the nearest names, and exit code 2."""
    assert main(["render", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, " does not exist; write it with pytest --run-report FILE"),
        (b"", NO_REPORT),
        (b"\xff", NO_REPORT),
        (b"{}", f"{NO_REPORT}it has no 'cells'); write one with"),
        (b"[]", f"{NO_REPORT}its form is another); write one with"),
        (b'{"cells": null}', NO_REPORT),
        (b'{"cells": [{"model": "small"}]}', f"{NO_REPORT}it has no 'dataset'); write one with"),
        (REPORT.replace(b'"accept its licence"', b"null"), f"{NO_REPORT}reason None); write one with"),
        (
            REPORT.replace(b"gated", b"tired"),
            " is no run report (status 'tired'); write one with pytest --run-report FILE",
        ),
    ],
    ids=["missing", "empty", "bytes", "mapping", "list", "null", "part", "reason", "status"],
)
def test_a_run_report_that_is_none_is_one_line(clone, text: bytes | None, said: str, capsys) -> None:
    """One that is not there is told from one that no run has written."""
    path = clone.root / "run.json"
    if text is not None:
        path.write_bytes(text)
    assert main(["render", "--run-report", str(path)]) == 2
    printed = capsys.readouterr().err
    assert f"{path}{said}" in printed
    assert len(printed.strip().splitlines()) == 1


def test_a_folder_is_no_run_report(clone, capsys) -> None:
    """The system's reason is passed on."""
    assert main(["render", "--run-report", str(clone.root)]) == 2
    printed = capsys.readouterr().err
    assert f"{clone.root}{NO_REPORT}" in printed
    assert "Is a directory" in printed
    assert len(printed.strip().splitlines()) == 1


def test_a_run_report_is_told_below_the_table(clone, capsys) -> None:
    """The word in the row, the reason in a line."""
    (clone.root / "run.json").write_bytes(REPORT)
    assert main(["render", "--run-report", "run.json"]) == 0
    printed = capsys.readouterr().out
    (row,) = (line for line in printed.splitlines() if line.startswith("| small"))
    assert row.rpartition(" | ")[2].split(" ") == [f"gated{JOINED}†", "", "|"]
    assert "\n\n† small: accept its licence.\n" in printed


def test_columns_and_check_exclude_each_other(capsys) -> None:
    """One prints, the other compares what is written."""
    with pytest.raises(SystemExit) as ended:
        main(["render", "--check", "--columns", "knn1.f1_macro"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_list_says_what_is_not_verified(clone: Path, capsys) -> None:
    """A licence that nobody has looked up is neither stated nor absent."""
    assert main(["list"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("spores"))
    assert "licence not verified" in line
    assert "not here yet" in line
