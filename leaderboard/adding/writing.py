"""From a name on the Hub to an entry in models.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.adding.entry_text import render_entry
from leaderboard.adding.guessing import guess, make_id
from leaderboard.adding.hub_facts import check_repository, load_facts
from leaderboard.adding.networks import inspect_network
from leaderboard.entry_checks import find_name_problems
from leaderboard.errors import LeaderboardError
from leaderboard.models_file import check_writable, edit_models
from leaderboard.records import ModelSpec, RunOptions
from leaderboard.registry import Registry
from leaderboard.schema import IDENTIFIER
from leaderboard.yaml_edit import insert_entry


@dataclass(frozen=True)
class Added:
    """What was written, and what could not be known."""

    id: str
    text: str
    unknown: Sequence[str]  # each with what to do
    registry: Registry  # with the entry


def add_entry(registry: Registry, repository: str, id_: str | None, options: RunOptions) -> Added:
    """Read what the Hub knows of a model, and write its entry into models.yaml.

    Args:
        registry: of a clone.
        repository: ``owner/name`` on the Hub, or its address.
        id_: of the entry; None: what the repository's name gives.
        options: how long the Hub is waited for.

    Raises:
        Unavailable: the Hub cannot be asked, or does not give it.
        LeaderboardError: it cannot be added, or is there already; nothing is written.
    """
    check_writable(registry)
    name = check_repository(repository)
    chosen = choose_id(registry, name, id_)
    facts = load_facts(name, options)
    families = {spec.family for spec in registry.models.values() if spec.family}
    draft = guess(facts, inspect_network(facts), chosen, sorted(families))
    block = render_entry(draft)
    changed = edit_models(registry.root, lambda text: insert_entry(text, chosen, block))
    return Added(chosen, block, draft.unknown, changed)


def find_added(registry: Registry, repository: str, id_: str | None) -> str | None:
    """The id that the command would give, where the entry of that id is of this repository already; else None.

    Raises:
        LeaderboardError: the repository's name is none.
    """
    name = check_repository(repository)
    chosen = id_ if id_ is not None else make_id(name)
    return chosen if chosen in registry.models and _is_of(registry.models[chosen], name) else None


def choose_id(registry: Registry, repository: str, id_: str | None) -> str:
    """The id of a new entry.

    Raises:
        LeaderboardError: it is none, is taken, would select data, or the repository has an entry; pass --id.
    """
    chosen = id_ if id_ is not None else make_id(repository)
    if not IDENTIFIER.fullmatch(chosen):
        raise LeaderboardError(f"{chosen!r} is no id: lower-case letters, digits, single '-' and '.'; pass --id")
    if chosen in registry.models:
        if _is_of(registry.models[chosen], repository):
            again = f"python -m leaderboard add {repository} {'' if id_ is None else f'--id {id_} '}--measure"
            raise LeaderboardError(
                f"models.yaml has an entry {chosen!r} already, of {repository}; to measure it: `{again}`; "
                "to add another one of it, pass --id"
            )
        raise LeaderboardError(f"models.yaml has an entry {chosen!r} already; pass --id with another one")
    own = _find_entry(registry, repository)
    if own is not None and id_ is None:  # several models may be of one repository: then their ids are chosen by hand
        raise LeaderboardError(f"{repository} has an entry already, {own!r}; to add another one of it, pass --id")
    for _, problem in find_name_problems(chosen, list(registry.datasets)):
        raise LeaderboardError(f"id {chosen!r}: {problem.replace('rename the model', 'pass --id with another one')}")
    return chosen


def _find_entry(registry: Registry, repository: str) -> str | None:
    """The first entry with a source of this repository; the Hub takes no notice of the case of letters."""
    for spec in registry.models.values():
        if _is_of(spec, repository):
            return spec.id
    return None


def _is_of(spec: ModelSpec, repository: str) -> bool:
    return any(source.kind == "hub" and source.name.lower() == repository.lower() for source in spec.sources)
