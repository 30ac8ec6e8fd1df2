"""Following CONTRIBUTING.md to the letter adds a model; and what it and its sister pages name is there."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from grains import describe_grains, save_grains
from hub_server import Hub
from upstream import Checkout, Upstream, make_upstream, plain_environment
from workflow_steps import WORKFLOWS

import leaderboard
from leaderboard.commands import COMMANDS
from leaderboard.evidence import gather
from leaderboard.outcome_checks import check_outcomes
from leaderboard.protocols import METRICS
from leaderboard.records import Embeddings, Provenance
from leaderboard.registry import load_registry
from leaderboard.result_files import load_result

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
AUTOMATION = (ROOT / "docs" / "automation.md").read_text(encoding="utf-8")
PROTOCOL_PAGE = (ROOT / "docs" / "adding-a-protocol.md").read_text(encoding="utf-8")
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/adding-a-dataset.md",
    "docs/adding-a-protocol.md",
    "docs/automation.md",
    "docs/publishing.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    *(f".github/ISSUE_TEMPLATE/{path.name}" for path in sorted(FORMS.glob("*.yml"))),
)
PATH = re.compile(r"[\w./-]+/[\w.-]*|[\w-]+\.(?:md|py|yaml|yml|toml|jsonl)")  # in backticks: of a file or a folder
ELSEWHERE = {  # made by following the page, or not a path of this repository
    "leaderboard/protocols/centroid.py",
    "tests/golden/versions/centroid-1.json",
    "facebook/dinov2-small",
    "OWNER/NAME",
    ".github/ACTIONS_VERSIONS.md",
    "docs/github-actions-shas.md",
    "origin/main",
    "alnus/slide7_03.png",
    "slides-report/report.html",
}
RECIPE = re.compile(r"^## Add a model$.*?^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RESULT = "leaderboard/results/grains/drawn-net.json"
REPOSITORY = "tiny/drawn-net"  # what OWNER/NAME stands for here
NEIGHBOUR = """\
thumbnail:
  title: Thumbnail
  library: baseline
  architecture: pixels
  preprocessing: {resize: [4, 4], interpolation: bilinear, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}
  dimension: 48
  licence: Apache-2.0
  group: default
"""
OFFLINE = {  # pip builds with the hatchling that is installed, and finds every requirement fulfilled or fails
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as the value of --build-isolation
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def load_recipe() -> list[str]:
    """The lines of the first fenced block below "Add a model"."""
    found = RECIPE.search(CONTRIBUTING)
    assert found is not None
    return found[1].splitlines()


def fill_in(line: str) -> str:
    """A line as this contributor types it."""
    return line.replace("OWNER/NAME", REPOSITORY).replace("NAME", REPOSITORY.partition("/")[2])


def make_environment(folder: Path) -> Path:
    """A virtual environment that has what the running one has, and keeps what is installed to itself; its bin/."""
    venv.create(folder, with_pip=False, symlinks=True)
    purelib = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (Path(purelib) / "outer.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    pip = folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m pip "$@"\n')
    pip.chmod(0o755)
    return folder / "bin"


@dataclass(frozen=True)
class Followed:
    """What came of typing the recipe."""

    place: Path  # of everything
    commit: str  # of the model on the Hub
    checkout: Checkout  # where it was typed
    upstream: Upstream  # what was pushed to
    done: Mapping[str, subprocess.CompletedProcess[str]]  # line -> how it ended


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, zoo: Any) -> Iterator[Followed]:
    """The recipe, typed line by line into a fresh clone, with a Hub that has the model."""
    place = tmp_path_factory.mktemp("contributor")
    save_grains(place / "data" / "grains")
    (place / "origin").mkdir()
    with Hub(place / "hub-home") as hub:
        commit = hub.push(REPOSITORY, zoo.timm_repository("test_vit"))
        hub.describe(REPOSITORY, library_name="timm", pipeline_tag="image-feature-extraction", licence="apache-2.0")
        upstream = make_upstream(place / "origin", _files(place), _environment(place, hub))
        checkout = upstream.clone()
        done = {line: _type(checkout, ["bash", "-c", fill_in(line)]) for line in load_recipe()}
        yield Followed(place, commit, checkout, upstream, done)


def _files(place: Path) -> dict[str, str]:
    return {
        "models.yaml": NEIGHBOUR,
        "datasets.yaml": describe_grains(place / "data" / "grains"),
        "README.md": "# Mine\n<!-- leaderboard:begin --><!-- leaderboard:end -->\n",
    }


def _environment(place: Path, hub: Hub) -> dict[str, str]:
    own = {"LEADERBOARD_DATA": str(place / "data"), "LEADERBOARD_CACHE": str(place / "cache")}
    path = f"{make_environment(place / 'venv')}{os.pathsep}{os.environ['PATH']}"
    return plain_environment() | hub.environment() | OFFLINE | own | {"PATH": path}


def _type(checkout: Checkout, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=checkout.root,
        env=dict(checkout.environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_takes_five_lines_and_each_succeeds(followed: Followed) -> None:
    """From the installation to the pushed branch."""
    assert 0 < len(followed.done) <= 5
    for line, done in followed.done.items():
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_what_was_installed_is_the_clone_and_in_no_other_environment(followed: Followed) -> None:
    """The environment of these tests keeps its own installation."""
    code = "import leaderboard, sys; print(leaderboard.__file__, sys.prefix)"
    done = _type(followed.checkout, ["bash", "-c", f"cd / && python -c '{code}'"])
    assert done.stdout.strip() == f"{followed.checkout.root}/leaderboard/__init__.py {followed.place / 'venv'}"
    assert (ROOT / "leaderboard" / "__init__.py").samefile(leaderboard.__file__)


def test_models_yaml_has_the_pinned_entry_and_is_otherwise_as_before(followed: Followed) -> None:
    """The entry is complete: commit, licence, digest of the tensors, a threshold for what ranks."""
    text = (followed.checkout.root / "models.yaml").read_text(encoding="utf-8")
    entry, kept = text[: text.index("thumbnail:\n")], text[text.index("thumbnail:\n") :]
    assert kept == NEIGHBOUR
    spec = load_registry(followed.checkout.root).model("drawn-net")
    assert spec.sources[0].is_pinned
    assert spec.sources[0].revision == followed.commit
    assert (spec.licence, spec.dimension) == ("Apache-2.0", 64)
    assert spec.digest is not None
    assert spec.digest in entry
    assert 0 <= spec.thresholds["grains"]["knn1.f1_macro"] < 1


def test_the_pushed_branch_holds_the_entry_and_the_result_and_nothing_else(followed: Followed) -> None:
    """No table, no history, no lock; main is as it was."""
    fresh = followed.upstream.clone()
    changed = fresh.git("diff", "--name-only", "origin/main", "origin/add-drawn-net")
    assert changed.splitlines() == [RESULT, "models.yaml"]
    removed = [
        line for line in fresh.git("diff", "origin/main", "origin/add-drawn-net").splitlines() if line[:1] == "-"
    ]
    assert removed == ["--- /dev/null", "--- a/models.yaml"]
    assert followed.checkout.git("status", "--porcelain") == ""
    assert fresh.git("rev-list", "--count", "origin/main") == "1"


def test_a_fresh_clone_of_the_branch_is_complete(followed: Followed) -> None:
    """What the workflow asks of the pull request is there, and one model is concerned."""
    fresh = followed.upstream.clone()
    fresh.git("switch", "--quiet", "add-drawn-net")
    assert "complete: drawn-net" in fresh.leaderboard("check", "--base", "origin/main")
    assert fresh.leaderboard("changed", "--base", "origin/main").startswith("drawn-net: new; result on grains")
    assert load_result(fresh.root / RESULT).model == "drawn-net"


def test_what_the_document_says_the_commands_print_is_what_they_print(followed: Followed) -> None:
    """Every line of the excerpt stands in what `add` printed, in this order; and `check` ends as it says."""
    shown = re.search(r"```text\n(.*?)```", CONTRIBUTING, re.DOTALL)
    assert shown is not None
    excerpt = [line.strip() for line in shown[1].splitlines() if line.strip() not in ("", "…")]
    printed = next(done.stdout for line, done in followed.done.items() if " add " in line)
    assert len(excerpt) > 5
    places = [printed.find(line) for line in excerpt]
    assert -1 not in places, excerpt[places.index(-1)]
    assert places == sorted(places)
    checked = next(done.stdout for line, done in followed.done.items() if line.endswith("check"))
    assert checked.startswith("complete: drawn-net; ")
    assert "`complete: drawn-net; …`" in CONTRIBUTING


def test_an_entry_without_its_result_is_not_complete(followed: Followed) -> None:
    """`check` is no formality: it names the command that the document's table gives."""
    fresh = followed.upstream.clone()
    fresh.git("switch", "--quiet", "add-drawn-net")
    (fresh.root / RESULT).unlink()
    said = fresh.leaderboard("check", "--base", "origin/main", code=1)
    assert "not measured on" in said
    assert "pytest -k drawn-net" in said


# ---- what the pages name


COMMAND = re.compile(r"(?:python -m |^ *|`)leaderboard ([a-z]+)((?: +(?![|#&;])[^\s`]+)*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")


def list_commands(text: str) -> list[list[str]]:
    """The arguments of every command of ours in a text, as a shell would split them; a file name is none."""
    found = COMMAND.finditer(text)
    return [
        [match[1], *shlex.split(match[2], comments=True)] for match in found if match[1] not in ("README", "results")
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_can_be_typed(page: str) -> None:
    """It exists, with these options."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for arguments in list_commands(text):
        typed = ["7" if word == "N" else word.rstrip("…") for word in arguments]
        assert typed[0] in COMMANDS, f"{page}: leaderboard {typed[0]}"
        parse(typed, page)


def parse(arguments: list[str], page: str) -> None:
    """Parse them as the command line does; a command that is only named lacks what it needs, and that is fine."""
    parser = argparse.ArgumentParser(prog=page)
    COMMANDS[arguments[0]].add_options(parser)
    if len(arguments) > 1:
        try:
            parser.parse_args(arguments[1:])
        except SystemExit:
            pytest.fail(f"{page}: leaderboard {' '.join(arguments)}")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/automation.md"])
def test_the_pages_name_commands_at_all(page: str) -> None:
    """So the test above has something to hold."""
    assert len(list_commands((ROOT / page).read_text(encoding="utf-8"))) > 5


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    """Relative ones; a fragment is a heading of its page."""
    for link in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        if not link.startswith("https://"):
            name, _, fragment = link.partition("#")
            target = (ROOT / page).parent / name if name else ROOT / page
            assert target.exists(), f"{page}: {link}"
            assert not fragment or fragment in list_headings(target), f"{page}: {link}"


def list_headings(path: Path) -> list[str]:
    """The headings of a page, as GitHub's addresses have them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    words = [re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()) for line in lines if line.startswith("#")]
    return [heading.replace(" ", "-") for heading in words]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    """Whatever stands in backticks and looks like a path of this repository, without placeholders."""
    for name in CODE.findall((ROOT / page).read_text(encoding="utf-8")):
        if PATH.fullmatch(name) and name not in ELSEWHERE:
            candidates = [ROOT / name, (ROOT / page).parent / name, ROOT / "leaderboard" / name]
            candidates.append(ROOT / ".github" / "workflows" / name)
            assert any(path.exists() for path in candidates), f"{page}: {name}"


def test_what_can_go_wrong_is_said_in_the_words_of_the_table() -> None:
    """Each message that the table quotes is one of ours, but for what stands for names and figures."""
    rows = re.search(r"^### What can go wrong$(.*?)^### ", CONTRIBUTING, re.DOTALL | re.MULTILINE)
    assert rows is not None
    quoted = [code for row in re.findall(r"^\| (`.*?) \|", rows[1], re.MULTILINE) for code in CODE.findall(row)]
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "leaderboard").rglob("*.py"))
    assert len(quoted) > 8
    for message in quoted:
        for part in message.split("…"):
            assert part.strip() in said, message


def test_the_workflows_and_the_jobs_that_the_pages_name_are_there() -> None:
    """Every workflow has its row, and every name in italics behind "workflow" is one."""
    rows = set(re.findall(r"^\| \[(\w+)\]\(\.\./\.github", AUTOMATION, re.MULTILINE))
    assert rows == {path.stem for path in WORKFLOWS.glob("*.yml")}
    for text in (CONTRIBUTING, AUTOMATION, PROTOCOL_PAGE):
        assert set(re.findall(r"workflow \*(\w+)\*", text)) <= rows
    jobs = [load_workflow(name)["jobs"] for name in ("ci", "leaderboard")]
    versions = jobs[0]["test"]["strategy"]["matrix"]["python"]
    assert {f"test ({version})" for version in versions} == set(re.findall(r"`(test \([^)]+\))`", AUTOMATION))
    assert {"changed", "check", "measure"} == set(jobs[1])


def load_workflow(name: str) -> Any:
    """A workflow's file."""
    return yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8"))


def test_the_page_lists_the_pinned_actions_as_the_workflows_have_them() -> None:
    """Action, tag and commit; every action is pinned by a full commit."""
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS.glob("*.yml"))
    used = set(re.findall(r"uses: (\S+)@([0-9a-f]{40})  # (v[\d.]+)", text))
    assert len(re.findall(r"uses:", text)) == len(re.findall(r"uses: \S+@[0-9a-f]{40}  # v", text))
    listed = re.findall(r"^\| (\S+/\S+) (v[\d.]+) \| `([0-9a-f]{40})`", AUTOMATION, re.MULTILINE)
    assert {(action, commit, tag) for action, tag, commit in listed} == used


def test_every_extra_that_the_pages_install_is_declared() -> None:
    """An extra that pip does not know is a warning to it, and a network that is missing to the contributor."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for page in PAGES:
        for extras in re.findall(r'"\.\[([\w,-]+)\]"', (ROOT / page).read_text(encoding="utf-8")):
            assert set(extras.split(",")) <= project["optional-dependencies"].keys(), f"{page}: {extras}"


@pytest.mark.parametrize("form", sorted(path.name for path in FORMS.glob("*.yml")))
def test_an_issue_form_is_one_that_github_takes(form: str) -> None:
    """By the schemas that check-jsonschema brings along."""
    schema = "vendor.github-issue-config" if form == "config.yml" else "vendor.github-issue-forms"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(FORMS / form)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_form_for_each_thing_that_people_come_with() -> None:
    """A model, a data set, a protocol, a wrong figure."""
    assert {"model.yml", "dataset.yml", "protocol.yml", "wrong-figure.yml"} <= {path.name for path in FORMS.iterdir()}


# ---- the protocol of docs/adding-a-protocol.md


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The page's protocol, as a module."""
    code = re.search(r"```python\n(.*?)```", PROTOCOL_PAGE, re.DOTALL)
    assert code is not None
    module = ModuleType("centroid")
    exec(compile(code[1], "docs/adding-a-protocol.md", "exec"), module.__dict__)
    return module


def test_the_example_of_a_protocol_computes_what_it_says(example: ModuleType) -> None:
    """Held against centres that are computed for one image after the other, without it."""
    draws = np.random.default_rng(3)
    labels = np.repeat(np.arange(3), [4, 6, 8])
    vectors = (draws.normal(size=(18, 5)) + 0.7 * np.eye(5)[labels]).astype(np.float32)
    files = tuple(f"{index}.png" for index in range(18))
    scores = example.PROTOCOL.compute(Embeddings(vectors, labels, files, ("a", "b", "c"), Provenance({}, {})))
    named = [name_without(vectors.astype(np.float64), labels, index) for index in range(18)]
    assert scores.outcomes["predicted"] == [named]
    assert scores.metrics == {"centroid.accuracy": float(np.mean(np.array(named) == labels))}
    assert 0.2 < scores.metrics["centroid.accuracy"] < 1
    assert set(scores.metrics) <= {metric.name for metric in example.PROTOCOL.metrics}
    check_outcomes({"centroid": scores.outcomes}, images=18, classes=3)


def name_without(vectors: np.ndarray, labels: np.ndarray, index: int) -> int:
    """The class whose other images' mean is nearest to one image."""
    others = np.delete(vectors, index, axis=0), np.delete(labels, index)
    centres = [others[0][others[1] == label].mean(axis=0) for label in range(3)]
    return int(np.argmin([np.linalg.norm(vectors[index] - centre) for centre in centres]))


def test_the_figure_of_the_example_follows_from_its_outcomes(example: ModuleType, monkeypatch) -> None:
    """As its evidence declares, so it has an interval."""
    (metric,) = example.PROTOCOL.metrics
    monkeypatch.setitem(METRICS, metric.name, metric)
    outcomes = {"test": [[0, 1, 2, 3]], "predicted": [[0, 0, 1, 0]]}
    assert gather(metric.name, [outcomes], [0, 0, 1, 1]).measured == pytest.approx([0.75])
