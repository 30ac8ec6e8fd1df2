"""What the classes of a data set are called in sentences and tables: genera, species, taxa, or just classes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leaderboard.records import DatasetSpec, Taxon

PLURALS: Mapping[Taxon, str] = {"genus": "genera", "species": "species", "taxon": "taxa", "class": "classes"}


@dataclass(frozen=True)
class Words:
    """One class, and several; in lower case."""

    one: str
    many: str

    def count(self, number: int) -> str:
        """So many of them: "1 genus", "20 genera"."""
        return f"{number} {self.one if number == 1 else self.many}"


def name_classes(dataset: DatasetSpec) -> Words:
    """The words for the classes of a data set, as ``taxon`` of its entry says."""
    return Words(dataset.taxon, PLURALS[dataset.taxon])
