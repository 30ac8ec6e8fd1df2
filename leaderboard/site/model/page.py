"""A page per model: what it is, where it stands and why, how to measure it again, how to cite it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from leaderboard.citing import cite_dataset, cite_model, head_dataset
from leaderboard.columns import title_of
from leaderboard.records import DatasetSpec, ModelSpec, Preprocessing
from leaderboard.render.cells import describe_input, describe_millions, describe_number
from leaderboard.rows import Row
from leaderboard.sections import Section
from leaderboard.site.material import Material
from leaderboard.site.model.cells import CellView, describe_cell
from leaderboard.site.model.fields import Field, gather_field
from leaderboard.site.model.genus_bars import SCALE
from leaderboard.site.model.metric_tables import MetricTable, tabulate_all
from leaderboard.site.model.origins import Step, list_steps, select_cell
from leaderboard.site.model.verdicts import describe_verdict
from leaderboard.site.pages import render_page


@dataclass(frozen=True)
class ReportedView:
    """Figures of a model on a data set that others published."""

    dataset: str
    figures: Sequence[tuple[str, str]]  # of the table's columns: title, value with its own decimals
    others: Sequence[MetricTable]
    source: str


@dataclass(frozen=True)
class Unmeasured:
    """A data set on which a model has no figures of ours."""

    dataset: str
    has_page: bool
    why: str  # as a run said; empty: nobody knows


@dataclass(frozen=True)
class ModelPage:
    """All that the page of a model says."""

    spec: ModelSpec
    facts: Sequence[tuple[str, str]]
    verdicts: Sequence[str]
    cells: Sequence[CellView]
    reported: Sequence[ReportedView]
    unmeasured: Sequence[Unmeasured]
    selection: str  # what pytest -k takes for it on a DATASET
    steps: Sequence[Step]
    citations: Sequence[tuple[str, str]]  # what it is of, the text


def list_model_pages(material: Material) -> dict[str, bytes]:
    """A page for every entry of models.yaml, by its path below the site's root."""
    fields = {section.dataset.id: gather_field(section) for section in material.sections}
    pages = {
        f"models/{spec.id}.html": describe_model(material, spec, fields) for spec in material.registry.models.values()
    }
    return {path: render_page("model.html", path, view=view, genus_scale=SCALE) for path, view in pages.items()}


def describe_model(material: Material, spec: ModelSpec, fields: Mapping[str, Field]) -> ModelPage:
    """What the page of one model says.

    Args:
        material: of the site.
        spec: the entry.
        fields: data set -> the models it is drawn among.
    """
    rows = material.rows_of(spec.id)
    measured = [(section, row) for section, row in rows if row.metrics and row.status != "reported"]
    tried = {section.dataset.id: row for section, row in rows if not row.metrics}
    done = [section.dataset for section, _ in measured]
    return ModelPage(
        spec=spec,
        facts=list(_list_facts(spec, [row for _, row in rows])),
        verdicts=[describe_verdict(section, row) for section, row in measured],
        cells=[describe_cell(material, fields[section.dataset.id], row) for section, row in measured],
        reported=[_describe_reported(section, row) for section, row in rows if row.status == "reported"],
        unmeasured=list(_list_unmeasured(material, spec, {dataset.id for dataset in done}, tried)),
        selection=select_cell(spec.id, "DATASET", material.registry.models),
        steps=_list_steps(material, spec, done),
        citations=list(_list_citations(material, spec, done)),
    )


def _list_facts(spec: ModelSpec, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """What the entry says; the number of parameters is what was counted, else what others say."""
    counts = {row.status == "reported": row.parameters for row in reversed(rows) if row.parameters is not None}
    parameters = counts.get(False, counts.get(True))
    declared = asdict(spec.preprocessing) if isinstance(spec.preprocessing, Preprocessing) else "its own"
    measured = [row for row in rows if row.metrics and row.status != "reported"]
    used = measured[0].preprocessing if measured else declared
    if spec.family:
        yield "Family", spec.family
    yield "Licence", spec.licence or "not stated"
    yield "Access", spec.access
    yield "Parameters", describe_millions(parameters) + (" (reported)" if False not in counts and counts else "")
    yield "Dimension", str(spec.dimension)
    yield "Input, pooling", describe_input(spec.pooling, used)
    yield "Library", spec.library + (f", {spec.architecture}" if spec.architecture else "")
    if spec.tags:
        yield "Tags", ", ".join(spec.tags)


def _describe_reported(section: Section, row: Row) -> ReportedView:
    """Every figure that the source gives, those of the table first."""
    columns = [metric for metric in section.columns if metric.name in row.metrics]
    figures = [(title_of(m), describe_number(row.metrics[m.name], row.decimals.get(m.name, 0))) for m in columns]
    shown = {metric.name for metric in columns}
    others = {name: value for name, value in row.metrics.items() if name not in shown}
    return ReportedView(section.dataset.id, figures, tabulate_all(others, row.decimals), row.source)


def _list_unmeasured(
    material: Material, spec: ModelSpec, done: set[str], tried: Mapping[str, Row]
) -> Iterator[Unmeasured]:
    """Data sets that are left, with the reason where a run gave one."""
    with_page = {section.dataset.id for section in material.sections}
    for id_ in material.registry.datasets:
        if id_ not in done:
            why = f"{tried[id_].status}: {tried[id_].remarks}" if id_ in tried else ""
            yield Unmeasured(id_, id_ in with_page, why)


def _list_steps(material: Material, spec: ModelSpec, done: Sequence[DatasetSpec]) -> list[Step]:
    """To the figures that are stored; for a model without any, to those of all data sets."""
    models, every = material.registry.models, list(material.registry.datasets.values())
    if not done:
        return list_steps(spec, every, models, why="Measure it:")
    text = "Or only check that it is the same model, by what it makes of sixteen fixed images; no data set is needed:"
    again = "Measure it again. What agrees with the stored figures leaves their files as they are:"
    return [*list_steps(spec, done, models, why=again), Step(text, f"leaderboard verify {spec.id}")]


def _list_citations(material: Material, spec: ModelSpec, datasets: Sequence[DatasetSpec]) -> Iterator[tuple[str, str]]:
    """The model and its makers, these figures, the images."""
    if (own := cite_model(spec)) is not None:
        yield "The model: where it is from", own
    yield "These figures: how to cite", material.citation
    for dataset in datasets:
        if dataset.kind != "synthetic":
            head = head_dataset(dataset)
            yield f"The images of {dataset.id}: {head[0].lower()}{head[1:]}", cite_dataset(dataset)
