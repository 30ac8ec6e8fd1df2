"""Images whose label every good model contradicts: suspects for the specialist. Stored outcomes in, suspects out.

What a model holds of an image is taken from outcomes in which that image was not learnt: its nearest neighbours in
``retrieval``, and what it was named in those splits of ``linear`` that tested it. docs/label-audit.md has the trials
by which the numbers here were chosen, and says what an audit cannot find. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboard.columns import score_of
from leaderboard.errors import LeaderboardError
from leaderboard.records import Metric, ModelSpec, Result
from leaderboard.standings import Standings, resample_results
from leaderboard.statistics import Resampled, compare

TIMES = 4.0  # as much support as the label has, in the mean over the models, makes a suspect
DOUBT = 0.1  # support added to both before they are compared: nothing against little is no certainty


@dataclass(frozen=True)
class Opinion:
    """What one model holds of an image."""

    model: str
    suggestion: int  # of the other classes, the one with most support
    for_label: float  # support, 0 to 1
    for_suggestion: float  # support, 0 to 1


@dataclass(frozen=True)
class Suspect:
    """An image whose label every good model contradicts."""

    image: int  # its index
    label: int  # class index
    suggestion: int  # the other class with most support in the mean over the models
    opinions: tuple[Opinion, ...]  # one per good model
    for_label: float  # mean support over the models
    for_suggestion: float  # mean support over the models

    @property
    def times(self) -> float:
        """How many times better supported the suggestion is than the label: what suspects are sorted by."""
        return float(_compare(self.for_suggestion, self.for_label))

    @property
    def agreeing(self) -> int:
        """How many of the models suggest the same class as all together."""
        return sum(opinion.suggestion == self.suggestion for opinion in self.opinions)


@dataclass(frozen=True)
class Audit:
    """The suspects, the most certain first, and who says so."""

    models: tuple[str, ...]
    images: int
    silent: int  # images of which some model holds nothing: they cannot be suspected
    suspects: tuple[Suspect, ...]


def list_untrained(models: Iterable[ModelSpec]) -> set[str]:
    """Ids of the models that have learnt nothing: baselines, and networks with random weights."""
    return {model.id for model in models if model.library == "baseline" or model.seed is not None}


def find_good(
    results: Sequence[Result], untrained: Collection[str], metric: Metric, standings: Standings | None = None
) -> list[Result]:
    """The models that are better than every untrained one; where no untrained one has the figure, all trained ones.

    Better is meant beyond chance where the metric has an interval, else by value.

    Args:
        results: of one data set, on the same images.
        untrained: ids of baselines and of networks with random weights.
        metric: that ranks the data set's table.
        standings: of these results by that metric, where they are known: they hold the same resamples.
    """
    known = [result for result in results if np.isfinite(result.metrics.get(metric.name, np.nan))]
    trained = [result for result in known if result.model not in untrained]
    floor = [result for result in known if result.model in untrained]
    if metric.evidence is None:
        return _find_higher(trained, floor, metric)
    return _find_better(trained, floor, metric, standings)


def _find_higher(trained: Sequence[Result], floor: Sequence[Result], metric: Metric) -> list[Result]:
    best = max((score_of(result.metrics, metric) for result in floor), default=-np.inf)
    return [result for result in trained if score_of(result.metrics, metric) > best]


def _find_better(
    trained: Sequence[Result], floor: Sequence[Result], metric: Metric, standings: Standings | None
) -> list[Result]:
    if not trained or not floor:
        return list(trained)
    resampled = _resample([*trained, *floor], metric.name, standings)
    families = [compare(resampled, len(trained) + place, range(len(trained))) for place in range(len(floor))]
    return [
        result
        for result, against in zip(trained, zip(*families, strict=True), strict=True)
        if all(difference.is_resolved and difference.value > 0 for difference in against)
    ]


def _resample(results: Sequence[Result], metric: str, standings: Standings | None) -> Resampled:
    if standings is None or standings.pairs is None:
        return resample_results(results, metric)
    models, every = list(standings.of), standings.pairs.resampled
    rows = [models.index(result.model) for result in results]
    return Resampled(every.values[rows], every.deviations[rows])


def compute_audit(results: Sequence[Result], *, times: float = TIMES) -> Audit:
    """Suspect an image when every model supports another class more than the label, and all together far more.

    The models may have different classes in mind: ``Suspect.agreeing`` tells.

    Args:
        results: of the good models, on the same images.
        times: how many times better supported the suggestion has to be in the mean over the models; at least 1.

    Raises:
        LeaderboardError: no model, models measured on different labels, or without the outcomes that tell.
    """
    _check(results)
    labels = np.asarray(results[0].labels)
    support = np.array([compute_support(result) for result in results])  # (models, n, classes)
    silent = ~support.any(axis=2).all(axis=0)
    contradicted = (_lead(support, labels) > 1).all(axis=0)  # never where a model is silent: 0 is not above 0
    found = np.flatnonzero(contradicted & (_lead(support.mean(axis=0), labels) >= times))
    models = tuple(result.model for result in results)
    suspects = [_describe(models, support[:, image], int(labels[image]), int(image)) for image in found]
    suspects.sort(key=lambda suspect: (-suspect.times, suspect.image))
    return Audit(models, len(labels), int(silent.sum()), tuple(suspects))


def _lead(support: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many times better supported than the label the best other class is: (..., n) from (..., n, classes)."""
    return np.asarray(_compare(_pick(support, _choose_other(support, labels)), _pick(support, labels)))


def _compare(suggestion: Any, label: Any) -> Any:
    """How many times better supported, from 1 / 11 to 11."""
    return (suggestion + DOUBT) / (label + DOUBT)


def _check(results: Sequence[Result]) -> None:
    if not results:
        raise LeaderboardError("no model is measured there; measure one with pytest first")
    first = results[0]
    for result in results:
        if list(result.labels) != list(first.labels) or list(result.classes) != list(first.classes):
            raise LeaderboardError(
                f"{result.model} and {first.model} were measured on {result.dataset} with different labels; "
                "measure both again"
            )


def compute_support(result: Result) -> np.ndarray:
    """How much a model supports each class for each image: (n, classes), rows of sum 1, or 0 where nothing is known.

    The mean of what there is of two shares: of each class among the nearest neighbours, and among the names that
    logistic regression gave the image when it was in a test set.

    Raises:
        LeaderboardError: the result has neither outcome.
    """
    labels, classes = np.asarray(result.labels), len(result.classes)
    shares = [
        share(result.outcomes[protocol], labels, classes)
        for protocol, share in SHARES.items()
        if NEEDED[protocol] in result.outcomes.get(protocol, {})
    ]
    if not shares:
        raise LeaderboardError(
            f"{result.model} on {result.dataset} has no outcomes of {' or '.join(SHARES)}; measure it by them"
        )
    return _normalise(np.sum(shares, axis=0))


def _share_of_neighbours(outcomes: Mapping[str, Any], labels: np.ndarray, classes: int) -> np.ndarray:
    """Share of each class (n, classes) among the neighbours, which count 1, 1/2, 1/3 and so on.

    An image of a class with m others has at most m neighbours of its class: no more neighbours than m are counted,
    else every label of a small class would stand contradicted.
    """
    reachable = np.bincount(labels, minlength=classes)[labels] - 1
    votes = np.zeros((len(labels), classes))
    for rank, near in enumerate(np.asarray(outcomes["neighbours"]).T):
        images = np.flatnonzero(rank < reachable)
        votes[images, labels[near[images]]] += 1 / (rank + 1)
    return _normalise(votes)


def _share_of_names(outcomes: Mapping[str, Any], labels: np.ndarray, classes: int) -> np.ndarray:
    """Share of each class (n, classes) among the names given in the splits that tested an image."""
    votes = np.zeros((len(labels), classes))
    for test, predicted in zip(outcomes["test"], outcomes["predicted"], strict=True):
        votes[test, predicted] += 1  # an image is in a test set once
    return _normalise(votes)


def _normalise(votes: np.ndarray) -> np.ndarray:
    """Rows of sum 1; rows without votes stay 0."""
    total = votes.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(votes, total, out=np.zeros_like(votes), where=total > 0))


def _pick(support: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The support (..., n) for one class per image, from (..., n, classes)."""
    index = np.broadcast_to(classes[..., None], (*support.shape[:-1], 1))
    return np.asarray(np.take_along_axis(support, index, axis=-1)[..., 0])


def _choose_other(support: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class (..., n) with most support among those that are not the label; ties go to the lower index."""
    others = support.copy()
    np.put_along_axis(others, np.broadcast_to(labels[..., None], (*support.shape[:-1], 1)), -1.0, axis=-1)
    return np.asarray(others.argmax(axis=-1))


def _describe(models: Sequence[str], support: np.ndarray, label: int, image: int) -> Suspect:
    """A suspect from the support of each model (models, classes)."""
    own = np.array(label)
    chosen = _choose_other(support, own)
    mean = support.mean(axis=0)
    suggestion = int(_choose_other(mean, own))
    opinions = tuple(
        Opinion(model, int(other), float(given[label]), float(given[other]))
        for model, other, given in zip(models, chosen, support, strict=True)
    )
    return Suspect(image, label, suggestion, opinions, float(mean[label]), float(mean[suggestion]))


NEEDED = {"retrieval": "neighbours", "linear": "predicted"}  # outcome that a share is made of
SHARES: Mapping[str, Callable[[Mapping[str, Any], np.ndarray, int], np.ndarray]] = {
    "retrieval": _share_of_neighbours,
    "linear": _share_of_names,
}
