"""`leaderboard diff` and `leaderboard publish` on real git repositories."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from git_repository import GIT, Repository, isolate_git

from leaderboard.__main__ import main
from leaderboard.errors import LeaderboardError
from leaderboard.history import HISTORY, load_history
from leaderboard.states import load_committed, load_state, read_results

F1 = "knn1.f1_macro"
NO_STATES = ("nowhere", "--help-me", "main:leaderboard", "main..main", "tests", "leaderboard/results/grains")


@pytest.fixture
def repository(clone, make_result, monkeypatch) -> Repository:
    """Two cells, committed on main; commands run in it."""
    isolate_git(monkeypatch)
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])
    monkeypatch.setenv("LEADERBOARD_DATA", str(clone.data))
    monkeypatch.chdir(clone.root)
    made = Repository(clone.root, make_result)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.store("small", wrong=60)
    made.store("large", wrong=60)
    made.commit()
    return made


def test_diff_compares_the_work_tree_with_a_commit(repository: Repository, capsys) -> None:
    """Improved, worse, new and unchanged, counted in the first line; the exit code is 0 all the same."""
    short = repository.git("rev-parse", "HEAD")[:12]
    assert main(["diff", "main"]) == 0
    assert capsys.readouterr().out == f"**2 cells unchanged** — from main ({short}) to the work tree.\n"
    repository.store("small", wrong=100)
    repository.store("third", wrong=10)
    assert main(["diff", "HEAD"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("**2 figures worse; 1 cell new, 1 unchanged** — from HEAD")
    assert "| small" in printed
    assert "| third" in printed
    assert "| large" not in printed


def test_diff_compares_two_commits_whatever_lies_in_the_work_tree(repository, capsys) -> None:
    """Neither state is touched, and neither is the index."""
    first = repository.git("rev-parse", "HEAD")
    repository.store("small", wrong=20)
    (repository.board / "results" / "grains" / "large.json").unlink()
    repository.commit()
    repository.store("small", wrong=150)
    before = repository.git("status", "--porcelain")
    assert main(["diff", first[:9], "--to", "main"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"**2 figures improved; 1 cell removed** — from {first[:12]} to main (")
    assert main(["diff", "HEAD", "--to", "HEAD~1"]) == 0
    assert capsys.readouterr().out.startswith("**2 figures worse; 1 cell new** — from HEAD")
    assert repository.git("status", "--porcelain") == before


def test_diff_needs_neither_git_nor_an_entry_for_folders(repository, tmp_path, monkeypatch, capsys) -> None:
    """A folder of results is compared as it is, also where models.yaml knows none of its models."""
    older = tmp_path / "older"
    shutil.copytree(repository.board / "results", older / "results")
    repository.store("small", wrong=62)
    repository.store("nobody-knows-it", wrong=62)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["diff", str(older)]) == 0
    assert "2 figures unresolved; 1 cell new, 1 unchanged" in capsys.readouterr().out
    assert main(["diff", "main"]) == 2
    assert "git is not installed" in capsys.readouterr().err


def test_the_results_folder_itself_names_a_state(repository, tmp_path, monkeypatch, capsys) -> None:
    """As a shell completes it, from outside and from inside: it is the state of the folder around it."""
    older = tmp_path / "older"
    shutil.copytree(repository.board / "results", older / "results")
    repository.store("small", wrong=20)
    around = load_state(str(older), repository.board)
    for name in (f"{older}/results", f"{older}/results/"):
        state = load_state(name, repository.board)
        assert (state.title, state.results) == (name, around.results)
    assert main(["diff", f"{older}/results", "--to", "leaderboard/results"]) == 0
    assert "**2 figures improved; 1 cell unchanged** — from " in capsys.readouterr().out
    monkeypatch.chdir(older / "results")
    assert load_state(".", repository.board).results == around.results


def test_diff_names_what_no_table_shows(repository, capsys) -> None:
    """The cell is counted for itself, and publishing it adds no line."""
    assert main(["publish"]) == 0
    path = repository.board / "results" / "grains" / "small.json"
    fields = json.loads(path.read_text())
    fields["metrics"]["knn3.accuracy"] = 0.5
    path.write_text(json.dumps(fields))
    capsys.readouterr()
    assert main(["diff", "main"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("**1 cell unchanged, 1 changed only in what no table shows** — from main (")
    assert printed.endswith("\nChanged besides, in what no table shows:\n\n- small on grains: knn3.accuracy\n")
    assert "|" not in printed
    before = (repository.board / HISTORY).read_bytes()
    repository.commit()
    assert main(["publish"]) == 0
    assert "1 cell unchanged, 1 changed only in what no table shows\n" in capsys.readouterr().out
    assert (repository.board / HISTORY).read_bytes() == before


def test_diff_runs_from_anywhere_in_the_clone(repository, monkeypatch, capsys) -> None:
    """The results are those of the clone around."""
    monkeypatch.chdir(repository.root / "tests" / "bench")
    assert main(["diff", "main"]) == 0
    assert "2 cells unchanged" in capsys.readouterr().out


@pytest.mark.parametrize("name", [*NO_STATES, "1" * 40, "a\nb"])
def test_a_state_that_is_none_is_one_line(repository, name: str, capsys) -> None:
    """Value, expectation, remedy, and exit code 2."""
    assert main(["diff", "main", f"--to={name}"]) == 2
    said = capsys.readouterr().err
    assert f"{name!r} is neither a folder with results/ nor a commit of this clone; correct or fetch it" in said
    assert len(said.splitlines()) == 1


def test_a_commit_without_results_is_one_line(repository, capsys) -> None:
    """There was a time before the first measurement."""
    repository.git("rm", "-r", "--quiet", "leaderboard")
    repository.commit()
    repository.store("small", wrong=60)
    assert main(["diff", "HEAD"]) == 2
    said = capsys.readouterr().err
    assert f"commit {repository.git('rev-parse', 'HEAD')[:12]} has no results/ in {repository.board}; name" in said
    assert len(said.splitlines()) == 1


def test_a_damaged_result_of_a_commit_is_named_as_git_knows_it(repository, capsys) -> None:
    """Not by the temporary folder that it was unpacked into."""
    path = repository.board / "results" / "grains" / "small.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    sha = repository.commit()
    path.write_bytes(whole)
    assert main(["diff", "HEAD"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"leaderboard: commit {sha[:12]}: results/grains/small.json is no result file (")
    assert len(said.splitlines()) == 1


def test_outside_a_repository_only_folders_have_states(repository, capsys) -> None:
    """Git's own reason is passed on."""
    shutil.rmtree(repository.root / ".git")
    assert main(["diff", "main"]) == 2
    said = capsys.readouterr().err
    assert f"{repository.board} is in no git repository (fatal: not a git repository" in said
    assert main(["publish"]) == 2
    assert not (repository.board / HISTORY).exists()


def test_a_shallow_clone_names_the_command_that_helps(repository, tmp_path, monkeypatch, capsys) -> None:
    """And then it does help."""
    repository.store("small", wrong=20)
    repository.commit()
    shallow = tmp_path / "shallow"
    source = f"file://{repository.root}"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", source, shallow], check=True)
    monkeypatch.chdir(shallow)
    assert main(["diff", "HEAD~1"]) == 2
    assert "'HEAD~1' is no commit of this shallow clone; fetch the others: `git fetch --unshallow`" in (
        capsys.readouterr().err
    )
    subprocess.run(["git", "fetch", "--quiet", "--unshallow"], cwd=shallow, check=True)
    assert main(["diff", "HEAD~1"]) == 0
    assert "2 figures improved; 1 cell unchanged" in capsys.readouterr().out


def test_a_first_publication_has_a_line_per_cell_and_no_changes(repository, capsys) -> None:
    """With the table's figures to the last digit, and their intervals."""
    head = repository.git("rev-parse", "HEAD")
    assert main(["publish"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{head[:12]}: 2 cells new\n")
    assert f"wrote {repository.board / HISTORY}" in printed
    assert repository.history() == [(head, "large", {}), (head, "small", {})]
    line = json.loads((repository.board / HISTORY).read_text().splitlines()[1])
    stored = json.loads((repository.board / "results" / "grains" / "small.json").read_text())["metrics"]
    assert line["values"] == stored
    assert line["half_widths"].keys() == stored.keys()
    assert 0.01 < line["half_widths"][F1] < 0.2
    assert all(width == round(width, 6) for width in line["half_widths"].values())
    assert "small" in (repository.board / "README.md").read_text()


def test_publishing_again_changes_no_byte_and_a_publishing_commit_leads_to_no_line(repository, capsys) -> None:
    """A job that publishes on every push does not run in circles."""
    assert main(["publish"]) == 0
    repository.commit()
    before = (repository.board / HISTORY).read_bytes()
    for _ in range(2):
        capsys.readouterr()
        assert main(["publish"]) == 0
        assert "2 cells unchanged\nnothing to write\n" in capsys.readouterr().out
        assert repository.git("status", "--porcelain") == ""
        repository.commit()
    assert (repository.board / HISTORY).read_bytes() == before


def test_a_change_is_published_once_with_what_is_real_about_it(repository) -> None:
    """Improved, unresolved or worse, against the state published before; the arrow is in the table until the next."""
    assert main(["publish"]) == 0
    repository.commit()
    repository.store("small", wrong=20)
    repository.store("large", wrong=61)
    second = repository.commit()
    assert main(["publish"]) == 0
    assert repository.history()[2:] == [
        (second, "large", {F1: "unresolved", "retrieval.precision_at_n": "unresolved"}),
        (second, "small", {F1: "improved", "retrieval.precision_at_n": "improved"}),
    ]
    repository.commit()
    repository.store("large", wrong=20)
    third = repository.commit()
    assert main(["publish"]) == 0
    assert repository.history()[4:] == [(third, "large", {F1: "improved", "retrieval.precision_at_n": "improved"})]


def test_publications_that_add_nothing_do_not_move_the_state_that_is_compared_with(repository) -> None:
    """Two small steps, each published, are two unresolved changes; one large step after commits of no figure is not."""
    assert main(["publish"]) == 0
    for _ in range(3):
        repository.commit()
        assert main(["publish"]) == 0
    repository.store("small", wrong=20)
    last = repository.commit()
    assert main(["publish"]) == 0
    assert repository.history()[2:] == [(last, "small", {F1: "improved", "retrieval.precision_at_n": "improved"})]


def test_a_removed_cell_and_its_return_are_lines(repository) -> None:
    """Removed: without values. Back: new, compared with nothing."""
    assert main(["publish"]) == 0
    (repository.board / "results" / "grains" / "large.json").unlink()
    removed = repository.commit()
    assert main(["publish"]) == 0
    assert load_history(repository.board)[-1].values == {}
    repository.store("large", wrong=20)
    back = repository.commit()
    assert main(["publish"]) == 0
    assert repository.history()[2:] == [(removed, "large", {}), (back, "large", {})]
    assert load_history(repository.board)[-1].values[F1] > 0.5


@pytest.mark.parametrize(
    ("models", "others"),
    [
        (["small"], ""),
        (["third"], ""),
        (["small", "third"], " and 1 other"),
        (["small", "tin", "top"], " and 2 others"),
    ],
    ids=["changed", "untracked", "two", "three"],
)
def test_results_that_are_not_committed_are_not_published(repository, models: list[str], others: str, capsys) -> None:
    """Neither changed nor untracked ones: the line would name a commit that does not have them."""
    for model in models:
        repository.store(model, wrong=20)
    repository.git("config", "status.showUntrackedFiles", "no")
    assert main(["publish"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"leaderboard: leaderboard/results/grains/{models[0]}.json{others} not as ")
    assert said.endswith("not as committed; commit or restore, then publish again\n")
    assert len(said.splitlines()) == 1
    assert not (repository.board / HISTORY).exists()
    assert not (repository.board / "README.md").exists()


def test_a_lost_published_commit_is_an_error_and_not_a_wrong_arrow(repository, capsys) -> None:
    """Rewritten history: nothing is appended, and the remedy works."""
    assert main(["publish"]) == 0
    path = repository.board / HISTORY
    path.write_text(path.read_text().replace(repository.git("rev-parse", "HEAD"), "1" * 40))
    repository.store("small", wrong=20)
    repository.commit()
    before = path.read_bytes()
    assert main(["publish"]) == 2
    said = capsys.readouterr().err
    assert f"'{'1' * 40}' is neither a folder with results/ nor a commit of this clone" in said
    assert f"take its lines out of {path}" in said
    assert len(said.splitlines()) == 1
    assert path.read_bytes() == before
    path.unlink()
    assert main(["publish"]) == 0
    assert [changes for _, _, changes in repository.history()] == [{}, {}]


def test_a_damaged_history_stops_publishing_and_rendering(repository, capsys) -> None:
    """Both read it; both name the line."""
    assert main(["publish"]) == 0
    with (repository.board / HISTORY).open("a") as file:
        file.write('{"commit": \n')
    for command in ("publish", "render"):
        assert main([command]) == 2
        assert f"{HISTORY}:3: not a line that publishing wrote" in capsys.readouterr().err


def test_two_who_publish_at_once_append_once(repository, clone) -> None:
    """The second waits, reads what the first has written, and finds nothing new."""
    command = [sys.executable, "-m", "leaderboard", "publish"]
    environment = clone.environment | GIT
    both = [subprocess.Popen(command, cwd=repository.root, env=environment) for _ in range(2)]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    assert [model for _, model, _ in repository.history()] == ["large", "small"]


def test_rendering_shows_arrows_and_appends_nothing(repository) -> None:
    """An arrow up for what improved; it goes when the cell is measured again, until that is published."""
    assert main(["publish"]) == 0
    repository.store("small", wrong=20)
    repository.commit()
    assert main(["publish"]) == 0
    board, before = repository.board / "README.md", (repository.board / HISTORY).read_bytes()
    (row,) = (line for line in board.read_text().splitlines() if "| [small]" in line)
    assert row.count("↑") == 2
    repository.store("small", wrong=18)
    assert main(["render"]) == 0
    (row,) = (line for line in board.read_text().splitlines() if "| [small]" in line)
    assert "↑" not in row
    assert row.endswith("| ok       |")
    assert (repository.board / HISTORY).read_bytes() == before


def test_what_a_commit_says_of_its_own_files_hides_no_result(repository) -> None:
    """Attributes are for archives; results are read blob by blob."""
    whole = load_committed(repository.board, repository.git("rev-parse", "HEAD"))
    (repository.root / ".gitattributes").write_text("*.json export-ignore\n")
    (repository.board / ".gitattributes").write_text("results/** export-ignore\n")
    repository.git("add", "-A", "-f")
    repository.git("commit", "-m", "Tidy")
    again = load_committed(repository.board, repository.git("rev-parse", "HEAD"))
    assert [result.model for result in again] == [result.model for result in whole]
    assert len(whole) > 0


def test_a_link_in_results_is_refused_and_never_followed(repository) -> None:
    """Also one that stands for a whole data set; a head's other results are still read."""
    folder = repository.board / "results"
    (folder / "grains" / "linked.json").symlink_to("/etc/hostname")
    (folder / "spores").symlink_to("grains")
    repository.git("add", "-A", "-f")
    repository.git("commit", "-m", "Link")
    commit = repository.git("rev-parse", "HEAD")
    with pytest.raises(LeaderboardError, match=r"results/grains/linked.json is no result file \(it is a link"):
        load_committed(repository.board, commit)
    results, damaged = read_results(repository.board, commit)
    assert len(results) > 0
    assert list(damaged) == ["results/grains/linked.json", "results/spores"]
