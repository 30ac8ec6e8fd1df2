"""The workflows: sound, least permissions, pinned actions, and no step that is more than one command of ours."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from workflow_form import read_workflow
from workflow_specification import SPECIFICATION

from leaderboard.__main__ import build_parser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
NAMES = [path.stem for path in FILES]
ACTIONS = {  # the commit that each version's tag stands for, as read in public workflows
    "actions/cache": ("0057852bfaa89a56745cba8c7296529d2fc39830", "v4.3.0"),
    "actions/checkout": ("08c6903cd8c0fde910a37f88322edcfb5dd907a8", "v5.0.0"),
    "actions/configure-pages": ("983d7736d9b0ae728b81ab479565c72886d7745b", "v5.0.0"),
    "actions/deploy-pages": ("d6db90164ac5ed86f2b6aed7e0febac5b3c0c03e", "v4.0.5"),
    "actions/setup-python": ("e797f83bcb11b83ae66e0230d6156d7c80228e7c", "v6.0.0"),
    "actions/upload-artifact": ("ea165f8d65b6e75b540449e92b4886f43607fa02", "v4.6.2"),
    "actions/upload-pages-artifact": ("56afc609e74202658d3ffba0e8f6dda462b719fa", "v3.0.1"),
}
MAY_WRITE = {  # workflow, job -> what it may write; every other job only reads
    ("comment", "comment"): {"pull-requests"},
    ("gated", "measure"): {"contents"},
    ("publish", "publish"): {"contents"},
    ("publish", "pages"): {"pages", "id-token"},
    ("weekly", "watch"): {"issues"},
}
COMMANDS = (
    ("python", "-m", "leaderboard"),
    ("python", "-m", "pip", "install", "-e"),
    ("python", "-m", "pytest"),
    ("bash", ".ci/run"),
)
USES = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<sha>[0-9a-f]{40})  # (?P<version>v\d+\.\d+\.\d+)$")
MORE_THAN_A_COMMAND = re.compile(r"[|<>;&`(){}*?!\n]|\$(?!MODEL\b|RUN_ID\b)")


def load(name: str) -> dict[Any, Any]:
    """A workflow; YAML reads its key ``on`` as true."""
    document: dict[Any, Any] = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return document


def list_jobs() -> list[tuple[str, str, dict[str, Any]]]:
    """Workflow, name and description of every job."""
    return [(name, job, described) for name in NAMES for job, described in load(name)["jobs"].items()]


def list_runs() -> list[tuple[str, str, dict[str, Any]]]:
    """Workflow, command and description of every step that runs one."""
    return [(name, step["run"], step) for name, _, job in list_jobs() for step in job["steps"] if "run" in step]


RUNS = list_runs()
JOBS = list_jobs()
COMMAND_IDS = [f"{name}: {command}" for name, command, _ in RUNS]
JOB_IDS = [f"{name}.{job}" for name, job, _ in JOBS]


def test_the_workflows_are_those_of_the_design() -> None:
    """Every one of them is looked at below, and one more would be."""
    assert sorted(SPECIFICATION) == NAMES
    assert len(RUNS) > len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_is_as_specified(name: str) -> None:
    """Triggers, permissions, conditions, history, extras, variables, what its actions get: to the letter."""
    assert read_workflow(load(name)) == SPECIFICATION[name]


def test_what_is_cached_between_runs_is_where_the_jobs_put_it() -> None:
    """Weights and data; embeddings are made by the code that is judged, so they are not kept."""
    job = load("leaderboard")["jobs"]["measure"]
    (cache,) = (step["with"]["path"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@"))
    hub, own = (job["env"][name].removeprefix("${{ github.workspace }}/") for name in ("HF_HOME", "LEADERBOARD_CACHE"))
    assert cache.split() == [hub, f"{own}/weights", f"{own}/datasets"]


def test_what_is_measured_outlives_a_push_that_fails() -> None:
    """Hours of measuring a gated model are uploaded before, and the token of the Hub is there for one step only."""
    steps = load("gated")["jobs"]["measure"]["steps"][-3:]
    assert [step.get("run", step.get("uses", "")).split("@")[0] for step in steps] == [
        'python -m pytest tests/bench --model "$MODEL" --require-measured',
        "actions/upload-artifact",
        "python -m leaderboard publish --push",
    ]
    assert ["HF_TOKEN" in step.get("env", {}) for step in steps] == [True, False, False]


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
        ["zizmor", "--offline", "--no-progress", "--strict-collection"],
    ],
    ids=["schema", "security"],
)
def test_the_linters_find_nothing(command: list[str]) -> None:
    """The schema that GitHub's editors use, and the audits of zizmor."""
    program = Path(sys.executable).parent / command[0]
    assert program.exists(), f"{command[0]} is not installed here; `pip install -e .[test]`"
    done = subprocess.run([program, *command[1:], *FILES], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_security_linter_would_find_something(tmp_path: Path) -> None:
    """A run that nothing can fail would hold nothing."""
    text = (FOLDER / "comment.yml").read_text(encoding="utf-8")
    bad = text.replace('"$RUN_ID"', '"${{ github.event.workflow_run.head_branch }}"')
    assert bad != text
    (tmp_path / "comment.yml").write_text(bad, encoding="utf-8")
    command = [Path(sys.executable).parent / "zizmor", "--offline", "--no-progress", tmp_path / "comment.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "template-injection" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_to_a_known_commit(name: str) -> None:
    """With its version beside it."""
    lines = [line.strip() for line in (FOLDER / f"{name}.yml").read_text(encoding="utf-8").splitlines()]
    used = [line.removeprefix("- ") for line in lines if "uses:" in line]
    assert used
    for line in used:
        found = USES.fullmatch(line)
        assert found, line
        assert (found["sha"], found["version"]) == ACTIONS.get(found["action"]), line


@pytest.mark.parametrize(("name", "command", "step"), RUNS, ids=COMMAND_IDS)
def test_every_step_is_one_command_of_ours(name: str, command: str, step: dict[str, Any]) -> None:
    """On one line, without pipes, redirections, substitutions or expressions; so it can be run anywhere."""
    assert not MORE_THAN_A_COMMAND.search(command), command
    words = shlex.split(command)
    assert any(tuple(words[: len(start)]) == start for start in COMMANDS), command
    assert '"$' in command or "$" not in command, "a variable is quoted"
    assert set(step) <= {"id", "if", "run", "env"}


@pytest.mark.parametrize(("name", "command", "step"), RUNS, ids=COMMAND_IDS)
def test_every_variable_of_a_step_is_set(name: str, command: str, step: dict[str, Any]) -> None:
    """By the workflow, the job or the step itself."""
    job = next(job for own, _, job in JOBS if own == name and step in job["steps"])
    known = {**load(name).get("env", {}), **job.get("env", {}), **step.get("env", {})}
    assert {word[1:] for word in shlex.split(command) if word.startswith("$")} <= known.keys()


OURS = [(name, command) for name, command, _ in RUNS if command.startswith("python -m leaderboard")]


@pytest.mark.parametrize(("name", "command"), OURS, ids=[command for _, command in OURS])
def test_our_commands_take_these_options(name: str, command: str) -> None:
    """As the parser of this version reads them; a variable stands for a number or an id."""
    arguments = [word.replace("$RUN_ID", "7").replace("$MODEL", "toy") for word in shlex.split(command)]
    assert callable(build_parser().parse_args(arguments[3:]).run)


BENCH = [(name, command) for name, command, _ in RUNS if command.startswith("python -m pytest")]


@pytest.mark.parametrize(("name", "command"), BENCH, ids=[name for name, _ in BENCH])
def test_the_benchmark_takes_these_options(clone, name: str, command: str) -> None:
    """And finds cases of the model."""
    arguments = [word.replace("$MODEL", "large") for word in shlex.split(command)]
    (clone.root / "measured").mkdir()
    done = clone.pytest(*arguments[3:], "--collect-only", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_metric[large-grains-knn1.f1_macro]" in done.stdout
    assert "small" not in done.stdout


def test_every_extra_that_is_installed_is_there() -> None:
    """A misspelt one would be passed over by pip."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    wanted = {
        extra
        for _, command, _ in RUNS
        if (found := re.search(r"\.\[(?P<extras>[^\]]+)\]", command))
        for extra in found["extras"].split(",")
    }
    assert wanted
    assert wanted <= extras.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_read_at_most(name: str) -> None:
    """What a job needs beyond that, it says itself."""
    assert load(name)["permissions"] in ({}, {"contents": "read"})


@pytest.mark.parametrize(("name", "job", "described"), JOBS, ids=JOB_IDS)
def test_a_job_may_write_what_it_is_for(name: str, job: str, described: dict[str, Any]) -> None:
    """And nothing else; a job that writes runs no code of a pull request."""
    granted = described.get("permissions", load(name)["permissions"])
    assert set(granted.values()) <= {"read", "write"}
    writes = {what for what, how in granted.items() if how == "write"}
    assert writes == MAY_WRITE.get((name, job), set())
    assert not (writes and "pull_request" in load(name)[True])


@pytest.mark.parametrize(("name", "job", "described"), JOBS, ids=JOB_IDS)
def test_every_job_ends_and_every_checkout_forgets_its_token(name: str, job: str, described: dict[str, Any]) -> None:
    """And those that may write take main's code."""
    assert 0 < described["timeout-minutes"] <= 240
    for step in described["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
            if (name, job) in MAY_WRITE:
                assert step["with"]["ref"] == "main"
            else:
                assert "ref" not in step["with"]


@pytest.mark.parametrize("name", NAMES)
def test_every_workflow_has_a_concurrency_group(name: str) -> None:
    """Those that push or tell are not cancelled halfway."""
    described = load(name)
    assert described["concurrency"]["group"]
    if any(workflow == name for workflow, _ in MAY_WRITE):
        assert described["concurrency"].get("cancel-in-progress", False) is False


def test_what_pushes_to_main_does_not_wait_for_an_approval() -> None:
    """A run that waits for a person holds its group: publishing has one of its own."""
    pushing = [name for name, command, _ in RUNS if command.endswith("--push")]
    assert sorted(pushing) == ["gated", "publish"]
    assert len({load(name)["concurrency"]["group"] for name in pushing}) == len(pushing)


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_in_one_workflow_that_a_person_approves(name: str) -> None:
    """Elsewhere there is the job's own token, and only in a step that needs it."""
    text = (FOLDER / f"{name}.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"secrets\.\w+|secrets: \w+", text)) == ({"secrets.HF_TOKEN"} if name == "gated" else set())
    assert "pull_request_target" not in text
    if name == "gated":
        assert set(load(name)[True]) == {"workflow_dispatch"}
        assert load(name)["jobs"]["measure"]["environment"] == "gated-models"
    shared = [load(name).get("env", {}), *(job.get("env", {}) for own, _, job in JOBS if own == name)]
    assert not any("TOKEN" in variable for variables in shared for variable in variables)


def test_a_pull_request_s_code_runs_without_any_token() -> None:
    """Neither the job's own, nor another."""
    for name in ("ci", "leaderboard"):
        text = (FOLDER / f"{name}.yml").read_text(encoding="utf-8")
        assert "token" not in text.lower()


def test_a_model_that_fails_stops_no_other_and_is_told_all_the_same() -> None:
    """Each has a job, whose review and artifact come after a failure too."""
    job = load("leaderboard")["jobs"]["measure"]
    assert job["strategy"]["fail-fast"] is False
    last = job["steps"][-2:]
    assert [step["if"] for step in last] == ["always()", "always()"]
    assert last[0]["run"].startswith("python -m leaderboard review")
    assert last[1]["with"]["name"] == "measured-${{ matrix.model }}"
