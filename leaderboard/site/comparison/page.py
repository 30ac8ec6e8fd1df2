"""The page that holds any two models of a data set against one another, and the figures that its script shows."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.sections import Section
from leaderboard.site.comparison.data import compute_comparison_data, list_comparable
from leaderboard.site.comparison.packing import write_script
from leaderboard.site.material import Material
from leaderboard.site.pages import render_page

FEWEST = 2  # models, to compare


@dataclass(frozen=True)
class Choice:
    """A data set as the page offers it."""

    id: str
    models: tuple[str, ...]  # that can be compared, best first
    has_intervals: bool  # of the figure that ranks: without them a terminal compares nothing

    @property
    def command(self) -> str:
        """What compares its first two in a terminal, alone."""
        return f"leaderboard compare {self.models[0]} {self.models[1]} --dataset {self.id}"


def list_comparison_files(material: Material) -> dict[str, bytes]:
    """The page, and a script with the figures of every data set that it offers: loaded when that is chosen."""
    offered = [section for section in material.sections if len(list_comparable(section)) >= FEWEST]
    choices = [_describe_choice(section) for section in offered]
    others = [_describe_choice(section) for section in material.sections if section not in offered]
    example = next((choice for choice in choices if choice.has_intervals), None)
    page = render_page("compare.html", "compare.html", choices=choices, others=others, example=example)
    return {"compare.html": page} | {_name_script(section): _write_data(material, section) for section in offered}


def _describe_choice(section: Section) -> Choice:
    models = tuple(row.model.id for row in list_comparable(section))
    return Choice(section.dataset.id, models, has_intervals=section.standings is not None)


def _name_script(section: Section) -> str:
    return f"data/{section.dataset.id}.js"


def _write_data(material: Material, section: Section) -> bytes:
    return write_script("leaderboardData", section.dataset.id, compute_comparison_data(material, section))
