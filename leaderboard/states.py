"""States of results/: as a folder holds them, or as a commit does, read through git without touching the work tree."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from leaderboard.errors import LeaderboardError, first_line, printable
from leaderboard.git import SHORT, find_commit, first_words, run_git
from leaderboard.records import Result
from leaderboard.result_files import load_results

RESULTS = "results"


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
    packed = run_git(folder, "archive", "--format=tar", commit, "--", RESULTS)
    if packed.returncode:
        said = first_words(packed)
        raise LeaderboardError(f"git cannot read results/ of commit {commit[:SHORT]} ({said}); fetch it again")
    return _load_packed(packed.stdout, commit)


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


def _load_packed(packed: bytes, commit: str) -> list[Result]:
    with TemporaryDirectory(prefix="leaderboard-") as unpacked:
        try:
            with tarfile.open(fileobj=BytesIO(packed)) as tar:
                tar.extractall(unpacked, filter="data")
            return load_results(Path(unpacked) / RESULTS)
        except (tarfile.TarError, LeaderboardError) as error:
            said = first_line(error).replace(f"{unpacked}/", "").partition("; ")[0]
            raise LeaderboardError(f"commit {commit[:SHORT]}: {said}; name a commit that this version reads") from None
