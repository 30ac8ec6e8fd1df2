"""Write a report on a folder of images: how well models name them, maps, look-alikes, clusters, odd ones."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.commands._embedding import check_out, embed_dataset, list_folder, load_backbone_of
from leaderboard.download import announce
from leaderboard.errors import CheckFailed, LeaderboardError, Unavailable, printable
from leaderboard.options import (
    declare_model_options,
    declare_protocols_option,
    declare_refresh_option,
    declare_waiting_options,
)
from leaderboard.records import Dataset, DatasetSpec, Embeddings, RunOptions
from leaderboard.registry import Registry, load_registry

if TYPE_CHECKING:
    from leaderboard.report.build import Material
    from leaderboard.report.collection_file import Collection

EXAMPLE = "report --images slides/ --model efficientnet-lite0 --out slides-report"
LITERATURE_METRIC = "learning_curve.lr.f100.top1"  # what the accuracy curves can be held against


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    what = parser.add_mutually_exclusive_group(required=True)
    text = "a folder of images, best one subfolder per class"
    what.add_argument("--images", type=Path, metavar="DIR", help=text)
    what.add_argument("--dataset", metavar="ID", help="a data set of datasets.yaml")
    text = "made before, by embed or by a report; one per model"
    what.add_argument("--embeddings", type=Path, nargs="+", metavar="FILE", help=text)
    text = "a model of models.yaml; give it again for each further one"
    parser.add_argument("--model", action="append", default=[], dest="models", metavar="ID", help=text)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the report")
    declare_protocols_option(parser.add_argument)
    declare_refresh_option(parser.add_argument)
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Gather embeddings, analyse, write, and say the sentence that matters."""
    from leaderboard.protocols import PROTOCOLS, check_protocols
    from leaderboard.report.build import build_report
    from leaderboard.report.pages import load_environment

    protocols = options.protocols or tuple(PROTOCOLS)
    check_protocols(protocols)
    load_environment()  # a missing library is named now, not after an hour
    material = _load_files(options) if options.embeddings else _embed_images(options)
    built = build_report(material, options.out, protocols, refresh=options.refresh)
    print(f"{printable(str(built.page))}: tables/, figures/ and embeddings/ lie beside it")
    print(built.sentence)
    for notice in dict.fromkeys(material.notices.values()):
        print(notice)
    if material.missing:
        reasons = "; ".join(f"{model}: {reason}" for model, reason in material.missing.items())
        raise CheckFailed(f"the report is written without {len(material.missing)} of the models; {reasons}")


def _embed_images(options: argparse.Namespace) -> Material:
    from leaderboard.cache import check_distinct
    from leaderboard.report.build import Material
    from leaderboard.report.collection import inspect

    if not options.models:
        raise LeaderboardError("report needs a --model; `leaderboard list` shows them")
    registry = load_registry(options.root)
    models = [registry.model(name).id for name in dict.fromkeys(options.models)]
    chosen = replace(RunOptions.of(options), skip_bad_images=True)  # the report names them
    dataset, spec = _find_images(registry, options)
    _prepare_out(options.out, dataset.root)
    collection = inspect(dataset)
    _check_different(collection)
    embeddings, missing = _embed_with_all(registry, models, dataset, chosen)
    for name, found in embeddings.items():
        check_distinct(found, name)
    notices = _find_notices(registry, embeddings)
    return Material(dataset.id, embeddings, collection, _literature(spec), notices, missing)


def _embed_with_all(
    registry: Registry, models: Sequence[str], dataset: Dataset, options: RunOptions
) -> tuple[dict[str, Embeddings], dict[str, str]]:
    """The vectors of every model that can be had, and why the others cannot; raised when there is none."""
    embeddings: dict[str, Embeddings] = {}
    missing: dict[str, Unavailable] = {}
    for name in models:
        try:
            embeddings[name] = embed_dataset(load_backbone_of(registry, name, options), dataset, options)
        except Unavailable as error:
            announce(f"{error}; the report goes on without it")
            missing[name] = error
    if not embeddings:
        raise next(iter(missing.values()))
    return embeddings, {name: str(error) for name, error in missing.items()}


def _check_different(collection: Collection) -> None:
    """Refuse what no model could tell apart, before one is asked to."""
    if len(set(collection.pixel_digests)) < 2:
        raise LeaderboardError(
            f"{printable(collection.dataset)}: its {len(collection.files)} readable images show one and the same "
            "picture; a report needs two that differ"
        )


def _prepare_out(out: Path, images: Path | None = None) -> None:
    """Have a folder that can be written and is not among the images: now, not after an hour."""
    if images is not None and out.resolve().is_relative_to(images.resolve()):
        raise LeaderboardError(
            f"--out {out} lies in {images}, whose images the report's own pictures would become; choose another folder"
        )
    check_out(out)


def _find_notices(registry: Registry, models: Iterable[str]) -> dict[str, str]:
    """What licences ask to be shown wherever the figures are."""
    known = (registry.models[name] for name in models if name in registry.models)
    return {spec.id: spec.notice for spec in known if spec.notice}


def _find_images(registry: Registry, options: argparse.Namespace) -> tuple[Dataset, DatasetSpec | None]:
    """The images, and the entry of datasets.yaml that they are, if they are one."""
    from leaderboard.datasets import load_dataset

    if options.dataset:
        spec = registry.dataset(options.dataset)
        return load_dataset(spec, RunOptions.of(options)), spec
    dataset = list_folder(options.images)
    return dataset, _find_spec(registry, dataset.digest)


def _find_spec(registry: Registry, digest: object) -> DatasetSpec | None:
    known = (spec for spec in registry.datasets.values() if spec.digest is not None and spec.digest == digest)
    return next(known, None)


def _load_files(options: argparse.Namespace) -> Material:
    from leaderboard.cache import check_distinct, load_embeddings
    from leaderboard.report.build import COLLECTION, Material

    if options.models:
        raise LeaderboardError("--model goes with --images; embeddings were made by their model already")
    embeddings: dict[str, Embeddings] = {}
    for path in _leave_out_twins([path for path in options.embeddings if path.name != COLLECTION]):
        if path.stem in embeddings:
            raise LeaderboardError(f"two files are called {path.stem}; their names are the models', so rename one")
        embeddings[path.stem] = load_embeddings(path)
        check_distinct(embeddings[path.stem], str(path))
    if not embeddings:
        raise LeaderboardError(f"{COLLECTION} holds no vectors; give the files beside it")
    _prepare_out(options.out)
    first = next(iter(embeddings.values()))
    registry = load_registry(options.root)
    spec = _find_spec(registry, first.provenance.inputs.get("dataset"))
    collection = _find_collection(options.embeddings[0].parent, first)
    title = spec.id if spec else collection.dataset if collection else options.embeddings[0].stem
    return Material(title, embeddings, collection, _literature(spec), _find_notices(registry, embeddings))


def _leave_out_twins(paths: Sequence[Path]) -> list[Path]:
    """Of what a shell's * gives of a report's folder: each model once, by the file that has its provenance."""
    return [path for path in paths if path.suffix != ".npz" or path.with_suffix(".safetensors") not in paths]


def _find_collection(folder: Path, embeddings: Embeddings) -> Collection | None:
    """What an earlier report found out about the images, if it lies beside the vectors and is of the same images."""
    from leaderboard.report.build import COLLECTION
    from leaderboard.report.collection_file import load_collection

    path = folder / COLLECTION
    collection = load_collection(path) if path.is_file() else None
    return collection if collection and collection.files == embeddings.files else None


def _literature(spec: DatasetSpec | None) -> tuple[tuple[str, float], ...]:
    lines = spec.literature if spec else ()
    return tuple((line.label, line.value) for line in lines if line.metric == LITERATURE_METRIC)
