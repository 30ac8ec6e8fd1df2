"""States of results/: as a folder holds them, or as a commit does, read through git without touching the work tree."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from leaderboard.errors import LeaderboardError, first_line, printable
from leaderboard.records import COMMIT, Result
from leaderboard.result_files import load_results

RESULTS = "results"
SHORT = 12  # digits of a commit that people see


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


def find_commit(folder: Path, ref: str) -> str:
    """The sha of a commit of the repository around ``folder``.

    Raises:
        LeaderboardError: no repository, or it has no such commit.
    """
    shallow = _git(folder, "rev-parse", "--is-shallow-repository")
    if shallow.returncode:
        said = shallow.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise LeaderboardError(f"{folder} is in no git repository ({said}); run in a clone, or name a folder instead")
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    sha = found.stdout.decode().strip()
    if found.returncode or not COMMIT.fullmatch(sha):
        raise LeaderboardError(_describe_unknown(ref, is_shallow=shallow.stdout.strip() == b"true"))
    return sha


def load_committed(folder: Path, commit: str) -> list[Result]:
    """The results that a commit has below ``folder``, sorted by data set and model.

    Raises:
        LeaderboardError: it has none there, or one that cannot be read.
    """
    if _git(folder, "rev-parse", "--verify", "--quiet", f"{commit}:./{RESULTS}").returncode:
        raise LeaderboardError(f"commit {commit[:SHORT]} has no results/ in {folder}; name a commit that has")
    packed = _git(folder, "archive", "--format=tar", commit, "--", RESULTS)
    if packed.returncode:
        said = packed.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise LeaderboardError(f"git cannot read results/ of commit {commit[:SHORT]} ({said}); fetch it again")
    return _load_packed(packed.stdout, commit)


def check_committed(folder: Path) -> None:
    """Make sure that results/ is what HEAD has.

    Raises:
        LeaderboardError: names the first file that is not.
    """
    status = _git(folder, "status", "--porcelain", "-z", "--untracked-files=all", "--", RESULTS).stdout
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


def _describe_unknown(ref: str, *, is_shallow: bool) -> str:
    if is_shallow:
        return f"{ref!r} is no commit of this shallow clone; fetch the others: `git fetch --unshallow`"
    return f"{ref!r} is neither a folder with results/ nor a commit of this clone; correct or fetch it (`git fetch`)"


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("git")
    if program is None:
        raise LeaderboardError("git is not installed, and a commit is read through it; install it, or name a folder")
    return subprocess.run([program, "-C", folder, *arguments], capture_output=True, check=False)  # noqa: S603
