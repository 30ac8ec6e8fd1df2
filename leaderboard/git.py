"""What git knows of a clone: commits, what differs between them, files as they were."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.records import COMMIT

SHORT = 12  # digits of a commit that people see


def run_git(
    folder: Path, *arguments: str, extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder, whatever it answers; with ``extra`` variables in its environment.

    Raises:
        LeaderboardError: it is not installed.
    """
    program = shutil.which("git")
    if program is None:
        raise LeaderboardError("git is not installed, and a commit is read through it; install it, or name a folder")
    environment = os.environ | dict(extra or {})
    command = [program, "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, env=environment, check=False)  # noqa: S603


def ask_git(folder: Path, *arguments: str) -> str:
    """What git prints; a refusal of it is an error with its own first words.

    Raises:
        LeaderboardError: git failed.
    """
    done = run_git(folder, *arguments)
    if done.returncode:
        said = first_words(done)
        raise LeaderboardError(f"`git {_command(arguments)}` failed in {folder} ({said}); mend that, then repeat")
    return done.stdout.decode(errors="backslashreplace")


def _command(arguments: Sequence[str]) -> str:
    """Its name, behind options such as ``-c name=value``."""
    return next((word for word in arguments if re.fullmatch("[a-z-]+", word) and not word.startswith("-")), "")


def first_words(done: subprocess.CompletedProcess[bytes]) -> str:
    """The first line of what git complained about."""
    return done.stderr.decode(errors="replace").strip().partition("\n")[0] or f"exit code {done.returncode}"


def find_commit(folder: Path, ref: str) -> str:
    """The sha of a commit of the repository around ``folder``.

    Raises:
        LeaderboardError: no repository, or it has no such commit.
    """
    shallow = run_git(folder, "rev-parse", "--is-shallow-repository")
    if shallow.returncode:
        said = first_words(shallow)
        raise LeaderboardError(f"{folder} is in no git repository ({said}); run in a clone, or name a folder instead")
    found = run_git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    sha = found.stdout.decode().strip()
    if found.returncode or not COMMIT.fullmatch(sha):
        raise LeaderboardError(_describe_unknown(ref, is_shallow=shallow.stdout.strip() == b"true"))
    return sha


def find_merge_base(folder: Path, ref: str, head: str = "HEAD") -> str:
    """The commit at which ``head`` left the line of ``ref``: what has happened there since is not its doing.

    Raises:
        LeaderboardError: either is unknown, or the two have nothing in common here.
    """
    commits = [find_commit(folder, ref), find_commit(folder, head)]
    found = run_git(folder, "merge-base", *commits)
    if found.returncode:
        raise LeaderboardError(f"{ref} and {head} have no commit in common here; fetch more: `git fetch --unshallow`")
    return found.stdout.decode().strip()


def list_changed_files(folder: Path, base: str, head: str | None = None) -> list[str]:
    """Files that differ between two commits, or between one and the work tree with its untracked files.

    Args:
        folder: of the clone; the paths are relative to it, with forward slashes.
        base: the older commit.
        head: the newer one; None: the work tree.
    """
    names = ("diff", "--name-only", "--no-renames", "--relative", "-z")
    changed = ask_git(folder, *names, base, *([head] if head else []), "--")
    untracked = "" if head else ask_git(folder, "ls-files", "--others", "--exclude-standard", "-z")
    return sorted({name for name in (changed + untracked).split("\0") if name})


def read_committed(folder: Path, commit: str, path: str) -> bytes | None:
    """A file as a commit has it; None where it has none.

    Args:
        folder: of the clone.
        commit: its sha.
        path: relative to that folder.
    """
    found = run_git(folder, "cat-file", "blob", f"{commit}:./{path}")
    return None if found.returncode else found.stdout


def _describe_unknown(ref: str, *, is_shallow: bool) -> str:
    if is_shallow:
        return f"{ref!r} is no commit of this shallow clone; fetch the others: `git fetch --unshallow`"
    return f"{ref!r} is neither a folder with results/ nor a commit of this clone; correct or fetch it (`git fetch`)"
