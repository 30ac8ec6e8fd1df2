"""A whole leaderboard of generated result files, marked as such, for tests of what is built from many of them.

No model ran and no image exists. Outcomes are drawn from a seed, and the figures of the tables follow from them as in a
measured file; figures that rest on no outcome (learning curves, clusters) are drawn, so that a file is as large as a
measured one. Models differ in skill, some of them hardly; hard images are hard for all. Everything says that it is
generated: the titles, the attribution, the environment of each result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from generated_entries import describe_dataset, describe_model, name_model
from generated_outcomes import Collection, draw_collection, make_figures

from leaderboard.backbones import loader_version
from leaderboard.extract import EXTRACTION_VERSION
from leaderboard.paths import save_text
from leaderboard.plain import plain
from leaderboard.protocols import METRICS, versions_of
from leaderboard.records import DatasetSpec, ModelSpec, Preprocessing, Provenance, Result
from leaderboard.registry import Registry, load_registry
from leaderboard.result_files import format_result, result_path

GENERA = ("fictidinium", "exemplasphaera", "simulodinium", "ficta", "imaginosphaeridium")  # none of them exists
NEAR = 3  # models in a group of near ties


def save_generated_results(
    root: Path, models: int = 50, datasets: int = 6, *, images: int = 697, classes: int = 20, spoilt: bool = False
) -> Registry:
    """Write models.yaml, datasets.yaml and a generated result of every model on every data set below ``root``.

    Args:
        root: an empty folder.
        models: with results. A tenth as many more are only reported, a third have no speed.
        datasets: how many.
        images: of each data set, in classes as uneven as those of palynomorphs-20.
        classes: of each data set.
        spoilt: of each data set one cell is stale and one is corrupt; else all are up to date and comparable.

    The same arguments give the same bytes.
    """
    reported = -(-models // 10)
    entries = {name_model(number): describe_model(number, models) for number in range(models + reported)}
    sets = {f"generated-{number}": describe_dataset(number, images, classes) for number in range(1, datasets + 1)}
    save_text(root / "models.yaml", yaml.safe_dump(entries, sort_keys=False))
    save_text(root / "datasets.yaml", yaml.safe_dump(sets, sort_keys=False))
    registry = load_registry(root)
    for place, dataset in enumerate(registry.datasets.values()):
        collection = draw_collection(place, images, classes)
        for number, spec in enumerate(list(registry.models.values())[:models]):
            result = _make_result(spec, dataset, collection, number=number, models=models, place=place)
            if spoilt:
                result = _spoil(result, (number - place) % models)
            save_text(result_path(registry.results_dir, result), format_result(result))
    return registry


# ---- one cell


def _make_result(
    spec: ModelSpec, dataset: DatasetSpec, collection: Collection, *, number: int, models: int, place: int
) -> Result:
    draws = np.random.default_rng([2, place, number])
    group = number // NEAR / max(1, (models - 1) // NEAR)  # from 0 to 1
    skill = 2.2 * group - 0.4 - 0.15 * place + 0.03 * (number % NEAR) + draws.normal(0, 0.08)
    metrics, per_class, outcomes = make_figures(collection, skill, draws)
    metrics = dict(_draw_others(draws)) | metrics
    classes = [f"{GENERA[c % len(GENERA)]}-{c:02d}" for c in range(dataset.classes)]
    parameters = int(5e6 * 1.35 ** (number * 7 % 11))
    return Result(
        model=spec.id,
        dataset=dataset.id,
        parameters=parameters,
        dimension=spec.dimension,
        metrics=metrics,
        per_class=per_class,
        outcomes=outcomes,
        classes=classes,
        labels=collection.labels.tolist(),
        left_out=[],
        provenance=Provenance(_describe_inputs(spec, dataset), {"generated": "by the tests; no model ran"}),
        speed=None if number % 3 == 2 else _describe_speed(parameters, draws),
    )


def _spoil(result: Result, turn: int) -> Result:
    """The first in turn as if extraction had changed since, the second with a figure that its outcomes do not give."""
    if turn == 0:
        inputs = {**result.provenance.inputs, "extraction": EXTRACTION_VERSION - 1}
        return replace(result, provenance=replace(result.provenance, inputs=inputs))
    edited = {**result.metrics, "knn1.f1_macro": result.metrics["knn1.f1_macro"] / 2}
    return replace(result, metrics=edited) if turn == 1 else result


def _draw_others(draws: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Figures that cannot be computed from outcomes: drawn, as large a part of a file as in a measured one."""
    for name, metric in METRICS.items():
        if metric.evidence is None:
            yield name, float(draws.uniform(0.2, 0.9))


# ---- its provenance


def _describe_inputs(spec: ModelSpec, dataset: DatasetSpec) -> Mapping[str, Any]:
    """Those of the entries, so that nothing is stale."""
    assert isinstance(spec.preprocessing, Preprocessing)
    model = {
        "library": spec.library,
        "loader": loader_version(spec.library),
        "architecture": spec.architecture,
        "pooling": spec.pooling,
        "seed": spec.seed,
        "preprocessing": plain(asdict(spec.preprocessing)),
        "preprocessing_of": "entry",
        "dtype": "float32",
        "weights": {"source": str(spec.sources[-1])},
    }
    versions = versions_of(dataset.protocols)
    return {"model": model, "dataset": dataset.digest, "extraction": EXTRACTION_VERSION, "protocols": versions}


def _describe_speed(parameters: int, draws: np.random.Generator) -> dict[str, Any]:
    """Slower the larger; of a processor that nobody has."""
    rate = float(6e8 / parameters * draws.lognormal(0, 0.3))
    return {
        "images_per_second": round(rate, 1),
        "images": 128,
        "seconds": round(128 / rate, 2),
        "peak_memory_mb": 700 + parameters // 100_000,
        "peak_accelerator_memory_mb": None,
        "batch_size": 8,
        "dtype": "float32",
        "device": "cpu",
        "hardware": "generated",
        "processor": "Generated processor",
        "cores": 2,
        "threads": 2,
    }
