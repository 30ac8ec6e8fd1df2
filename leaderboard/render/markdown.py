"""The leaderboard in markdown: leaderboard/README.md, the block in the top README, and the end of a run."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from leaderboard.protocols import HEADLINES
from leaderboard.records import DatasetSpec, Outcome, Result
from leaderboard.registry import Registry
from leaderboard.render.rows import Row, measured_rows, reported_rows

BEGIN, END = "<!-- leaderboard:begin -->", "<!-- leaderboard:end -->"
MISSING = "–"
TITLES = [str(metric.headline) for metric in HEADLINES.values()]
INTRODUCTION = """\
# Leaderboard

Generated from `results/` by `python -m leaderboard render`: do not edit. What every column means is told in
[docs/protocols.md](../docs/protocols.md); how a row comes about, in the [README](../README.md).

- Ranked by NN F1 on unrounded values. On 697 images a difference of a few points may be chance.
- *Measured*: by this suite, with provenance in the result file that the model's name links to.
  *Reported*: published by others and not measured here; such rows are never ranked with measured ones.
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
    return [*cells, *map(_text, (_input(row), row.model.licence or "not stated", status)), _links(row)]


def _links(row: Row) -> str:
    links = " ".join(f"[{name}]({url})" for name, url in row.model.links.items())
    return links or _text(row.source)


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


def render_outcomes(outcomes: Sequence[Outcome]) -> str:
    """The table at the end of a run, how many of its cells were measured, and each reason once."""
    measured = [outcome for outcome in outcomes if outcome.result is not None]
    lines = [_outcome_table(measured)] if measured else []
    lines.append(f"{len(measured)} of {len(outcomes)} cells measured{_devices(measured)}")
    for status in ("skipped", "failed"):
        for reason, cells in _by_reason([o for o in outcomes if o.status == status]).items():
            lines.append(f"{status} {', '.join(cells)}: {reason}")
    return "\n".join(lines)


def _devices(outcomes: Sequence[Outcome]) -> str:
    devices = {str(o.result.provenance.environment["device"]) for o in outcomes if o.result}
    return f" on {', '.join(sorted(devices))}" if devices else ""


def _outcome_table(outcomes: Sequence[Outcome]) -> str:
    head = ["data set", "model", *TITLES, "dimension"]
    ordered = sorted(outcomes, key=_dataset_then_best)
    body = [
        [o.cell.dataset, o.cell.model, *(f"{o.result.metrics[name]:.3f}" for name in HEADLINES), o.result.dimension]
        for o in ordered
        if o.result
    ]
    return tabulate(body, head, tablefmt="github", disable_numparse=True)


def _dataset_then_best(outcome: Outcome) -> tuple[str, float]:
    assert outcome.result is not None  # only measured cells come here
    return outcome.cell.dataset, -outcome.result.metrics[next(iter(HEADLINES))]


def _by_reason(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for outcome in outcomes:
        reasons.setdefault(outcome.reason, []).append(str(outcome.cell))
    return reasons
