"""`leaderboard watch` against a Hub, a web server and a GitHub on this machine: the models, the links, the issue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from github_server import BOT, GitHubServer

from leaderboard.__main__ import main
from leaderboard.commands.watch import MARKER, TITLE
from leaderboard.records import Cell, RunOptions
from leaderboard.registry import load_registry
from leaderboard.run import Run

COMMIT, NEXT = "c" * 40, "d" * 40
ENTRY = """
tiny:
  title: Tiny
  library: timm
  architecture: test_efficientnet
  sources: [{{hub: toy/tiny, revision: main, file: model.safetensors, drop: [classifier.]}}]
  pooling: head
  preprocessing: {{resize: [32, 32], interpolation: bicubic, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}}
  dimension: 256
  licence: null
  links: {{paper: "{url}/paper"}}
"""


class Watched:
    """The miniature clone with a model from the Hub, measured, and a link."""

    def __init__(self, root: Path, tmp: Path, hub, files: dict[str, bytes]) -> None:
        self.root, self.hub, self.files = root, hub, files
        hub.push("toy/tiny", files, COMMIT)
        hub.files["/paper"] = b"read me"
        models = root / "models.yaml"
        models.write_text(models.read_text() + ENTRY.format(url=hub.url))
        registry = load_registry(root)
        run = Run(registry, RunOptions(device="cpu"), tmp / "run", registry.results_dir)
        assert run.outcome(Cell("tiny", "grains")).status == "ok"

    def __call__(self, *arguments: str) -> int:
        """The command's exit code."""
        return main(["watch", "--root", str(self.root), "--device", "cpu", "--hub-timeout", "2", *arguments])

    def spoil(self) -> None:
        """Somebody puts other tensors on the branch."""
        from safetensors.torch import load, save

        tensors = load(self.files["model.safetensors"])
        tensors["conv_stem.weight"] = tensors["conv_stem.weight"] + 0.5
        self.hub.push("toy/tiny", self.files | {"model.safetensors": save(tensors)}, NEXT)


@pytest.fixture
def watched(clone, hub, zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Everything well."""
    monkeypatch.setenv("LEADERBOARD_DATA", str(clone.data))
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])
    return Watched(clone.root, tmp_path, hub, zoo.timm_repository("test_efficientnet"))


@pytest.fixture
def github(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    """A workflow's variables point to it."""
    with GitHubServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


def test_all_is_well(watched: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    """The measured model makes the same of the canary, its repository and its link are there."""
    assert watched() == 0
    assert capsys.readouterr().out == "**3 well**\n"


def test_a_model_whose_tensors_have_changed_is_told(watched: Watched, capsys) -> None:
    """By name, with what differs; the link of the same model is well."""
    watched.spoil()
    assert watched("tiny") == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("**1 changed, 2 well**\n\n### Changed\n\n- model tiny: ")
    assert captured.err.splitlines()[-1] == "leaderboard: 1 changed, 2 well"
    assert "Traceback" not in captured.out + captured.err


def test_a_vanished_repository_and_a_dead_link_are_told(watched: Watched, capsys) -> None:
    """Each once, with what was asked."""
    del watched.hub.branches["toy/tiny"], watched.hub.files["/paper"]
    assert watched() == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("**3 vanished**\n\n### Vanished\n\n")
    assert "no such repository" in captured.out
    assert "404 Not Found" in captured.out


def test_a_server_that_is_down_is_no_alarm(watched: Watched, capsys) -> None:
    """Exit code 0: nobody knows, and the next run asks again."""
    watched.hub.fault("/", "status", code=503)
    assert watched() == 0
    out = capsys.readouterr().out
    assert out.startswith("**3 could not be asked**\n\n### Could not be asked")
    assert "vanished" not in out


def test_the_issue_lives_as_long_as_there_is_something_to_tell(watched: Watched, github: GitHubServer, capsys) -> None:
    """Opened by a dead link, left as it is when nothing is new or nothing can be asked, closed when all is well."""
    assert watched("--issue") == 0
    assert "issue: unchanged" in capsys.readouterr().out
    assert github.issues == {}
    del watched.hub.files["/paper"]
    assert watched("--issue") == watched("--issue") == 1
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("issue")] == [
        "issue: created",
        "issue: unchanged",
    ]
    (issue,) = github.issues.values()
    assert (issue["title"], issue["user"], issue["state"]) == (TITLE, BOT, "open")
    assert issue["body"].startswith(f"{MARKER}\n**1 vanished, 2 well**\n\n### Vanished\n\n- model tiny: ")
    fault = watched.hub.fault("/", "status", code=503)
    assert watched("--issue") == 0
    assert "issue: left as it is" in capsys.readouterr().out
    watched.hub.faults.remove(fault)
    watched.hub.files["/paper"] = b"again"
    assert watched("--issue") == 0
    assert "issue: closed" in capsys.readouterr().out
    assert [one["state"] for one in github.issues.values()] == ["closed"]


def test_the_issue_is_about_everything(watched: Watched, github: GitHubServer, capsys) -> None:
    """A run on one model would close what is told of another."""
    assert watched("--issue", "tiny") == 2
    assert "leave the model ids out" in capsys.readouterr().err
    assert github.requests == []


def test_a_missing_variable_is_told_before_anything_is_asked(watched: Watched, monkeypatch, capsys) -> None:
    """Not after an hour of loading models."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/leaderboard")
    before = len(watched.hub.requests)
    assert watched("--issue") == 2
    assert capsys.readouterr().err == "leaderboard: GITHUB_TOKEN is not set; a workflow has it, elsewhere export it\n"
    assert len(watched.hub.requests) == before


def test_watching_is_asking(watched: Watched, capsys) -> None:
    """--offline is another command."""
    assert watched("--offline") == 2
    assert "use `leaderboard verify --offline`" in capsys.readouterr().err
