"""A page per data set: what it is, what its images can tell, what is hard in it, which labels to look at again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leaderboard.citing import cite_dataset, head_dataset
from leaderboard.columns import title_of
from leaderboard.records import DatasetSpec, Result
from leaderboard.render.cells import describe_number
from leaderboard.render.findings import describe_findings
from leaderboard.render.notes import describe_sources, list_literature
from leaderboard.rows import Row, describe_data_licence, sort_reported
from leaderboard.sections import Section
from leaderboard.site.dataset.listening import gather_listening
from leaderboard.site.dataset.suspicions import Suspicions, gather_suspicions
from leaderboard.site.material import Images, Material
from leaderboard.site.model.fields import name_first
from leaderboard.site.model.genus_bars import SCALE, GenusBar, describe_hardest, list_doubts
from leaderboard.site.model.origins import describe_placing
from leaderboard.site.pages import render_page
from leaderboard.site.pictures import Picture, describe_picture
from leaderboard.site.words import Words, name_classes

EXAMPLES = 3


@dataclass(frozen=True)
class Genus:
    """A class of the data set."""

    name: str
    images: int
    examples: Sequence[Picture]  # empty: none can be shown


@dataclass(frozen=True)
class ReportedTable:
    """Figures that others published."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[str]]]  # model, its notice, figures
    sources: str


@dataclass(frozen=True)
class DatasetPage:
    """All that the page of a data set says."""

    spec: DatasetSpec
    licence: str
    facts: Sequence[tuple[str, str]]
    placing: str  # empty: it can be fetched or drawn
    findings: Sequence[str]
    compared: int  # models
    words: Words  # for its classes
    first: str  # model of the table; empty: nothing is compared
    role: str  # of the first: "the best", where nothing ranks "the highest"
    title: str  # of the figure by which the table is sorted
    notices: Sequence[str]
    hardest: Sequence[GenusBar]
    middle: str  # the models of whose figures the median is drawn; empty: it is not
    doubts: Sequence[str]  # about its intervals
    genera: Sequence[Genus]  # empty: nobody has listed its images here
    has_examples: bool
    suspicions: Suspicions | None  # None: too few models are good
    literature: Sequence[str]
    reported: ReportedTable | None
    citation_head: str
    citation: str


def list_dataset_pages(material: Material) -> dict[str, bytes]:
    """A page for every data set that has a section, by its path below the site's root."""
    views = [describe_dataset(material, section) for section in material.sections]
    paths = {f"datasets/{view.spec.id}.html": view for view in views}
    return {path: render_page("dataset.html", path, view=view, genus_scale=SCALE) for path, view in paths.items()}


def describe_dataset(material: Material, section: Section) -> DatasetPage:
    """What the page of one data set says."""
    spec, compared = section.dataset, material.compared(section)
    images = material.images_of(spec, compared[0]) if compared else material.images.get(spec.id)
    genera = _list_genera(spec, compared[0] if compared else None, images)
    standings, words = material.genera.get(spec.id), name_classes(spec)
    listening = gather_listening(material, section)
    chosen, middle = listening.middle
    hardest = describe_hardest(standings, compared[0], chosen) if compared and standings else []
    return DatasetPage(
        spec=spec,
        licence=describe_data_licence(spec),
        facts=list(_list_facts(spec)),
        placing=describe_placing(spec) if spec.kind == "folder" else "",
        findings=describe_findings(section) if section.measured else [],
        compared=len(compared),
        words=words,
        first=compared[0].model if compared else "",
        role=f"the {name_first(section)}",
        title=title_of(section.columns[0]),
        notices=list(_list_notices(section)),
        hardest=hardest,
        middle=middle,
        doubts=list_doubts(hardest, words),
        genera=genera,
        has_examples=any(genus.examples for genus in genera),
        suspicions=gather_suspicions(section, listening, images),
        literature=list_literature(spec),
        reported=_tabulate_reported(section) if section.reported else None,
        citation_head=head_dataset(spec),
        citation=cite_dataset(spec),
    )


def _list_facts(spec: DatasetSpec) -> Iterator[tuple[str, str]]:
    yield "Images", str(spec.images)
    yield name_classes(spec).many.capitalize(), str(spec.classes)
    yield "Licence", describe_data_licence(spec)
    yield "Small pictures", "may be shown" if spec.thumbnails else "not known to be allowed, so none are shown"
    yield "Specimens", f"known by {spec.specimen}" if spec.specimen else "every image counts as one of its own"
    if spec.download:
        yield "Download", spec.download
    if spec.unverified:
        yield "Not verified by us", " and ".join(spec.unverified)


def _list_notices(section: Section) -> Iterator[str]:
    """What licences ask to be shown wherever a model's figures are; reported figures have it beside them."""
    for row in section.measured:
        if row.metrics and row.model.notice:
            yield f"{row.model.id}: {row.model.notice}."


def _list_genera(spec: DatasetSpec, result: Result | None, images: Images | None) -> list[Genus]:
    """Its classes, as a result or else the listing of its images has them."""
    if result is not None:
        names, labels = list(result.classes), list(result.labels)
    elif images is not None:
        folders = [name.rpartition("/")[0] for name in images.files]
        names = sorted(set(folders), key=str.encode)
        labels = [names.index(folder) for folder in folders]
    else:
        return []
    counts = Counter(labels)
    return [
        Genus(name, counts[place], _show_some(spec, name, [i for i, own in enumerate(labels) if own == place], images))
        for place, name in enumerate(names)
    ]


def _show_some(spec: DatasetSpec, genus: str, members: Sequence[int], images: Images | None) -> list[Picture]:
    """The first, the middle and the last of its folder: chosen by nobody."""
    if images is None or not images.has_pictures or not members:
        return []
    places = dict.fromkeys(round(step * (len(members) - 1) / (EXAMPLES - 1)) for step in range(EXAMPLES))
    return [describe_picture(spec.id, members[place], genus, images) for place in places]


def _tabulate_reported(section: Section) -> ReportedTable:
    shown = [metric for metric in section.columns if any(metric.name in row.metrics for row in section.reported)]
    rows = [
        (row.model.id, row.model.notice or "", _write(row, [metric.name for metric in shown]))
        for row in sort_reported(section.reported, section.columns)
    ]
    return ReportedTable([title_of(metric) for metric in shown], rows, describe_sources(section.reported))


def _write(row: Row, names: Sequence[str]) -> list[str]:
    return [describe_number(row.metrics.get(name), row.decimals.get(name, 0)) for name in names]
