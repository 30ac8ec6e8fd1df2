"""Following CONTRIBUTING.md to the letter adds a model: in a fresh clone, with a Hub on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from grains import describe_grains, save_grains
from hub_server import Hub
from upstream import Checkout, Upstream, make_upstream, plain_environment

import leaderboard
from leaderboard.registry import load_registry
from leaderboard.result_files import load_result

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
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


def test_it_takes_five_commands_and_each_succeeds(followed: Followed) -> None:
    """From the installation to the pushed branch, one command a line."""
    assert 0 < len(followed.done) <= 5
    assert not any(sign in line for line in followed.done for sign in ("&", ";", "|"))
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


def test_an_entry_without_its_result_is_not_complete(followed: Followed) -> None:
    """`check` is no formality: it names the command that the document's table gives."""
    fresh = followed.upstream.clone()
    fresh.git("switch", "--quiet", "add-drawn-net")
    (fresh.root / RESULT).unlink()
    said = fresh.leaderboard("check", "--base", "origin/main", code=1)
    assert "not measured on" in said
    assert "pytest -k drawn-net" in said
