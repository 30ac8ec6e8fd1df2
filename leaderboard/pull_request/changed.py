"""Which models a pull request concerns: whose entry, result, data or code path changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import TypeVar

from leaderboard.pull_request.code_path import concerns_every_model, library_of
from leaderboard.pull_request.sides import Sides
from leaderboard.records import DatasetSpec, ModelSpec
from leaderboard.registry import Registry

RESULT = re.compile(r"leaderboard/results/(?P<dataset>[^/]+)/(?P<model>[^/]+)\.json")
DATA = re.compile(
    r"models\.yaml|datasets\.yaml|leaderboard/results/.*|docs/.*|[^/]*\.(md|cff)|LICENSE|leaderboard/README\.md"
)
NEW = "new"
AUTOMATION = (".github/", ".ci/")  # what runs on a push: to be read by a person before it does
MODEL_WORDS = frozenset({"title", "family", "tags", "links", "notice", "licence", "reported", "group"})
DATASET_WORDS = frozenset(
    {"title", "licence", "attribution", "ranked", "taxon", "thumbnails", "columns", "literature", "origin", "paper"}
    | {"unverified", "download"}
)  # what no figure rests on
Spec = TypeVar("Spec", ModelSpec, DatasetSpec)


@dataclass(frozen=True)
class Changed:
    """What a pull request concerns."""

    reasons: Mapping[str, Sequence[str]]  # model -> why it is to be measured again; in the order of models.yaml
    gated: Sequence[str]  # those of them whose weights take an account
    removed: Sequence[str]  # models without an entry any more
    automation: Sequence[str]  # changed files of workflows
    touched: Sequence[str] = ()  # those whose entry or result it touches itself, not only the code or data they use
    new: Sequence[str] = ()  # those without an entry before
    code: Sequence[str] = ()  # changed files that are neither data nor words: the figures are as good as these
    words: Sequence[str] = ()  # what is shown otherwise though no figure is concerned: reported figures, columns

    @property
    def open(self) -> list[str]:
        """Models that anybody can measure."""
        return [model for model in self.reasons if model not in self.gated]


def compute_changed(sides: Sides) -> Changed:
    """Every model that a figure of may have changed, with the reasons.

    A change of code that every model shares concerns the default group: enough to see a mistake, in minutes.
    """
    own = [*_entries(sides), *_results(sides)]
    found: dict[str, list[str]] = {}
    for model, reason in chain(own, _data(sides), _code(sides)):
        found.setdefault(model, []).append(reason)
    models = sides.after.registry.models
    touched = {model for model, _ in own}
    reasons = {model: tuple(dict.fromkeys(found[model])) for model in models if model in found}
    return Changed(
        reasons=reasons,
        gated=tuple(model for model in reasons if models[model].access == "gated"),
        removed=tuple(model for model in (sides.before.registry.models if sides.before else ()) if model not in models),
        automation=tuple(file for file in sides.files if file.startswith(AUTOMATION)),
        touched=tuple(model for model in reasons if model in touched),
        code=tuple(file for file in sides.files if not DATA.fullmatch(file) and not file.startswith(AUTOMATION)),
        words=tuple(_words(sides)),
        new=tuple(model for model, why in reasons.items() if NEW in why),
    )


def _words(sides: Sides) -> Iterator[str]:
    if sides.before is None:
        return
    for id_, spec in sides.after.registry.models.items():
        yield from _name_words(sides.before.registry.models.get(id_), spec, MODEL_WORDS)
    for id_, data in sides.after.registry.datasets.items():
        yield from _name_words(sides.before.registry.datasets.get(id_), data, DATASET_WORDS)
    gone = sides.before.registry.datasets.keys() - sides.after.registry.datasets.keys()
    yield from (f"data set {id_} removed" for id_ in sorted(gone))


def _name_words(older: Spec | None, newer: Spec, words: frozenset[str]) -> Iterator[str]:
    names = [name for name in sorted(words) if older and getattr(older, name) != getattr(newer, name)]
    if names:
        yield f"{newer.id} ({', '.join(names)})"


Reasons = Iterator[tuple[str, str]]  # model, why


def _entries(sides: Sides) -> Reasons:
    if sides.before is None:
        reason = "the older models.yaml or results cannot be read"
        yield from ((model, reason) for model in _default_group(sides.after.registry))
        return
    older = sides.before.registry.models
    for id_, spec in sides.after.registry.models.items():
        if id_ not in older:
            yield id_, NEW
        elif names := _differing(older[id_], spec, MODEL_WORDS):
            yield id_, f"entry ({', '.join(names)})"


def _results(sides: Sides) -> Reasons:
    """A file that was measured, copied or edited by hand: measuring it again tells."""
    for file in sides.files:
        if (match := RESULT.fullmatch(file)) and match["model"] in sides.after.registry.models:
            yield match["model"], f"result on {match['dataset']}"


def _data(sides: Sides) -> Reasons:
    older = sides.before.registry.datasets if sides.before else {}
    for id_, spec in sides.after.registry.datasets.items():
        if sides.before and (id_ not in older or _differing(older[id_], spec, DATASET_WORDS)):
            yield from ((model, f"data ({id_})") for model in _default_group(sides.after.registry))


def _code(sides: Sides) -> Reasons:
    registry = sides.after.registry
    for file in sides.files:
        if concerns_every_model(file):
            yield from ((model, f"code ({file})") for model in _default_group(registry))
        elif library := library_of(file):
            yield from ((model, f"code ({file})") for model in _loaded_by(library, sides))


def _loaded_by(library: str, sides: Sides) -> list[str]:
    """Of the models that this library loads, those that can be seen to change: measured ones and the default group."""
    registry = sides.after.registry
    seen = {*_default_group(registry), *(result.model for result in sides.after.results)}
    return [id_ for id_, spec in registry.models.items() if id_ in seen and library in _libraries(spec)]


def _libraries(spec: ModelSpec) -> set[str | None]:
    return {spec.library, *(source.library for source in spec.sources)}


def _default_group(registry: Registry) -> list[str]:
    return [id_ for id_, spec in registry.models.items() if spec.group == "default"]


def _differing(older: Spec, newer: Spec, words: frozenset[str]) -> list[str]:
    names = [field.name for field in fields(newer) if field.name not in words]
    return [name for name in names if getattr(older, name) != getattr(newer, name)]
