"""Whether a pull request is complete: what a reviewer would ask for, each with the command that mends it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import nan
from pathlib import Path

from leaderboard.columns import columns_of
from leaderboard.errors import printable
from leaderboard.git import SHORT
from leaderboard.pull_request.changed import RESULT
from leaderboard.pull_request.sides import Side, Sides
from leaderboard.records import DatasetSpec, ModelSpec, Result
from leaderboard.result_files import result_path
from leaderboard.staleness import why_stale
from leaderboard.standings import find_contradiction
from leaderboard.thresholds import compute_claims, compute_floors

SLACK = 3  # resolutions below the measured figure: a floor beneath that would notice nothing
CHECK = "python -m leaderboard check"
REPAIR = f"{CHECK} --repair"
Line = Callable[[str], int]  # model -> the line of its entry


@dataclass(frozen=True)
class Finding:
    """One thing that is missing or wrong."""

    place: str  # a file, and its line where it has one
    problem: str  # value and expectation
    repair: str  # the command; or what only a person can decide, and then the command


def find_in_entries(side: Side, models: Collection[str], line: Line, *, measured: Collection[str]) -> Iterator[Finding]:
    """What is wrong with these models' entries and results.

    Args:
        side: the clone as the pull request has it.
        models: that it concerns.
        line: of a model in models.yaml.
        measured: those of them that have to have results.
    """
    yield from _find_disorder(list(side.registry.models), line)
    for id_ in models:
        spec = side.registry.models[id_]
        yield from _find_undeclared(spec, line(id_))
        unmeasured = list(_find_unmeasured(spec, side, line(id_))) if id_ in measured else []
        yield from unmeasured or _find_unfounded(spec, side, line(id_))  # measured first: that founds them
        for result in _results_of(id_, side):
            yield from _find_in_result(spec, side.registry.datasets[result.dataset], result, side)


def find_orphans(side: Side) -> Iterator[Finding]:
    """Result files whose model or data set has no entry: of a rename, or of a removal."""
    for result in side.results:
        kind = "model" if result.model not in side.registry.models else "data set"
        if kind == "model" or result.dataset not in side.registry.datasets:
            file = _file_of(result)
            name = result.model if kind == "model" else result.dataset
            yield Finding(file, f"{kind} {name!r} has no entry (renamed or removed?)", _removal(file))


def find_removed(sides: Sides) -> Iterator[Finding]:
    """Results that the pull request takes away though model and data set keep their entries."""
    known = sides.after.registry
    left = {(result.dataset, result.model) for result in sides.after.results}
    for result in sides.before.results if sides.before else ():
        file = _file_of(result)
        stays = result.model in known.models and result.dataset in known.datasets
        if stays and (result.dataset, result.model) not in left and file not in sides.after.damaged:
            repair = f"git checkout {sides.base[:SHORT]} -- {shlex.quote(printable(file))}"
            yield Finding(file, "result removed, its entry is still there", repair)


def find_strange_files(files: Sequence[str]) -> Iterator[Finding]:
    """Files below results/ that are no result file.

    Args:
        files: that are there, relative to the clone.
    """
    for file in files:
        if file.startswith("leaderboard/results/") and not RESULT.fullmatch(file):
            yield Finding(file, "not <data set>/<model>.json, so nothing reads it", _removal(file))


def _removal(file: str) -> str:
    """Not ``git rm``, which refuses what is not committed yet."""
    return f"rm {shlex.quote(printable(file))}"


def _find_disorder(ids: Sequence[str], line: Line) -> Iterator[Finding]:
    for one, other in pairwise(ids):
        if one > other:
            problem = (
                f"{other!r} stands behind {one!r}; entries are sorted by id, so that two pull requests rarely meet"
            )
            yield Finding(f"models.yaml:{line(other)}", problem, REPAIR)


def _find_undeclared(spec: ModelSpec, line: int) -> Iterator[Finding]:
    place = f"models.yaml:{line}"
    if spec.licence is None:
        problem = f"model {spec.id!r}: no licence; figures may be shown, but nobody knows who may use the weights"
        remedy = "write what its page says (`licence: MIT`), or `licence: not stated` once you have looked"
        yield Finding(place, problem, f"{remedy}; then `{CHECK}`")
    for source in spec.sources:
        if not source.is_pinned:
            problem = f"model {spec.id!r}: {source} is unpinned; tomorrow it may be another model"
            yield Finding(place, problem, f"python -m leaderboard pin {spec.id}")


def _find_unmeasured(spec: ModelSpec, side: Side, line: int) -> Iterator[Finding]:
    """Where anybody could have measured it and nobody has. Gated models are measured by maintainers."""
    measured = {result.dataset for result in _results_of(spec.id, side)}
    wanted = [set_.id for set_ in side.registry.datasets.values() if set_.ranked and set_.kind != "folder"]
    missing = [id_ for id_ in wanted if id_ not in measured]
    if spec.access != "gated" and (missing or not measured):
        where = ", ".join(missing) or "any data set"
        problem = f"model {spec.id!r}: not measured on {where}"
        yield Finding(f"models.yaml:{line}", problem, f"pytest -k {spec.id}")


def _find_unfounded(spec: ModelSpec, side: Side, line: int) -> Iterator[Finding]:
    """Floors of cells without a stored result, which only a reported figure can found."""
    stored = {result.dataset for result in _results_of(spec.id, side)}
    claims = compute_claims(spec, side.registry)
    for id_ in [name for name in spec.thresholds if name not in stored]:
        figures = spec.reported[id_].metrics if id_ in spec.reported else {}
        for name, floor in spec.thresholds[id_].items():
            if name not in figures:
                repair = f"take it out of models.yaml:{line}, or `pytest --model {spec.id}`"
                yield Finding(
                    f"{spec.id} on {id_}", f"threshold of {name} without a measured or reported figure", repair
                )
            elif floor > figures[name]:
                problem = f"threshold of {name} {floor:g} is above the reported {figures[name]:g}"
                is_written = name in claims.get(id_, {})
                yield _blame(spec, side.registry.datasets[id_], problem, is_written=is_written)


def _find_in_result(spec: ModelSpec, dataset: DatasetSpec, result: Result, side: Side) -> Iterator[Finding]:
    again = f"pytest -k {spec.id}"
    if changed := why_stale(result, spec, dataset):
        yield Finding(_file_of(result), f"not of this entry: {', '.join(changed)} differ", again)
        return
    if contradiction := find_contradiction(result, [metric.name for metric in columns_of(dataset)]):
        yield Finding(_file_of(result), contradiction, again)
        return
    yield from _find_dishonest(spec, dataset, result, side)


def _find_dishonest(spec: ModelSpec, dataset: DatasetSpec, result: Result, side: Side) -> Iterator[Finding]:
    """Floors that the figure does not reach, or that are so low that nothing would ever fall below."""
    floors = spec.thresholds.get(dataset.id, {})
    first = columns_of(dataset)[0]
    if dataset.ranked and first.higher_is_better and first.name not in floors:
        yield _blame(spec, dataset, f"no threshold for {first.name}, by which it ranks")
    honest = compute_floors(side.registry, side.results, spec.id, [dataset.id]).get(dataset.id, {})
    for name, floor in floors.items():
        if problem := _judge(floor, result.metrics.get(name, nan), honest.get(name)):
            yield _blame(spec, dataset, f"threshold of {name} {problem}", is_written=name in honest)


def _judge(floor: float, value: float, honest: float | None) -> str:
    """``honest`` is the floor that we would write: a resolution below the figure. Nothing is above an undefined one."""
    if not floor <= value:
        return f"{floor:g} is above the measured {value:.3f}"
    lowest = floor if honest is None else value - SLACK * (value - honest)
    if floor < lowest:
        return f"{floor:g} would notice nothing: measured is {value:.3f}, at least {lowest:.3f} is expected"
    return ""


def _blame(spec: ModelSpec, dataset: DatasetSpec, problem: str, *, is_written: bool = True) -> Finding:
    """``is_written``: whether the command writes that floor; those of figures that no table shows it leaves alone."""
    command = f"python -m leaderboard thresholds {spec.id}"
    by_hand = f"correct it in models.yaml, or take it out; then `{CHECK}`"
    return Finding(f"{spec.id} on {dataset.id}", problem, command if is_written else by_hand)


def _results_of(model: str, side: Side) -> list[Result]:
    known = side.registry.datasets
    return [result for result in side.results if result.model == model and result.dataset in known]


def _file_of(result: Result) -> str:
    return result_path(Path("leaderboard/results"), result).as_posix()
