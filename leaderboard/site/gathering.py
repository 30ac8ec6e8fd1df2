"""Stored results, and images where they may be shown -> the material of the pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from leaderboard.datasets import describe_absence, find_dataset, list_manifest, load_dataset, load_manifest
from leaderboard.genera import GenusStandings, compute_genus_standings
from leaderboard.records import Dataset, DatasetSpec, Result
from leaderboard.registry import Registry
from leaderboard.report.thumbnails import SIDE, load_pictures
from leaderboard.sections import News, compute_sections
from leaderboard.site.material import Images, Material


def gather_material(
    registry: Registry, results: Sequence[Result], news: News, *, with_thumbnails: bool = False
) -> Material:
    """Everything that the pages show.

    Args:
        registry: of models and data sets.
        results: stored cells.
        news: what changed when they were last published, and what a run made of them.
        with_thumbnails: make small pictures of the images that are here, where their licence lets them be shown.

    Raises:
        CheckFailed: images that are here are not the declared ones.
    """
    sections = compute_sections(registry, results, news)
    known = {section.dataset.id: _know_images(section.dataset, with_thumbnails) for section in sections}
    images = {dataset: own for dataset, own in known.items() if own is not None}
    material = Material(registry, results, sections, images)
    return replace(material, genera=dict(_compute_genera(material)))


def _compute_genera(material: Material) -> Iterator[tuple[str, GenusStandings]]:
    """Of the data sets whose ranking figure says what became of every image."""
    for section in material.sections:
        if section.standings is not None and section.standings.of:
            ranked = [one for one in material.compared(section) if one.model in section.standings.of]
            yield section.dataset.id, compute_genus_standings(ranked, section.columns[0].name)


def describe_pictures(material: Material) -> list[str]:
    """Of each data set how many pictures the site has, or why it has none; those that may not be shown on one line."""
    lines = [
        _describe_pictures(section.dataset, material) for section in material.sections if section.dataset.thumbnails
    ]
    barred = [section.dataset.id for section in material.sections if not section.dataset.thumbnails]
    if barred:
        lines.append(
            f"{', '.join(barred)}: no pictures; datasets.yaml does not say that they may be shown (thumbnails)"
        )
    return lines


def _describe_pictures(spec: DatasetSpec, material: Material) -> str:
    images = material.images.get(spec.id)
    if images is not None and images.has_pictures:
        return f"{spec.id}: {len(images.thumbnails)} pictures"
    return f"{spec.id}: no pictures; {describe_absence(spec)}"


def _know_images(spec: DatasetSpec, with_thumbnails: bool) -> Images | None:
    """Names and pictures of images that are here, else the names by the manifest; None where nobody knows them."""
    is_here = spec.kind == "synthetic" or find_dataset(spec) is not None
    if with_thumbnails and spec.thumbnails and is_here:
        dataset = load_dataset(spec)
        return replace(_describe(dataset), thumbnails=_make_thumbnails(dataset))
    manifest = load_manifest(spec)
    return None if manifest is None else _describe(list_manifest(spec.id, Path(), manifest))


def _describe(dataset: Dataset) -> Images:
    return Images(dataset.digest, dataset.files)


def _make_thumbnails(dataset: Dataset) -> dict[int, bytes]:
    paths = [dataset.root / name for name in dataset.files]
    pictures = load_pictures(paths, side=SIDE)
    return {image: pictures[path].thumbnail for image, path in enumerate(paths)}
