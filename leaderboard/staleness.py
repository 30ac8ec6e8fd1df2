"""Whether a stored cell still is what entry, data and code would give: computed from its inputs, never dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from leaderboard.backbones import loader_version
from leaderboard.extract import EXTRACTION_VERSION
from leaderboard.plain import plain
from leaderboard.protocols import versions_of
from leaderboard.records import DatasetSpec, ModelSpec, Preprocessing, Result, Source

READING = ("key", "drop", "strip", "tensors")  # how a file of weights was read


def why_stale(result: Result, spec: ModelSpec, dataset: DatasetSpec) -> list[str]:
    """Which of its inputs have changed since a cell was measured; empty when it is up to date.

    Computed from the inputs themselves, never from dates.
    """
    inputs = plain(result.provenance.inputs)
    model, weights = inputs["model"], inputs["model"]["weights"]
    used = _source_of(weights, spec)
    spec = spec.via(used) if used else spec
    explicit = isinstance(spec.preprocessing, Preprocessing)
    expected: dict[str, tuple[object, object]] = {
        "data": (inputs["dataset"], dataset.digest or inputs["dataset"]),  # without a digest nobody can tell
        "extraction": (inputs["extraction"], EXTRACTION_VERSION),
        "library": ((model["library"], model["loader"]), (spec.library, loader_version(spec.library))),
        "architecture": (model["architecture"], spec.architecture),
        "dimension": (result.dimension, spec.dimension),
        "pooling": (model["pooling"], spec.pooling),
        "seed": (model["seed"], spec.seed),
        "preprocessing": (model["preprocessing_of"], "entry" if explicit else "model"),
        "protocols": (inputs["protocols"], versions_of(dataset.protocols)),
        "specimen": (inputs.get("specimen"), dataset.specimen),
        "reading": ({name: weights[name] for name in READING if name in weights}, used.reading if used else {}),
        "source": (True, used is not None or _is_sourceless(weights, spec)),
    }
    if isinstance(spec.preprocessing, Preprocessing) and model["preprocessing_of"] == "entry":
        expected["preprocessing"] = (model["preprocessing"], plain(asdict(spec.preprocessing)))
    if spec.digest is not None:
        expected["tensors"] = (weights.get("digest"), spec.digest)
    return [name for name, (stored, now) in expected.items() if stored != now]


def is_pinned_in(result: Result, spec: ModelSpec) -> bool:
    """Whether the weights of a result are fixed: by the entry, or for a URL by what the first run recorded."""
    weights = result.provenance.inputs["model"]["weights"]
    used = _source_of(weights, spec)
    return used is None or used.is_pinned or (used.kind == "url" and bool(weights.get("sha256")))


def _source_of(weights: Mapping[str, Any], spec: ModelSpec) -> Source | None:
    """The source of the entry that the weights came from, if it is still listed."""
    return next((source for source in spec.sources if _is_same_place(weights, source)), None)


def _is_sourceless(weights: Mapping[str, Any], spec: ModelSpec) -> bool:
    """Baselines and untrained architectures have no place that weights come from."""
    return not spec.sources and ":" not in weights["source"]


def _is_same_place(weights: Mapping[str, Any], source: Source) -> bool:
    """What the entry leaves open (no file, a branch) fits everything."""
    declared = {
        "source": f"{source.kind}:{source.name}",
        "revision": None if source.revision == "main" else source.revision,
        "file": source.file,
        "sha256": source.sha256,
    }
    return all(weights.get(name) == value for name, value in declared.items() if value is not None)
