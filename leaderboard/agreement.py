"""Whether two measurements of a cell are the same but for the last digits of another machine. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaderboard.plain import plain
from leaderboard.protocols import METRICS, PROTOCOL_OF, PROTOCOLS
from leaderboard.records import Result

PLACE = ("source", "revision", "file", "sha256")  # of the weights: the same tensors may lie in several
EXACT = ("parameters", "dimension", "classes", "labels", "left_out")
ROUNDING = 1e-9  # between a figure and what the same outcomes give again
MOST_CHANGED = 0.01  # share of stored predictions and neighbours that another machine may decide differently


def has_same_inputs(stored: Result, new: Result) -> bool:
    """Whether both were measured from the same model, data and code."""
    return bool(_identity(stored) == _identity(new))


def find_disagreement(stored: Result, new: Result, *, tolerance: float) -> str:
    """The first thing in which two measurements differ by more than machines do; empty when they are the same.

    Figures that another machine's last digits may change by much (clustering) are left out. Where the outcomes that a
    figure follows from are the same, the figure has to be the same as well: else somebody has edited it.

    Args:
        stored: the older one.
        new: the newer one.
        tolerance: between two values of a figure, relative above 1.
    """
    return next(_disagreements(stored, new, tolerance), "")


def _disagreements(stored: Result, new: Result, tolerance: float) -> Iterator[str]:
    if names := _differing_inputs(stored, new):
        yield f"other inputs: {', '.join(names)}"
    yield from (f"other {name}" for name in EXACT if plain(getattr(stored, name)) != plain(getattr(new, name)))
    metrics = {name: value for name, value in new.metrics.items() if _is_repeatable(name)}
    if {name for name in stored.metrics if _is_repeatable(name)} != metrics.keys():
        yield "other metrics"
        return
    same = {name: part for name, part in new.outcomes.items() if plain(stored.outcomes.get(name)) == plain(part)}
    for name, value in metrics.items():
        within = ROUNDING if _follows_from(name, same) else tolerance
        if not _is_near(stored.metrics[name], value, within):
            yield f"{name} is stored as {stored.metrics[name]:.4f}, measured as {value:.4f}"
    if (stored.canary is None) != (new.canary is None):
        yield "only one has a canary"
    if _share_changed(_repeatable(stored.outcomes), _repeatable(new.outcomes)) > MOST_CHANGED:
        yield f"more than {MOST_CHANGED:.0%} of the stored outcomes are others"
    if _share_changed(_numbers(stored.per_class), _numbers(new.per_class), within=10 * tolerance) > MOST_CHANGED:
        yield "other figures of classes"


def _differing_inputs(stored: Result, new: Result) -> list[str]:
    before, after = _flatten(_identity(stored)), _flatten(_identity(new))
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _flatten(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Each part of the model by itself, so that a difference can be named."""
    parts = {f"model {name}": value for name, value in inputs["model"].items()}
    return {name: value for name, value in inputs.items() if name != "model"} | parts


def _identity(result: Result) -> Any:
    """The inputs without the place that the tensors came from, where their digest is known."""
    inputs = plain(result.provenance.inputs)
    weights = inputs["model"]["weights"]
    if weights.get("digest"):
        weights = {name: value for name, value in weights.items() if name not in PLACE}
    return inputs | {"model": inputs["model"] | {"weights": weights}}


def _is_near(stored: float, new: float, tolerance: float) -> bool:
    """Within the tolerance; undefined both times is the same."""
    return abs(stored - new) <= tolerance * max(1.0, abs(new)) or (math.isnan(stored) and math.isnan(new))


def _follows_from(metric: str, outcomes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether these outcomes fix the figure: then no machine gives another."""
    evidence = METRICS[metric].evidence if metric in METRICS else None
    return evidence is not None and evidence.outcome in outcomes.get(PROTOCOL_OF[metric], {})


def _is_repeatable(metric: str) -> bool:
    """Whether two machines agree on the figure: not where the last digits decide between two ways to cluster."""
    return metric not in PROTOCOL_OF or PROTOCOLS[PROTOCOL_OF[metric]].is_repeatable


def _repeatable(outcomes: Mapping[str, Mapping[str, Any]]) -> list[float]:
    kept = {name: part for name, part in outcomes.items() if name not in PROTOCOLS or PROTOCOLS[name].is_repeatable}
    return _numbers(kept)


def _numbers(value: Any) -> list[float]:
    """Every number in nested mappings and lists, in order; NaN and null as -1, which no figure here is.

    Raises:
        ValueError: there is a text, which no result that was read from a file has there.
    """
    if isinstance(value, str | bytes):  # a sequence of sequences without end
        raise ValueError(f"{str(value)[:20]!r} is no number")
    if isinstance(value, Mapping):
        return [number for item in value.values() for number in _numbers(item)]
    if isinstance(value, Sequence):
        return [number for item in value for number in _numbers(item)]
    return [-1.0 if value is None or value != value else float(value)]


def _share_changed(stored: Sequence[float], new: Sequence[float], *, within: float = 0.0) -> float:
    if len(stored) != len(new):
        return 1.0
    changed = sum(abs(one - other) > within for one, other in zip(stored, new, strict=True))
    return changed / max(1, len(new))
