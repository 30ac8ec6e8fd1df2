"""What is said beside a data set's table, whatever its form: plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.columns import title_of
from leaderboard.protocols import METRICS
from leaderboard.records import DatasetSpec
from leaderboard.render.cells import MARK
from leaderboard.rows import Row, count_decimals, describe_data_licence
from leaderboard.sections import Section


def describe_counts(dataset: DatasetSpec) -> str:
    """How much there is of it, and its licence."""
    return f"{dataset.images} images, {dataset.classes} classes, {describe_data_licence(dataset)}"


def list_literature(dataset: DatasetSpec) -> list[str]:
    """What other methods reach, metric by metric."""
    sentences = []
    for name in dict.fromkeys(line.metric for line in dataset.literature):
        lines = [line for line in dataset.literature if line.metric == name]
        digits = count_decimals(line.value for line in lines)
        figures = "; ".join(f"{line.value:.{digits}f}, {line.label}" for line in lines)
        sentences.append(f"Other methods, to compare with {title_of(METRICS[name])}: {figures}.")
    return sentences


def list_remarks(rows: Sequence[Row]) -> list[str]:
    """What the sign beside a status stands for."""
    return [f"{MARK} {row.model.id}: {remark}." for row in rows if (remark := row.remarks)]


def list_notices(section: Section) -> list[str]:
    """What licences ask to be shown wherever a model's figures are."""
    models = {row.model.id: row.model.notice for row in (*section.measured, *section.reported) if row.metrics}
    return [f"{id_}: {notice}." for id_, notice in models.items() if notice]


def describe_sources(rows: Sequence[Row]) -> str:
    """Where reported figures were read, and which models' they are when there are several places."""
    places = {row.source: [other.model.id for other in rows if other.source == row.source] for row in rows}
    if len(places) == 1:
        return f"Source: {next(iter(places)).removesuffix('.')}."
    return "Sources: " + "; ".join(f"{source} ({', '.join(ids)})" for source, ids in places.items()) + "."
