"""A model on one data set, as its page tells it: figures, classes, mistakes, finds, provenance. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leaderboard.columns import title_of
from leaderboard.mistakes import Confusion, Query, choose_queries, count_confusions
from leaderboard.records import DatasetSpec, Result
from leaderboard.rows import Row, describe_data_licence
from leaderboard.sections import Section
from leaderboard.site.material import Images, Material
from leaderboard.site.model.curves import Curve, draw_curves
from leaderboard.site.model.fields import Field, Headline, Rival, describe_headlines, describe_intervals
from leaderboard.site.model.genus_bars import GenusChart, describe_genera, describe_stored
from leaderboard.site.model.metric_tables import MetricTable, tabulate_all
from leaderboard.site.model.origins import describe_speed, list_environment, list_inputs
from leaderboard.site.pictures import RIGHT, WRONG, Picture, describe_picture
from leaderboard.site.scales import Scale
from leaderboard.site.words import Words, name_classes

CONFUSIONS = 8
QUERIES = 5


@dataclass(frozen=True)
class NamedConfusion:
    """Who is taken for whom."""

    truth: str
    named: str
    share: str  # "23 %"
    width: str  # style of a bar
    counts: str  # "14 of 60 tests"


@dataclass(frozen=True)
class Example:
    """A query with what was found."""

    query: Picture
    neighbours: Sequence[Picture]
    said: str


@dataclass(frozen=True)
class CellView:
    """One part of a model's page. Of a corrupt cell only its provenance is shown."""

    dataset: DatasetSpec
    words: Words  # for its classes
    warning: str  # empty: nothing speaks against it
    scale: Scale
    rival: Rival | None
    headlines: Sequence[Headline]
    intervals: str  # what the headlines are: the beginning of their caption
    says_apart: bool  # whether any of them says if the images tell two models apart
    genera: GenusChart | None
    confusions: Sequence[NamedConfusion]
    examples: Sequence[Example]
    examples_missing: str  # why there are none, where there could be
    credit: str  # of the pictures
    curves: Sequence[Curve]
    tables: Sequence[MetricTable]
    metrics: int
    inputs: Sequence[tuple[str, str]]
    environment: Sequence[tuple[str, str]]
    speed: str


def describe_cell(material: Material, field: Field, row: Row) -> CellView:
    """What is stored of a measured row."""
    section, words = field.section, name_classes(field.section.dataset)
    result = material.result_of[row.model.id, section.dataset.id]
    is_shown = row.status != "corrupt"
    images = material.images_of(section.dataset, result)
    rival = field.rival_of(row.model.id) if row.is_comparable else None
    examples = _show_examples(section.dataset, result, images) if is_shown else []
    headlines = describe_headlines(field, row) if is_shown else []
    return CellView(
        dataset=section.dataset,
        words=words,
        warning=_describe_warning(row),
        scale=field.scale,
        rival=rival,
        headlines=headlines,
        intervals=describe_intervals(headlines, is_comparable=row.is_comparable),
        says_apart=any(line.difference for line in headlines),
        genera=_compare_genera(material, section, row, result, rival),
        confusions=[name_confusion(own, result) for own in count_confusions(result)[:CONFUSIONS]] if is_shown else [],
        examples=examples,
        examples_missing=_describe_missing(section.dataset, result) if is_shown and not examples else "",
        credit=f"{section.dataset.attribution} {describe_data_licence(section.dataset)}." if examples else "",
        curves=draw_curves(result.metrics, words) if is_shown else [],
        tables=tabulate_all(result.metrics) if is_shown else [],
        metrics=len(result.metrics),
        inputs=list_inputs(result),
        environment=list_environment(result),
        speed=describe_speed(result) if is_shown else "",
    )


def _describe_warning(row: Row) -> str:
    """Why a row is not compared; the words of the table."""
    if row.is_comparable and not row.remarks:
        return ""
    said = {
        "corrupt": "This result file contradicts itself, so its figures are not shown",
        "stale": "These figures are stale: they are shown, and neither ranked nor compared",
    }
    plain = "A remark" if row.is_comparable else "These figures are not ranked or compared"
    return f"{said.get(row.status or '', plain)}: {row.remarks}."


def _compare_genera(
    material: Material, section: Section, row: Row, result: Result, rival: Rival | None
) -> GenusChart | None:
    """With intervals where the table compares the row, else as stored; of a corrupt cell nothing."""
    if row.status == "corrupt":
        return None
    standings = material.genera.get(section.dataset.id)
    if not row.is_comparable or standings is None or result.model not in standings.models:
        return describe_stored(result)
    title, words = title_of(section.columns[0]), name_classes(section.dataset)
    return describe_genera(standings, result, rival, title, words)


def name_confusion(confusion: Confusion, result: Result) -> NamedConfusion:
    """A confusion in words."""
    share = 100 * confusion.share
    return NamedConfusion(
        result.classes[confusion.truth],
        result.classes[confusion.named],
        f"{share:.0f} %",
        f"--share:{share:.1f}",
        f"{confusion.times} of {confusion.asked} tests",
    )


def _show_examples(dataset: DatasetSpec, result: Result, images: Images | None) -> list[Example]:
    if images is None or not images.has_pictures:
        return []

    def show(image: int, sign: str = "") -> Picture:
        return describe_picture(dataset.id, image, result.classes[result.labels[image]], images, sign=sign)

    kind = name_classes(dataset).one
    return [_show_query(query, result, show, kind) for query in choose_queries(result, QUERIES)]


def _show_query(query: Query, result: Result, show: Callable[..., Picture], kind: str) -> Example:
    own = result.labels[query.image]
    signs = [RIGHT if result.labels[near] == own else WRONG for near in query.neighbours]
    right = signs.count(RIGHT)
    said = f"{right} of the {len(signs)} nearest are of its {kind}; of the {query.relevant} others of its {kind}, "
    said += f"{query.found} are among the first {query.relevant}"
    near = [show(image, sign=sign) for image, sign in zip(query.neighbours, signs, strict=True)]
    return Example(show(query.image), near, said)


def _describe_missing(dataset: DatasetSpec, result: Result) -> str:
    """Why no pictures are shown of what it finds; empty where there is nothing to show."""
    if "neighbours" not in result.outcomes.get("retrieval", {}):
        return ""
    if not dataset.thumbnails:
        return "No pictures: nobody has noted a licence that lets small pictures of these images be shown."
    return (
        "No pictures in this copy of the site: build it with --thumbnails, with the images in "
        f"$LEADERBOARD_DATA/{dataset.id}/."
    )
