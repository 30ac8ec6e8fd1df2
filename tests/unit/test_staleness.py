"""What makes a stored cell stale: its inputs, never dates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.protocols import versions_of
from leaderboard.records import Source
from leaderboard.registry import Registry
from leaderboard.staleness import why_stale


def test_a_fresh_result_is_not_stale(registry: Registry, make_result) -> None:
    """The inputs are those of the entry."""
    assert why_stale(make_result(), registry.model("toy"), registry.dataset("grains")) == []


@pytest.mark.parametrize(
    ("reason", "inputs", "model"),
    [
        ("data", {"dataset": "other"}, {}),
        ("extraction", {"extraction": 0}, {}),
        ("protocols", {"protocols": {"knn": 0}}, {}),
        ("pooling", {}, {"pooling": "cls"}),
        ("library", {}, {"loader": 0}),
        ("preprocessing", {}, {"preprocessing_of": "model"}),
        ("source", {}, {"weights": {"source": "hub:a/b"}}),
        ("preprocessing", {}, {"preprocessing": {"resize": 9}}),
        ("architecture", {}, {"architecture": "other"}),
    ],
)
def test_each_changed_input_makes_a_cell_stale(registry, make_result, reason: str, inputs, model) -> None:
    """And the table can say which one it was."""
    result = make_result(inputs=inputs, model=model)
    assert why_stale(result, registry.model("toy"), registry.dataset("grains")) == [reason]


def test_a_changed_digest_or_dimension_of_the_entry_makes_a_cell_stale(registry, make_result) -> None:
    """Neither is among the inputs of a baseline, and both change what the row is about."""
    spec, dataset = registry.model("toy"), registry.dataset("grains")
    assert why_stale(make_result(), replace(spec, digest="f" * 64), dataset) == ["tensors"]
    assert why_stale(make_result(), replace(spec, dimension=1), dataset) == ["dimension"]


def test_another_unit_of_resampling_makes_a_cell_stale(registry, make_result) -> None:
    """Its outcomes do not know the specimens, or know others."""
    spec, dataset = registry.model("toy"), replace(registry.dataset("grains"), specimen=r"(\d)")
    assert why_stale(make_result(), spec, dataset) == ["specimen"]
    assert why_stale(make_result(inputs={"specimen": r"(\d)"}), spec, dataset) == []


def test_without_a_digest_of_the_data_nobody_can_tell(registry, make_result) -> None:
    """Whatever data a result is of, an entry that declares none does not make it stale."""
    dataset = replace(registry.dataset("grains"), digest=None)
    result = make_result(inputs={"dataset": "other"})
    assert why_stale(result, registry.model("toy"), dataset) == []
    assert why_stale(make_result(inputs={"extraction": 0}), registry.model("toy"), dataset) == ["extraction"]


@pytest.mark.parametrize("field", ["revision", "file", "sha256"])
def test_another_declared_place_makes_a_cell_stale(registry, make_result, field: str) -> None:
    """Another commit, file or hash is another model; what the entry leaves open fits everything."""
    weights = {"source": "hub:a/b", "revision": "1" * 40, "file": "sub/small.pth", "sha256": "a" * 64}
    source = Source("hub", "a/b", revision="1" * 40, file="sub/small.pth", sha256="a" * 64)
    dataset, result = registry.dataset("grains"), make_result(model={"weights": weights})

    def reasons(source: Source) -> list[str]:
        return why_stale(result, replace(registry.model("toy"), sources=(source,)), dataset)

    assert reasons(source) == []
    assert reasons(replace(source, **{field: None})) == []
    assert reasons(replace(source, **{field: "b" * 40})) == ["source"]
    assert reasons(Source("hub", "a/b", revision="main")) == []


def test_another_way_of_reading_the_file_makes_a_cell_stale(registry, make_result) -> None:
    """Another key, drop, strip or mapping by order may give other tensors of the same file."""
    source = Source("path", "net.pth", key="teacher", drop=("head.",), strip=("backbone.",))
    weights = {"source": "path:net.pth", "revision": None, "file": "net.pth", "sha256": "a" * 64} | source.reading
    result = make_result(model={"weights": weights})
    dataset = registry.dataset("grains")

    def stale(now: Source) -> list[str]:
        return why_stale(result, replace(registry.model("toy"), sources=(now,)), dataset)

    assert stale(source) == []
    for change in ({"key": "student"}, {"drop": ()}, {"strip": ()}, {"tensors": "by-order"}):
        assert stale(replace(source, **change)) == ["reading"]


def test_other_protocols_of_the_data_set_make_a_cell_stale(registry, make_result) -> None:
    """A cell has exactly the figures that its data set asks for: neither fewer nor more."""
    spec, every = registry.model("toy"), registry.dataset("grains")
    some = replace(every, protocols=("knn", "disparity"))
    result = make_result(inputs={"protocols": versions_of(some.protocols)})
    assert why_stale(result, spec, some) == []
    assert why_stale(result, spec, every) == ["protocols"]
    assert why_stale(result, spec, replace(every, protocols=("knn",))) == ["protocols"]
    assert why_stale(make_result(), spec, some) == ["protocols"]
