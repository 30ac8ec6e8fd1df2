"""A pull request from idea to published row, by the commands of the workflows; and those that must not get there."""

from __future__ import annotations

import html
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from github_server import GitHubServer
from grains import describe_grains, save_grains
from upstream import Checkout, Measuring, Upstream, make_upstream, plain_environment
from workflow_steps import WORKFLOWS, Done, run_job

RUN = 7001
THUMBNAIL = """\
{id}:
  title: {id} thumbnail
  library: baseline
  architecture: pixels
  preprocessing: {{resize: [{side}, {side}], interpolation: bilinear, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}}
  dimension: {dimension}
  licence: Apache-2.0
  group: {group}
  thresholds: {{grains: {{knn1.f1_macro: {floor}}}}}
"""
README = "# Mine\n<!-- leaderboard:begin --><!-- leaderboard:end -->\n"


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Upstream, Path]:
    """A project with one measured and published model, made once; and its images."""
    place = tmp_path_factory.mktemp("upstream")
    save_grains(place / "data" / "grains")
    (place / "origin").mkdir()
    environment = plain_environment() | {"LEADERBOARD_DATA": str(place / "data")}
    environment["LEADERBOARD_CACHE"] = str(place / "cache")
    files = {
        "models.yaml": THUMBNAIL.format(id="small", side=4, dimension=48, group="default", floor=0.5),
        "datasets.yaml": describe_grains(place / "data" / "grains"),
        "README.md": README,
    }
    upstream = make_upstream(place / "origin", files, environment)
    first = upstream.clone()
    first.pytest("--model", "small")
    first.commit("Measure small", ".")
    first.git("push", "--quiet", "origin", "HEAD:main")
    upstream.publish()
    return upstream, place / "data"


@pytest.fixture
def upstream(founded: tuple[Upstream, Path], tmp_path: Path, hub: Any) -> Upstream:
    """That project, of this test's own, with a Hub that has nothing yet."""
    made, data = founded
    bare = tmp_path / "upstream.git"
    shutil.copytree(made.bare, bare)
    environment = plain_environment() | hub.environment()
    environment |= {"LEADERBOARD_DATA": str(data), "LEADERBOARD_CACHE": str(tmp_path / "cache")}
    place = tmp_path / "clones"
    place.mkdir()
    return Upstream(bare, place, environment)


@pytest.fixture
def github() -> Any:
    """The host's interface: which run measured what, and the comments."""
    with GitHubServer() as server:
        yield server


def comment(upstream: Upstream, github: GitHubServer, number: int, head: str, artifacts: dict[str, bytes]) -> Done:
    """Run comment.yml on main, after a run with these artifacts."""
    github.propose(number, head, run=RUN)
    github.artifacts[RUN] = artifacts
    main = upstream.clone()
    return run_job("comment", "comment", main.root, main.environment, RUN_ID=str(RUN), **github.environment())


def the_comment(github: GitHubServer, number: int) -> str:
    """The text of the only one there is."""
    (only,) = github.comments[number]
    return only["body"]


def propose_thumbnail(upstream: Upstream, number: int, id_: str, side: int, *, floor: float = 0.5) -> Checkout:
    """A contributor's pull request with a measured model, written by hand."""
    contributor = upstream.clone()
    entry = THUMBNAIL.format(id=id_, side=side, dimension=3 * side * side, group="extra", floor=floor)
    models = contributor.root / "models.yaml"
    models.write_text(models.read_text() + "\n" + entry)
    contributor.pytest(
        "--model", id_, "--deselect", f"tests/bench/test_cells.py::test_metric[{id_}-grains-knn1.f1_macro]"
    )
    contributor.leaderboard("check", "--repair", code=0 if floor == 0.5 else 1)
    contributor.commit(f"Add {id_}", "models.yaml", "leaderboard/results")
    upstream.propose(contributor, number)
    return contributor


def result_of(checkout: Checkout, model: str) -> Path:
    """Its result file."""
    return checkout.root / "leaderboard" / "results" / "grains" / f"{model}.json"


# ---- the whole way


def test_from_an_idea_to_a_published_row(upstream: Upstream, github: GitHubServer, hub: Any, zoo: Any) -> None:
    """Added, measured, checked, proposed, measured again, commented on, merged, published; and publishing ends."""
    hub.push("owner/tiny", zoo.timm_repository("test_efficientnet"), "a" * 40)
    hub.describe("owner/tiny", library_name="timm", card_data={"license": "mit"})
    contributor = upstream.clone()
    contributor.leaderboard("add", "owner/tiny", "--measure")
    contributor.leaderboard("check")
    contributor.commit("Add tiny", "models.yaml", "leaderboard/results")
    assert contributor.git("diff", "--name-only", "origin/main").split() == [
        "leaderboard/results/grains/tiny.json",
        "models.yaml",
    ]
    head = upstream.propose(contributor, 1)

    measured = upstream.measure(1)
    assert (measured.models, measured.gated) == (["tiny"], [])
    assert (measured.changed.code, measured.check.code, measured.jobs["tiny"].code) == (0, 0, 0), measured
    assert "Every measured figure is as this pull request says" in measured.summaries["tiny"]
    assert "| tiny" in measured.summaries["tiny"]

    told = comment(upstream, github, 1, head, dict(measured.artifacts))
    assert told.code == 0, told.output
    assert "1 cell new, 1 unchanged" in the_comment(github, 1)
    assert comment(upstream, github, 1, head, dict(measured.artifacts)).code == 0
    assert "tiny" in the_comment(github, 1)  # still one

    upstream.merge(1)
    published, done = upstream.publish()
    assert done.code == 0, done.output
    tip = published.git("rev-parse", "origin/main")
    assert "[tiny](leaderboard/results/grains/tiny.json)" in published.git("show", f"{tip}:README.md")
    lines = [json.loads(line) for line in published.git("show", f"{tip}:leaderboard/history.jsonl").splitlines()]
    assert [line["model"] for line in lines] == ["small", "tiny"]
    assert (published.root / "site" / "models" / "tiny.html").is_file()
    assert "never-shown" not in done.output + (published.root / ".git" / "config").read_text()
    again, done = upstream.publish()
    assert done.code == 0, done.output
    assert again.git("rev-parse", "origin/main") == tip


def test_two_pull_requests_merge_one_after_the_other(upstream: Upstream) -> None:
    """Both were made from the same main; neither touches what the other does, nor the tables."""
    propose_thumbnail(upstream, 1, "another", 8)
    propose_thumbnail(upstream, 2, "tall", 6)
    for number, model in ((1, "another"), (2, "tall")):
        upstream.merge(number)
        published, done = upstream.publish()
        assert done.code == 0, done.output
        assert f"[{model}]" in published.git("show", "origin/main:README.md")
    table = published.git("show", "origin/main:README.md")
    assert all(f"[{model}]" in table for model in ("another", "small", "tall"))


# ---- pull requests that need mending


def test_a_model_that_misses_its_threshold_fails_alone(upstream: Upstream, github: GitHubServer) -> None:
    """Its job fails and says by how much; another model of the same pull request is measured all the same."""
    contributor = propose_thumbnail(upstream, 3, "boastful", 8, floor=0.999)
    contributor.edit("models.yaml", "knn1.f1_macro: 0.5}", "knn1.f1_macro: 0.4}")
    contributor.commit("Lower the other", "models.yaml")
    head = upstream.propose(contributor, 3)
    measured = upstream.measure(3)
    assert measured.models == ["boastful", "small"]
    assert (measured.jobs["boastful"].code, measured.jobs["small"].code) == (1, 0)
    assert measured.check.code == 1
    assert "threshold of knn1.f1_macro 0.999 is above the measured" in measured.check.output
    assert "below its threshold 0.999" in measured.summaries["boastful"]
    assert comment(upstream, github, 3, head, dict(measured.artifacts)).code == 0
    assert "below its threshold" in the_comment(github, 3)
    assert "1 problem to mend" in the_comment(github, 3)


def test_figures_edited_by_hand_are_caught_by_measuring_again(upstream: Upstream, github: GitHubServer) -> None:
    """Nobody looks at the entry, which has not changed: the result file has, and that is enough to measure."""
    contributor = upstream.clone()
    path = result_of(contributor, "small")
    stored = json.loads(path.read_text())
    stored["metrics"]["linear.balanced_accuracy"] = min(1.0, stored["metrics"]["linear.balanced_accuracy"] + 0.05)
    text = path.read_text()
    old = text.split('"linear.balanced_accuracy": ')[1].split(",")[0].split("\n")[0]
    contributor.edit(
        path.relative_to(contributor.root).as_posix(),
        f'"linear.balanced_accuracy": {old}',
        f'"linear.balanced_accuracy": {stored["metrics"]["linear.balanced_accuracy"]!r}',
    )
    contributor.commit("A better figure", "leaderboard/results")
    head = upstream.propose(contributor, 4)
    measured = upstream.measure(4)
    assert measured.models == ["small"]
    assert measured.jobs["small"].code == 1
    assert "**differ**" in measured.summaries["small"]
    assert comment(upstream, github, 4, head, dict(measured.artifacts)).code == 0
    assert "**differ**" in the_comment(github, 4)
    assert measured.check.code == 1


def test_a_gated_model_waits_for_a_maintainer(upstream: Upstream, github: GitHubServer, hub: Any, zoo: Any) -> None:
    """It is in no job of the pull request, where no token is; the comment says who measures it, gated.yml does."""
    hub.push("owner/guarded", zoo.timm_repository("test_efficientnet"), "b" * 40)
    hub.describe("owner/guarded", library_name="timm", card_data={"license": "mit"})
    hub.gated["owner/guarded"] = "a-maintainer"
    contributor = upstream.clone()
    contributor.leaderboard("add", "owner/guarded", HF_TOKEN="a-maintainer")
    contributor.commit("Add guarded", "models.yaml")
    head = upstream.propose(contributor, 5)
    measured = upstream.measure(5)
    assert (measured.models, measured.gated) == ([], ["guarded"])
    assert comment(upstream, github, 5, head, {}).code == 0
    assert "guarded is gated: a maintainer measures it" in the_comment(github, 5)
    upstream.merge(5)
    main = upstream.clone()
    refused = run_job(
        "gated", "measure", main.root, main.environment, MODEL="guarded", HF_TOKEN="another", GITHUB_TOKEN="t"
    )
    assert refused.code == 1
    assert "gated" in refused.output
    main = upstream.clone()
    done = run_job(
        "gated", "measure", main.root, main.environment, MODEL="guarded", HF_TOKEN="a-maintainer", GITHUB_TOKEN="t"
    )
    assert done.code == 0, done.output
    assert "[guarded]" in main.git("show", "origin/main:README.md")
    assert "a-maintainer" not in done.output


def test_an_edited_workflow_is_pointed_out_and_does_not_run(upstream: Upstream, github: GitHubServer) -> None:
    """What comments is main's code; the pull request's own version of the workflow has no say."""
    contributor = upstream.clone()
    path = contributor.root / ".github" / "workflows" / "comment.yml"
    path.write_text(path.read_text().replace("python -m leaderboard comment", "python -m leaderboard publish --push"))
    contributor.commit("Tidy", ".github")
    head = upstream.propose(contributor, 6)
    measured = upstream.measure(6)
    assert measured.models == []
    assert comment(upstream, github, 6, head, {}).code == 0
    assert "It changes what runs here" in the_comment(github, 6)
    assert "No figure of the leaderboard is concerned" in the_comment(github, 6)


def test_a_rename_takes_its_result_along(upstream: Upstream, github: GitHubServer) -> None:
    """A result of the old name is pointed out; measured under the new one, the row moves."""
    contributor = upstream.clone()
    contributor.edit("models.yaml", "small:\n", "little:\n")
    said = contributor.leaderboard("check", code=1)
    assert "model 'small' has no entry (renamed or removed?)\n    rm leaderboard/results/grains/small.json" in said
    (contributor.root / "leaderboard/results/grains/small.json").unlink()
    contributor.pytest("-k", "little")
    contributor.leaderboard("check", "--repair")
    contributor.commit("Call it little", "models.yaml", "leaderboard/results")
    head = upstream.propose(contributor, 7)
    measured = upstream.measure(7)
    assert measured.models == ["little"]
    assert comment(upstream, github, 7, head, dict(measured.artifacts)).code == 0
    assert "1 cell new, 1 removed" in the_comment(github, 7)
    upstream.merge(7)
    published, done = upstream.publish()
    assert done.code == 0, done.output
    assert "[little]" in published.git("show", "origin/main:README.md")
    assert "[small]" not in published.git("show", "origin/main:README.md")


def test_a_removal_takes_the_row_away(upstream: Upstream, github: GitHubServer) -> None:
    """Nothing is measured; the history says that it is gone."""
    contributor = propose_thumbnail(upstream, 8, "tall", 6)
    upstream.merge(8)
    upstream.publish()
    contributor = upstream.clone()
    models = contributor.root / "models.yaml"
    models.write_text(models.read_text().partition("tall:\n")[0].rstrip() + "\n")
    contributor.git("rm", "--quiet", "leaderboard/results/grains/tall.json")
    contributor.leaderboard("check")
    contributor.commit("Remove tall", "models.yaml", "leaderboard/results")
    head = upstream.propose(contributor, 9)
    measured = upstream.measure(9)
    assert measured.models == []
    assert comment(upstream, github, 9, head, {}).code == 0
    assert "tall: removed" in the_comment(github, 9)
    upstream.merge(9)
    published, done = upstream.publish()
    assert done.code == 0, done.output
    assert "[tall]" not in published.git("show", "origin/main:README.md")


# ---- forged artifacts: main's code reads what a stranger sends


@pytest.fixture
def untouched(upstream: Upstream) -> tuple[str, Measuring]:
    """The head of a pull request that edits one threshold, and what measuring it honestly gives."""
    contributor = upstream.clone()
    contributor.edit("models.yaml", "knn1.f1_macro: 0.5}", "knn1.f1_macro: 0.45}")
    contributor.commit("Lower it", "models.yaml")
    head = upstream.propose(contributor, 10)
    return head, upstream.measure(10)


def forge(artifact: bytes, changes: dict[str, bytes]) -> bytes:
    """The zip file with members replaced or added."""
    with zipfile.ZipFile(io.BytesIO(artifact)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in (members | changes).items():
            archive.writestr(name, member)
    return content.getvalue()


def test_forged_artifacts_are_refused_one_by_one(
    upstream: Upstream, github: GitHubServer, untouched: tuple[str, Measuring]
) -> None:
    """Too large, out of its folder, of another form, of a model that nobody touched: named in the comment, not read."""
    head, measured = untouched
    honest = measured.artifacts["measured-small"]
    assert measured.jobs["small"].code == 0
    report = json.loads(zipfile.ZipFile(io.BytesIO(honest)).read("run-report.json"))
    report["cells"][0] |= {"status": "error", "reason": "<script>alert(1)</script> @everyone [x](http://evil) | a |"}
    result = "results/grains/small.json"
    forgeries = {
        "oversized": (forge(honest, {result: b" " * (40 << 20)}), "expected at most"),
        "leaving its folder": (forge(honest, {"../../evil.py": b"x"}), "unexpected"),
        "another form": (
            forge(honest, {result: b'{"format": 1, "model": "small", "dataset": "grains"}'}),
            "small.json",
        ),
        "no zip": (b"<html>", "zip"),
    }
    for title, (artifact, words) in forgeries.items():
        done = comment(upstream, github, 10, head, {"measured-small": artifact})
        assert done.code == 1, title
        assert words in done.output, (title, done.output)
        assert "Traceback" not in done.output
        assert "Not read" in the_comment(github, 10), title
        assert "small was to be measured, and nothing came of it" in the_comment(github, 10)
    other = forge(honest, {})
    done = comment(upstream, github, 10, head, {"measured-small": honest, "measured-large": other})
    assert done.code == 1
    assert "Every measured" not in the_comment(github, 10)
    without = zipfile.ZipFile(io.BytesIO(honest))
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name in without.namelist():
            if name not in (result, "run-report.json"):
                archive.writestr(name, without.read(name))
        archive.writestr("run-report.json", json.dumps(report))
    done = comment(upstream, github, 10, head, {"measured-small": kept.getvalue()})
    body = the_comment(github, 10)
    assert "<script" not in body
    assert "@everyone" not in body
    assert "](http" not in body
    assert not list(upstream.place.rglob("evil.py"))


def test_a_model_that_the_pull_request_does_not_touch_is_not_believed(
    upstream: Upstream, github: GitHubServer, untouched: tuple[str, Measuring]
) -> None:
    """Sound results of a real model, sent along with a pull request that only edits a text."""
    _, measured = untouched
    contributor = upstream.clone()
    contributor.edit("README.md", "# Mine", "# Ours")
    contributor.commit("Words", "README.md")
    head = upstream.propose(contributor, 11)
    assert upstream.measure(11).models == []
    done = comment(upstream, github, 11, head, dict(measured.artifacts))
    assert done.code == 1
    assert "which this pull request does not concern" in done.output
    assert "| small" not in the_comment(github, 11)


def test_what_the_code_on_main_cannot_read_is_said(upstream: Upstream, github: GitHubServer) -> None:
    """A pull request whose models.yaml has keys that main does not know."""
    contributor = upstream.clone()
    contributor.edit("models.yaml", "  licence: Apache-2.0", "  licence: Apache-2.0\n  colour: <b>red</b>")
    contributor.commit("A key of my own", "models.yaml")
    head = upstream.propose(contributor, 12)
    done = comment(upstream, github, 12, head, {})
    assert done.code == 1
    assert "Traceback" not in done.output
    assert "It could not be reviewed" in the_comment(github, 12)
    assert "unknown key" in the_comment(github, 12)
    assert "<b>" not in the_comment(github, 12)


def test_a_run_that_no_open_pull_request_waits_for_is_passed_over(upstream: Upstream, github: GitHubServer) -> None:
    """It was closed, or has moved on since: nobody is told, and that is no failure."""
    contributor = upstream.clone()
    contributor.edit("README.md", "# Mine", "# Ours")
    contributor.commit("Words", "README.md")
    old = upstream.propose(contributor, 13)
    github.propose(13, old, run=RUN)
    github.pulls[13]["state"] = "closed"
    main = upstream.clone()
    done = run_job("comment", "comment", main.root, main.environment, RUN_ID=str(RUN), **github.environment())
    assert done.code == 0, done.output
    assert "nobody to tell" in done.output
    assert github.writes == []


def test_artifacts_are_named_after_their_model() -> None:
    """The two workflows agree on the names by which a model's artifact is found."""
    jobs = yaml.safe_load((WORKFLOWS / "leaderboard.yml").read_text())["jobs"]
    upload = next(step for step in jobs["measure"]["steps"] if "upload-artifact" in step.get("uses", ""))
    assert upload["with"]["name"] == "measured-${{ matrix.model }}"
    assert upload["with"]["path"] == "measured/"


def test_changed_measuring_code_is_pointed_out(upstream: Upstream, github: GitHubServer) -> None:
    """What such a pull request measures is measured by its own code, which may say anything."""
    contributor = upstream.clone()
    path = contributor.root / "leaderboard" / "protocols" / "knn.py"
    path.write_text(path.read_text() + "\n# a new idea\n")
    contributor.commit("A new idea", "leaderboard/protocols")
    head = upstream.propose(contributor, 14)
    measured = upstream.measure(14)
    assert measured.models == ["small"]
    assert measured.check.code == 0
    assert comment(upstream, github, 14, head, dict(measured.artifacts)).code == 0
    assert "It changes code" in the_comment(github, 14)
    assert "Measured by this pull request's own code" in the_comment(github, 14)
    assert "leaderboard/protocols/knn.py" in the_comment(github, 14)


# ---- pull requests that would be believed by a careless reader


def raise_figure(contributor: Checkout, model: str, metric: str, by: float) -> None:
    """Edit a result file by hand."""
    path = result_of(contributor, model)
    value = json.loads(path.read_text())["metrics"][metric]
    old = f'"{metric}": {value!r}'
    contributor.edit(path.relative_to(contributor.root).as_posix(), old, f'"{metric}": {min(1.0, value + by)!r}')


def test_an_entry_that_calls_itself_gated_hides_no_figure(upstream: Upstream, github: GitHubServer) -> None:
    """Nobody measures it in the pull request: the comment says that its figures are somebody's word, and shows them."""
    contributor = upstream.clone()
    contributor.edit("models.yaml", "  library: baseline", "  library: baseline\n  sources: [{path: x, gated: true}]")
    raise_figure(contributor, "small", "linear.balanced_accuracy", 0.05)
    contributor.commit("It takes an account now", "models.yaml", "leaderboard/results")
    head = upstream.propose(contributor, 15)
    assert upstream.measure(15).gated == ["small"]
    comment(upstream, github, 15, head, {})
    body = the_comment(github, 15)
    assert "It carries figures that nobody has measured again" in body
    assert "small on grains was not measured again" in body
    assert "| small" in body


def test_a_tolerance_of_ones_own_does_not_count(upstream: Upstream, github: GitHubServer) -> None:
    """What is near enough is said by main's entry of the data set, not by the pull request's."""
    contributor = upstream.clone()
    contributor.edit("datasets.yaml", "  classes: 3", "  classes: 3\n  tolerance: 0.099")
    raise_figure(contributor, "small", "linear.balanced_accuracy", 0.05)
    contributor.commit("Be generous", "datasets.yaml", "leaderboard/results")
    head = upstream.propose(contributor, 16)
    measured = upstream.measure(16)
    assert comment(upstream, github, 16, head, dict(measured.artifacts)).code == 0
    assert "**differ**" in the_comment(github, 16)


def test_attributes_hide_no_results(upstream: Upstream, github: GitHubServer) -> None:
    """What a commit has is read from git as it is, whatever the commit wants to be left out of archives."""
    contributor = upstream.clone()
    (contributor.root / "leaderboard" / ".gitattributes").write_text("*.json export-ignore\n")
    contributor.commit("Attributes", "leaderboard/.gitattributes")
    head = upstream.propose(contributor, 17)
    assert comment(upstream, github, 17, head, {}).code == 0
    assert "removed" not in the_comment(github, 17)
    assert "leaderboard/.gitattributes" in the_comment(github, 17)
    upstream.merge(17)
    published, done = upstream.publish()
    assert done.code == 0, done.output
    assert "removed" not in done.output
    assert len(published.git("show", "origin/main:leaderboard/history.jsonl").splitlines()) == 1


def test_a_pull_request_behind_main_is_read_as_it_was_measured(upstream: Upstream, github: GitHubServer) -> None:
    """Main has gained a model since; what was measured is the merge of both, and no word of it is called forged."""
    late = propose_thumbnail(upstream, 18, "tall", 6)
    propose_thumbnail(upstream, 19, "another", 8)
    upstream.merge(19)
    measured = upstream.measure(18)
    assert measured.models == ["tall"]
    done = comment(upstream, github, 18, late.git("rev-parse", "HEAD"), dict(measured.artifacts))
    assert done.code == 0, done.output
    assert "Every measured figure is as this pull request says" in the_comment(github, 18)
    assert "1 cell new, 2 unchanged" in the_comment(github, 18)


def test_a_damaged_result_in_a_pull_request_is_told_and_no_more(upstream: Upstream, github: GitHubServer) -> None:
    """A committed file of another form: no traceback, and no older comment that would still be kind."""
    contributor = upstream.clone()
    path = result_of(contributor, "small")
    stored = json.loads(path.read_text())
    stored["provenance"]["inputs"] = {}
    path.write_text(json.dumps(stored))
    contributor.commit("Tidy", "leaderboard/results")
    head = upstream.propose(contributor, 20)
    done = comment(upstream, github, 20, head, {})
    assert "Traceback" not in done.output
    assert "leaderboard/results/grains/small.json" in html.unescape(the_comment(github, 20))
    assert "removed" not in the_comment(github, 20)
    assert "to mend before this can be merged" in the_comment(github, 20)
