"""A pull request as records: what a clone was and what it is, without a file or a repository."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from leaderboard.pull_request.sides import Side, Sides
from leaderboard.records import Result, Source
from leaderboard.registry import Registry

BASE = "0" * 40


@pytest.fixture
def project(crowd: Registry) -> Registry:
    """Three models: one of the default group, one gated, and one of another library; on one data set."""
    gate = (Source("hub", "acme/top", revision="1" * 40, gated=True),)
    models = dict(crowd.models)
    models["toy"] = replace(models["toy"], group="default")
    models["top"] = replace(models["top"], library="timm", sources=gate, pooling="cls")
    models["tin"] = replace(models["tin"], library="transformers", pooling="cls")
    return replace(crowd, models={id_: models[id_] for id_ in sorted(models)})


@pytest.fixture
def propose() -> Callable[..., Sides]:
    """Makes a pull request; without ``before`` it leaves registry and results as they are."""

    def make(
        after: Registry,
        *files: str,
        before: Registry | None = None,
        results: Sequence[Result] = (),
        older: Sequence[Result] | None = None,
    ) -> Sides:
        start = Side(BASE, before or after, results if older is None else older)
        return Sides(start, Side(None, after, results), BASE, files)

    return make
