"""`leaderboard review`, `publish --push` and `pytest --model` on real git repositories."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from git_repository import NEWCOMER, Repository, run_git


def test_a_review_is_of_one_model_and_goes_to_the_summary(proposal, clone, tell, tmp_path, monkeypatch) -> None:
    """What another has measured in the same folder is passed over; a figure edited by hand is exit code 1."""
    with (proposal.root / "models.yaml").open("a") as file:
        file.write(NEWCOMER)
    folder = tmp_path / "measured"
    report = ("--run-report", str(folder / "run-report.json"))
    done = clone.pytest("--model", "tiny", "--model", "small", "--leaderboard-dir", str(folder), *report)
    assert done.returncode == 0, done.stdout
    path = proposal.board / "results" / "grains" / "tiny.json"
    shutil.copy(folder / "results" / "grains" / "tiny.json", path)
    summary = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    printed = tell("review", "--measured", str(folder), "--model", "tiny", "--summary")
    assert printed.startswith("**Every measured figure is as this pull request says.**\n")
    assert "| tiny" in printed
    assert "| small" not in printed
    assert summary.read_text() == printed
    path.write_text(path.read_text().replace('"knn1.f1_macro": 0.', '"knn1.f1_macro": 0.9'))
    printed = tell("review", "--measured", str(folder), "--model", "tiny", code=1)
    assert printed.startswith("**1 problem to mend before this can be merged.**\n")
    assert "leaderboard: tiny-grains: knn1.f1_macro is 0.9" in printed


# ---- publish --push


@pytest.fixture
def origin(proposal, tmp_path) -> Path:
    """The host's proposal, of which the repository is a clone on main."""
    proposal.git("checkout", "--quiet", "main")
    run_git(tmp_path, "clone", "--quiet", "--bare", str(proposal.root), "origin.git")
    proposal.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    proposal.git("fetch", "--quiet", "origin")
    return tmp_path / "origin.git"


def test_publishing_pushes_once_what_is_new(proposal, origin, tell) -> None:
    """Results, then the tables; a second time there is nothing to do, and what else is dirty stays."""
    before = run_git(origin, "rev-parse", "main")
    assert "pushed" not in tell("publish", "--push")
    proposal.store("small", wrong=20)
    proposal.write("notes.txt", "mine\n")
    assert tell("publish", "--push").endswith("pushed\n")
    subjects = run_git(origin, "log", "--format=%s", f"{before}..main").splitlines()
    assert subjects == ["Publish: 2 figures improved; 1 cell unchanged", "Results, measured by the leaderboard"]
    assert proposal.git("status", "--porcelain") == "?? notes.txt"
    after = run_git(origin, "rev-parse", "main")
    assert tell("publish", "--push").endswith("2 cells unchanged\nnothing to write\n")
    assert run_git(origin, "rev-parse", "main") == after == proposal.git("rev-parse", "HEAD")


def test_a_push_that_was_interrupted_is_made_up_for(proposal, origin, tell) -> None:
    """The commits are there, and the host has not got them."""
    proposal.git("remote", "set-url", "origin", str(origin / "nowhere"))
    proposal.store("small", wrong=20)
    said = tell("publish", "--push", code=2)
    assert "pushing to origin failed (fatal: " in said
    proposal.git("remote", "set-url", "origin", str(origin))
    assert tell("publish", "--push").endswith("nothing to write\npushed\n")
    assert run_git(origin, "rev-parse", "main") == proposal.git("rev-parse", "HEAD")


def test_the_slower_of_two_clones_publishes_again(proposal, origin, tell, tmp_path) -> None:
    """Upon what the faster one has pushed: both results are there, and every line names a commit of main."""
    run_git(tmp_path, "clone", "--quiet", str(origin), "other")
    other = Repository(tmp_path / "other", proposal.make_result)
    other.store("large", wrong=20)
    assert tell("publish", "--push", "--root", str(other.root)).endswith("pushed\n")
    theirs = other.git("rev-parse", "HEAD")
    proposal.store("small", wrong=20)
    proposal.write("notes.txt", "mine\n")
    said = tell("publish", "--push")
    assert "others have pushed meanwhile" in said
    assert said.endswith("pushed\n")
    subjects = run_git(origin, "log", "--format=%s", f"{theirs}..main").splitlines()
    assert [subject.partition(":")[0] for subject in subjects] == ["Publish", "Results, measured by the leaderboard"]
    assert proposal.git("status", "--porcelain") == "?? notes.txt"
    on_main = run_git(origin, "rev-list", "main").splitlines()
    lines = proposal.history()
    assert {model for _, model, _ in lines} >= {"small", "large"}
    assert {commit for commit, _, _ in lines[-2:]} <= set(on_main)
    assert proposal.git("worktree", "list").count("\n") == 0
    assert tell("publish", "--push").endswith("nothing to write\n")


def test_what_does_not_fit_upon_theirs_is_told_and_kept(proposal, origin, tell, tmp_path) -> None:
    """Of the same cell: one line, our result still committed here, and the host keeps what was pushed first."""
    run_git(tmp_path, "clone", "--quiet", str(origin), "other")
    other = Repository(tmp_path / "other", proposal.make_result)
    other.store("small", wrong=30)
    assert tell("publish", "--push", "--root", str(other.root)).endswith("pushed\n")
    proposal.store("small", wrong=20)
    path = proposal.board / "results" / "grains" / "small.json"
    mine = path.read_bytes()
    said = tell("publish", "--push", code=2).splitlines()[-1]
    assert said.startswith("leaderboard: commits ")
    assert said.endswith("they are still in this clone: rebase them by hand, then publish again")
    assert run_git(origin, "rev-parse", "main") == other.git("rev-parse", "HEAD")
    assert path.read_bytes() == mine
    assert proposal.git("log", "--format=%s", "origin/main..main").splitlines()[-1].startswith("Results, measured")
    assert proposal.git("status", "--porcelain") == ""


def test_a_host_that_refuses_for_another_reason_is_asked_once(proposal, origin, tell) -> None:
    """Nothing is lost here."""
    hook = origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho refused >> asked\nexit 1\n")
    hook.chmod(0o755)
    proposal.store("small", wrong=20)
    said = tell("publish", "--push", code=2).splitlines()[-1]
    assert said.startswith("leaderboard: pushing to origin failed (")
    assert (origin / "asked").read_text() == "refused\n"
    assert len(proposal.git("log", "--format=%s", "origin/main..main").splitlines()) == 2


def test_who_is_slower_every_time_is_told_after_the_third(proposal, origin, tell, tmp_path) -> None:
    """Somebody pushes before every push of ours: the result stays committed here, upon what they have."""
    run_git(tmp_path, "clone", "--quiet", str(origin), "other")
    hook = proposal.root / ".git" / "hooks" / "pre-push"
    theirs = f"git -C {tmp_path / 'other'}"
    busy = ["unset GIT_DIR", f"{theirs} commit --quiet --allow-empty --message theirs", f"{theirs} push --quiet"]
    hook.write_text("\n".join(["#!/bin/sh", *busy, ""]))
    hook.chmod(0o755)
    proposal.store("small", wrong=20)
    said = tell("publish", "--push", code=2)
    assert said.count("others have pushed meanwhile") == 2
    assert said.endswith("fetch what is new there, then publish again\n")
    assert run_git(origin, "log", "--format=%s", "-3", "main").splitlines() == ["theirs"] * 3
    hook.unlink()
    assert tell("publish", "--push").endswith("pushed\n")
    assert run_git(origin, "rev-parse", "main") == proposal.git("rev-parse", "HEAD")


def test_a_folder_outside_of_the_clone_is_not_pushed(proposal, origin, tell, tmp_path) -> None:
    """One line, before anything is written."""
    (tmp_path / "else" / "results").mkdir(parents=True)
    said = tell("publish", "--push", "--leaderboard-dir", str(tmp_path / "else"), code=2)
    assert "is outside of the clone" in said
    assert len(said.splitlines()) == 1


# ---- pytest --model


def list_models(clone, *arguments: str) -> list[str]:
    """The models of the cases that pytest collects."""
    done = clone.pytest("tests/bench", "--collect-only", "-q", *arguments)
    assert done.returncode in (0, 5), done.stdout + done.stderr
    cases = [line.partition("[")[2] for line in done.stdout.splitlines() if "test_embeddings[" in line]
    assert "left out" not in done.stdout
    return [case.partition("-grains")[0] for case in cases]


def test_a_model_is_named_exactly_several_times_and_with_a_keyword(clone) -> None:
    """No name that only holds it; a keyword narrows."""
    (clone.root / "models.yaml").write_text(
        (clone.root / "models.yaml").read_text() + NEWCOMER.replace("tiny", "small-er")
    )
    assert list_models(clone, "--model", "small") == ["small"]
    several = [part for model in ("small-er", "large", "small-er", "small") for part in ("--model", model)]
    assert list_models(clone, *several, "-k", "not large") == ["small", "small-er"]


def test_an_unknown_model_ends_the_run_before_it_starts(clone) -> None:
    """With the nearest names."""
    done = clone.pytest("--model", "smal", "--collect-only")
    assert done.returncode == 4
    assert "model 'smal' is not in models.yaml; nearest: small" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
