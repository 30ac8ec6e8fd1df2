"""The benchmark: cases for every selected model on every data set. conftest.py makes the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from leaderboard.cache import load_embeddings
from leaderboard.efficiency import embed_some, watch_memory
from leaderboard.records import Outcome
from leaderboard.render.message import describe_shortfall
from leaderboard.run import Run
from leaderboard.selection import Case


def test_embeddings(case: Case, outcome: Outcome, run: Run) -> None:
    """There is one finite vector of the declared dimension per image."""
    dataset, model = run.registry.dataset(case.cell.dataset), run.registry.model(case.cell.model)
    embeddings = load_embeddings(outcome.embeddings)
    left_out = len(outcome.result.left_out)
    assert embeddings.vectors.shape == (dataset.images - left_out, model.dimension)
    assert embeddings.vectors.dtype == np.float32
    assert np.isfinite(embeddings.vectors).all()


def test_metric(case: Case, outcome: Outcome, run: Run) -> None:
    """The metric reaches the threshold of the model's entry."""
    model = run.registry.model(case.cell.model)
    floor = model.thresholds[case.cell.dataset][case.metric]
    if not outcome.result.metrics.get(case.metric, float("nan")) >= floor:
        pytest.fail(describe_shortfall(outcome.result, case.metric, floor), pytrace=False)


@pytest.mark.speed
def test_speed(case: Case, outcome: Outcome, run: Run, benchmark, pytestconfig) -> None:
    """Images are embedded from files on disk; with --record-speed median and peak memory go into the result."""
    backbone, dataset = run.backbone(case.cell.model), run.dataset(case.cell.dataset)
    with watch_memory(backbone) as memory:
        images = benchmark.pedantic(embed_some, args=(backbone, dataset), rounds=3, warmup_rounds=1)
    assert images > 0
    if pytestconfig.option.record_speed and benchmark.stats is not None:
        run.record_speed(case.cell, images=images, seconds=benchmark.stats.stats.median, memory=memory)
