"""List the images of a data set whose label every good model contradicts, for a specialist to look at."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from leaderboard.commands._embedding import check_out
from leaderboard.errors import LeaderboardError, Unavailable, printable
from leaderboard.records import Dataset, DatasetSpec, Result
from leaderboard.registry import Registry, load_registry

if TYPE_CHECKING:
    from leaderboard.auditing import Audit

EXAMPLE = "audit palynomorphs-20 --out audit/"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("dataset", metavar="DATASET", help="a data set of datasets.yaml with stored results")
    text = "write audit.csv and, where the images are here, audit.html into this folder"
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=text)


def run(options: argparse.Namespace) -> None:
    """Write the table and the page from the stored results, and print a line per suspect. No model runs."""
    from leaderboard.auditing import compute_audit, find_good, list_untrained
    from leaderboard.columns import columns_of

    registry = load_registry(options.root)
    spec = registry.dataset(options.dataset)
    stored = _load_results(registry, spec)  # first: nobody should fetch images for an audit that cannot be
    dataset, is_here = _list_images(spec)
    if is_here:
        _check_page_can_be_made()
    check_out(options.out)
    measured = _choose_fitting(registry, spec, stored, dataset)
    good = find_good(measured, list_untrained(registry.models.values()), columns_of(spec)[0])
    if not good:
        print("no model is better than every untrained one here: all that are measured are asked: a guess")
        good = measured
    audit = compute_audit(good)
    written, page = [_save_table(audit, dataset, options.out / "audit.csv")], options.out / "audit.html"
    if is_here:
        written.append(_save_page(audit, good, dataset, registry, page))
    _print(audit, dataset, spec, written)
    if not is_here:
        _print_what_is_missing(spec, page)


def _check_page_can_be_made() -> None:
    from leaderboard.report.pages import load_environment

    load_environment()


def _list_images(spec: DatasetSpec) -> tuple[Dataset, bool]:
    """The data set, and whether its images are here; if not, as its manifest has it. Nothing is downloaded."""
    from leaderboard.datasets import describe_absence, find_dataset, list_manifest, load_dataset, load_manifest

    if spec.kind == "synthetic" or find_dataset(spec) is not None:
        return load_dataset(spec), True
    manifest = load_manifest(spec)
    if manifest is None:
        raise Unavailable(f"{describe_absence(spec)}; without it nobody knows the names of the images", "not found")
    return list_manifest(spec.id, Path(), manifest), False


def _describe_remedy(spec: DatasetSpec) -> str:
    from leaderboard.datasets import describe_absence

    return describe_absence(spec) if spec.kind == "folder" else f"`leaderboard fetch {spec.id}` gets them"


def _load_results(registry: Registry, spec: DatasetSpec) -> list[Result]:
    """Every measurement of a model that is still listed; at least one."""
    from leaderboard.comparison import check_measured
    from leaderboard.result_files import load_result

    folder = registry.results_dir / spec.id
    stored = [load_result(path) for path in sorted(folder.glob("*.json"))]
    listed = [result for result in stored if result.model in registry.models]
    check_measured(listed, spec)
    return listed


def _choose_fitting(registry: Registry, spec: DatasetSpec, results: Sequence[Result], dataset: Dataset) -> list[Result]:
    """Those that the table compares, on these very images; others are named and left out."""
    from leaderboard.sections import assess_rows

    rows = assess_rows(registry, spec, results)
    fitting = [result for result in results if rows[result.model].is_comparable and _is_of(result, dataset)]
    if not fitting:
        raise LeaderboardError(
            f"{dataset.id}: no model is measured on these images; measure with `pytest -k {dataset.id}`"
        )
    others = [result.model for result in results if result not in fitting]
    if others:
        print(f"left out, for the table does not compare them, or they are of other images: {', '.join(others)}")
    return fitting


def _is_of(result: Result, dataset: Dataset) -> bool:
    """Whether index i of its outcomes is file i of the listing."""
    return (
        result.provenance.inputs["dataset"] == dataset.digest
        and not result.left_out
        and (tuple(result.classes), tuple(result.labels)) == (dataset.classes, dataset.labels)
    )


def _save_table(audit: Audit, dataset: Dataset, path: Path) -> Path:
    """Decisions in an older table are kept."""
    from leaderboard.paths import save_text
    from leaderboard.report.audit_table import check_kept, load_decisions, render_audit_table

    decisions = load_decisions(path)
    table = render_audit_table(audit, dataset.files, dataset.classes, decisions)
    check_kept(path, decisions, table)
    save_text(path, table)
    return path


def _save_page(audit: Audit, good: Sequence[Result], dataset: Dataset, registry: Registry, path: Path) -> Path:
    from leaderboard.paths import save_text
    from leaderboard.report.audit_examples import choose_comparisons
    from leaderboard.report.audit_sheet import list_pictures, render_audit_sheet
    from leaderboard.report.thumbnails import choose_side, load_pictures

    comparisons = choose_comparisons(audit, good)
    files = list_pictures(dataset, comparisons)
    pictures = load_pictures(files, side=choose_side(len(files)))
    thumbnails = {file: picture.thumbnail for file, picture in pictures.items()}
    notices = {model: notice for model in audit.models if (notice := registry.model(model).notice)}
    spec = registry.dataset(dataset.id)
    page = render_audit_sheet(audit, comparisons, dataset, thumbnails=thumbnails, page=path, spec=spec, notices=notices)
    save_text(path, page)
    return path


def _print(audit: Audit, dataset: Dataset, spec: DatasetSpec, written: Sequence[Path]) -> None:
    from leaderboard.report.audit_words import COLUMNS_MEAN, describe_doubt, describe_silent, summarise

    if audit.suspects:
        print(f"{_tabulate(audit, dataset)}\n{COLUMNS_MEAN}\n")
    print(f"{', '.join(printable(str(path)) for path in written)}: {summarise(audit)}")
    for said in filter(None, (describe_doubt(spec, len(audit.suspects)), describe_silent(audit))):
        print(said)


def _tabulate(audit: Audit, dataset: Dataset) -> str:
    """A line per suspect, numbered as in the table and on the page."""
    from leaderboard.report.audit_words import describe_agreement

    rows = [
        [
            str(number),
            printable(dataset.files[suspect.image]),
            printable(dataset.classes[suspect.label]),
            printable(dataset.classes[suspect.suggestion]),
            describe_agreement(suspect),
            f"{suspect.times:.1f}",
        ]
        for number, suspect in enumerate(audit.suspects, 1)
    ]
    heads = ["number", "file", "label", "suggestion", "agreeing", "times"]
    return tabulate(rows, heads, disable_numparse=True, colalign=("right", *["left"] * 4, "right"))


def _print_what_is_missing(spec: DatasetSpec, page: Path) -> None:
    print(f"no pictures: the images are not here; {_describe_remedy(spec)}, then run this again")
    if page.exists():  # it is kept: without the images it could not be made again
        print(f"{printable(str(page))} is of an earlier audit; its suspects and numbers may not be those of audit.csv")
