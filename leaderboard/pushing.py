"""Commits of results and generated files, pushed to where the clone came from: what publishing does on main."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.git import SHORT, ask_git, find_commit, first_words, run_git

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


def replay(root: Path, subject: str, paths: Sequence[Path], environ: Mapping[str, str] = os.environ) -> bool:
    """Put our commits upon what others have pushed meanwhile; returns whether they have pushed anything.

    Commits of generated files are left out: their lines name commits that are replayed as others, and they are to be
    written again. The rest is replayed in a work tree of its own, so that the branch has either the old or the new.

    Args:
        root: of the clone.
        subject: how the message of a commit of generated files begins.
        paths: all that such a commit may have changed.
        environ: with $GITHUB_TOKEN, where it is set.

    Raises:
        LeaderboardError: our commits do not fit upon theirs; the branch is as it was.
    """
    branch = ask_git(root, "branch", "--show-current").strip()
    fetched = run_git(root, "fetch", "--quiet", REMOTE, branch, extra=_credentials(environ))
    if not branch or fetched.returncode:
        return False
    theirs = find_commit(root, "FETCH_HEAD")
    if not run_git(root, "merge-base", "--is-ancestor", theirs, "HEAD").returncode:
        return False
    names = {path.relative_to(root).as_posix() for path in paths}
    ours = ask_git(root, "rev-list", "--reverse", "--topo-order", f"{theirs}..HEAD").split()
    kept = [commit for commit in ours if not _is_generated(root, commit, subject, names)]
    ask_git(root, "reset", "--quiet", "--keep", _pick(root, theirs, kept))
    return True


def _is_generated(root: Path, commit: str, subject: str, names: set[str]) -> bool:
    said, _, changed = ask_git(root, "show", "--format=%s%x00", "--name-only", "--no-renames", "-z", commit).partition(
        "\0"
    )
    return said.startswith(subject) and {name.strip() for name in changed.split("\0") if name.strip()} <= names


def _pick(root: Path, start: str, commits: Sequence[str]) -> str:
    """The commit that these make upon another; nothing of the clone's own work tree is touched."""
    if not commits:
        return start
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "replay"
        ask_git(root, "worktree", "add", "--quiet", "--detach", str(place), start)
        try:
            picked = run_git(place, *_identity(root), "cherry-pick", "--keep-redundant-commits", *commits)
            if not picked.returncode:
                return find_commit(place, "HEAD")
        finally:
            run_git(root, "worktree", "remove", "--force", str(place))
    ours = ", ".join(commit[:SHORT] for commit in commits)
    raise LeaderboardError(
        f"commits {ours} do not fit upon {start[:SHORT]}, which was pushed to {REMOTE} meanwhile; "
        "they are still in this clone: rebase them by hand, then publish again"
    )


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
