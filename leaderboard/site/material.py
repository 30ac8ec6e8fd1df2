"""What every page is made from: the sections of the table, and what belongs to their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from leaderboard.citing import cite_leaderboard
from leaderboard.genera import GenusStandings
from leaderboard.records import DatasetSpec, Result
from leaderboard.registry import Registry
from leaderboard.rows import Row
from leaderboard.sections import Section


@dataclass(frozen=True)
class Images:
    """What may be shown of a data set's images; index i is that of labels and outcomes."""

    digest: str  # of the data set that they are of
    files: Sequence[str]  # class folder and name
    thumbnails: Mapping[int, bytes] = field(default_factory=dict)  # JPEG, of every image or of none

    @property
    def has_pictures(self) -> bool:
        """Whether there are any thumbnails."""
        return bool(self.thumbnails)


@dataclass(frozen=True)
class Material:
    """All that the site shows, before any of it is put into words."""

    registry: Registry
    results: Sequence[Result]
    sections: Sequence[Section]  # data sets that have rows; smoke tests last
    images: Mapping[str, Images] = field(default_factory=dict)  # data set -> what is known of its images
    genera: Mapping[str, GenusStandings] = field(default_factory=dict)  # data set -> its ranking figure by class

    @cached_property
    def result_of(self) -> Mapping[tuple[str, str], Result]:
        """(model, data set) -> its stored cell."""
        return {(result.model, result.dataset): result for result in self.results}

    @cached_property
    def citation(self) -> str:
        """How to cite these figures; the digest that it gives of them is computed once for all pages."""
        return cite_leaderboard(self.results)

    def compared(self, section: Section) -> list[Result]:
        """The stored cells whose rows can be held against one another, best first: all of the same images."""
        rows = [row for row in section.measured if row.is_comparable]
        return [self.result_of[row.model.id, section.dataset.id] for row in rows]

    def rows_of(self, model: str) -> list[tuple[Section, Row]]:
        """Where a model has figures, measured before reported."""
        found = [(section, row) for section in self.sections for row in (*section.measured, *section.reported)]
        return [(section, row) for section, row in found if row.model.id == model]

    def images_of(self, dataset: DatasetSpec, result: Result) -> Images | None:
        """What is known of the images that a cell was measured on; None where that may be others."""
        known = self.images.get(dataset.id)
        same = known is not None and result.provenance.inputs["dataset"] == known.digest and not result.left_out
        return known if same else None


def name_thumbnail(dataset: str, image: int) -> str:
    """Where the small picture of an image lies below the site's root."""
    return f"thumbnails/{dataset}/{image:05d}.jpg"
