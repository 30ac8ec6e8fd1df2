"""docs/exports.md: every command there runs, every block of Python too, and mistakes are answered in one line."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from leaderboard.__main__ import main
from leaderboard.exports import COLUMNS, to_parquet

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    leaderboard (.+)$", PAGE, re.MULTILINE)
RESULTS = ROOT / "leaderboard" / "results"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> None:
    """Commands run in an empty folder, without data, on the committed results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LEADERBOARD_DATA", raising=False)


def run(*arguments: str) -> int:
    """A command on this clone."""
    return main([arguments[0], "--root", str(ROOT), *arguments[1:]])


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_page_runs(line: str, capsys) -> None:
    """And prints something."""
    assert run(*shlex.split(line)) == 0
    assert capsys.readouterr().out


def test_the_page_has_a_command_for_each_export() -> None:
    """Or nothing above would fail."""
    assert {line.split()[0] for line in COMMANDS} == {"export", "render", "card"}


def test_the_python_of_the_page_runs(tmp_path, capsys) -> None:
    """On what the first command writes; the citations are printed."""
    assert run(*shlex.split(COMMANDS[0])) == 0
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    assert isinstance(names["table"], pd.DataFrame)
    expected = json.loads((RESULTS / "palynomorphs-20" / "efficientnet-lite0.json").read_text())["metrics"]
    row = names["table"].loc[("palynomorphs-20", "efficientnet-lite0")]
    assert row["knn1.f1_macro"] == expected["knn1.f1_macro"]
    printed = capsys.readouterr().out
    assert "Martin Pearce" in printed
    assert printed.count("\n@") == 3
    assert re.search(r"version \S+, results [0-9a-f]{12}\.", printed)


def test_the_table_of_the_page_keeps_its_own_rule() -> None:
    """Only what is ok and without remarks: of four models one is stale, one reported, one not compared."""
    statuses = {
        "good": ("ok", None),
        "remarked": ("ok", "bfloat16"),
        "old": ("stale", None),
        "said": ("reported", None),
    }
    rows = [
        {
            "dataset": "set",
            "model": model,
            "status": status,
            "remarks": remarks,
            "metric": "m",
            "class": "",
            "value": 0.5,
        }
        for model, (status, remarks) in statuses.items()
    ]
    frame = pd.DataFrame(rows).reindex(columns=list(COLUMNS)).astype(dict(COLUMNS))
    Path("metrics.parquet").write_bytes(to_parquet(frame))
    names: dict[str, object] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], names)
    table = names["table"]
    assert isinstance(table, pd.DataFrame)
    assert list(table.index) == [("set", "good")]


def test_the_page_explains_every_column() -> None:
    """In its table, in their order."""
    explained = re.findall(r"^\| (`.+?`) \| ", PAGE, re.MULTILINE)
    assert [name for cell in explained for name in re.findall(r"`(\w+)`", cell)] == list(COLUMNS)


def test_export_says_how_many_figures_it_wrote(tmp_path, capsys) -> None:
    """In CSV and in parquet the same."""
    assert run("export", "sub/a.csv", "b.parquet") == 0
    printed = capsys.readouterr()
    assert re.search(r"sub/a\.csv: \d+ measured figures of \d+ cells, \d+ reported ones\n", printed.out)
    assert printed.err == ""
    frame = pd.read_parquet("b.parquet")
    assert len(Path("sub/a.csv").read_text(encoding="utf-8").splitlines()) == len(frame) + 1


def test_another_ending_is_refused_before_anything_is_written(tmp_path, capsys) -> None:
    """One line that says which there are."""
    assert run("export", "a.csv", "a.xlsx") == 2
    assert capsys.readouterr().err == "leaderboard: a.xlsx: a table ends in .csv or .parquet; choose one of them\n"
    assert list(tmp_path.iterdir()) == []


def test_cells_without_an_entry_are_counted(tmp_path, capsys) -> None:
    """On stderr, since they are not in the table."""
    for dataset, model in (("palynomorphs-20", "gone"), ("nowhere", "efficientnet-lite0")):
        stored = json.loads((RESULTS / "palynomorphs-20" / "efficientnet-lite0.json").read_text())
        path = tmp_path / "results" / dataset / f"{model}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(stored | {"dataset": dataset, "model": model}))
    assert run("export", "a.csv", "--leaderboard-dir", str(tmp_path)) == 0
    said = "2 stored cells left out: no entry in models.yaml or datasets.yaml\n"
    assert capsys.readouterr().err == said


def test_a_folder_without_results_is_answered(tmp_path, capsys) -> None:
    """By export and card."""
    for arguments in (("export", "a.csv"), ("card", "efficientnet-lite0")):
        assert run(*arguments, "--leaderboard-dir", str(tmp_path)) == 2
        assert "has no results/" in capsys.readouterr().err


def test_a_card_of_reported_figures_is_refused_with_the_reason(tmp_path, capsys) -> None:
    """Nothing on stdout, exit code 1; another model's cell changes nothing."""
    held = tmp_path / "results" / "palynomorphs-20"
    held.mkdir(parents=True)
    shutil.copy(RESULTS / "palynomorphs-20" / "efficientnet-lite0.json", held)
    assert run("card", "scampi-dino-vits16", "--leaderboard-dir", str(tmp_path)) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    reason, last = printed.err.splitlines()
    assert reason.startswith("leaderboard: palynomorphs-20 is left out: its figures are reported by equinor/scampi")
    assert last.startswith("leaderboard: scampi-dino-vits16 has no figures for a card; measure them")


def test_what_a_card_leaves_out_is_said_beside_it(capsys) -> None:
    """The block alone is on stdout, so that it can be piped."""
    assert run("card", "efficientnet-lite0") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("model-index:\n")
    assert "synthetic" not in printed.out
    assert "synthetic-palynomorphs is left out: a smoke test" in printed.err


def test_an_address_is_checked(capsys) -> None:
    """It stands in a card that others read."""
    with pytest.raises(SystemExit) as ended:
        run("card", "efficientnet-lite0", "--url", "my page")
    assert ended.value.code == 2
    assert "'my page' is no address; it begins with https://" in capsys.readouterr().err


def test_latex_prints_and_writes_nothing(tmp_path, capsys) -> None:
    """With the columns that are asked for; it and --check are not one thing."""
    assert run("render", "--latex", "--dataset", "palynomorphs-20", "--columns", "knn1.accuracy") == 0
    printed = capsys.readouterr().out
    assert printed.count(r"\begin{table}") == 1
    assert "P@N" not in printed
    assert list(tmp_path.iterdir()) == []
    assert run("render", "--latex", "--check") == 2
    assert capsys.readouterr().err == "leaderboard: --latex prints, --check compares files; give one of them\n"
