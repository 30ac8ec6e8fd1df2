"""`leaderboard check` on real git repositories: what is missing, and that each repair mends it."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from git_repository import NEWCOMER, Repository

from leaderboard.__main__ import main

SMALL = "leaderboard/results/grains/small.json"


def follow(printed: str, clone, root: Path, command: str) -> None:
    """Do what stands below a finding, which has to be this command."""
    repairs = {line.strip() for line in printed.splitlines() if line.startswith("    ")}
    assert repairs == {command}
    words = shlex.split(command)
    if words[0] == "pytest":
        done = clone.pytest(*words[1:])
        assert done.returncode == 0, done.stdout
    elif words[:3] == ["python", "-m", "leaderboard"]:
        main(words[3:])  # a check that is not content yet has done its repair
    else:
        subprocess.run(words, cwd=root, check=True)


def add_newcomer(proposal: Repository, clone) -> None:
    """A new model, really measured, with floors from that."""
    with (proposal.root / "models.yaml").open("a") as file:
        file.write(NEWCOMER)
    done = clone.pytest("--model", "tiny", "--leaderboard-dir", "measured")
    assert done.returncode == 0, done.stdout
    path = proposal.board / "results" / "grains" / "tiny.json"
    shutil.copy(proposal.root / "measured" / "results" / "grains" / "tiny.json", path)
    shutil.rmtree(proposal.root / "measured")
    assert main(["thresholds", "tiny"]) == 0


def test_a_complete_pull_request_is_told_so(proposal, clone, tell) -> None:
    """And one that concerns no model; exit code 0."""
    assert tell("check").startswith("complete: what no model is concerned by; commit models.yaml")
    add_newcomer(proposal, clone)
    assert tell("check").startswith("complete: tiny; commit models.yaml and leaderboard/results, and open")
    proposal.commit()
    assert tell("check", "tiny", "small").startswith("complete: tiny, small; ")


def test_an_entry_out_of_order_is_put_in_its_place(proposal, clone, tell) -> None:
    """With its comments; everything else stays."""
    path = proposal.root / "models.yaml"
    first, rest = path.read_text().split("\n\n", 1)
    path.write_text(f"{rest}\n# of the ghost\n{first}\n")
    printed = tell("check", "small", code=1)
    assert printed.count("stands behind 'small'") == 1
    assert printed.splitlines()[-1] == "leaderboard: 1 thing to mend; below each is how"
    follow(printed, clone, proposal.root, "python -m leaderboard check --repair")
    assert path.read_text().startswith(f"# of the ghost\n{first}\n\n")
    assert tell("check", "small").startswith("complete")


def test_a_model_that_nobody_measured_is_measured_by_the_command(proposal, clone, tell) -> None:
    """Then the tables have changed as well, and are given back what the base has."""
    with (proposal.root / "models.yaml").open("a") as file:
        file.write(NEWCOMER)
    printed = tell("check", code=1)
    assert "model 'tiny': not measured on any data set" in printed
    follow(printed, clone, proposal.root, "pytest -k tiny")
    printed = tell("check", code=1)
    assert "not measured" not in printed
    assert "leaderboard/README.md: tables are rendered on main, after the merge" in printed
    tell("check", "--repair", code=1)  # thresholds as the entry had them are far too low
    follow(tell("check", code=1), clone, proposal.root, "python -m leaderboard thresholds tiny")
    assert tell("check").startswith("complete: tiny;")


def test_a_result_of_another_entry_is_stale_until_it_is_measured_again(proposal, clone, tell) -> None:
    """By the command that stands below it."""
    path = proposal.root / "models.yaml"
    entries = yaml.safe_load(path.read_text())
    entries["small"] |= {"dimension": 18, "preprocessing": entries["small"]["preprocessing"] | {"resize": [2, 3]}}
    path.write_text(yaml.safe_dump(entries))
    printed = tell("check", code=1)
    assert printed.startswith(f"{SMALL}: not of this entry: dimension, preprocessing differ")
    follow(printed, clone, proposal.root, "pytest -k small")
    assert "not of this entry" not in "".join(finding_lines(tell, "check"))


def finding_lines(tell, *arguments: str) -> list[str]:
    """What a check says, whatever its exit code."""
    try:
        return tell(*arguments).splitlines()
    except AssertionError:
        return tell(*arguments, code=1).splitlines()


def test_a_figure_edited_by_hand_is_contradicted_until_it_is_measured_again(proposal, clone, tell) -> None:
    """Without a network, from the file itself."""
    add_newcomer(proposal, clone)
    path = proposal.board / "results" / "grains" / "tiny.json"
    fields = json.loads(path.read_text())
    fields["metrics"]["knn1.f1_macro"] += 0.0001
    path.write_text(json.dumps(fields))
    printed = tell("check", code=1)
    assert "but its stored outcomes give" in printed
    follow(printed, clone, proposal.root, "pytest -k tiny")
    assert "but its stored outcomes give" not in "".join(finding_lines(tell, "check"))


@pytest.mark.parametrize(
    ("floors", "said"),
    [
        ("", "no threshold for knn1.f1_macro, by which it ranks"),
        ("knn1.f1_macro: 0.999", "threshold of knn1.f1_macro 0.999 is above the measured 0.7"),
        ("knn1.f1_macro: 0.01", "threshold of knn1.f1_macro 0.01 would notice nothing: measured is 0.7"),
    ],
    ids=["none", "above", "low"],
)
def test_a_dishonest_floor_is_written_anew_by_the_command(proposal, clone, tell, floors: str, said: str) -> None:
    """Missing, too high, too low."""
    path = proposal.root / "models.yaml"
    entries = yaml.safe_load(path.read_text())
    entries["small"]["thresholds"] = {"grains": yaml.safe_load(f"{{{floors}}}")} if floors else {}
    path.write_text(yaml.safe_dump(entries))
    printed = tell("check", code=1)
    assert printed.startswith(f"small on grains: {said}")
    follow(printed, clone, proposal.root, "python -m leaderboard thresholds small")
    assert tell("check").startswith("complete: ")


@pytest.mark.parametrize("is_committed", [True, False])
def test_results_of_nobody_and_strange_files_are_removed_by_the_command(proposal, clone, tell, is_committed) -> None:
    """Committed or not; gone, they are no finding."""
    for file in ("leaderboard/results/grains/nobody.json", "leaderboard/results/a note's.txt"):
        if file.endswith("json"):
            proposal.store("nobody", wrong=3)
        else:
            proposal.write(file, "x")
        if is_committed:
            proposal.commit()
        printed = tell("check", code=1)
        assert printed.splitlines()[-1] == "leaderboard: 1 thing to mend; below each is how"
        assert printed.startswith(f"{file}: ")
        follow(printed, clone, proposal.root, f"rm {shlex.quote(file)}")
        assert tell("check").startswith("complete")


def test_a_result_that_is_taken_away_is_given_back_by_the_command(proposal, clone, tell) -> None:
    """Its entry is still there: the table would lose a row with no reason."""
    (proposal.root / SMALL).unlink()
    printed = tell("check", code=1)
    assert f"{SMALL}: result removed, its entry is still there" in printed
    base = proposal.git("rev-parse", "main")[:12]
    assert f"    git checkout {base} -- {SMALL}\n" in printed
    proposal.git("checkout", base, "--", SMALL)
    assert tell("check").startswith("complete")


def test_a_strange_file_that_the_pull_request_takes_away_is_no_finding(proposal, tell) -> None:
    """It was main's."""
    path = proposal.write("leaderboard/results/notes.txt", "x")
    proposal.commit()
    proposal.git("branch", "--force", "main", "HEAD")
    path.unlink()
    assert tell("check").startswith("complete")


def test_tables_are_given_back_and_other_edits_of_the_readme_stay(proposal, clone, tell) -> None:
    """Only the block of it is generated."""
    block = (proposal.root / "README.md").read_text().partition("<!--")[2]
    proposal.edit("README.md", "<!-- leaderboard:begin -->", "<!-- leaderboard:begin -->\nMine is best.\n")
    proposal.edit("README.md", "# Mine", "# Ours")
    proposal.write("leaderboard/README.md", "Mine is best.\n")
    with (proposal.board / "history.jsonl").open("a") as file:
        file.write("{}\n")
    printed = tell("check", code=1)
    places = [line.partition(":")[0] for line in printed.splitlines() if "rendered on main" in line]
    assert places == ["README.md", "leaderboard/README.md", "leaderboard/history.jsonl"]
    follow(printed, clone, proposal.root, "python -m leaderboard check --repair")
    assert (proposal.root / "README.md").read_text() == "# Ours\n<!--" + block
    assert proposal.git("status", "--porcelain") == "M README.md"
    assert tell("check").startswith("complete")


@pytest.mark.parametrize("name", ["README.md", "history.jsonl"])
def test_a_generated_file_that_is_gone_is_given_back(proposal, clone, tell, name: str) -> None:
    """The history would be lost with the merge."""
    (proposal.board / name).unlink()
    printed = tell("check", code=1)
    assert printed.startswith(f"leaderboard/{name}: tables are rendered on main")
    follow(printed, clone, proposal.root, "python -m leaderboard check --repair")
    assert proposal.git("status", "--porcelain") == ""


def test_line_ends_of_another_system_are_no_edit(proposal, tell) -> None:
    """Git itself may have written them so; sorting keeps them."""
    for name in ("README.md", "leaderboard/README.md", "leaderboard/history.jsonl", "models.yaml"):
        path = proposal.root / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert tell("check").startswith("complete")
    path = proposal.root / "models.yaml"
    first, rest = path.read_bytes().split(b"\r\n\r\n", 1)
    path.write_bytes(rest + b"\r\n" + first + b"\r\n")
    tell("check", "--repair")
    changed = path.read_bytes()
    assert changed.startswith(first)
    assert changed.count(b"\n") == changed.count(b"\r\n")


def test_a_readme_that_is_no_text_is_one_line(proposal, tell) -> None:
    """It names the file."""
    (proposal.root / "README.md").write_bytes(b"# Mine \xff\n")
    said = tell("check", code=2)
    assert said.startswith("leaderboard: README.md is no UTF-8 (invalid start byte at byte 7); save it as such")
    assert len(said.splitlines()) == 1


def test_a_damaged_registry_is_told_in_its_own_lines(proposal, tell) -> None:
    """Each mistake with its place, exit code 2; nothing is written."""
    proposal.edit("models.yaml", "dimension: 48", "dimension: many")
    proposal.edit("models.yaml", "library: timm", "library: tim")
    before = proposal.git("status", "--porcelain")
    said = tell("check", "--repair", code=2)
    assert "models.yaml:" in said
    assert "model 'ghost': " in said
    assert "model 'small': " in said
    assert proposal.git("status", "--porcelain") == before


def test_a_damaged_result_and_an_unknown_id_are_one_line(proposal, tell) -> None:
    """With the remedy; exit code 2."""
    said = tell("check", "smal", code=2)
    assert said == "leaderboard: model 'smal' is not in models.yaml; nearest: small\n"
    (proposal.root / SMALL).write_text("{")
    said = tell("check", code=2)
    assert "small.json is no result file (" in said
    assert len(said.splitlines()) == 1
