"""What git knows of a clone: commits, what differs between them, files as they were."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    environment = os.environ | dict(extra or {})
    command = [_find_git(), "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, env=environment, check=False)  # noqa: S603


def _find_git() -> str:
    program = shutil.which("git")
    if program is None:
        raise LeaderboardError("git is not installed, and a commit is read through it; install it, or name a folder")
    return program


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


@dataclass(frozen=True)
class Entry:
    """What a commit has under a path."""

    mode: str  # "100644", "100755": files; links and submodules have others
    sha: str
    size: int  # bytes; 0 of what is no file
    path: str  # relative to the folder that was asked


def list_committed(folder: Path, commit: str, path: str) -> list[Entry]:
    """Everything but folders that a commit has below a path, whatever its own attributes say.

    Raises:
        LeaderboardError: git failed.
    """
    listed = ask_git(folder, "ls-tree", "-r", "-l", "-z", commit, "--", path)
    found = [entry.partition("\t") for entry in listed.split("\0") if entry]
    return [_parse_entry(words.split(), name) for words, _, name in found]


def _parse_entry(words: Sequence[str], path: str) -> Entry:
    mode, _, sha, size = words
    return Entry(mode, sha, int(size) if size.isdecimal() else 0, path)


def read_blobs(folder: Path, blobs: Sequence[str]) -> Iterator[bytes]:
    """The contents of these blobs, one after the other, from one process.

    Raises:
        LeaderboardError: git does not have one of them.
    """
    command = [_find_git(), "-C", str(folder), "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        if process.stdin is None or process.stdout is None:  # asked for above
            raise LeaderboardError("git has no pipes; repeat")
        for blob in blobs:
            process.stdin.write(f"{blob}\n".encode())
            process.stdin.flush()
            header = process.stdout.readline().split()
            if len(header) != 3:  # "<sha> missing"
                raise LeaderboardError(f"git cannot read {blob[:SHORT]}; fetch again: `git fetch --refetch`")
            yield process.stdout.read(int(header[2]) + 1)[:-1]


def _describe_unknown(ref: str, *, is_shallow: bool) -> str:
    if is_shallow:
        return f"{ref!r} is no commit of this shallow clone; fetch the others: `git fetch --unshallow`"
    return f"{ref!r} is neither a folder with results/ nor a commit of this clone; correct or fetch it (`git fetch`)"
