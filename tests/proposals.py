"""The miniature clone as a contributor has it: measured and published on main, and a branch that leaves there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from git_repository import Repository, isolate_git

from leaderboard.__main__ import main


def prepare(repository: Repository) -> None:
    """Measure, publish and branch off."""
    sort_models(repository)
    repository.write(".gitignore", "__pycache__/\n")
    repository.git("init", "--quiet", "--initial-branch", "main")
    repository.store("small", wrong=60)
    repository.store("large", wrong=60)
    assert main(["thresholds", "small", "large"]) == 0
    repository.commit()
    assert main(["publish"]) == 0
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "mine")


def sort_models(repository: Repository) -> None:
    """Put models.yaml in order."""
    path = repository.root / "models.yaml"
    entries = yaml.safe_load(path.read_text())
    path.write_text("\n".join(yaml.safe_dump({id_: entries[id_]}, sort_keys=False) for id_ in sorted(entries)))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """Where the first test leaves the repository for the others."""
    return tmp_path_factory.mktemp("prepared") / "clone"


@pytest.fixture
def proposal(clone, prepared, make_result, monkeypatch) -> Repository:
    """Two measured models and one that nobody can have, in order, published, on a branch that leaves main there."""
    isolate_git(monkeypatch)
    for name in ("LEADERBOARD_CACHE", "LEADERBOARD_DATA"):
        monkeypatch.setenv(name, clone.environment[name])
    made = Repository(clone.root, make_result)
    if prepared.exists():
        shutil.rmtree(clone.root)
        shutil.copytree(prepared, clone.root)
    monkeypatch.chdir(clone.root)
    if not prepared.exists():
        prepare(made)
        shutil.copytree(clone.root, prepared)
    return made


@pytest.fixture
def tell(capsys):
    """Runs a command, which has to end with this code, and returns what it prints: both streams."""

    def make(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(list(arguments)) == code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return printed.out + printed.err

    return make
