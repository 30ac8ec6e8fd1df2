"""A row of the front page's tables: what stands in every cell of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from leaderboard.ranking import Standing
from leaderboard.records import Metric, ModelSpec
from leaderboard.render.cells import (
    ARROWS,
    MEASURED_DECIMALS,
    MISSING,
    describe_millions,
    describe_number,
    describe_place,
)
from leaderboard.render.tables import describe_machine
from leaderboard.rows import Row
from leaderboard.site.front.licences import classify_licence

GATES = {"open": "", "gated, a copy is open": "gated, copy open", "gated": "gated"}  # access -> what a chip says
NAMED = 4  # tied models that one row names
CHANGES = {"improved": "better than in the state published before", "worse": "worse than in the state published before"}


@dataclass(frozen=True)
class Figure:
    """A cell with a number in it, or without."""

    text: str = MISSING
    value: float | None = None  # unrounded: rows are sorted by it
    half_width: float | None = None
    arrow: str = ""
    change: str = ""  # what the arrow means
    why: str = ""  # there is none

    @property
    def half(self) -> str:
        """Its half-width as text; empty where it has no interval."""
        return "" if self.half_width is None else describe_number(self.half_width, MEASURED_DECIMALS)


@dataclass(frozen=True)
class Line:
    """One row."""

    model: ModelSpec
    is_measured: bool
    is_compared: bool  # whether its figures may be held against those of other rows
    place: str  # "1= (1–2)"
    rank: int | None
    tied: str  # with whom it shares its place
    leads: bool  # whether it is the first of those
    drawn: Figure
    figures: Sequence[Figure]
    parameters: Figure
    speed: Figure
    licence_group: str
    status: str  # where it is not simply measured or reported
    gate: str  # where not everybody gets the weights
    remarks: str

    @property
    def has_figures(self) -> bool:
        """Whether any is shown: a corrupt cell has none, nor has one that a run could not measure."""
        return any(figure.value is not None for figure in (self.drawn, *self.figures))

    @property
    def kind(self) -> str:
        """Whose its figures are, as the filter has it; empty where it has none."""
        return "reported" if not self.is_measured else "measured" if self.has_figures else ""

    @property
    def words(self) -> str:
        """What a search looks in."""
        return list_words(self.model)


def list_words(model: ModelSpec) -> str:
    """What a search for a model looks in: its names, family, tags; in lower case."""
    return " ".join(filter(None, [model.id, model.title, model.family, *model.tags])).lower()


def build_line(
    row: Row, standing: Standing | None, group: Sequence[str], columns: tuple[Metric, Sequence[Metric]], machine: str
) -> Line:
    """What the front page shows of a row.

    Args:
        row: measured or reported.
        standing: where it has a place.
        group: the models that share it, best first.
        columns: the figure that is drawn, and the others.
        machine: whose speeds are shown.
    """
    drawn, others = columns
    return Line(
        model=row.model,
        is_measured=row.status != "reported",
        is_compared=row.is_comparable,
        place=describe_place(standing) if standing else "",
        rank=standing.rank if standing else None,
        tied=_describe_tie(row.model.id, group),
        leads=row.model.id in group[:1],
        drawn=read_figure(row, drawn),
        figures=[read_figure(row, metric) for metric in others],
        parameters=Figure(describe_millions(row.parameters), row.parameters),
        speed=_read_speed(row, machine),
        licence_group=classify_licence(row.model.licence),
        status=row.status if row.status not in ("ok", "reported", None) else "",
        gate=GATES[row.model.access],
        remarks=row.remarks,
    )


def _describe_tie(model: str, group: Sequence[str]) -> str:
    others = [other for other in group if other != model]
    return ", ".join(others) if len(others) <= NAMED else f"{len(others)} others"


def read_figure(row: Row, metric: Metric) -> Figure:
    """A row's figure, with its interval and arrow where it has them; reported ones with their own decimals."""
    value, half_width = read_interval(row, metric)
    if value is None:
        return Figure()
    digits = row.decimals.get(metric.name, 0) if row.status == "reported" else MEASURED_DECIMALS
    arrow = row.arrows.get(metric.name, "")
    return Figure(describe_number(value, digits), value, half_width, ARROWS.get(arrow, ""), CHANGES.get(arrow, ""))


def _read_speed(row: Row, machine: str) -> Figure:
    if row.status != "ok" or not row.speed:
        return Figure()
    if describe_machine(row.speed) != machine:
        return Figure(why=f"recorded on another machine: {describe_machine(row.speed)}")
    value = float(row.speed["images_per_second"])
    return Figure(f"{value:,.0f}" if value >= 100 else describe_number(value, 1), value)


def read_interval(row: Row, metric: Metric) -> tuple[float | None, float | None]:
    """Value and half-width; none of a corrupt row."""
    value = None if row.status == "corrupt" else row.metrics.get(metric.name)
    standing = row.standings.get(metric.name)
    known = value if value is not None and isfinite(value) else None
    return known, standing.half_width if standing and known is not None else None
