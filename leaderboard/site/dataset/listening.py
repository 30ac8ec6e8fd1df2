"""Which models of a data set are worth listening to, and how independent they are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.auditing import find_good, list_untrained
from leaderboard.records import Result
from leaderboard.render.findings import MOST_NAMED
from leaderboard.sections import Section
from leaderboard.site.comparison.data import list_comparable
from leaderboard.site.material import Material

BETTER, TRAINED = "models that are better than every untrained one", "trained models"
FEWEST_GOOD = 3  # models, for a median of them
FEWEST_TRAINED = 2  # likewise


@dataclass(frozen=True)
class Listening:
    """The compared models of a data set that have the figure by which its table is sorted."""

    good: Sequence[Result]  # better than every untrained one; without such a floor all trained ones
    trained: Sequence[str]  # ids
    has_floor: bool  # whether an untrained model is among the compared ones
    families: frozenset[str | None]  # of the good ones; None: not stated

    @property
    def who(self) -> str:
        """Which models are listened to, in a sentence."""
        if self.has_floor:
            return f"Asked are {self._named}."
        return f"Asked are {self._named}: without an untrained one, nothing here says how good they are."

    @property
    def _named(self) -> str:
        return _describe(BETTER if self.has_floor else TRAINED, [result.model for result in self.good])

    @property
    def kinship(self) -> str:
        """That the good ones are of one family; empty where they are not, or nobody knows."""
        family = next(iter(self.families)) if len(self.families) == 1 else None
        return f"All of them are of one family ({family}), so their agreement is not independent." if family else ""

    @property
    def middle(self) -> tuple[Sequence[str], str]:
        """The models whose median tells how hard something is, and who they are; none where there are too few."""
        if self.has_floor and len(self.good) >= FEWEST_GOOD:
            return [result.model for result in self.good], self._named
        if len(self.trained) >= FEWEST_TRAINED:
            return self.trained, _describe(TRAINED, self.trained)
        return [], ""


def gather_listening(material: Material, section: Section) -> Listening:
    """Of the same models and by the same rule as ``leaderboard audit``."""
    registered = material.registry.models
    untrained = list_untrained(registered.values())
    models = [row.model.id for row in list_comparable(section)]
    results = [material.result_of[model, section.dataset.id] for model in models]
    good = find_good(results, untrained, section.columns[0], section.standings)
    return Listening(
        good=good,
        trained=[model for model in models if model not in untrained],
        has_floor=any(model in untrained for model in models),
        families=frozenset(registered[result.model].family for result in good),
    )


def _describe(kind: str, models: Sequence[str]) -> str:
    """How many of a kind, and all of a few or the first of many; at least two."""
    shown = list(models) if len(models) <= MOST_NAMED else models[: MOST_NAMED - 1]
    *names, last = shown if len(shown) == len(models) else [*shown, f"{len(models) - len(shown)} others"]
    return f"the {len(models)} {kind} ({', '.join(names)} and {last})"
