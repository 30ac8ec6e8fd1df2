"""A model's figures drawn among those of all models that it is compared with on a data set. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan

from leaderboard.columns import title_of
from leaderboard.records import Metric
from leaderboard.render.cells import JOINED, MEASURED_DECIMALS, describe_figure
from leaderboard.rows import Row
from leaderboard.sections import Section
from leaderboard.site.comparison.data import list_comparable
from leaderboard.site.scales import Scale, span

HEIGHT = 10  # of the drawing in which the ticks of a field stand; its width is 100


@dataclass(frozen=True)
class Rival:
    """The model that another one is held against: the first of the table, or for the first the next one."""

    id: str
    role: str  # "the best", "the next best"; where nothing ranks "the highest"
    has_comparison: bool  # whether the compare page offers the two


@dataclass(frozen=True)
class Headline:
    """One figure of a model, and where it stands."""

    title: str
    name: str
    text: str  # with its half interval
    track: str  # style of a .track; empty: nothing can be drawn
    field: str  # path of an svg: a tick per compared model
    rival: str  # style of the rival's mark; empty: there is none
    rival_text: str
    difference: str  # to the rival; empty: nothing says


@dataclass(frozen=True)
class Field:
    """The compared models of a data set, best first, and the scale that their figures share."""

    section: Section
    rows: Sequence[Row]
    scale: Scale
    paths: Mapping[str, str]  # metric -> path of its ticks

    def rival_of(self, model: str) -> Rival | None:
        """Whom to hold a model against; None: there is nobody else."""
        ids = [row.model.id for row in self.rows]
        if not ids or ids == [model]:
            return None
        word, has_comparison = name_first(self.section), model in ids
        if ids[0] == model:
            return Rival(ids[1], f"the next {word}", has_comparison)
        return Rival(ids[0], f"the {word}", has_comparison)


def name_first(section: Section) -> str:
    """What the first of a table is: the best only where there are ranks."""
    if section.is_ranked:
        return "best"
    return {True: "highest", False: "lowest", None: "first"}[section.columns[0].higher_is_better]


def gather_field(section: Section) -> Field:
    """What all models of a data set are drawn against."""
    rows = list_comparable(section)
    drawn = [metric for metric in section.columns if _is_share(metric, rows)]
    values = {metric.name: _list_values(metric.name, rows) for metric in drawn}
    scale = span(pair for pairs in values.values() for pair in pairs)
    paths = {name: _draw_ticks(scale, [value for value, _ in pairs]) for name, pairs in values.items()}
    return Field(section, rows, scale, paths)


def describe_headlines(field: Field, row: Row) -> list[Headline]:
    """The figures of a row in the columns of its data set; those that it has."""
    rival = field.rival_of(row.model.id)
    against = next((other for other in field.rows if rival and other.model.id == rival.id), None)
    shown = [metric for metric in field.section.columns if isfinite(row.metrics.get(metric.name, nan))]
    return [_describe(field, metric, row, against if row.is_comparable else None) for metric in shown]


def describe_intervals(headlines: Sequence[Headline], *, is_comparable: bool) -> str:
    """What the figures of a row are, as its table's caption says it."""
    having = ["±" in line.text for line in headlines]
    if all(having):
        return "Figures with 95 % intervals (±)."
    if any(having):
        return "Figures, with 95 % intervals (±) where they have one."
    if is_comparable:
        return "Figures; none of them has an interval."
    return "Figures as stored, without intervals; they are compared with nothing."


def _describe(field: Field, metric: Metric, row: Row, rival: Row | None) -> Headline:
    value, name = row.metrics[metric.name], metric.name
    other = rival.metrics.get(name) if rival else None
    is_drawn = name in field.paths
    return Headline(
        title=title_of(metric),
        name=name,
        text=describe_figure(row, metric),
        track=field.scale.track(value, _half_width(row, name)) if is_drawn else "",
        field=field.paths.get(name, ""),
        rival="" if other is None or not is_drawn else f"--to:{field.scale.place(other)}%",
        rival_text="" if rival is None else f"{rival.model.id}: {describe_figure(rival, metric)}",
        difference=_describe_difference(field.section, name, row, rival),
    )


def _describe_difference(section: Section, name: str, row: Row, rival: Row | None) -> str:
    """With its interval, and whether the images tell the two apart among all pairs; empty where nothing says."""
    standings = section.by_metric.get(name)
    if rival is None or standings is None or standings.pairs is None:
        return ""
    models = list(standings.of)
    if not {row.model.id, rival.model.id} <= set(models):
        return ""
    difference = standings.pairs.subtract(models.index(row.model.id), models.index(rival.model.id))
    value, half = sign_number(difference.value, MEASURED_DECIMALS), f"{difference.half_width:.{MEASURED_DECIMALS}f}"
    return f"{value}{JOINED}±{JOINED}{half}, {'told apart' if difference.is_resolved else 'not told apart'}"


def sign_number(value: float, digits: int) -> str:
    """A difference with its sign, the minus as wide as the plus; what is rounded to nothing has none."""
    if round(value, digits) == 0:
        return f"{0:.{digits}f}"
    return f"{value:+.{digits}f}".replace("-", "−")


def _half_width(row: Row, metric: str) -> float:
    standing = row.standings.get(metric)
    return standing.half_width if standing else 0.0


def _is_share(metric: Metric, rows: Iterable[Row]) -> bool:
    """Whether all its figures lie between 0 and 1: what one scale can hold."""
    return all(0 <= value <= 1 for value, _ in _list_values(metric.name, rows))


def _list_values(metric: str, rows: Iterable[Row]) -> list[tuple[float, float]]:
    return [(row.metrics[metric], _half_width(row, metric)) for row in rows if metric in row.metrics]


def _draw_ticks(scale: Scale, values: Iterable[float]) -> str:
    return "".join(f"M{scale.place(value):g} 0v{HEIGHT}" for value in values)
