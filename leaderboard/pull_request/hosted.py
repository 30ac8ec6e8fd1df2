"""A pull request as its host keeps it, fetched as data. Nothing of it is checked out, and nothing of it runs."""

from __future__ import annotations

from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.git import SHORT, ask_git, find_commit

REMOTE = "origin"


def fetch_head(root: Path, number: int, commit: str) -> None:
    """Have a pull request's commits in the clone, without touching a branch or the work tree.

    Raises:
        LeaderboardError: it cannot be fetched, or its head is another commit by now.
    """
    ask_git(root, "fetch", "--quiet", "--no-tags", REMOTE, f"refs/pull/{number}/head")
    found = find_commit(root, "FETCH_HEAD")
    if found != commit:
        raise LeaderboardError(
            f"pull request {number} has moved on to {found[:SHORT]}; the run of that commit will tell it instead"
        )
