"""`leaderboard changed` on real git repositories: which models a pull request concerns."""

from __future__ import annotations

import shutil

import pytest
from git_repository import NEWCOMER, run_git

SMALL = "leaderboard/results/grains/small.json"


def test_a_mended_text_concerns_no_model(proposal, tell) -> None:
    """Committed or not."""
    assert tell("changed") == "no model is concerned\n"
    proposal.write("docs/more.md", "More.\n")
    proposal.edit("README.md", "# Mine", "# Ours")
    proposal.edit("models.yaml", "title: Small thumbnail", "title: A small thumbnail")
    assert tell("changed") == "no model is concerned\n"
    proposal.commit()
    assert tell("changed", "--base", "main") == "no model is concerned\n"


def test_a_new_model_counts_before_it_is_committed(proposal, tell) -> None:
    """Its entry, and its untracked result."""
    with (proposal.root / "models.yaml").open("a") as file:
        file.write(NEWCOMER)
    proposal.store("tiny", wrong=50)
    expected = "tiny: new; result on grains\n"
    assert tell("changed") == expected
    proposal.commit()
    assert tell("changed") == expected


def test_what_main_has_done_since_is_not_the_pull_request_s(proposal, tell) -> None:
    """Compared is with the commit where the branch left; also where main is merged into it again."""
    proposal.edit(SMALL, '"parameters": 0', '"parameters": 1')
    proposal.commit()
    proposal.git("checkout", "--quiet", "main")
    proposal.store("large", wrong=20)
    proposal.write("leaderboard/protocols/x.py", "")
    proposal.commit()
    proposal.git("checkout", "--quiet", "mine")
    assert tell("changed") == "small: result on grains\n"
    proposal.git("merge", "--quiet", "--no-edit", "main")
    assert tell("changed") == "small: result on grains\n"


def test_a_merge_of_both_is_compared_with_its_first_parent_in_a_shallow_clone(proposal, tell, tmp_path) -> None:
    """As the workflow does it: two commits deep."""
    proposal.edit(SMALL, '"parameters": 0', '"parameters": 1')
    proposal.commit()
    proposal.git("checkout", "--quiet", "main")
    proposal.write("leaderboard/protocols/x.py", "")
    proposal.commit()
    proposal.git("merge", "--quiet", "--no-edit", "mine")
    shallow = tmp_path / "shallow"
    run_git(tmp_path, "clone", "--quiet", "--depth", "2", f"file://{proposal.root}", str(shallow))
    assert tell("changed", "--root", str(shallow), "--base", "HEAD^1") == "small: result on grains\n"


@pytest.mark.parametrize("how", ["edit", "delete", "add"])
def test_a_protocol_concerns_the_default_group(proposal, tell, how: str) -> None:
    """New, changed or deleted, in a clone that has the code."""
    path = proposal.write("leaderboard/protocols/theirs.py", "VERSION = 1\n")
    if how != "add":
        proposal.commit()
        proposal.git("branch", "--force", "main", "HEAD")
        path.write_text("VERSION = 2\n") if how == "edit" else path.unlink()
    assert tell("changed") == "small: code (leaderboard/protocols/theirs.py)\n"


def test_a_loader_a_removal_and_a_workflow(proposal, tell) -> None:
    """The loader's own models only; what is gone is named; a workflow concerns no model."""
    proposal.write("leaderboard/backbones/timm.py", "x\n")
    assert tell("changed") == "no model is concerned\n"
    proposal.write("leaderboard/backbones/baseline.py", "x\n")
    assert tell("changed").splitlines() == [
        f"{model}: code (leaderboard/backbones/baseline.py)" for model in ("large", "small")
    ]
    proposal.git("clean", "--quiet", "-fd")
    path = proposal.root / "models.yaml"
    path.write_text(path.read_text().partition("\nlarge:")[0] + "\nsmall:" + path.read_text().partition("\nsmall:")[2])
    proposal.write(".github/workflows/x.yml", "on: push\n")
    assert tell("changed") == "large: removed\n"


def test_a_base_whose_models_nobody_can_read_measures_the_default_group(proposal, tell) -> None:
    """An older version wrote it, or somebody has broken main."""
    sound = (proposal.root / "models.yaml").read_text()
    proposal.edit("models.yaml", "title: Small thumbnail", "tittle: Small thumbnail")
    proposal.commit()
    proposal.git("branch", "--force", "main", "HEAD")
    (proposal.root / "models.yaml").write_text(sound)
    assert tell("changed") == "small: the older models.yaml or results cannot be read\n"


def test_the_lists_for_a_workflow_are_added_to_its_file(proposal, tell, tmp_path, monkeypatch) -> None:
    """As JSON, gated models apart; without that file it is one line."""
    with (proposal.root / "models.yaml").open("a") as file:
        file.write(NEWCOMER)
        file.write(NEWCOMER.replace("tiny", "wall").replace("  architecture: pixels\n", "  architecture: x\n"))
    proposal.edit("models.yaml", "wall:\n", "wall:\n  sources: [{hub: acme/wall, gated: true}]\n  pooling: head\n")
    path = proposal.root / "models.yaml"
    head, wall, tail = path.read_text().partition("wall:")
    path.write_text(head + wall + tail.replace("library: baseline", "library: timm"))
    output = tmp_path / "output"
    output.write_text("before=1\n")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    assert tell("changed", "--github-output").splitlines() == ["tiny: new", "wall: new"]
    lines = output.read_text().splitlines()
    assert lines == ["before=1", 'open=["tiny"]', 'gated=["wall"]']
    monkeypatch.delenv("GITHUB_OUTPUT")
    said = tell("changed", "--github-output", code=2)
    assert "$GITHUB_OUTPUT is not set: a runner of GitHub sets it; leave the option away elsewhere" in said


@pytest.mark.parametrize("id_", ['"a\\nopen=[]"', '"x\'];"', '"a b"', '"../x"'])
def test_an_id_that_could_break_out_never_gets_to_the_file(proposal, tell, tmp_path, monkeypatch, id_: str) -> None:
    """The registry refuses it, and nothing is written."""
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    with (proposal.root / "models.yaml").open("a") as file:
        file.write(NEWCOMER.replace("\ntiny:", f"\n{id_}:"))
    assert "must be lower-case letters, digits" in tell("changed", "--github-output", code=2)
    assert not output.exists()


def test_a_file_s_name_cannot_give_the_runner_a_command(proposal, tell) -> None:
    """A line break in it is printed as two signs."""
    proposal.write("leaderboard/protocols/a\n::set-output name=x::y.py", "")
    assert len(tell("changed").splitlines()) == 1


@pytest.mark.parametrize("command", ["changed", "check"])
def test_what_is_missing_is_one_line(proposal, tell, tmp_path, monkeypatch, command: str) -> None:
    """No such base, no main, no proposal, no git."""
    told = [tell(command, "--base", "nowhere", code=2)]
    proposal.git("branch", "--delete", "--force", "--quiet", "main")
    told.append(tell(command, code=2))
    shutil.rmtree(proposal.root / ".git")
    told.append(tell(command, code=2))
    monkeypatch.setenv("PATH", str(tmp_path))
    told.append(tell(command, code=2))
    words = (
        "'nowhere' is neither",
        "has neither origin/main nor main",
        "is in no git repository",
        "git is not installed",
    )
    for said, word in zip(told, words, strict=True):
        assert word in said
        assert len(said.splitlines()) == 1
