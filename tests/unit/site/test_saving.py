"""The site's folder: what is written, what is removed, and what is never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.site.saving import CONTENTS, check_folder, save_site

OLD = {"index.html": b"old", "models/gone.html": b"gone", "models/kept.html": b"kept", "data/x/gone.js": b"gone"}
NEW = {"index.html": b"new", "models/kept.html": b"kept"}


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of the site but its list of them."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != CONTENTS)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with an older site."""
    folder = tmp_path / "site"
    save_site(OLD, folder)
    return folder


def test_a_site_over_an_older_one_leaves_nothing_of_it(out: Path) -> None:
    """Neither files nor the folders that they were in."""
    save_site(NEW, out)
    assert snapshot(out) == NEW
    assert not (out / "data").exists()


def test_what_is_unchanged_is_not_written_again(out: Path) -> None:
    """Whoever copies a site elsewhere sends only what is new."""
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    save_site(OLD, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


def test_a_file_that_somebody_added_stays(out: Path) -> None:
    """A CNAME, say."""
    (out / "CNAME").write_bytes(b"fossils.example")
    (out / "data" / "x" / "mine.txt").write_bytes(b"mine")
    save_site(NEW, out)
    assert snapshot(out) == {**NEW, "CNAME": b"fossils.example", "data/x/mine.txt": b"mine"}


def test_a_build_that_was_killed_is_completed_by_the_next(out: Path) -> None:
    """All that it may have written is in the list by then, and removed when it is not of this site."""
    (out / "models" / "new.html").mkdir()  # a folder where a file should be written ends the build half-way
    with pytest.raises(OSError, match=r"new\.html"):
        save_site({"a.html": b"half", "models/new.html": b"new"}, out)
    assert (out / "a.html").exists()
    (out / "models" / "new.html").rmdir()
    save_site(NEW, out)
    assert snapshot(out) == NEW


@pytest.mark.parametrize(
    "content", ["", "thesis.tex\n", "# Files of mine\nthesis.tex\n"], ids=["none", "list", "another list"]
)
def test_a_folder_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    """Before the work as after it; a file that is called like our list is not yet ours."""
    (tmp_path / "thesis.tex").write_bytes(b"five years")
    if content:
        (tmp_path / CONTENTS).write_text(content)
    for refuse in (check_folder, lambda folder: save_site(NEW, folder)):
        with pytest.raises(LeaderboardError, match=r"is not empty, and no site of ours is there; choose another"):
            refuse(tmp_path)
    assert (tmp_path / "thesis.tex").read_bytes() == b"five years"
    assert not (tmp_path / "index.html").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "site").write_bytes(b"")
    with pytest.raises(LeaderboardError, match=r"site is a file, not a folder; choose another one with --out"):
        save_site(NEW, tmp_path / "site")


def test_the_working_tree_of_an_empty_branch_may_be_written_into(tmp_path: Path) -> None:
    """Which is how a site gets onto GitHub Pages."""
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    save_site(NEW, tmp_path)
    assert snapshot(tmp_path) == {**NEW, ".git": b"gitdir: elsewhere"}


@pytest.mark.parametrize("line", ["../outside.txt", "{outside}", "linked/outside.txt", "models", ""])
def test_nothing_but_files_below_the_folder_is_removed(out: Path, line: str) -> None:
    """Whatever its list claims."""
    outside = out.parent / "outside.txt"
    outside.write_bytes(b"mine")
    (out / "linked").symlink_to(out.parent)
    with (out / CONTENTS).open("a") as stream:
        stream.write(line.format(outside=outside) + "\n")
    save_site(OLD, out)
    assert outside.read_bytes() == b"mine"
    assert (out / "models").is_dir()
