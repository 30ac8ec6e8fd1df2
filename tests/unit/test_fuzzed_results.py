"""Whatever is accepted as a result can be compared, judged and reviewed: no text of a stranger ends in a traceback."""

from __future__ import annotations

import copy
import json
import random as draws
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from leaderboard.agreement import find_disagreement
from leaderboard.changes import compute_changes
from leaderboard.errors import LeaderboardError
from leaderboard.protocols import METRICS
from leaderboard.records import Result
from leaderboard.registry import Registry
from leaderboard.result_files import format_result, parse_result
from leaderboard.staleness import why_stale
from leaderboard.standings import find_contradiction

TRIALS = 300
STRANGE: list[Any] = [
    None, 5, -1, 1e9, 10**14, 10**400, 0.5, "x", "", [], {}, [[]], [None], True, {"a": 1}, [1, 2], [{}], "\ud800"
]  # fmt: skip


def nest(depth: int) -> Any:
    """A number in so many lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def places_of(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key, and the first items of every list."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for name, item in items:
        yield (*at, name)
        yield from places_of(item, (*at, name))


def damage(fields: Any, place: tuple[Any, ...], value: Any) -> str:
    """The text with one part replaced, or removed where there is no value (...)."""
    changed = copy.deepcopy(fields)
    inner = changed
    for name in place[:-1]:
        inner = inner[name]
    if value is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return json.dumps(changed)


def read_all(result: Result, honest: Result, registry: Registry) -> None:
    """What a review, a table and a diff do with a stored result."""
    find_disagreement(result, result, tolerance=0.002)
    find_disagreement(result, honest, tolerance=0.002)
    find_disagreement(honest, result, tolerance=0.002)
    why_stale(result, registry.models["toy"], registry.datasets["grains"])
    compute_changes([honest], [result], registry)
    find_contradiction(result, list(METRICS))


def test_whatever_is_accepted_can_be_read_by_everybody(measure, crowd: Registry) -> None:
    """One part replaced or removed, anywhere: refused in one line, or harmless."""
    confusion = {"linear": {"confusion": [[30, 10], [5, 35]]}}
    honest = measure("toy", 7, per_class={"knn1.f1": [0.5, 0.6]}, canary={"norms": [1.0, 2.0], "cosines": [0.5]})
    fields = json.loads(format_result(honest))
    fields["outcomes"]["linear"] |= confusion["linear"]
    places, source, accepted = list(places_of(fields)), draws.Random(7), 0
    for _ in range(TRIALS):
        text = damage(fields, source.choice(places), source.choice([*STRANGE, nest(50), nest(400), ...]))
        try:
            result = parse_result(text, dataset="grains", model="toy")
        except ValueError as error:
            assert len(str(error).splitlines()) <= 1  # noqa: PT017 - most are refused
            continue
        accepted += 1
        with suppress(LeaderboardError):
            read_all(result, honest, crowd)
    assert 0 < accepted < TRIALS


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (("provenance", "inputs"), {}, "provenance.inputs.model: Field required"),
        (("provenance", "inputs"), 5, "provenance.inputs: "),
        (("provenance", "inputs", "model", "weights"), {}, "weights.source: Field required"),
        (("provenance", "inputs", "protocols"), [], "provenance.inputs.protocols: "),
        (("outcomes", "linear", "confusion"), [[1, "x"]], "outcomes.linear.confusion has 'x', no number"),
        (("outcomes", "linear", "confusion"), nest(400), "nested deeper than"),
        (("per_class", "knn1.f1"), [0.5], "does not have one figure for each of 2 classes"),
        (("classes",), "ab", "classes: "),
        (("parameters",), 10**400, "a number beyond"),
        (("dimension",), "\ud800", "no Unicode"),
        (("provenance", "new\nline"), 1, r"new\nline"),
    ],
)
def test_a_part_that_readers_count_on_is_named(measure, place: tuple[str, ...], value: Any, reason: str) -> None:
    """In one line, where the file is read."""
    fields = json.loads(format_result(measure("toy", 7, per_class={"knn1.f1": [0.5, 0.6]})))
    with pytest.raises(ValueError, match=r".") as raised:
        parse_result(damage(fields, place, value), dataset="grains", model="toy")
    assert reason in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_a_text_among_the_outcomes_is_an_error_and_no_endless_search(make_result) -> None:
    """Of a result that was not read from a file."""
    odd = make_result(outcomes={"linear": {"confusion": [[1, "x"]]}})
    with pytest.raises(ValueError, match="'x' is no number"):
        find_disagreement(odd, odd, tolerance=0.002)
