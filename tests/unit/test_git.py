"""What git tells of a clone: commits, merge bases, files that differ, files as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repository import isolate_git, run_git

from leaderboard.errors import LeaderboardError
from leaderboard.git import ask_git, find_commit, find_merge_base, list_changed_files, read_committed
from leaderboard.pull_request.sides import find_default_base


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One commit on main, of two files."""
    isolate_git(monkeypatch)
    root = tmp_path / "clone"
    root.mkdir()
    run_git(root, "init", "--quiet", "--initial-branch", "main")
    (root / "kept.txt").write_text("kept\n")
    (root / "edited.txt").write_text("before\n")
    commit(root)
    return root


def commit(root: Path) -> str:
    """Commit all there is, and return the sha."""
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--allow-empty", "--message", "x")
    return run_git(root, "rev-parse", "HEAD")


def test_the_work_tree_differs_by_what_is_edited_staged_removed_or_new(clone: Path) -> None:
    """Untracked files count; ignored ones do not."""
    base = commit(clone)
    assert list_changed_files(clone, base) == []
    (clone / "edited.txt").write_text("after\n")
    (clone / "kept.txt").unlink()
    (clone / "deep").mkdir()
    (clone / "deep" / "new.txt").write_text("new\n")
    (clone / "staged.txt").write_text("staged\n")
    run_git(clone, "add", "staged.txt")
    (clone / ".gitignore").write_text("ignored.txt\n")
    (clone / "ignored.txt").write_text("x\n")
    expected = [".gitignore", "deep/new.txt", "edited.txt", "kept.txt", "staged.txt"]
    assert list_changed_files(clone, base) == expected
    later = commit(clone)
    assert list_changed_files(clone, base) == expected
    (clone / "later.txt").write_text("x\n")
    assert list_changed_files(clone, base, later) == expected


def test_a_renamed_file_is_one_gone_and_one_new(clone: Path) -> None:
    """Both names count."""
    base = commit(clone)
    run_git(clone, "config", "diff.renames", "true")
    run_git(clone, "mv", "kept.txt", "moved.txt")
    assert list_changed_files(clone, base) == ["kept.txt", "moved.txt"]


def test_names_are_given_as_they_are_whatever_is_in_them(clone: Path) -> None:
    """Blanks, line breaks, other scripts; none is quoted, none is two."""
    base = commit(clone)
    names = sorted(["a b.txt", "c\nd.txt", "é.txt", "-x", '"q".txt'])
    for name in names:
        (clone / name).write_text("x\n")
    assert list_changed_files(clone, base) == names
    assert list_changed_files(clone, base, commit(clone)) == names


def test_paths_are_relative_to_the_folder_that_is_asked_about(clone: Path) -> None:
    """A clone may lie inside of another repository."""
    inner = clone / "inner"
    inner.mkdir()
    (inner / "a.txt").write_text("1\n")
    base = commit(clone)
    (inner / "a.txt").write_text("2\n")
    (inner / "b.txt").write_text("2\n")
    (clone / "outside.txt").write_text("2\n")
    assert list_changed_files(inner, base) == ["a.txt", "b.txt"]
    assert read_committed(inner, base, "a.txt") == b"1\n"


def test_what_main_has_done_since_is_not_the_branch_s_doing(clone: Path) -> None:
    """Compared is with the commit where the branch left."""
    start = commit(clone)
    run_git(clone, "checkout", "--quiet", "-b", "mine")
    (clone / "mine.txt").write_text("x\n")
    commit(clone)
    run_git(clone, "checkout", "--quiet", "main")
    (clone / "edited.txt").write_text("by main\n")
    commit(clone)
    run_git(clone, "checkout", "--quiet", "mine")
    assert find_merge_base(clone, "main") == start
    assert list_changed_files(clone, find_merge_base(clone, "main")) == ["mine.txt"]
    assert find_merge_base(clone, "mine", "main") == start


def test_a_file_as_a_commit_has_it(clone: Path) -> None:
    """With every byte; None where it has none, or a folder of that name."""
    (clone / "bytes").write_bytes(b"\r\n\x00\xff")
    (clone / "folder").mkdir()
    (clone / "folder" / "x").write_text("x")
    head = commit(clone)
    (clone / "bytes").unlink()
    assert read_committed(clone, head, "bytes") == b"\r\n\x00\xff"
    assert read_committed(clone, head, "nothing") is None
    assert read_committed(clone, head, "folder") is None


@pytest.mark.parametrize("ref", ["nowhere", "--upload-pack=x", "", "a\nb", "main:kept.txt", "HEAD~9", "1" * 40])
def test_what_names_no_commit_is_one_line(clone: Path, ref: str) -> None:
    """And never an option of git."""
    with pytest.raises(LeaderboardError, match="correct or fetch it") as caught:
        find_commit(clone, ref)
    assert "\n" not in str(caught.value)


def test_two_lines_of_history_that_never_met_are_an_error(clone: Path) -> None:
    """As in a shallow clone; the message says what helps."""
    run_git(clone, "checkout", "--quiet", "--orphan", "other")
    (clone / "other.txt").write_text("x\n")
    commit(clone)
    with pytest.raises(LeaderboardError, match="main and HEAD have no commit in common here; fetch more"):
        find_merge_base(clone, "main")


def test_a_refusal_of_git_is_told_in_its_words(clone: Path) -> None:
    """By the command's name, without the options before it."""
    with pytest.raises(
        LeaderboardError, match=r"^`git merge` failed in .*clone \(.*nowhere.*\); mend that, then repeat$"
    ):
        ask_git(clone, "-c", "user.name=A B", "merge", "nowhere")


def test_the_default_base_is_main_as_the_host_has_it_else_the_clone_s(clone: Path) -> None:
    """A clone of a fork may have an old main of its own."""
    assert find_default_base(clone) == "main"
    run_git(clone, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert find_default_base(clone) == "origin/main"


def test_without_main_the_base_has_to_be_said(clone: Path) -> None:
    """The message names the option."""
    run_git(clone, "branch", "--move", "trunk")
    with pytest.raises(LeaderboardError, match="has neither origin/main nor main; say what to compare with: --base"):
        find_default_base(clone)


def test_without_a_clone_or_git_the_base_is_not_what_is_missing(clone: Path, tmp_path: Path, monkeypatch) -> None:
    """The message says what is."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(LeaderboardError, match="is in no git repository"):
        find_default_base(tmp_path / "empty")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(LeaderboardError, match="git is not installed"):
        find_default_base(clone)
