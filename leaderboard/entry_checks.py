"""What the strict form of an entry cannot say: names that must exist, keys that go together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from leaderboard import backbones, protocols
from leaderboard.backbones import CHECKPOINTS
from leaderboard.records import COMMIT, DatasetSpec, ModelSpec, Pooling, Reported, Source
from leaderboard.yaml_lines import Location

SHARES = re.compile(r"accuracy|precision|recall|specificity|f1|top\d|purity|map|auc")  # figures from 0 to 1
WAYS = {  # kind of data set -> what it needs, and what else it may have, of the keys that say where the images are
    "folder": ((), ()),
    "synthetic": (("seed", "images_per_class"), ()),
    "archive": (("url", "download"), ("sha256", "subfolder")),
    "hub": (("hub", "revision"), ("file", "download", "subfolder")),
}
REPOSITORIES = ("transformers", "open_clip")  # libraries that load a whole repository, not a checkpoint


def find_model_problems(spec: ModelSpec, dataset_ids: set[str]) -> Iterator[tuple[Location, str]]:
    """Where in a model's entry, and what."""
    for at, library in [(("library",), spec.library), *_own_libraries(spec)]:
        if library not in backbones.LIBRARIES:
            yield at, f"library {library!r} is not one of {', '.join(backbones.LIBRARIES)}"
    if spec.library != "baseline":
        yield from _network_problems(spec)
    for index, source in enumerate(spec.sources):
        for problem in _source_problems(spec.via(source), source):
            yield ("sources", index), problem
    for part, table in (("thresholds", spec.thresholds), ("reported", spec.reported)):
        for dataset_id, figures in table.items():
            yield from _figure_problems(part, dataset_id, figures, dataset_ids)


def _own_libraries(spec: ModelSpec) -> Iterator[tuple[Location, str]]:
    for index, source in enumerate(spec.sources):
        if source.library is not None:
            yield ("sources", index, "library"), source.library


def _network_problems(spec: ModelSpec) -> Iterator[tuple[Location, str]]:
    if spec.pooling is None:
        yield (), f"library {spec.library!r} needs a pooling: {', '.join(get_args(Pooling))}"
    if spec.library == "timm" and spec.architecture is None:
        yield (), "library 'timm' needs the architecture, a name of timm.list_models()"
    if not spec.sources and spec.seed is None:
        yield (), "no sources: say where the weights are, or give a seed for an untrained architecture"
    if not spec.sources and spec.library not in ("timm", "baseline"):
        yield (), f"library {spec.library!r} needs a source; only timm builds untrained architectures"


def _source_problems(spec: ModelSpec, source: Source) -> Iterator[str]:
    """What is wrong with one source of an entry, as it is loaded."""
    if source.kind == "package" and not (source.file and source.sha256):
        yield f"package {source.name!r} needs the file inside it and its sha256"
    if source.library == "timm" and source.architecture is None:
        yield "a source of library 'timm' needs the architecture, a name of timm.list_models()"
    if spec.library in REPOSITORIES and source.kind not in ("hub", "path"):
        yield f"library {spec.library!r} loads from hub or path, not from a {source.kind}"
    if spec.library == "transformers":
        if source.file not in (None, *CHECKPOINTS):
            yield f"file {source.file!r}: library 'transformers' reads {' or '.join(CHECKPOINTS)}"
        for name in ("key", "strip", "sha256"):
            if getattr(source, name):
                yield f"{name} is for checkpoints, not for repositories of library 'transformers'; remove it"
    if spec.library != "timm" and source.tensors != "by-name":
        yield f"tensors {source.tensors!r} goes with library 'timm'; here tensors go by their names"
    if source.tensors == "by-order" and spec.digest is None:
        yield "tensors 'by-order' needs the entry's digest: equal shapes could be in another order"
    if source.kind == "hub" and spec.trust_remote_code and not COMMIT.fullmatch(source.revision or ""):
        yield "trust_remote_code goes with a revision that is that commit, not a branch"


def _figure_problems(part: str, dataset_id: str, figures: Any, dataset_ids: set[str]) -> Iterator[tuple[Location, str]]:
    if dataset_id not in dataset_ids:
        yield (part, dataset_id), f"{part}: data set {dataset_id!r} is not in datasets.yaml"
    at: Location = (part, dataset_id)
    if isinstance(figures, Reported):
        figures, at = figures.metrics, (*at, "metrics")
    for name, value in figures.items():
        for problem in _metric_problems(part, name, value):
            yield (*at, name), problem


def find_unknown_metric(name: str) -> str | None:
    """What to say of a metric that no protocol gives."""
    if name in protocols.METRICS:
        return None
    near = get_close_matches(name, protocols.METRICS, n=3) or list(protocols.HEADLINES)
    return f"metric {name!r} is unknown; nearest: {', '.join(near)}"


def _metric_problems(part: str, name: str, value: float) -> Iterator[str]:
    """An unknown one, one that cannot be a floor, a value that is no share."""
    unknown = find_unknown_metric(name)
    if unknown:
        yield f"{part}: {unknown}"
    elif part == "thresholds" and protocols.METRICS[name].higher_is_better is None:
        yield f"{part}: no value of {name!r} is better than another, so it has no floor; remove it"
    elif part == "thresholds" and not protocols.METRICS[name].higher_is_better:
        yield f"{part}: {name!r} is better when lower, so it has no floor; remove it"
    elif SHARES.search(name.rpartition(".")[2]) and not 0 <= value <= 1:
        yield f"{part}: {name!r} is a share from 0 to 1, not {value:g}; divide a percentage by 100"


def find_name_problems(model_id: str, dataset_ids: list[str]) -> Iterator[tuple[Location, str]]:
    """A model whose family is part of a data set's name: ``-k`` would select data."""
    family = model_id.split("-")[0]
    for dataset_id in dataset_ids:
        if family in dataset_id.split("-"):
            yield (
                (),
                f"{family!r} is part of data set {dataset_id!r}: `-k {family}` would select data; rename the model",
            )


def find_dataset_problems(spec: DatasetSpec) -> Iterator[tuple[Location, str]]:
    """Where in a data set's entry, and what."""
    needed, allowed = WAYS[spec.kind]
    missing = [key for key in needed if getattr(spec, key) is None]
    if missing:
        yield (), f"kind {spec.kind!r} needs {', '.join(needed)}; missing: {', '.join(missing)}"
    every = dict.fromkeys(key for keys in WAYS.values() for part in keys for key in part)
    for key in every:
        if key not in (*needed, *allowed) and getattr(spec, key) is not None:
            yield (key,), f"{key} does not go with kind {spec.kind!r}; remove it"
    if not missing:
        yield from _pin_problems(spec)
    for index, name in enumerate(spec.protocols):
        if name not in protocols.PROTOCOLS:
            yield ("protocols", index), f"protocol {name!r} is unknown; choose from {', '.join(protocols.PROTOCOLS)}"
    for index, name in enumerate(spec.columns):
        if unknown := find_unknown_metric(name):
            yield ("columns", index), f"columns: {unknown}"
        elif index == 0 and spec.ranked and protocols.METRICS[name].higher_is_better is None:
            yield (
                ("columns", index),
                f"columns: no value of {name!r} is better than another; put a figure first that ranks",
            )
        elif spec.protocols and protocols.PROTOCOL_OF[name] not in spec.protocols:
            yield (
                ("columns", index),
                f"columns: {name!r} is of protocol {protocols.PROTOCOL_OF[name]!r}, not listed here",
            )
    for index, line in enumerate(spec.literature):
        for problem in _metric_problems("literature", line.metric, line.value):
            yield ("literature", index), problem


def _pin_problems(spec: DatasetSpec) -> Iterator[tuple[Location, str]]:
    """What is fetched is known beforehand: by the images' digest, the archive's sha256 or the repository's commit."""
    if spec.manifest and spec.digest is None:
        yield ("manifest",), "a manifest goes with the digest of the images; add it"
    if spec.kind == "synthetic" and spec.digest is None:
        yield (), "kind 'synthetic' needs the digest of the drawn images"
    if spec.kind == "archive" and not (spec.sha256 or spec.digest):
        yield (), "kind 'archive' needs the archive's sha256 or the digest of its images"
    if spec.kind == "hub" and not (spec.digest or COMMIT.fullmatch(spec.revision or "")):
        yield ("revision",), f"revision {spec.revision!r} is no commit; give the commit, or the digest of the images"
