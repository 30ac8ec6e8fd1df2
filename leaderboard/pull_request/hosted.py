"""A pull request as its host keeps it, fetched as data. Nothing of it is checked out, and nothing of it runs."""

from __future__ import annotations

from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.git import SHORT, ask_git, find_commit, first_words, run_git

REMOTE = "origin"
SIGNED = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
NOBODY = dict.fromkeys(SIGNED, "nobody")  # signs a merge that is read once and never pushed


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


def merge_as_data(root: Path, commit: str) -> str:
    """What the host measured: main and this commit merged, as a commit that no branch has; the work tree stays.

    Raises:
        LeaderboardError: the two do not merge.
    """
    merged = run_git(root, "merge-tree", "--write-tree", "HEAD", commit)
    if merged.returncode:
        raise LeaderboardError(f"{commit[:SHORT]} does not merge with main as it is now; bring it up to date with main")
    tree = merged.stdout.decode().split()[0]
    parents = ("-p", find_commit(root, "HEAD"), "-p", commit)
    made = run_git(root, "commit-tree", tree, *parents, "-m", "what was measured", extra=NOBODY)
    if made.returncode:
        raise LeaderboardError(f"git cannot write the merge of {commit[:SHORT]} ({first_words(made)}); try again")
    return made.stdout.decode().strip()
