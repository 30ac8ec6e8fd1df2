"""States of results/: as a folder holds them, or as a commit does, read through git without touching the work tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leaderboard.errors import LeaderboardError, first_line, printable
from leaderboard.git import SHORT, Entry, find_commit, list_committed, read_blobs, run_git
from leaderboard.records import Result
from leaderboard.result_files import load_results, parse_result

RESULTS = "results"
FILE = re.compile(rf"{RESULTS}/[^/]+/[^/]+\.json", re.DOTALL)
FILES = ("100644", "100755")  # modes of git
LARGEST = 32 * 2**20  # bytes of a result file: one of 4,300 images has 4 MB


@dataclass(frozen=True)
class State:
    """All results at one time."""

    title: str  # in words: "main (f8a1b77c0d21)"
    results: Sequence[Result]


def load_state(name: str, folder: Path) -> State:
    """The state that a user names.

    Args:
        name: a folder that holds results/, else what git takes for a commit: a branch, a tag, ``HEAD~1``, a sha.
        folder: that of results/ in the work tree, for a commit.

    Raises:
        LeaderboardError: neither of both, or no results there.
    """
    if (Path(name) / RESULTS).is_dir():
        return load_folder(Path(name), name)
    if Path(name).is_dir() and Path(name).resolve().name == RESULTS:
        return load_folder(Path(name).resolve().parent, name)
    commit = find_commit(folder, name)
    short = commit[:SHORT]
    return State(short if commit.startswith(name) else f"{name} ({short})", load_committed(folder, commit))


def load_folder(folder: Path, title: str = "the work tree") -> State:
    """The state that a folder holds.

    Raises:
        LeaderboardError: it has no results/, or a damaged file there.
    """
    if not (folder / RESULTS).is_dir():
        raise LeaderboardError(f"{folder} has no results/; measure with pytest first, or pass --leaderboard-dir")
    return State(title, load_results(folder / RESULTS))


def load_committed(folder: Path, commit: str, *, default: list[Result] | None = None) -> list[Result]:
    """The results that a commit has below ``folder``, sorted by data set and model.

    Raises:
        LeaderboardError: it has none there and there is no ``default``, or one that cannot be read.
    """
    if run_git(folder, "rev-parse", "--verify", "--quiet", f"{commit}:./{RESULTS}").returncode:
        if default is not None:
            return default
        raise LeaderboardError(f"commit {commit[:SHORT]} has no results/ in {folder}; name a commit that has")
    results, damaged = read_results(folder, commit)
    for file, why in damaged.items():
        said = f"{file} is no result file ({why})"
        raise LeaderboardError(f"commit {commit[:SHORT]}: {said}; name a commit that this version reads")
    return results


def read_results(folder: Path, commit: str) -> tuple[list[Result], dict[str, str]]:
    """The results that a commit has below ``folder``, and of its other files there by those names: file -> why not.

    Read blob by blob: what a commit says of its own files (.gitattributes) hides and changes none, and links lead
    nowhere.

    Raises:
        LeaderboardError: git cannot read the commit.
    """
    entries = [entry for entry in list_committed(folder, commit, RESULTS) if _may_be_read(entry)]
    entries.sort(key=lambda entry: entry.path.split("/"))
    damaged = {printable(entry.path): why for entry in entries if (why := _why_refused(entry))}
    files = [entry for entry in entries if not _why_refused(entry)]
    results = []
    for entry, content in zip(files, read_blobs(folder, [entry.sha for entry in files]), strict=True):
        try:
            results.append(_parse(entry, content))
        except ValueError as error:
            damaged[printable(entry.path)] = printable(first_line(error))
    return results, damaged


def _may_be_read(entry: Entry) -> bool:
    """Result files, and what could stand for a folder of them."""
    return entry.mode not in FILES or FILE.fullmatch(entry.path) is not None


def _why_refused(entry: Entry) -> str:
    if entry.mode not in FILES:
        return "it is a link or a submodule"
    return f"it has {entry.size:,} bytes, expected at most {LARGEST:,}" if entry.size > LARGEST else ""


def _parse(entry: Entry, content: bytes) -> Result:
    _, dataset, file = entry.path.split("/")
    return parse_result(content.decode(), dataset=dataset, model=file.removesuffix(".json"))


def check_committed(folder: Path) -> None:
    """Make sure that results/ is what HEAD has.

    Raises:
        LeaderboardError: names the first file that is not.
    """
    status = run_git(folder, "status", "--porcelain", "-z", "--untracked-files=all", "--", RESULTS).stdout
    changed = [entry for entry in status.decode(errors="backslashreplace").split("\0") if entry]
    if changed:
        first = printable(changed[0][3:])
        others = f" and {len(changed) - 1} other" + ("s" if len(changed) > 2 else "") if len(changed) > 1 else ""
        raise LeaderboardError(f"{first}{others} not as committed; commit or restore, then publish again")
