"""The report's folder: page, figures, tables, and the embeddings from which all of it can be made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from leaderboard.cache import save_embeddings
from leaderboard.errors import LeaderboardError
from leaderboard.paths import save_text
from leaderboard.records import Embeddings
from leaderboard.report.analysis import Analysis, analyse, count_steps
from leaderboard.report.collection_file import Collection, save_collection
from leaderboard.report.facts import list_facts
from leaderboard.report.figures import draw_figures
from leaderboard.report.figures.curves import Literature
from leaderboard.report.page import Contents, Drawn, render_report
from leaderboard.report.recommendation import recommend
from leaderboard.report.saving import save_figure, save_table
from leaderboard.report.tables import Table, tabulate_images, tabulate_models
from leaderboard.result_files import format_json
from leaderboard.scores import describe_packages

COLLECTION = "images.safetensors"  # beside the embeddings: sizes, copies and thumbnails


@dataclass(frozen=True)
class Material:
    """What a report is made from."""

    title: str
    embeddings: dict[str, Embeddings]  # model -> its vectors of the same images
    collection: Collection | None  # None: nobody has looked at the images themselves
    literature: Literature = ()
    notices: Mapping[str, str] = field(default_factory=dict)  # model -> what its licence asks to be shown


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
    save_material(material, out)
    analyses = _analyse_all(material, protocols, refresh=refresh)
    tables = _save_tables(material, analyses, out / "tables")
    figures = _save_figures(material, analyses, out / "figures")
    built = Built(out / "report.html", recommend(analyses))
    save_text(out / "report.json", format_json(_describe(material, analyses, built.sentence)))
    facts = list_facts(material.embeddings)
    contents = Contents(
        material.title, built.sentence, analyses, material.collection, tables, figures, facts, material.notices
    )
    save_text(built.page, render_report(contents))
    return built


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
    total = len(material.embeddings) * count_steps(protocols)
    with tqdm(total=total, desc="analysing", unit="step", disable=None) as bar:
        analyses = [
            analyse(model, embeddings, protocols, refresh=refresh, announce=lambda step: _advance(bar, step))
            for model, embeddings in material.embeddings.items()
        ]
        bar.set_postfix_str("")
    return analyses


def _advance(bar: Any, step: str) -> None:
    bar.set_postfix_str(step)
    bar.update()


def _save_tables(material: Material, analyses: Sequence[Analysis], folder: Path) -> list[Table]:
    tables = [*(tabulate_images(material.collection) if material.collection else ()), *tabulate_models(analyses)]
    for table in tables:
        save_table(folder, table.name, table.frame, table.best)
    return tables


def _save_figures(material: Material, analyses: Sequence[Analysis], folder: Path) -> list[Drawn]:
    thumbnails = material.collection.thumbnails if material.collection else {}
    drawn = []
    pictures = draw_figures(analyses, thumbnails, material.literature)
    for picture in tqdm(pictures, desc="drawing", unit="figure", disable=None):
        save_figure(folder, picture.name, picture.figure)
        drawn.append(Drawn(picture.name, picture.model, picture.caption, (folder / f"{picture.name}.png").read_bytes()))
    return drawn


def _describe(material: Material, analyses: Sequence[Analysis], sentence: str) -> dict[str, object]:
    """Every figure with its provenance, for programs."""
    return {
        "collection": material.title,
        "images": len(analyses[0].embeddings.vectors),
        "recommendation": sentence,
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
