"""What each command does; __main__.py says how it is called."""

from __future__ import annotations

import argparse
from pathlib import Path

from tabulate import tabulate

from leaderboard.errors import CheckFailed, LeaderboardError
from leaderboard.paths import save_text
from leaderboard.protocols import HEADLINES, PROTOCOLS
from leaderboard.records import Dataset, ModelSpec, RunOptions
from leaderboard.registry import Registry, load_registry
from leaderboard.render.rows import describe_licence


def run_list(options: argparse.Namespace) -> None:
    """Print both registries."""
    from leaderboard.datasets import find_dataset

    registry = load_registry(options.root)
    models = [
        [spec.id, spec.library, spec.dimension, spec.group, _pins(spec), describe_licence(spec), spec.title]
        for spec in registry.models.values()
    ]
    head = ["model", "library", "dimension", "group", "weights", "licence", "title"]
    print(tabulate(models, head, disable_numparse=True))
    datasets = [
        [spec.id, spec.images, spec.classes, spec.licence or "not stated", find_dataset(spec) or "not here yet"]
        for spec in registry.datasets.values()
    ]
    print("\n" + tabulate(datasets, ["data set", "images", "classes", "licence", "folder"], disable_numparse=True))


def _pins(spec: ModelSpec) -> str:
    if not spec.sources:
        return "none"
    return "pinned" if all(source.is_pinned for source in spec.sources) else "unpinned"


def run_embed(options: argparse.Namespace) -> None:
    """Embed a data set or a folder into a file."""
    from leaderboard.cache import check_suffix, save_embeddings
    from leaderboard.extract import extract
    from leaderboard.result_files import load_results_of
    from leaderboard.verification import load_verified

    check_suffix(options.out)
    registry = load_registry(options.root)
    spec = registry.model(options.model)
    chosen = RunOptions.of(options)
    dataset = _images(registry, options)
    backbone, _ = load_verified(spec, load_results_of(registry.results_dir, spec.id), chosen)
    embeddings = extract(dataset, backbone, chosen)
    save_embeddings(options.out, embeddings)
    left_out = f", {len(embeddings.left_out)} unreadable images left out" if embeddings.left_out else ""
    count, dimension = embeddings.vectors.shape
    print(f"{options.out}: {count} vectors of {dimension} dimensions, {len(dataset.classes)} classes{left_out}")
    if spec.notice:
        print(spec.notice)


def _images(registry: Registry, options: argparse.Namespace) -> Dataset:
    from leaderboard.datasets import list_dataset, load_dataset

    if options.images is not None:
        return list_dataset(options.images.resolve().name, options.images)
    return load_dataset(registry.dataset(options.dataset), RunOptions.of(options))


def run_evaluate(options: argparse.Namespace) -> None:
    """Compute protocols on a file of embeddings, print the metrics and keep them as JSON if asked to."""
    from dataclasses import asdict

    from leaderboard.cache import check_distinct, load_embeddings
    from leaderboard.cells import compute_scores, merge_metrics
    from leaderboard.result_files import format_json

    names = [name.strip() for name in options.protocols.split(",")] if options.protocols else list(PROTOCOLS)
    embeddings = load_embeddings(options.file)
    check_distinct(embeddings, str(options.file))
    scores = compute_scores(embeddings, names)
    metrics = merge_metrics(scores)
    headlines = {name: metrics[name] for name in HEADLINES if name in metrics}
    rows = [[name, f"{value:.6f}"] for name, value in (headlines | metrics).items()]
    print(tabulate(rows, ["metric", str(options.file)], disable_numparse=True))
    if options.json is not None:
        described = {"file": options.file.name, "classes": embeddings.classes, "metrics": metrics}
        parts = {name: asdict(part) for name, part in scores.items()}
        save_text(options.json, format_json(described | {"protocols": parts}))


def run_render(options: argparse.Namespace) -> None:
    """Write or check the generated tables."""
    from leaderboard.publish import check_rendered, save_rendered

    registry = load_registry(options.root)
    folder: Path = (options.leaderboard_dir or registry.leaderboard_dir).resolve()
    if not (folder / "results").is_dir():
        raise LeaderboardError(f"{folder} has no results/; measure with pytest first, or pass --leaderboard-dir")
    if options.check:
        check_rendered(registry, folder)
        print("the tables are what the results give")
        return
    changed = save_rendered(registry, folder)
    print("\n".join(f"wrote {path}" for path in changed) or "nothing changed")


def run_fetch(options: argparse.Namespace) -> None:
    """Have a data set here, verified, and say where."""
    from leaderboard.datasets import load_dataset

    registry = load_registry(options.root)
    spec = registry.dataset(options.dataset)
    dataset = load_dataset(spec, RunOptions.of(options))
    state = "verified" if dataset.digest == spec.digest else "digest differs from datasets.yaml: cells are stale"
    print(f"{spec.id}: {len(dataset.files)} images in {len(dataset.classes)} classes, {state}, in {dataset.root}")
    print(f"{spec.licence or 'licence not stated'}; {spec.attribution}")


def run_verify(options: argparse.Namespace) -> None:
    """Load models and compare what they make of the canary with what is stored; no data set is needed."""
    from leaderboard.result_files import load_results_of
    from leaderboard.verification import verify_model

    registry = load_registry(options.root)
    chosen = [registry.model(id_) for id_ in options.models] or list(registry.models.values())
    stored = {spec.id: load_results_of(registry.results_dir, spec.id) for spec in chosen}
    verdicts = []
    for spec in chosen:
        if options.models or stored[spec.id]:
            verdicts.append(verdict := verify_model(spec, stored[spec.id], RunOptions.of(options)))
            print(f"{verdict.model}: {verdict.status}: {verdict.text}", flush=True)
    bad = [verdict.model for verdict in verdicts if not verdict.is_sound]
    if bad:
        raise CheckFailed(f"{len(bad)} of {len(verdicts)} models could not be verified: {', '.join(bad)}")


def run_pin(options: argparse.Namespace) -> None:
    """Write into models.yaml which commit or file the unpinned sources stand for now."""
    from leaderboard.pins import pin_sources

    registry = load_registry(options.root)
    if not registry.is_clone:
        raise LeaderboardError("an installed package has no models.yaml to write; run in a clone, or pass --root")
    chosen = [registry.model(id_) for id_ in options.models] or list(registry.models.values())
    pins = pin_sources(registry.root / "models.yaml", chosen, RunOptions.of(options))
    print("\n".join(map(str, pins)) or "nothing to pin: every source names its commit or its sha256")
    failed = sorted({pin.model for pin in pins if pin.value is None})
    if failed:
        raise CheckFailed(f"not pinned: {', '.join(failed)}")
