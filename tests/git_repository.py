"""A miniature clone under git, with results whose figures follow from their outcomes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from paired import measured

from leaderboard.history import load_history
from leaderboard.protocols import versions_of
from leaderboard.records import Result
from leaderboard.registry import load_registry
from leaderboard.result_files import save_result

if TYPE_CHECKING:
    import pytest

GIT = {  # nothing of this machine's configuration
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}
SET_BY_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # where a hook runs the tests
SET_BY_RUNNERS = ("GITHUB_TOKEN", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


def isolate_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git see nothing of this machine, and our commands nothing of a runner."""
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    for name in (*SET_BY_HOOKS, *SET_BY_RUNNERS):
        monkeypatch.delenv(name, raising=False)


def run_git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, where it has to succeed, and return what it prints."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


NEWCOMER = """
tiny:
  title: Tiny thumbnail
  library: baseline
  architecture: pixels
  preprocessing: {resize: [2, 2], interpolation: bilinear, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}
  dimension: 12
  licence: Apache-2.0
  thresholds: {grains: {knn1.f1_macro: 0.1, retrieval.precision_at_n: 0.1}}
"""  # a model that the miniature clone does not have


@dataclass
class Repository:
    """A clone with results, under git."""

    root: Path
    make_result: Callable[..., Result]

    @property
    def board(self) -> Path:
        """The folder of results/ and history.jsonl."""
        return self.root / "leaderboard"

    def git(self, *arguments: str) -> str:
        """Run git in it, and return what it prints."""
        return run_git(self.root, *arguments)

    def store(self, model: str, *, wrong: int) -> None:
        """Put a result there, as its entry would give it: of 200 images, so many are named wrongly."""
        registry = load_registry(self.root)
        dataset, spec = registry.dataset("grains"), registry.models.get(model, registry.model("small"))
        inputs = {"dataset": dataset.digest or "d" * 64, "protocols": versions_of(dataset.protocols)}
        result = measured(self.make_result, wrong=wrong, model=model, dimension=spec.dimension, inputs=inputs)
        entry = result.provenance.inputs["model"] | {"preprocessing": asdict(spec.preprocessing)}
        provenance = replace(result.provenance, inputs=result.provenance.inputs | {"model": entry})
        save_result(self.board / "results", replace(result, provenance=provenance), tolerance=0)

    def commit(self) -> str:
        """Commit all there is, and return the sha."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")
        return self.git("rev-parse", "HEAD")

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text in a file, where it has to stand."""
        text = (self.root / file).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        (self.root / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    def write(self, file: str, text: str) -> Path:
        """Write a file, with the folders that it needs."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def history(self) -> list[tuple[str, str, dict[str, str]]]:
        """Of each line the commit, the model and the changes."""
        return [(line.commit, line.model, dict(line.changes)) for line in load_history(self.board)]
