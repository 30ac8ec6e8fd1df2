"""What of a workflow can be right or wrong by a word: when it runs, what it may do, what its jobs are given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXTRAS = re.compile(r"python -m pip install -e \"?\.(?:\[(?P<extras>[^\]]+)\])?\"?")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a job is given."""

    may: Mapping[str, str] | None  # None: as the workflow says
    depth: int | None = 1  # commits of history that it checks out; 0: all; None: it checks out nothing
    installs: str | None = None  # the extras of our package; None: it does not install it
    needs: str | None = None
    when: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    matrix: Mapping[str, Any] = field(default_factory=dict)
    environment: Any = None  # of GitHub: whose secrets and rules it has
    variables: Mapping[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()  # of its steps
    conditions: Mapping[str, str] = field(default_factory=dict)  # command or action -> when it runs
    given: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # command -> variables
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # action but checkout -> with


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """When it runs, and its jobs."""

    on: Mapping[str, Any]
    may: Mapping[str, str] = field(default_factory=dict)
    group: str
    cancels: bool
    variables: Mapping[str, str] = field(default_factory=dict)
    jobs: Mapping[str, Job]


def read_workflow(document: Mapping[Any, Any]) -> Workflow:
    """What a workflow's file says; YAML reads its key ``on`` as true."""
    return Workflow(
        on=document[True],
        may=document["permissions"],
        group=document["concurrency"]["group"],
        cancels=document["concurrency"].get("cancel-in-progress", False),
        variables=document.get("env", {}),
        jobs={name: _read_job(described) for name, described in document["jobs"].items()},
    )


def _read_job(described: Mapping[str, Any]) -> Job:
    steps = described["steps"]
    names = [step.get("run") or step["uses"].partition("@")[0] for step in steps]
    named = list(zip(names, steps, strict=True))
    depths = [step.get("with", {}).get("fetch-depth", 1) for name, step in named if name == "actions/checkout"]
    installed = [found["extras"] or "" for name in names if (found := EXTRAS.fullmatch(name))]
    inputs = {name: step["with"] for name, step in named if "with" in step and name != "actions/checkout"}
    return Job(
        may=described.get("permissions"),
        depth=_only(depths),
        installs=_only(installed),
        needs=described.get("needs"),
        when=described.get("if"),
        outputs=described.get("outputs", {}),
        matrix=described.get("strategy", {}).get("matrix", {}),
        environment=described.get("environment"),
        variables=described.get("env", {}),
        ids=tuple(step["id"] for step in steps if "id" in step),
        conditions={name: step["if"] for name, step in named if "if" in step},
        given={name: step["env"] for name, step in named if "env" in step},
        inputs=inputs,
    )


def _only(values: list[Any]) -> Any:
    assert len(values) <= 1
    return values[0] if values else None
