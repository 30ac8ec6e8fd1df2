"""The leaderboard in markdown: leaderboard/README.md, and the block in the top README."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from leaderboard.protocols import HEADLINES
from leaderboard.records import DatasetSpec, Result
from leaderboard.registry import Registry
from leaderboard.render.rows import Row, describe_licence, measured_rows, reported_rows

BEGIN, END = "<!-- leaderboard:begin -->", "<!-- leaderboard:end -->"
MISSING = "–"
TITLES = [metric.title for metric in HEADLINES.values()]
INTRODUCTION = """\
# Leaderboard

Generated from `results/` by `python -m leaderboard render`: do not edit. What every column means is told in
[docs/protocols.md](../docs/protocols.md); how a row comes about, in the [README](../README.md).

- Ranked by NN F1 on unrounded values. On 697 images a difference of a few points may be chance.
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


def _sections(registry: Registry, results: Sequence[Result], *, links: str, heading: str) -> str:
    """A section per data set that has rows; smoke tests last."""
    datasets = sorted(registry.datasets.values(), key=lambda dataset: not dataset.ranked)
    sections = [_section(registry, dataset, results, links=links, heading=heading) for dataset in datasets]
    return "\n".join(section for section in sections if section)


def _section(registry: Registry, dataset: DatasetSpec, results: Sequence[Result], *, links: str, heading: str) -> str:
    measured, reported = measured_rows(registry, dataset, results), reported_rows(registry, dataset)
    if not measured and not reported:
        return ""
    counts = f"{dataset.images} images, {dataset.classes} classes, {dataset.licence or 'licence not stated'}"
    parts = [f"{heading} {dataset.id}\n\n{dataset.title}: {counts}. {dataset.attribution}\n"]
    if not dataset.ranked:
        parts.append("A smoke test on drawn images: not ranked, and no evidence about real fossils.\n")
    if measured:
        parts.append(_table(measured, dataset, links=links) + "\n")
    if reported:
        parts.append(
            "Reported by others, not measured here and not ranked:\n\n" + _table(reported, None, links=links) + "\n"
        )
    return "\n".join(parts)


def _table(rows: Sequence[Row], dataset: DatasetSpec | None, *, links: str) -> str:
    """Markdown; ``dataset`` is None for reported rows, which have no result files and no rank."""
    ranked = dataset is not None and dataset.ranked
    head = (["Rank"] if ranked else []) + ["Model", *TITLES]
    head += (
        ["Parameters", "Dimension"]
        + (["Images/s"] if dataset else [])
        + ["Input, pooling", "Licence", "Status", "Weights"]
    )
    body = [_cells(row, dataset, ranked=ranked, links=links) for row in rows]
    numbers = {"Rank", "Parameters", "Dimension", "Images/s", *TITLES}
    align = ["right" if title in numbers else "left" for title in head]
    return tabulate(body, head, tablefmt="github", colalign=align, disable_numparse=True)


def _cells(row: Row, dataset: DatasetSpec | None, *, ranked: bool, links: str) -> list[str]:
    name = f"[{row.model.id}]({links}/{dataset.id}/{row.model.id}.json)" if dataset else row.model.id
    digits = 3 if dataset else 2  # as their authors rounded them
    figures = [_number(row.metrics.get(metric), digits) for metric in HEADLINES]
    cells = ([str(row.rank or MISSING)] if ranked else []) + [name, *figures]
    cells += [_millions(row.parameters), str(row.dimension)]
    cells += [_number(row.images_per_second, 1)] if dataset else []
    status = "; ".join(["measured" if dataset else f"reported: {row.source}", *row.notes])
    return [*cells, *map(_text, (_input(row), describe_licence(row.model), status)), _links(row)]


def _links(row: Row) -> str:
    links = " ".join(f"[{name}]({url})" for name, url in row.model.links.items())
    return (links or _text(row.source)) + ("" if row.is_pinned else " (unpinned)")


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
    return MISSING if value is None else f"{value:.{digits}f}"


def _millions(count: int | None) -> str:
    return MISSING if count is None else f"{count / 1e6:.3g}M" if count else "0"
