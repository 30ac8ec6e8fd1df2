"""The leaderboard in markdown: leaderboard/README.md, the block in the top README, and tables to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from tabulate import tabulate

from leaderboard.protocols import METRICS
from leaderboard.records import DatasetSpec, Metric, Result
from leaderboard.registry import Registry
from leaderboard.render.rows import (
    Row,
    columns_of,
    count_decimals,
    describe_data_licence,
    describe_licence,
    measured_rows,
    reported_rows,
    title_of,
)

BEGIN, END = "<!-- leaderboard:begin -->", "<!-- leaderboard:end -->"
MISSING = "–"
MEASURED_DECIMALS = 3
LEFT = {"Model", "Input, pooling", "Licence", "Status", "Weights"}  # columns of text
INTRODUCTION = """\
# Leaderboard

Generated from `results/` by `python -m leaderboard render`: do not edit. What every column means is told in
[docs/protocols.md](../docs/protocols.md); how a row comes about, in the [README](../README.md).

- Ranked by the first figure, on unrounded values. On 697 images a difference of a few points may be chance.
- *Measured*: by this suite, with provenance in the result file that the model's name links to.
  *Reported*: published by others and not measured here; such rows are never ranked with measured ones.
- *Unpinned*: the entry names a branch, or an address without a digest; what lies there may change.
- Images/s: from files on disk to vectors, on the device named in the result file.
"""


def render_leaderboard(registry: Registry, results: Sequence[Result]) -> str:
    """The text of leaderboard/README.md."""
    return INTRODUCTION + "\n" + _sections(registry, results, links="results", heading="##")


def render_block(registry: Registry, results: Sequence[Result]) -> str:
    """What stands between the markers of the top README."""
    sections = _sections(registry, results, links="leaderboard/results", heading="###")
    return f"{BEGIN}\n\n{sections}\n{END}"


def replace_block(text: str, block: str) -> str:
    """The text with its marked block replaced; unchanged when it has no markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return before + block + after if begin and end else text


def render_tables(
    registry: Registry, results: Sequence[Result], *, columns: Sequence[str] = (), datasets: Sequence[str] = ()
) -> str:
    """Sections of these data sets (none: all) with these columns (none: each data set's own); empty without rows."""
    chosen = {
        id_: replace(dataset, columns=tuple(columns) or dataset.columns)
        for id_, dataset in registry.datasets.items()
        if not datasets or id_ in datasets
    }
    return _sections(replace(registry, datasets=chosen), results, links="leaderboard/results", heading="##")


def _sections(registry: Registry, results: Sequence[Result], *, links: str, heading: str) -> str:
    """A section per data set that has rows; smoke tests last."""
    sections, linked = [], set[str]()
    for dataset in sorted(registry.datasets.values(), key=lambda dataset: not dataset.ranked):
        measured, reported = measured_rows(registry, dataset, results), reported_rows(registry, dataset)
        parts = [_measured_table(measured, dataset, links=links)] if measured else []
        parts += [_reported_part(reported, dataset, linked)] if reported else []
        if parts:
            sections.append("\n".join([_head(dataset, heading), *parts]))
        linked |= {row.model.id for row in reported}
    return "\n".join(sections)


def _head(dataset: DatasetSpec, heading: str) -> str:
    counts = f"{dataset.images} images, {dataset.classes} classes, {describe_data_licence(dataset)}"
    paper = f" ([doi {dataset.paper}](https://doi.org/{dataset.paper}))" if dataset.paper else ""
    origin = f" Images: {dataset.origin}{paper}." if dataset.origin else ""
    text = f"{heading} {dataset.id}\n\n{dataset.title}: {counts}. {dataset.attribution}{origin}\n"
    if not dataset.ranked:
        text += "\nA smoke test on drawn images: not ranked, and no evidence about real fossils.\n"
    return text + _literature(dataset)


def _literature(dataset: DatasetSpec) -> str:
    """What other methods reach, metric by metric."""
    text = ""
    for name in dict.fromkeys(line.metric for line in dataset.literature):
        lines = [line for line in dataset.literature if line.metric == name]
        digits = count_decimals(line.value for line in lines)
        figures = "; ".join(f"{line.value:.{digits}f}, {line.label}" for line in lines)
        text += f"\nOther methods, to compare with {title_of(METRICS[name])}: {figures}.\n"
    return text


def _measured_table(rows: Sequence[Row], dataset: DatasetSpec, *, links: str) -> str:
    columns = columns_of(dataset)
    head = ["Model", *map(title_of, columns), "Parameters", "Dimension", "Images/s"]
    head += ["Input, pooling", "Licence", "Status", "Weights"]
    body = []
    for row in rows:
        name = f"[{row.model.id}]({links}/{dataset.id}/{row.model.id}.json)"
        figures = [_number(row.metrics.get(metric.name), MEASURED_DECIMALS) for metric in columns]
        sizes = [_millions(row.parameters), str(row.dimension), _number(row.images_per_second, 1)]
        status = "; ".join(["measured", *row.notes])
        words = [_text(_input(row)), _text(describe_licence(row.model)), _text(status), _links(row)]
        body.append([name, *figures, *sizes, *words])
    if dataset.ranked:
        head = ["Rank", *head]
        body = [[str(row.rank or MISSING), *cells] for row, cells in zip(rows, body, strict=True)]
    return _markdown(head, body)


def _reported_part(rows: Sequence[Row], dataset: DatasetSpec, linked: set[str]) -> str:
    """A narrower table: no rank, no speed, and no links to weights that an earlier one has (``linked``)."""
    columns = columns_of(dataset)
    head = [
        "Model",
        *map(title_of, columns),
        "Parameters",
        "Dimension",
        "Input, pooling",
        "Licence",
        "Status",
        "Weights",
    ]
    body = [_reported_cells(row, columns) for row in rows]
    empty = {"Parameters"} if all(row.parameters is None for row in rows) else set()
    empty |= {"Weights"} if linked.issuperset(row.model.id for row in rows) else set()
    kept = [place for place, title in enumerate(head) if title not in empty]
    table = _markdown([head[place] for place in kept], [[cells[place] for place in kept] for cells in body])
    return f"Reported by others, not measured here and not ranked:\n\n{table}\n{_sources(rows)}"


def _reported_cells(row: Row, columns: Sequence[Metric]) -> list[str]:
    figures = [_number(row.metrics.get(metric.name), row.decimals.get(metric.name, 0)) for metric in columns]
    words = [_text(_input(row)), _text(describe_licence(row.model)), "reported", _links(row)]
    return [row.model.id, *figures, _millions(row.parameters), str(row.dimension), *words]


def _sources(rows: Sequence[Row]) -> str:
    """Where the figures were read, and which models' they are when there are several places."""
    places = {row.source: [other.model.id for other in rows if other.source == row.source] for row in rows}
    if len(places) == 1:
        return f"Source: {next(iter(places))}.\n"
    return "Sources: " + "; ".join(f"{source} ({', '.join(ids)})" for source, ids in places.items()) + ".\n"


def _markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    align = ["left" if title in LEFT else "right" for title in head]
    return tabulate(body, head, tablefmt="github", colalign=align, disable_numparse=True) + "\n"


def _links(row: Row) -> str:
    links = " ".join(f"[{name}]({url})" for name, url in row.model.links.items())
    return (links or _text(row.weights) or MISSING) + ("" if row.is_pinned else " (unpinned)")


def _input(row: Row) -> str:
    """Preprocessing and pooling in a few words: they are part of what was measured."""
    words = [row.pooling] if row.pooling else []
    if isinstance(row.preprocessing, str):
        return ", ".join(["its own", *words])
    size, crop = row.preprocessing["resize"], row.preprocessing["crop"]
    resize = f"shorter side {size}" if isinstance(size, int) else "×".join(map(str, size))
    crops = [f"crop {crop}"] if crop else []
    return ", ".join([resize, *crops, row.preprocessing["interpolation"], *words])


def _text(value: str) -> str:
    """A cell's text: a pipe would end the cell."""
    return value.replace("|", "\\|")


def _number(value: float | None, digits: int) -> str:
    return MISSING if value is None or not isfinite(value) else f"{value:.{digits}f}"


def _millions(count: int | None) -> str:
    return MISSING if count is None else f"{count / 1e6:.3g}M" if count else "0"
