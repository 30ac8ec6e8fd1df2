"""Tables of what models do on the same images, side by side: pure functions of analyses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from leaderboard.protocols._trials import SCORES
from leaderboard.protocols.clustering import ALGORITHMS
from leaderboard.protocols.clustering import TITLES as CLUSTERING
from leaderboard.protocols.disparity import TITLES as DISPARITY
from leaderboard.records import Scores
from leaderboard.report.analysis import Analysis
from leaderboard.report.companions import HALF_INTERVAL, RANK
from leaderboard.report.comparison import NO_COMPARISONS, Comparisons
from leaderboard.report.series import CLASSIFIERS, SPACES, Curve, read_curve
from leaderboard.spreadsheet import keep_text

if TYPE_CHECKING:
    import pandas as pd

HEADLINES = {
    "knn1.f1_macro": "NN F1",
    "retrieval.precision_at_n": "P@N",
    "linear.balanced_accuracy": "linear bal. acc.",
    "retrieval.map": "MAP",
    "retrieval.pr_auc": "PR area",
    "linear.log_loss": "log loss",
}
CLASS_COLUMNS = {
    "recall": ("knn", "knn1.recall"),
    "precision": ("knn", "knn1.precision"),
    "F1": ("knn", "knn1.f1"),
    "P@N": ("retrieval", "retrieval.precision_at_n"),
}
X_LABELS: Mapping[Curve, tuple[str, str]] = {"learning_curve": ("images used", "{} %"), "few_shot": ("shots", "{}")}


def tabulate_headlines(analyses: Sequence[Analysis], comparisons: Comparisons = NO_COMPARISONS) -> pd.DataFrame:
    """A row per model: the headline figures; beside those that were compared half of the interval, and the rank."""
    rows = []
    for analysis in analyses:
        row: dict[str, object] = {"model": analysis.model}
        for metric, title in HEADLINES.items():
            if metric in analysis.metrics:
                row |= {
                    title: analysis.metrics[metric],
                    **_describe_standing(title, metric, analysis.model, comparisons),
                }
        rows.append(row)
    return make_frame(rows if any(len(row) > 1 for row in rows) else [])


def _describe_standing(title: str, metric: str, model: str, comparisons: Comparisons) -> dict[str, object]:
    """A single model has an interval and no rank."""
    if metric not in comparisons or model not in comparisons[metric].of:
        return {}
    of = comparisons[metric].of
    rank = {title + RANK: of[model].rank} if len(of) > 1 else {}
    return {title + HALF_INTERVAL: of[model].half_width, **rank}


def tabulate_class_scores(analyses: Sequence[Analysis]) -> pd.DataFrame:
    """A row per class: images; recall, precision and F1 of the nearest neighbour, and P@N; these once per model."""
    shown = [analysis for analysis in analyses if analysis.is_labelled]
    if not shown:
        return make_frame([])
    first = shown[0].embeddings
    counts = np.bincount(first.labels, minlength=len(first.classes))
    columns: dict[str, Sequence[object]] = {"class": first.classes, "images": counts.tolist()}
    for number, analysis in enumerate(shown):
        for title, (protocol, metric) in CLASS_COLUMNS.items():
            values = analysis.scores.get(protocol, Scores({})).per_class.get(metric)
            if values is not None:
                columns[title if len(shown) == 1 else f"{title}, {number + 1} {analysis.model}"] = values
    return make_frame(columns)


def tabulate_curve(analyses: Sequence[Analysis], curve: Curve, measure: str = "top1") -> pd.DataFrame:
    """A row per model and classifier, a column per share of the images or number of shots: the mean of one measure."""
    form = X_LABELS[curve][1]
    rows = [
        {"model": analysis.model, "classifier": title} | {form.format(x): mean for x, mean, _ in points}
        for analysis in analyses
        for kind, title in CLASSIFIERS.items()
        if (points := read_curve(analysis.metrics, curve, kind, measure))
    ]
    found = {x for analysis in analyses for kind in CLASSIFIERS for x, *_ in read_curve(analysis.metrics, curve, kind)}
    order = ["model", "classifier", *(form.format(x) for x in sorted(found))]
    return make_frame(rows)[order] if rows else make_frame([])


def tabulate_curve_in_full(analyses: Sequence[Analysis], curve: Curve) -> pd.DataFrame:
    """A row per model, classifier and point: mean and standard deviation of every measure."""
    x_title, form = X_LABELS[curve]
    rows = []
    for analysis in analyses:
        for kind, title in CLASSIFIERS.items():
            for x, *_ in read_curve(analysis.metrics, curve, kind):
                row: dict[str, object] = {"model": analysis.model, "classifier": title, x_title: form.format(x)}
                rows.append(row | _read_measures(analysis.metrics, curve, kind, x))
    return make_frame(rows)


def _read_measures(metrics: Mapping[str, float], curve: Curve, kind: str, x: int) -> dict[str, object]:
    """Of one point: the folds used, where that is known, and every measure with its deviation."""
    letter = {"learning_curve": "f", "few_shot": "k"}[curve]
    folds = metrics.get(f"{curve}.{letter}{x}.folds")
    found: dict[str, object] = {} if folds is None else {"folds": int(folds)}
    for measure, title in SCORES.items():
        name = f"{curve}.{kind}.{letter}{x}.{measure}"
        if name in metrics:
            found |= {title: metrics[name], f"{title} std": metrics.get(f"{name}_std", float("nan"))}
    return found


def tabulate_clustering(analyses: Sequence[Analysis]) -> pd.DataFrame:
    """A row per model, space and algorithm; without labels those scores that need none."""
    rows = []
    for analysis in analyses:
        for space in SPACES:
            for algorithm in ALGORITHMS:
                of = f"clustering.{space}.{algorithm}."
                found = {title: analysis.metrics.get(of + name) for name, title in CLUSTERING.items()}
                if found["clusters"] is not None:
                    named = {"model": analysis.model, "space": SPACES[space], "algorithm": ALGORITHMS[algorithm]}
                    rows.append(named | found | {"clusters": int(found["clusters"])})
    return make_frame(rows).dropna(axis="columns", how="all")


def tabulate_disparity(analyses: Sequence[Analysis]) -> pd.DataFrame:
    """A row per model: how widely the images spread in its space. No value is better than another."""
    rows = []
    for analysis in analyses:
        found = {title: analysis.metrics.get(f"disparity.{name}", np.nan) for name, title in DISPARITY.items()}
        if np.isfinite(list(found.values())).any():
            rows.append({"model": analysis.model, **found})
    return make_frame(rows)


def make_frame(rows: object) -> pd.DataFrame:
    """A data frame of rows or of columns; pandas is loaded when the first one is made."""
    import pandas as pd

    with keep_text():
        return pd.DataFrame(rows)  # type: ignore[call-overload,no-any-return]  # rows or columns, both are fine
