"""Commits of generated files and of nothing else, pushed without showing the token to anybody."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from git_repository import GIT, isolate_git, run_git

from leaderboard.errors import LeaderboardError
from leaderboard.pushing import BOT, commit_files, is_ahead, push

TOKEN = "ghs_not-a-real-token"
SECRET = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
SPY = """#!{python}
import json, os, subprocess, sys
with open({log!r}, "a") as log:
    own = {{name: value for name, value in os.environ.items() if name.startswith("GIT_CONFIG_")}}
    log.write(json.dumps([sys.argv[1:], own]) + "\\n")
os.execv({git!r}, ["git", *sys.argv[1:]])
"""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with two committed files, of a bare repository beside it."""
    isolate_git(monkeypatch)
    run_git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", "origin.git")
    root = make_clone(tmp_path, "clone")
    run_git(root, "checkout", "--quiet", "-B", "main")
    (root / "made.txt").write_text("1\n")
    (root / "mine.txt").write_text("1\n")
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", "x")
    run_git(root, "push", "--quiet", "origin", "main")
    return root


def make_clone(folder: Path, name: str) -> Path:
    """Another clone of it."""
    run_git(folder, "-c", "protocol.file.allow=always", "clone", "--quiet", "origin.git", name)
    return folder / name


@pytest.fixture
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git before git on the path, that writes down what it is told, line by line."""
    log, folder = tmp_path / "told.jsonl", tmp_path / "bin"
    folder.mkdir()
    program = folder / "git"
    program.write_text(SPY.format(python=sys.executable, log=str(log), git=shutil.which("git")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return log


def list_committed(root: Path) -> list[str]:
    """The files that the last commit changed."""
    return run_git(root, "show", "--format=", "--no-renames", "--name-only", "HEAD").splitlines()


def test_only_the_named_files_are_committed(clone: Path) -> None:
    """What else is staged stays staged, what is dirty stays dirty, what is new stays untracked."""
    for name in ("made.txt", "mine.txt", "staged.txt", "untracked.txt"):
        (clone / name).write_text("2\n")
    run_git(clone, "add", "staged.txt")
    assert commit_files(clone, [clone / "made.txt"], "Made") is True
    assert list_committed(clone) == ["made.txt"]
    assert run_git(clone, "log", "-1", "--format=%s") == "Made"
    status = run_git(clone, "status", "--porcelain").splitlines()
    assert [line.strip() for line in status] == ["M mine.txt", "A  staged.txt", "?? untracked.txt"]


def test_a_folder_is_committed_with_what_is_new_and_gone_in_it(clone: Path) -> None:
    """Results come and go."""
    (clone / "results").mkdir()
    (clone / "results" / "a.json").write_text("{}")
    assert commit_files(clone, [clone / "results"], "x") is True
    (clone / "results" / "a.json").unlink()
    (clone / "results" / "b.json").write_text("{}")
    assert commit_files(clone, [clone / "results"], "x") is True
    assert list_committed(clone) == ["results/a.json", "results/b.json"]


def test_nothing_new_is_no_commit(clone: Path) -> None:
    """Whatever else is staged."""
    before = run_git(clone, "rev-parse", "HEAD")
    (clone / "mine.txt").write_text("2\n")
    run_git(clone, "add", "mine.txt")
    assert commit_files(clone, [clone / "made.txt"], "x") is False
    assert commit_files(clone, [], "x") is False
    assert run_git(clone, "rev-parse", "HEAD") == before
    assert run_git(clone, "diff", "--cached", "--name-only") == "mine.txt"


def test_whoever_is_configured_commits(clone: Path, monkeypatch) -> None:
    """By the configuration or by the environment; the runners' bot only where git knows nobody."""
    run_git(clone, "config", "user.name", "B")
    run_git(clone, "config", "user.email", "b@example.org")
    for name in [name for name in GIT if "AUTHOR" in name or "COMMITTER" in name]:
        monkeypatch.delenv(name)
    authors = []
    for number in range(2):
        (clone / "made.txt").write_text(f"{number}0\n")
        assert commit_files(clone, [clone / "made.txt"], "x")
        authors.append(run_git(clone, "log", "-1", "--format=%an <%ae> %cn <%ce>"))
        run_git(clone, "config", "--remove-section", "user") if number == 0 else None
    bot = f"{BOT['user.name']} <{BOT['user.email']}>"
    assert authors == ["B <b@example.org> B <b@example.org>", f"{bot} {bot}"]
    assert "user" not in (clone / ".git" / "config").read_text().replace("users", "")


def test_a_push_moves_the_host_s_branch_and_then_nothing_is_ahead(clone: Path) -> None:
    """A commit that an interrupted run has left is ahead, too."""
    assert not is_ahead(clone)
    (clone / "made.txt").write_text("2\n")
    commit_files(clone, [clone / "made.txt"], "x")
    assert is_ahead(clone)
    push(clone, {})
    assert not is_ahead(clone)
    assert run_git(clone, "ls-remote", "origin", "main").split()[0] == run_git(clone, "rev-parse", "HEAD")


def test_the_token_is_neither_an_argument_nor_in_a_file(clone: Path, spy: Path) -> None:
    """It is configuration of that one command, for that one host; other processes cannot list it."""
    (clone / "made.txt").write_text("2\n")
    commit_files(clone, [clone / "made.txt"], "x")
    push(clone, {"GITHUB_TOKEN": TOKEN, "GITHUB_SERVER_URL": "https://git.example.org"})
    told = [json.loads(line) for line in spy.read_text().splitlines()]
    assert [words for words, _ in told if "push" in words] == [["-C", str(clone), "push", "--quiet", "origin", "HEAD"]]
    assert not any(secret in word for words, _ in told for word in words for secret in (TOKEN, SECRET))
    with_secret = [own for words, own in told if SECRET in json.dumps(own)]
    assert len(with_secret) == 1
    assert with_secret[0]["GIT_CONFIG_KEY_0"] == "http.https://git.example.org/.extraheader"
    files = [path for path in clone.rglob("*") if path.is_file()]
    assert not any(secret.encode() in path.read_bytes() for path in files for secret in (TOKEN, SECRET))


def test_what_the_environment_configures_stays_beside_the_token(clone: Path, spy: Path, monkeypatch) -> None:
    """A container says there which folders are safe."""
    for name, value in {"COUNT": "1", "KEY_0": "safe.directory", "VALUE_0": "*"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    push(clone, os.environ | {"GITHUB_TOKEN": TOKEN})
    own = json.loads(spy.read_text().splitlines()[-1])[1]
    assert (own["GIT_CONFIG_COUNT"], own["GIT_CONFIG_KEY_0"]) == ("2", "safe.directory")
    assert own["GIT_CONFIG_KEY_1"] == "http.https://github.com/.extraheader"
    assert own["GIT_CONFIG_VALUE_1"] == f"AUTHORIZATION: basic {SECRET}"


def test_without_a_token_git_asks_as_it_is_configured(clone: Path, spy: Path) -> None:
    """A person's own credentials are theirs."""
    push(clone, {"GITHUB_TOKEN": ""})
    assert "GIT_CONFIG_COUNT" not in json.loads(spy.read_text().splitlines()[-1])[1]


def test_the_slower_of_two_is_told_why_and_what_to_do(clone: Path, tmp_path: Path) -> None:
    """In one line, with git's reason and not the host's address; after fetching, the push goes through."""
    other = make_clone(tmp_path, "other")
    (other / "theirs.txt").write_text("1\n")
    commit_files(other, [other / "theirs.txt"], "x")
    push(other, {})
    (clone / "made.txt").write_text("2\n")
    commit_files(clone, [clone / "made.txt"], "x")
    with pytest.raises(
        LeaderboardError, match=r"^pushing to origin failed \(! \[rejected\] .*fetch first.*\); fetch"
    ) as caught:
        push(clone, {})
    assert "\n" not in str(caught.value)
    run_git(clone, "pull", "--quiet", "--rebase", "origin", "main")
    assert is_ahead(clone)
    push(clone, {})
    assert not is_ahead(clone)


def test_a_host_that_is_not_there_is_one_line(clone: Path) -> None:
    """With git's own reason."""
    run_git(clone, "remote", "set-url", "origin", str(clone / "nowhere"))
    with pytest.raises(
        LeaderboardError, match=r"^pushing to origin failed \(fatal: .*nowhere.*publish again$"
    ) as caught:
        push(clone, {})
    assert "\n" not in str(caught.value)
