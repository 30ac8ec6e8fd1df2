"""A clone before and after a pull request: registry, results, and which files differ. Read as data; none of it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from leaderboard.errors import LeaderboardError, first_line
from leaderboard.git import SHORT, find_commit, find_merge_base, list_changed_files, read_committed
from leaderboard.records import Result
from leaderboard.registry import Registry, load_registry
from leaderboard.result_files import load_results
from leaderboard.states import load_committed, read_results

REGISTRIES = ("models.yaml", "datasets.yaml")
BOARD = "leaderboard"  # the folder of results/
BRANCHES = ("origin/main", "main")  # what a pull request is usually against


@dataclass(frozen=True)
class Side:
    """One state of the clone."""

    commit: str | None  # None: the work tree
    registry: Registry
    results: Sequence[Result]
    damaged: Mapping[str, str] = field(default_factory=dict)  # file -> why it is no result; of a pull request's head


@dataclass(frozen=True)
class Sides:
    """What a pull request starts from, and what it makes of it."""

    before: Side | None  # None: its registry or its results cannot be read by this version
    after: Side
    base: str  # the commit of ``before``
    files: Sequence[str]  # that differ, relative to the clone


def find_default_base(root: Path) -> str:
    """The branch that pull requests are against, as this clone knows it.

    Raises:
        LeaderboardError: it knows none, or there is no clone, or no git.
    """
    find_commit(root, "HEAD")  # says what else may be wrong than the names below
    for branch in BRANCHES:
        try:
            find_commit(root, branch)
        except LeaderboardError:
            continue
        return branch
    raise LeaderboardError(f"{root} has neither {' nor '.join(BRANCHES)}; say what to compare with: --base COMMIT")


def load_sides(registry: Registry, base: str) -> Sides:
    """The work tree, and the commit at which it left the line of ``base``.

    Raises:
        LeaderboardError: no such commit, or a damaged result file.
    """
    root = registry.root
    start = find_merge_base(root, base)
    after = Side(None, registry, load_results(registry.results_dir))
    return Sides(_load_before(root, start), after, start, list_changed_files(root, start))


def load_committed_sides(root: Path, base: str, head: str) -> Sides:
    """The same of two commits, of which only data is read.

    Raises:
        LeaderboardError: the newer one's registry cannot be read.
    """
    start, end = find_merge_base(root, base, head), find_commit(root, head)
    return Sides(_load_before(root, start), _load_head(root, end), start, list_changed_files(root, start, end))


def load_side(root: Path, commit: str) -> Side:
    """A commit's registry and results.

    Raises:
        LeaderboardError: either cannot be read.
    """
    registry = _load_registry(root, commit)
    return Side(commit, registry, load_committed(root / BOARD, commit, default=[]))


def _load_head(root: Path, commit: str) -> Side:
    """The same, but what is no result is named instead: everything else is still to be reviewed."""
    results, damaged = read_results(root / BOARD, commit)
    return Side(
        commit, _load_registry(root, commit), results, {f"{BOARD}/{file}": why for file, why in damaged.items()}
    )


def _load_before(root: Path, commit: str) -> Side | None:
    try:
        return load_side(root, commit)
    except LeaderboardError:
        return None


def _load_registry(root: Path, commit: str) -> Registry:
    with TemporaryDirectory(prefix="leaderboard-") as folder:
        for name in REGISTRIES:
            content = read_committed(root, commit, name)
            if content is None:
                raise LeaderboardError(f"commit {commit[:SHORT]} has no {name}; name a commit that has")
            (Path(folder) / name).write_bytes(content)
        try:
            return load_registry(Path(folder))
        except LeaderboardError as error:
            raise LeaderboardError(f"commit {commit[:SHORT]}: {first_line(error)}") from None
