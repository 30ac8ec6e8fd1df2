"""The `run:` steps of our workflows as plain argument lists, and how to run them: no expressions, no GitHub."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

WORKSPACE = "${{ github.workspace }}"  # the checkout
WORKFLOWS = Path(__file__).parents[1] / ".github" / "workflows"
INSTALL = ["python", "-m", "pip", "install", "-e"]  # the tests' own environment is installed already


@dataclass(frozen=True)
class Step:
    """One command of a job."""

    arguments: tuple[str, ...]  # as a shell would split them; a variable is "$NAME"
    variables: Mapping[str, str]  # of the workflow, the job and the step, as they are written
    always: bool  # whether it runs after a failure too

    def within(self, folder: Path) -> Step:
        """The same in a checkout, whose place its variables may name."""
        own = {name: str(text).replace(WORKSPACE, str(folder)) for name, text in self.variables.items()}
        return replace(self, variables=own)

    def fill_in(self, values: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """The arguments and the environment; what the workflow takes from an expression has to be among the values."""
        environment = {
            name: values[name] if "${{" in text else str(text)
            for name, text in self.variables.items()
            if "${{" not in text or name in values
        }
        known = environment | dict(values)
        arguments = [known[word[1:]] if word.startswith("$") else word for word in self.arguments]
        return [sys.executable if word == "python" else word for word in arguments], environment


@dataclass(frozen=True)
class Done:
    """What became of a job."""

    code: int  # of the first step that failed, else 0
    output: str  # of all steps


def load_steps(workflow: str, job: str) -> list[Step]:
    """Every command of a job, in order, but for the installation."""
    document = yaml.safe_load((WORKFLOWS / f"{workflow}.yml").read_text(encoding="utf-8"))
    described = document["jobs"][job]
    shared = {**document.get("env", {}), **described.get("env", {})}
    steps = [
        Step(tuple(shlex.split(step["run"])), {**shared, **step.get("env", {})}, step.get("if") == "always()")
        for step in described["steps"]
        if "run" in step
    ]
    return [step for step in steps if list(step.arguments[: len(INSTALL)]) != INSTALL]


def find_depth(workflow: str, job: str) -> int:
    """How many commits of a line of history a job checks out; 0: all."""
    steps = yaml.safe_load((WORKFLOWS / f"{workflow}.yml").read_text(encoding="utf-8"))["jobs"][job]["steps"]
    (checkout,) = (step for step in steps if step.get("uses", "").startswith("actions/checkout@"))
    return int(checkout.get("with", {}).get("fetch-depth", 1))


def run_job(workflow: str, job: str, folder: Path, environment: Mapping[str, str], **values: str) -> Done:
    """Run a job's commands in a folder.

    Args:
        workflow: the name of its file.
        job: its name there.
        folder: the checkout.
        environment: of the machine.
        values: what GitHub would give for the expressions: variable -> value.
    """
    code, output = 0, ""
    for step in load_steps(workflow, job):
        if code and not step.always:
            continue
        arguments, own = step.within(folder).fill_in(values)
        done = subprocess.run(
            arguments,
            cwd=folder,
            env={**environment, **own, **{n: v for n, v in values.items() if n.startswith("GITHUB_")}},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        output += done.stdout + done.stderr
        code = code or done.returncode
    return Done(code, output)
