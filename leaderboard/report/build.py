"""The report's folder: page, figures, tables, and the embeddings from which all of it can be made again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tqdm import tqdm

from leaderboard.cache import save_embeddings
from leaderboard.errors import LeaderboardError
from leaderboard.paths import save_text
from leaderboard.records import Embeddings
from leaderboard.report.analysis import Analysis, analyse, count_steps
from leaderboard.report.collection_file import Collection, save_collection
from leaderboard.report.comparison import Comparisons, compare_models
from leaderboard.report.facts import list_facts
from leaderboard.report.figures import draw_figures
from leaderboard.report.figures.curves import Literature
from leaderboard.report.page import Contents, Drawn, render_report
from leaderboard.report.recommendation import recommend
from leaderboard.report.saving import save_figure, save_table
from leaderboard.report.tables import Table, tabulate_images, tabulate_models
from leaderboard.result_files import format_json
from leaderboard.scores import describe_packages

OWN_FILE = re.compile(r"(tables|figures)/[^/]+\.(csv|tex|png|pdf)")
COLLECTION = "images.safetensors"  # beside the embeddings: sizes, copies and thumbnails


@dataclass(frozen=True)
class Material:
    """What a report is made from."""

    title: str
    embeddings: dict[str, Embeddings]  # model -> its vectors of the same images
    collection: Collection | None  # None: nobody has looked at the images themselves
    literature: Literature = ()
    notices: Mapping[str, str] = field(default_factory=dict)  # model -> what its licence asks to be shown
    missing: Mapping[str, str] = field(default_factory=dict)  # model -> why it could not be had


@dataclass(frozen=True)
class Built:
    """What there is now."""

    page: Path
    sentence: str  # the recommendation


def build_report(material: Material, out: Path, protocols: Sequence[str], *, refresh: bool = False) -> Built:
    """Compute everything and write the folder.

    Raises:
        LeaderboardError: embeddings of different images.
        Unavailable: matplotlib or jinja2 is not installed.
        OSError: the folder cannot be written.
    """
    check_same_images(material)
    earlier = _list_earlier_files(out)
    save_material(material, out)
    analyses = _analyse_all(material, protocols, refresh=refresh)
    comparisons = compare_models(analyses)
    tables = _save_tables(material, analyses, comparisons, out / "tables")
    figures = _save_figures(material, analyses, comparisons, out / "figures")
    built = Built(out / "report.html", recommend(analyses, comparisons))
    contents = Contents(
        title=material.title,
        sentence=built.sentence,
        analyses=analyses,
        collection=material.collection,
        tables=tables,
        figures=figures,
        facts=list_facts(material.embeddings),
        notices=material.notices,
        missing=material.missing,
    )
    save_text(built.page, render_report(contents))
    files = _list_files(tables, figures)
    described = _describe(material, analyses, comparisons, built.sentence)
    save_text(out / "report.json", format_json(described | {"files": files}))
    for name in set(earlier) - set(files):
        (out / name).unlink(missing_ok=True)
    return built


def _list_files(tables: Sequence[Table], figures: Sequence[Drawn]) -> list[str]:
    """Tables and figures of this report, relative to its folder."""
    named = [f"tables/{table.name}.{kind}" for table in tables for kind in ("csv", "tex")]
    return sorted([*named, *(f"figures/{figure.name}.{kind}" for figure in figures for kind in ("png", "pdf"))])


def _list_earlier_files(out: Path) -> list[str]:
    """Those of an earlier report in the same folder, by its own account: what is not written again is to go."""
    try:
        listed = json.loads((out / "report.json").read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in listed if isinstance(name, str) and OWN_FILE.fullmatch(name)]


def check_same_images(material: Material) -> None:
    """Refuse to set models side by side that saw different images."""
    (first, expected), *others = material.embeddings.items()
    for model, embeddings in others:
        same = embeddings.files == expected.files and embeddings.classes == expected.classes
        same = same and embeddings.labels.tolist() == expected.labels.tolist()
        if not same or len(embeddings.vectors) != len(expected.vectors):
            raise LeaderboardError(
                f"{model} has {len(embeddings.vectors)} images, {first} {len(expected.vectors)}, and they are not the "
                "same; embed one folder with both models"
            )


def save_material(material: Material, out: Path) -> None:
    """Embeddings in both formats, and what is known of the images: all that ``--embeddings`` needs."""
    for model, embeddings in material.embeddings.items():
        for suffix in (".safetensors", ".npz"):
            save_embeddings(out / "embeddings" / f"{model}{suffix}", embeddings)
    if material.collection is not None:
        save_collection(out / "embeddings" / COLLECTION, material.collection)


def _analyse_all(material: Material, protocols: Sequence[str], *, refresh: bool) -> list[Analysis]:
    """Model after model, with one bar for all of it."""
    total, begun = len(material.embeddings) * count_steps(protocols), count()
    with tqdm(total=total, desc="analysing", unit="step", disable=None) as bar:

        def announce(step: str) -> None:
            bar.update(min(1, next(begun)))  # when a step begins, the one before it is done
            bar.set_postfix_str(step)

        analyses = [
            analyse(model, embeddings, protocols, refresh=refresh, announce=announce)
            for model, embeddings in material.embeddings.items()
        ]
        bar.update()
    return analyses


def _save_tables(
    material: Material, analyses: Sequence[Analysis], comparisons: Comparisons, folder: Path
) -> list[Table]:
    of_images = tabulate_images(material.collection) if material.collection else ()
    tables = [*of_images, *tabulate_models(analyses, comparisons)]
    for table in tables:
        save_table(folder, table.name, table.frame, table.best)
    return tables


def _save_figures(
    material: Material, analyses: Sequence[Analysis], comparisons: Comparisons, folder: Path
) -> list[Drawn]:
    thumbnails = material.collection.thumbnails if material.collection else {}
    drawn = []
    pictures = draw_figures(analyses, thumbnails, material.literature, comparisons)
    for picture in tqdm(pictures, desc="drawing", unit="figure", disable=None):
        save_figure(folder, picture.name, picture.figure)
        drawn.append(Drawn(picture.name, picture.model, picture.caption, (folder / f"{picture.name}.png").read_bytes()))
    return drawn


def _describe(
    material: Material, analyses: Sequence[Analysis], comparisons: Comparisons, sentence: str
) -> dict[str, object]:
    """Every figure with its provenance, for programs."""
    return {
        "collection": material.title,
        "images": len(analyses[0].embeddings.vectors),
        "recommendation": sentence,
        "comparisons": {
            metric: {
                "resolution": found.resolution,
                "models": {m: asdict(standing) for m, standing in found.of.items()},
            }
            for metric, found in comparisons.items()
        },
        "packages": describe_packages(),
        "models": {
            analysis.model: {
                "inputs": _sort_keys(analysis.embeddings.provenance.inputs),
                "environment": _sort_keys(analysis.embeddings.provenance.environment),
                "metrics": analysis.metrics,
                "skipped": analysis.skipped,
            }
            for analysis in analyses
        },
    }


def _sort_keys(value: Any) -> Any:
    """The same order whether it was just measured or read from a file."""
    return {key: _sort_keys(value[key]) for key in sorted(value)} if isinstance(value, Mapping) else value
