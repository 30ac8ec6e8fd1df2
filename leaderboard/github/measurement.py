"""Whether a result that a stranger sent is one that this suite could have measured: forms, ranges, sizes. Pure.

``result_files.parse_result`` sees to the form of the file. This sees to everything that the rest of the house counts
on, so that nothing which renders or compares such a result meets what it does not know.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from leaderboard.protocols import METRICS, PROTOCOLS
from leaderboard.records import DatasetSpec, Result
from leaderboard.result_form import Form, check_form, validate
from leaderboard.standings import find_contradiction

DEEPEST = 8  # a preprocessing's mean, seen from the result, is at 5
LONGEST = 1000  # signs of any text in a result: the path of an image left out
LARGEST = 1e15  # of any number: parameters of a model have 12 digits
MOST_TESTS = 100  # test sets of a protocol: knn and linear have 10
ROUNDING = 1e-6  # a distance of 0 may come out slightly below
UNIT = (0.0, 1.0)  # every figure that the list below does not name
RANGES: Mapping[str, tuple[float, float]] = {  # last part of a figure's name, or its protocol's, -> lowest, highest
    "ari": (-1, 1),
    "ami": (-1, 1),
    "silhouette": (-1, 1),
    "davies_bouldin": (0, math.inf),
    "clusters": (0, math.inf),
    "folds": (0, math.inf),
    "queries": (0, math.inf),
    "log_loss": (0, math.inf),
    "disparity": (0, math.inf),
}


class _Environment(Form):
    device: str


class _Measurement(Form):
    environment: _Environment


def check_measurement(result: Result, dataset: DatasetSpec) -> None:
    """Make sure that a result could be of this data set and of these protocols.

    Raises:
        ValueError: in one line what is wrong, and what was expected.
    """
    provenance = result.provenance
    for name, value in (vars(result) | vars(provenance)).items():
        if name != "provenance":
            _check_plain(name, value)
    check_form(result)
    validate(_Measurement, vars(provenance))
    _check_counts(result, dataset)
    _check_figures(result)
    _check_outcomes(result)


def _check_plain(path: str, value: Any, depth: int = 0) -> None:
    """Only texts and numbers of a sane size, not too deep."""
    if depth > DEEPEST:
        raise ValueError(f"{path[:60]} is nested deeper than {DEEPEST}")
    if isinstance(value, str) and len(value) > LONGEST:
        raise ValueError(f"{path[:60]} has a text of {len(value):,} signs, expected at most {LONGEST:,}")
    if isinstance(value, int | float) and not (abs(value) <= LARGEST or value != value):
        raise ValueError(f"{path[:60]} has a number beyond {LARGEST:g}")
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check_plain("a key", name)
            _check_plain(f"{path}.{name}", item, depth + 1)
    elif isinstance(value, list):
        _check_list(path, value, depth)


def _check_list(path: str, values: Sequence[Any], depth: int) -> None:
    """A list of whole numbers, as most are, in one go."""
    if values and set(map(type, values)) == {int}:
        values = [min(values), max(values)]
    for item in values:
        _check_plain(path, item, depth + 1)


def _check_counts(result: Result, dataset: DatasetSpec) -> None:
    images, classes = len(result.labels) + len(result.left_out), len(result.classes)
    if (images, classes) != (dataset.images, dataset.classes):
        raise ValueError(
            f"it is of {images:,} images in {classes:,} classes, expected {dataset.images:,} in {dataset.classes:,}"
        )
    wrong = next((name for name, values in result.per_class.items() if len(values) != classes), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:60]!r} does not have one figure for each of {classes} classes")


def _check_outcomes(result: Result) -> None:
    """Of known protocols, and no more of them than a comparison can resample in its time."""
    for protocol, part in result.outcomes.items():
        if protocol not in PROTOCOLS:
            raise ValueError(f"outcomes are of {protocol[:60]!r}; expected some of {', '.join(PROTOCOLS)}")
        tests = part.get("test", [])
        if len(tests) > MOST_TESTS:
            raise ValueError(f"outcomes of {protocol} have {len(tests):,} test sets, expected at most {MOST_TESTS}")
        if any(len(test) > len(result.labels) for test in tests):
            raise ValueError(f"outcomes of {protocol} test more than the {len(result.labels):,} images that there are")


def _check_figures(result: Result) -> None:
    unknown = next((name for name in result.metrics if name not in METRICS), None)
    if unknown is not None:
        raise ValueError(f"metric {unknown[:60]!r} is unknown; expected those of docs/protocols.md")
    for name, value in result.metrics.items():
        _check_range(name, value, range_of(name), may_be_nan=METRICS[name].evidence is None)
    for name, values in result.per_class.items():
        for value in values:
            _check_range(name, value, UNIT, may_be_nan=True)


def range_of(metric: str) -> tuple[float, float]:
    """The lowest and the highest value that a figure can have, by its definition in docs/protocols.md."""
    parts = metric.split(".")
    return RANGES.get(parts[-1]) or RANGES.get(parts[0]) or UNIT


def _check_range(name: str, value: float, bounds: tuple[float, float], *, may_be_nan: bool) -> None:
    low, high = bounds
    if math.isnan(value) and may_be_nan:
        return
    if not low - ROUNDING <= value <= high + ROUNDING:
        raise ValueError(f"{name[:60]} is {value:g}, expected a number from {low:g} to {high:g}")


def find_note(result: Result) -> str:
    """What is wrong with a result whose figures do not follow from its outcomes; empty when they do.

    Raises:
        ValueError: the outcomes cannot be read at all.
    """
    metrics = [name for name, metric in METRICS.items() if metric.evidence is not None]
    try:
        return find_contradiction(result, metrics)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"its outcomes are incomplete ({type(error).__name__})") from None
