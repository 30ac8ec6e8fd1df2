"""Commits of generated files, pushed to where the clone came from: what publishing does on main."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.git import ask_git, first_words, run_git

BOT = {  # GitHub's own account for what its runners commit; used where git knows nobody
    "user.name": "github-actions[bot]",
    "user.email": "41898282+github-actions[bot]@users.noreply.github.com",
}
REMOTE = "origin"


def commit_files(root: Path, paths: Sequence[Path], message: str) -> bool:
    """Commit these files and nothing else; returns whether any of them had changed.

    Raises:
        LeaderboardError: git refuses.
    """
    names = [str(path.relative_to(root)) for path in paths]
    if not names:
        return False
    ask_git(root, "add", "--all", "--", *names)
    if not run_git(root, "diff", "--cached", "--quiet", "--", *names).returncode:
        return False
    ask_git(root, *_identity(root), "commit", "--quiet", "--message", message, "--", *names)
    return True


def push(root: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Push the branch that is checked out; with $GITHUB_TOKEN, where it is set.

    Raises:
        LeaderboardError: the host refuses, or its branch has moved on meanwhile.
    """
    done = run_git(root, "push", "--quiet", REMOTE, "HEAD", extra=_credentials(environ))
    if done.returncode:
        said = _find_refusal(done)
        raise LeaderboardError(f"pushing to {REMOTE} failed ({said}); fetch what is new there, then publish again")


def is_ahead(root: Path) -> bool:
    """Whether HEAD has commits that are nowhere on the remote, as far as this clone knows."""
    return ask_git(root, "rev-list", "--max-count=1", "HEAD", "--not", f"--remotes={REMOTE}") != ""


def _find_refusal(done: subprocess.CompletedProcess[bytes]) -> str:
    """What the host says, or git; not the address, which git writes above it."""
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines()]
    return next((line for line in lines if line and not line.startswith("To ")), first_words(done))


def _identity(root: Path) -> list[str]:
    """Options that name the committer, where the configuration does not."""
    if run_git(root, "config", "user.email").stdout.strip() or os.environ.get("GIT_COMMITTER_EMAIL"):
        return []
    return [part for name, value in BOT.items() for part in ("-c", f"{name}={value}")]


def _credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Configuration for one command, by the environment: it stays out of files and out of the list of processes."""
    token = environ.get("GITHUB_TOKEN")
    if not token:
        return {}
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    number = int(environ.get("GIT_CONFIG_COUNT") or 0)  # of those that are set by the environment already
    return {
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": f"http.{server}/.extraheader",
        f"GIT_CONFIG_VALUE_{number}": f"AUTHORIZATION: basic {encoded}",
    }
