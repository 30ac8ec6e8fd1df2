"""A project on 127.0.0.1 that takes pull requests: a bare repository, clones of it, and what its workflows do there.

The clones hold this repository's own code, with two small models and thirty images; commands run in them as they stand
in .github/workflows.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from git_repository import GIT
from workflow_steps import Done, find_depth, run_job

ROOT = Path(__file__).parents[1]
Ran = subprocess.CompletedProcess[str]
LEFT_OUT = ("tests/unit/", "tests/integration/", "tests/golden/", "docs/", "benchmarks/", "leaderboard/results/")
GENERATED = ("leaderboard/README.md", "leaderboard/history.jsonl")
SET_BY_JOBS = ("HF_HOME", "HF_HUB_CACHE", "LEADERBOARD_CACHE")  # a runner has none of them beforehand


@dataclass(frozen=True)
class Checkout:
    """A clone, and how to run things in it."""

    root: Path
    environment: Mapping[str, str]

    def git(self, *arguments: str) -> str:
        """Run git, which has to succeed, and return what it prints."""
        done = self._run(["git", *arguments])
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def leaderboard(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run one of our commands; returns all that it prints."""
        done = self._run([sys.executable, "-m", "leaderboard", *arguments], environment)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def pytest(self, *arguments: str) -> str:
        """Run the benchmark, which has to pass."""
        done = self._run([sys.executable, "-m", "pytest", "tests/bench", *arguments])
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text in a file, where it has to stand once."""
        text = (self.root / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        (self.root / file).write_text(text.replace(old, new), encoding="utf-8")

    def commit(self, message: str, *paths: str) -> str:
        """Commit these paths, and return the sha."""
        self.git("add", "--all", "--", *paths)
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def _run(self, command: list[str], environment: Mapping[str, str] = MappingProxyType({})) -> Ran:
        return subprocess.run(
            command,
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@dataclass(frozen=True)
class Measuring:
    """What the workflow on a pull request made of it."""

    changed: Done
    check: Done
    models: list[str]  # that were measured
    gated: list[str]
    jobs: Mapping[str, Done]  # model -> its job
    summaries: Mapping[str, str]  # model -> what the job's page shows
    artifacts: Mapping[str, bytes]  # name -> zip file


@dataclass
class Upstream:
    """The bare repository, and a place for clones."""

    bare: Path
    place: Path
    environment: Mapping[str, str]
    clones: int = field(default=0)

    def clone(self) -> Checkout:
        """A fresh one, of main."""
        self.clones += 1
        root = self.place / f"clone-{self.clones}"
        made = Checkout(self.place, self.environment)
        made.git("clone", "--quiet", str(self.bare), str(root))
        return Checkout(root, self.environment)

    def propose(self, contributor: Checkout, number: int) -> str:
        """Push a contributor's commits as a pull request, as the host would have it, and return its head."""
        contributor.git("push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/head")
        return contributor.git("rev-parse", "HEAD")

    def measure(self, number: int) -> Measuring:
        """Run leaderboard.yml on the merge of a pull request with main, each job in a checkout of its own."""
        self._merge(number).git("push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/merge")
        listing = self._check_out(number, "changed")
        outputs = self.place / f"outputs-{self.clones}"
        changed = run_job("leaderboard", "changed", listing.root, listing.environment, GITHUB_OUTPUT=str(outputs))
        told = dict(line.split("=", 1) for line in outputs.read_text().splitlines()) if outputs.exists() else {}
        models, gated = (json.loads(told.get(name, "[]")) for name in ("open", "gated"))
        checking = self._check_out(number, "check")
        check = run_job("leaderboard", "check", checking.root, checking.environment)
        jobs, summaries, artifacts = {}, {}, {}
        for model in models:
            jobs[model], summaries[model], folder = self._measure_one(number, model)
            if folder.exists():
                artifacts[f"measured-{model}"] = pack(folder)
        return Measuring(changed, check, models, gated, jobs, summaries, artifacts)

    def merge(self, number: int) -> None:
        """Merge a pull request into main; a conflict fails."""
        merged = self._merge(number)
        merged.git("push", "--quiet", "origin", "HEAD:main")

    def publish(self) -> tuple[Checkout, Done]:
        """Run publish.yml on main."""
        checkout = self.clone()
        return checkout, run_job("publish", "publish", checkout.root, checkout.environment, GITHUB_TOKEN="never-shown")

    def _merge(self, number: int) -> Checkout:
        merged = self.clone()
        merged.git("fetch", "--quiet", "origin", f"refs/pull/{number}/head")
        merged.git("merge", "--quiet", "--no-ff", "--message", f"Merge pull request {number}", "FETCH_HEAD")
        return merged

    def _check_out(self, number: int, job: str) -> Checkout:
        """The merge, with as much of its history as leaderboard.yml asks for; the host serves it by its protocol."""
        self.clones += 1
        root = self.place / f"job-{self.clones}"
        root.mkdir()
        environment = {name: value for name, value in self.environment.items() if name not in SET_BY_JOBS}
        made = Checkout(root, environment)
        made.git("init", "--quiet", "--initial-branch", "main")
        made.git("remote", "add", "origin", self.bare.as_uri())
        depth = find_depth("leaderboard", job)
        made.git("fetch", "--quiet", *(["--depth", str(depth)] if depth else []), "origin", f"refs/pull/{number}/merge")
        made.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
        return made

    def _measure_one(self, number: int, model: str) -> tuple[Done, str, Path]:
        """In a checkout of its own, whose caches are empty: they are below it, as the workflow says."""
        checkout = self._check_out(number, "measure")
        summary = self.place / f"{checkout.root.name}-summary.md"
        variables = {"MODEL": model, "GITHUB_STEP_SUMMARY": str(summary)}
        done = run_job("leaderboard", "measure", checkout.root, checkout.environment, **variables)
        return done, summary.read_text() if summary.exists() else "", checkout.root / "measured"


def make_upstream(place: Path, files: Mapping[str, str], environment: Mapping[str, str]) -> Upstream:
    """A bare repository whose main has this repository's code and these files beside it.

    Args:
        place: an empty folder.
        files: path -> text.
        environment: of every command.
    """
    start = place / "start"
    for name in _list_code():
        (start / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, start / name)
    for name, text in files.items():
        (start / name).write_text(text, encoding="utf-8")
    checkout = Checkout(start, environment)
    checkout.git("init", "--quiet", "--initial-branch", "main")
    checkout.commit("Start", ".")
    bare = place / "upstream.git"
    checkout.git("clone", "--quiet", "--bare", ".", str(bare))
    return Upstream(bare, place, environment)


def pack(folder: Path) -> bytes:
    """The zip file that upload-artifact makes of a folder."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())
    return content.getvalue()


def plain_environment() -> dict[str, str]:
    """This process's, without what belongs to its own tests, its own git, or GitHub's runners."""
    beginnings = ("PYTEST", "COV", "GIT_", "GITHUB_", "HF_", "LEADERBOARD_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(beginnings)}
    return kept | GIT | {"OMP_NUM_THREADS": "1"}


def _list_code() -> list[str]:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    return [name for name in names if not name.startswith(LEFT_OUT) and name not in GENERATED]
