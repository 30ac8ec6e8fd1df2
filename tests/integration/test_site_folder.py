"""The site as a folder: its size and its bytes, what follows from the results, what is refused and left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from site_links import list_broken

from leaderboard.__main__ import main

ROOT = Path(__file__).parents[2]
LIMIT = 2_000_000  # bytes of everything but thumbnails: the issue's


def snapshot(site: Path) -> dict[str, bytes]:
    """Every file of a site."""
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_all_but_the_thumbnails_is_below_two_megabytes(site) -> None:
    """Pages, scripts, and the exports that lie beside them."""
    sizes = {name: len(content) for name, content in snapshot(site).items() if not name.startswith("thumbnails/")}
    assert sum(sizes.values()) < LIMIT, Counter(sizes).most_common(8)


def copy_in_reverse(root: Path) -> Path:
    """This repository's results below another folder, written in the opposite order."""
    files = [ROOT / "models.yaml", ROOT / "datasets.yaml", *sorted((ROOT / "leaderboard").rglob("*.json*"))]
    for path in reversed(files):
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return root


def test_the_same_results_give_the_same_bytes(site, tmp_path) -> None:
    """From another folder, with other orders of files and hashes, by another process."""
    root = copy_in_reverse(tmp_path / "another root")
    out = tmp_path / "another site"
    command = [sys.executable, "-m", "leaderboard", "site", "--root", root, "--out", out, "--thumbnails"]
    environment = os.environ | {
        "LEADERBOARD_CACHE": str(tmp_path / "cache"),
        "PYTHONHASHSEED": "4",
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=300)
    one, other = snapshot(site), snapshot(out)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    assert not any(bytes(tmp_path) in content for content in other.values())


def site_command(*arguments: object) -> int:
    """Run it in this process."""
    return main(["site", *map(str, arguments)])


@pytest.fixture
def small(clone, monkeypatch) -> Path:
    """The folder of a miniature leaderboard with two measured models, whose images may be shown."""
    assert clone.pytest("-k", "small or large").returncode == 0
    declared = clone.root / "datasets.yaml"
    declared.write_text(declared.read_text() + "  thumbnails: true\n")
    for name in ("LEADERBOARD_DATA", "LEADERBOARD_CACHE"):
        monkeypatch.setenv(name, clone.environment[name])
    return clone.root


def test_a_site_follows_its_results(small, tmp_path, capsys) -> None:
    """What is gone from them is gone from the folder; the command says what it wrote."""
    out = tmp_path / "site"
    assert site_command("--root", small, "--out", out, "--thumbnails") == 0
    printed = capsys.readouterr().out
    assert "grains: 30 pictures" in printed
    assert f"open {out / 'index.html'}" in printed
    assert len(list((out / "thumbnails").rglob("*.jpg"))) == 30
    entries = (small / "models.yaml").read_text()
    (small / "models.yaml").write_text(entries[: entries.index("large:")] + entries[entries.index("ghost:") :])
    assert site_command("--root", small, "--out", out) == 0
    assert not (out / "thumbnails").exists()
    assert sorted(path.stem for path in (out / "models").iterdir()) == ["ghost", "small"]
    assert list(list_broken(out)) == []


def test_pictures_that_cannot_be_had_are_said(small, tmp_path, capsys, monkeypatch) -> None:
    """And the site is built without them."""
    monkeypatch.setenv("LEADERBOARD_DATA", str(tmp_path))
    assert site_command("--root", small, "--out", tmp_path / "site", "--thumbnails") == 0
    assert f"grains: no pictures; data set grains is not here (it has no download); place it in {tmp_path}/grains/" in (
        capsys.readouterr().out
    )
    assert not (tmp_path / "site" / "thumbnails").exists()


def test_without_results_one_line_says_so(clone, tmp_path, capsys) -> None:
    """And nothing is written."""
    assert site_command("--root", clone.root, "--out", tmp_path / "site") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "has no results; measure with pytest first" in said
    assert not (tmp_path / "site").exists()


def test_a_folder_of_somebody_else_is_refused_before_the_work(clone, tmp_path, capsys) -> None:
    """In one line; nothing in it is touched."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("five years")
    assert site_command("--root", clone.root, "--out", tmp_path / "home") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is not empty, and no site of ours is there" in said
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.tex"]


def test_a_leaderboard_that_is_not_there_is_told_from_an_empty_one(clone, tmp_path, capsys) -> None:
    """The remedy for either is not the option that was given."""
    folder = tmp_path / "nowhere"
    assert site_command("--root", clone.root, "--out", tmp_path / "site", "--leaderboard-dir", folder) == 2
    assert f"--leaderboard-dir {folder} is not a folder; correct it" in capsys.readouterr().err
    folder.mkdir()
    assert site_command("--root", clone.root, "--out", tmp_path / "site", "--leaderboard-dir", folder) == 2
    assert "nowhere has no results; measure with pytest first, or pass another" in capsys.readouterr().err


def test_a_run_report_that_is_none_is_one_line(small, tmp_path, capsys) -> None:
    """It says what the file lacks."""
    (tmp_path / "run.json").write_text("{}")
    assert site_command("--root", small, "--out", tmp_path / "site", "--run-report", tmp_path / "run.json") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "run.json is no run report (it has no 'cells'); write one with pytest --run-report FILE" in said


@pytest.mark.parametrize("library", ["jinja2", "pyarrow"])
def test_a_library_that_is_missing_is_said_before_the_work(clone, tmp_path, library: str) -> None:
    """In one line, with the extra that brings it; the clone has no results, and nobody gets as far as that."""
    program = f"import sys; sys.modules[{library!r}] = None; from leaderboard.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "site", "--root", clone.root, "--out", tmp_path / "site"]
    done = subprocess.run(command, env=clone.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"it needs {library}, which is not installed; `pip install 'fossil-leaderboard[site]'`" in done.stderr
