"""Which figures a data set's table shows, what they are called, and which way is better. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite

from leaderboard.protocols import HEADLINES, METRICS
from leaderboard.records import DatasetSpec, Metric


def columns_of(dataset: DatasetSpec) -> list[Metric]:
    """What a data set's table shows: its entry's columns, else the headline metrics. The first one ranks."""
    return [METRICS[name] for name in dataset.columns or HEADLINES]


def title_of(metric: Metric) -> str:
    """What stands above its column."""
    return metric.title or metric.name


def score_of(metrics: Mapping[str, float], metric: Metric) -> float:
    """A figure so that more is better, whichever way the metric goes; -inf where there is none or it has no way."""
    value = metrics.get(metric.name, -inf)
    if not isfinite(value) or metric.higher_is_better is None:
        return -inf
    return value if metric.higher_is_better else -value
