"""The page of an audit: each suspect beside images of its label's class and of the class suggested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from leaderboard.auditing import Audit
from leaderboard.records import Dataset, DatasetSpec
from leaderboard.report.audit_examples import Comparison
from leaderboard.report.audit_words import (
    HOW_FOUND,
    HOW_TO_READ,
    describe_agreement,
    describe_doubt,
    describe_silent,
    summarise,
)
from leaderboard.report.pages import make_link, render_page


def list_pictures(dataset: Dataset, comparisons: Sequence[Comparison]) -> list[Path]:
    """Every file that the page shows, the suspects first, each once."""
    suspects = [comparison.suspect.image for comparison in comparisons]
    return [dataset.root / dataset.files[image] for image in dict.fromkeys([*suspects, *_list_examples(comparisons)])]


def render_audit_sheet(
    audit: Audit,
    comparisons: Sequence[Comparison],
    dataset: Dataset,
    *,
    thumbnails: Mapping[Path, bytes],
    page: Path,
    spec: DatasetSpec,
    notices: Mapping[str, str],
) -> str:
    """The page beside audit.csv, in its order.

    Args:
        audit: the suspects.
        comparisons: one per suspect.
        dataset: with its files here.
        thumbnails: JPEGs of ``list_pictures``; each is written into the page once.
        page: where it will lie: its links to the images are relative to that.
        spec: of the data set.
        notices: model -> what its licence asks to be shown.
    """
    examples = sorted(set(_list_examples(comparisons)))
    return render_page(
        "audit.html",
        audit=audit,
        comparisons=comparisons,
        examples=examples,
        dataset=dataset,
        paths=[dataset.root / file for file in dataset.files],
        title=spec.title,
        notices=notices,
        summary=summarise(audit),
        doubt=describe_doubt(spec, len(comparisons)),
        silent=describe_silent(audit),
        how_found=HOW_FOUND,
        how_to_read=HOW_TO_READ,
        describe_agreement=describe_agreement,
        thumbnails=thumbnails,
        link=lambda path: make_link(path, page),
    )


def _list_examples(comparisons: Sequence[Comparison]) -> list[int]:
    return [example.image for c in comparisons for example in (*c.of_label, *c.of_suggestion)]
