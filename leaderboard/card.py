"""A model's figures as the ``model-index`` of a Hugging Face model card. Pure; built with the Hub's own classes.

The form is that of https://github.com/huggingface/hub-docs/blob/main/modelcard.md. A card gives a figure without its
neighbours, so that only cells that may be compared with others are put into one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from leaderboard.errors import Unavailable
from leaderboard.protocols import PROTOCOL_OF
from leaderboard.records import COMMIT, DatasetSpec, Metric, ModelSpec, Result
from leaderboard.rows import Row
from leaderboard.sections import Section

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

SUITE = "fossil-leaderboard"
CLASSIFICATION, SIMILARITY = "image-classification", "image-feature-extraction"  # of the Hub's list of tasks
TASKS: Mapping[str, str] = {  # protocol -> what it asks of the vectors; others classify
    "retrieval": SIMILARITY,
    "clustering": SIMILARITY,
    "disparity": SIMILARITY,
}
TASK_NAMES: Mapping[str, str] = {
    CLASSIFICATION: "Image classification on frozen embeddings",
    SIMILARITY: "Image retrieval and clustering by frozen embeddings",
}
MACRO: Mapping[str, str] = {"average": "macro"}
TYPES: Mapping[str, tuple[str, Mapping[str, str]]] = {  # figure -> the Hub's name of it, with its arguments
    "f1_macro": ("f1", MACRO),
    "f1_weighted": ("f1", {"average": "weighted"}),
    "precision_macro": ("precision", MACRO),
    "balanced_accuracy": ("recall", MACRO),  # the mean of the classes' recalls is what it is
    "precision_at_n": ("precision", {"at": "the number of other images of the class"}),
    "top1": ("accuracy", {}),
}  # any other figure has its own name


@dataclass(frozen=True)
class CardCell:
    """A measured cell that may stand in a card."""

    dataset: DatasetSpec
    columns: Sequence[Metric]  # those of which it has a figure
    row: Row
    result: Result


def choose_cells(
    model: ModelSpec, results: Sequence[Result], sections: Sequence[Section]
) -> tuple[list[CardCell], list[str]]:
    """What of a model may stand in a card, and why the rest may not: a line for each data set that is left out."""
    cells, reasons = [], []
    stored = {result.dataset: result for result in results if result.model == model.id}
    for section in sections:
        row = next((row for row in (*section.measured, *section.reported) if row.model.id == model.id), None)
        if row is None:
            continue
        columns = [metric for metric in section.columns if isfinite(row.metrics.get(metric.name, nan))]
        if reason := _why_not(section, row, columns):
            reasons.append(f"{section.dataset.id} is left out: {reason}")
        else:
            cells.append(CardCell(section.dataset, columns, row, stored[section.dataset.id]))
    return cells, reasons


def _why_not(section: Section, row: Row, columns: Sequence[Metric]) -> str:
    measure = f'measure the cell: pytest -k "{row.model.id} and {section.dataset.id}"'
    if not section.dataset.ranked:
        return "a smoke test is no evidence about real fossils"
    if row.status == "reported":
        return f"its figures are reported by {row.source} and not measured here; cite them, or {measure}"
    if not row.is_comparable:
        return f"its cell is {row.status} ({row.remarks}); {measure}"
    return "" if columns else f"it has no figure of the table; {measure}"


def describe_card(model: ModelSpec, cells: Sequence[CardCell], *, url: str | None = None) -> str:
    """YAML that stands between the ``---`` lines at the top of a model card, figures with all their digits.

    Args:
        model: whose card it is.
        cells: of ``choose_cells``, at least one.
        url: where a reader finds these figures. Without one the card names no source, because the Hub's form has no
            source without an address; every figure says the suite in its ``args`` all the same.

    Raises:
        Unavailable: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import ModelCardData
    except ModuleNotFoundError:
        remedy = "`pip install 'fossil-leaderboard[networks]'`"
        raise Unavailable(f"it needs huggingface_hub, which is not installed; {remedy}", "not found") from None
    figures = [_describe_figure(cell, metric, url) for cell in cells for metric in cell.columns]
    notice = f"# {' '.join(model.notice.split())}\n" if model.notice else ""
    block: str = ModelCardData(model_name=model.title, eval_results=figures).to_yaml()
    return f"{notice}{block}\n"


def _describe_figure(cell: CardCell, metric: Metric, url: str | None) -> EvalResult:
    from huggingface_hub import EvalResult

    protocol = PROTOCOL_OF[metric.name]
    task = TASKS.get(protocol, CLASSIFICATION)
    figure = metric.name.rpartition(".")[2]
    kind, arguments = TYPES.get(figure, (figure, {}))
    return EvalResult(
        task_type=task,
        task_name=TASK_NAMES[task],
        dataset_type=cell.dataset.hub or cell.dataset.id,  # a plain word where the Hub has no such data set
        dataset_name=cell.dataset.title,
        dataset_revision=_find_commit(cell.dataset),
        metric_type=kind,
        metric_name=f"{metric.title} ({metric.name})" if metric.title else metric.name,
        metric_value=cell.row.metrics[metric.name],
        metric_config=f"{protocol}, version {cell.result.provenance.inputs['protocols'][protocol]}",
        metric_args={**arguments, **_describe_measurement(cell, metric)},
        source_name=SUITE if url else None,
        source_url=url,
    )


def _find_commit(dataset: DatasetSpec) -> str | None:
    """Of the repository of a data set of the Hub, whose form has a commit there and nothing else."""
    return dataset.revision if dataset.hub and COMMIT.fullmatch(dataset.revision or "") else None


def _describe_measurement(cell: CardCell, metric: Metric) -> dict[str, Any]:
    """What the figure rests on, and half of its 95 % interval where it has one."""
    weights = cell.result.provenance.inputs["model"]["weights"]
    facts = {
        "suite": SUITE,
        "dataset_digest": cell.result.provenance.inputs["dataset"],
        "model": cell.row.model.id,
        "weights": weights["source"],
        "weights_revision": weights.get("revision"),
        "weights_sha256": weights.get("sha256"),
    }
    known: dict[str, Any] = {name: value for name, value in facts.items() if value is not None}
    if standing := cell.row.standings.get(metric.name):
        known["half_width_95"] = round(standing.half_width, 6)  # what follows depends on the machine
    return known
