"""Stored cells of one data set -> what their figures can tell apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from leaderboard.agreement import ROUNDING
from leaderboard.errors import LeaderboardError
from leaderboard.evidence import Figures, gather_from
from leaderboard.protocols import METRICS, PROTOCOL_OF
from leaderboard.ranking import Pairs, Standing, compare_pairs, compute_standings
from leaderboard.records import Result
from leaderboard.statistics import RESAMPLES, Resampled, compute_resolution, resample, resample_together

FEWEST = 15  # images per class: with fewer, intervals are too narrow by a tenth or more (benchmarks/small_classes.py)


@dataclass(frozen=True)
class Standings:
    """Where the models of a data set stand by one figure."""

    metric: str
    of: Mapping[str, Standing]  # model -> its
    resolution: float | None  # the smallest difference that the images can resolve; None where nothing says
    is_rough: bool = False  # classes are so small that the intervals are too narrow
    pairs: Pairs | None = field(default=None, compare=False, repr=False)  # of the models, in the order of ``of``


def has_small_classes(labels: np.ndarray, specimens: np.ndarray | None = None) -> bool:
    """Whether classes have so few images, or specimens where they are known, that resampling them says too little.

    Taken is the harmonic mean of their sizes, since the variance of a mean over classes goes with that of 1 / size.
    """
    units = np.arange(len(labels)) if specimens is None else specimens
    counts = np.array([len(np.unique(units[labels == label])) for label in np.unique(labels)])
    return bool(1 / np.mean(1 / counts) < FEWEST)


def find_contradiction(result: Result, metrics: Sequence[str]) -> str:
    """What is wrong with a cell whose stored figures do not follow from its stored outcomes; empty when they do.

    Such a cell was not measured so: somebody has edited the file, or code has changed without a new version.
    """
    for metric in metrics:
        if METRICS[metric].evidence is None or (stored := result.metrics.get(metric)) is None:
            continue
        try:
            follows = compute_from_outcomes(result, metric)
        except LeaderboardError as error:
            return str(error)
        if not abs(follows - stored) <= ROUNDING:  # NaN is no figure that follows
            return f"{metric} is {stored:.9g}, but its stored outcomes give {follows:.9g}; measure it again"
    return ""


def compute_from_outcomes(result: Result, metric: str) -> float:
    """A figure anew from the stored outcomes; raises as ``resample_results`` does."""
    return float(gather_from([result], metric).measured[0])


def identify_tests(result: Result, metrics: Sequence[str]) -> str:
    """A digest of what a cell was tested on: images, labels, specimens, test sets. Only equal ones can be compared."""
    protocols = sorted({PROTOCOL_OF[metric] for metric in metrics})
    tests = [result.outcomes.get(protocol, {}).get("test") for protocol in protocols]
    everything = [result.provenance.inputs["dataset"], result.labels, result.specimens, tests]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()


def resample_results(results: Sequence[Result], metric: str, *, resamples: int = RESAMPLES) -> Resampled:
    """A figure of several models on the same images, as measured and resampled.

    Raises:
        LeaderboardError: the metric has no interval, or the models were tested on different images.
    """
    return resample(gather_from(results, metric), resamples=resamples)


def compute_dataset_standings(results: Sequence[Result], metric: str) -> Standings:
    """Where several models stand by one figure; raises as ``resample_results`` does."""
    return place_models([result.model for result in results], metric, gather_from(results, metric))


def compute_all_standings(having: Mapping[str, Sequence[Result]]) -> dict[str, Standings]:
    """Where models stand by several figures: metric -> the cells that have it, all of them on the same images.

    The same as one by one, but the resamples are drawn only once; raises as ``resample_results`` does.
    """
    figures = {metric: gather_from(results, metric) for metric, results in having.items()}
    resampled = resample_together(list(figures.values()))
    return {
        metric: place_models([result.model for result in having[metric]], metric, figures[metric], drawn)
        for metric, drawn in zip(figures, resampled, strict=True)
    }


def place_models(models: Sequence[str], metric: str, figures: Figures, resampled: Resampled | None = None) -> Standings:
    """Where models stand by a figure of each, in the same order; ``resampled`` where that has been done."""
    resampled = resampled or resample(figures)
    pairs = compare_pairs(resampled)
    placed = dict(zip(models, compute_standings(resampled, pairs), strict=True))
    is_rough = has_small_classes(figures.labels, figures.specimens)
    return Standings(metric, placed, compute_resolution(resampled), is_rough, pairs)
