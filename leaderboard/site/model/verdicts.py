"""What a data set says of one model, in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan

from leaderboard.columns import title_of
from leaderboard.ranking import Standing
from leaderboard.render.cells import MEASURED_DECIMALS, describe_figure, describe_place, state_p
from leaderboard.render.findings import MOST_NAMED
from leaderboard.rows import Row
from leaderboard.sections import Section
from leaderboard.statistics import Difference


def describe_verdict(section: Section, row: Row) -> str:
    """Where a measured model stands; what is in ``**`` is strong. Figures of a corrupt cell are not told."""
    metric, where = section.columns[0], f"on {section.dataset.id}"
    if row.status == "corrupt":
        return f"No figures {where}: its result file contradicts itself."
    if not isfinite(row.metrics.get(metric.name, nan)):
        return _describe_without(section, row, where)
    figure = f"{title_of(metric)} {describe_figure(row, metric)}"
    standing = row.standings.get(metric.name)
    if not section.dataset.ranked:
        return f"{figure} {where}, a smoke test: no evidence about real fossils."
    if not row.is_comparable:
        return f"Not ranked {where}: {row.remarks}. Its {figure} is shown, and compared with nothing."
    if standing is None:
        return f"{figure} {where}; without an interval it has no rank."
    models = len(section.standings.of) if section.standings else 1
    if models == 1:
        return f"{figure} {where}, where no other model is compared: this says nothing about which is better."
    return f"**Place {describe_place(standing)} of {models}** {where} ({figure}): {_describe_company(section, row)}."


def _describe_without(section: Section, row: Row, where: str) -> str:
    """Of a model that lacks the figure by which the table is sorted."""
    title = title_of(section.columns[0])
    why = "" if row.is_comparable else f", and compared with nothing ({row.remarks})"
    return f"No {title} {where}: it has no place there. Its other figures are shown below{why}."


def _describe_company(section: Section, row: Row) -> str:
    """Whom it shares its place with, and how far it is from the best or from the next one."""
    name = section.columns[0].name
    placed = [other for other in section.measured if name in other.standings]
    own = row.standings[name]
    tied = [other.model.id for other in placed if other.standings[name].rank == own.rank and other != row]
    best, others = placed[0].model.id, [model for model in tied if model != placed[0].model.id]
    shared = [f"in one group with {list_names(others)}"] if others else []
    if row.model.id != best:
        return "; ".join([f"{_gap(own.to_best)} below {best}, {_judge(own.to_best)}", *shared])
    below = [other for other in placed if other.standings[name].rank != own.rank]
    shared = [f"not told apart from {list_names(others)}"] if others else []
    return "; ".join([*shared, *[_lead(other.model.id, other.standings[name]) for other in below[:1]]])


def _lead(model: str, standing: Standing) -> str:
    return f"{_gap(standing.to_best)} above {model}, the best of those that are told from it"


def _gap(difference: Difference) -> str:
    return f"{abs(difference.value):.{MEASURED_DECIMALS}f} ± {difference.half_width:.{MEASURED_DECIMALS}f}"


def _judge(difference: Difference) -> str:
    if difference.is_resolved:
        return "the best"
    return f"the best, and not told apart from it ({state_p(difference.p)})"


def list_names(ids: Sequence[str]) -> str:
    """All of a few, else how many and the first."""
    if len(ids) > MOST_NAMED:
        return f"{len(ids)} models, {', '.join(ids[: MOST_NAMED - 1])} among them"
    *names, last = ids
    return f"{', '.join(names)} and {last}" if names else last
