"""Whether everything that the leaderboard rests on is still there and still the same: models, data sets, links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from leaderboard.backbones._hub import resolve_commit
from leaderboard.errors import LeaderboardError, Unavailable, first_line
from leaderboard.links import Answer, Link, check_links, collect_addresses
from leaderboard.records import DatasetSpec, ModelSpec, RunOptions, Source, Status
from leaderboard.registry import Registry
from leaderboard.result_files import load_results_of
from leaderboard.verification import Verdict, verify_model

Kind = Literal["vanished", "changed", "unreachable", "refused", "well"]
ALARMS: tuple[Kind, ...] = ("vanished", "changed")
NOT_HERE = "is not installed"  # what Unavailable says of this machine, not of the model
KIND_OF_VERDICT: Mapping[Status | Literal["differs"], Kind] = {
    "ok": "well",
    "differs": "changed",
    "error": "changed",  # other tensors, or the entry cannot be loaded any more
    "corrupt": "changed",  # other bytes than were recorded
    "not found": "vanished",
    "gated": "refused",
}
KIND_OF_STATUS: Mapping[Status, Kind] = {"not found": "vanished", "gated": "refused"}
KIND_OF_ANSWER: Mapping[Answer, Kind] = {"there": "well", "gone": "vanished", "refused": "refused"}


@dataclass(frozen=True)
class Finding:
    """What became of one model, repository or address."""

    kind: Kind  # unreachable: nobody could say; refused: gated or forbidden to us, which is no news
    subject: str  # "model dino-vits16", "https://…"
    text: str

    @property
    def is_alarm(self) -> bool:
        """Whether somebody has to look after it."""
        return self.kind in ALARMS


def watch(registry: Registry, models: Sequence[ModelSpec], options: RunOptions, *, everything: bool) -> list[Finding]:
    """Load measured models, ask for the Hub's repositories, follow the links; one failure stops no other.

    Args:
        registry: with the data sets, and the place of the stored results.
        models: those to watch.
        options: how models are run, and how long servers are waited for.
        everything: data sets too.
    """
    datasets = list(registry.datasets.values()) if everything else []
    measured = [found for spec in models if (found := _verify(spec, registry, options))]
    hosted = [_ask_hub(source, names, options) for source, names in collect_repositories(models, datasets).items()]
    linked = check_links(collect_addresses(models, datasets), timeout=options.hub_timeout)
    return [*measured, *hosted, *map(_describe_link, linked)]


def collect_repositories(models: Sequence[ModelSpec], datasets: Sequence[DatasetSpec]) -> dict[Source, tuple[str, ...]]:
    """The Hub's repositories at their revisions -> the entries that name them. Pure."""
    found: dict[Source, list[str]] = {}
    for name, source in _name_repositories(models, datasets):
        found.setdefault(source, []).append(name)
    return {source: tuple(dict.fromkeys(names)) for source, names in found.items()}


def _name_repositories(models: Sequence[ModelSpec], datasets: Sequence[DatasetSpec]) -> Iterator[tuple[str, Source]]:
    for spec in models:
        hosted = [source for source in spec.sources if source.kind == "hub"]
        yield from ((f"model {spec.id}", Source("hub", one.name, revision=one.revision)) for one in hosted)
    for dataset in datasets:
        if dataset.hub:
            yield f"data set {dataset.id}", Source("hub", dataset.hub, revision=dataset.revision, repository="dataset")


def _verify(spec: ModelSpec, registry: Registry, options: RunOptions) -> Finding | None:
    """What becomes of a measured model; None where nothing is stored of it."""
    subject = f"model {spec.id}"
    try:
        stored = load_results_of(registry.results_dir, spec.id)
        return _describe_verdict(subject, verify_model(spec, stored, options)) if stored else None
    except MemoryError:
        return Finding("unreachable", subject, "this machine has too little memory for it")
    except LeaderboardError as error:  # of its result files
        return Finding("changed", subject, str(error))
    except Exception as error:  # foreign code and foreign files: the others are watched all the same
        return Finding("changed", subject, f"cannot be loaded any more ({type(error).__name__}: {first_line(error)})")


def _describe_verdict(subject: str, verdict: Verdict) -> Finding:
    kind = KIND_OF_VERDICT.get(verdict.status, "unreachable")
    if kind == "vanished" and NOT_HERE in verdict.text:
        kind = "unreachable"
    return Finding(kind, subject, verdict.text)


def _ask_hub(source: Source, named: Sequence[str], options: RunOptions) -> Finding:
    """Whether a repository still has the commit that is declared, without fetching anything."""
    subject = ", ".join(named)
    try:
        commit = resolve_commit(source, options)
    except Unavailable as error:
        return Finding(KIND_OF_STATUS.get(error.status, "unreachable"), subject, str(error))
    except Exception as error:  # of the Hub's client: the others are asked all the same
        return Finding("unreachable", subject, f"{source}: {type(error).__name__}: {first_line(error)}")
    return Finding("well", subject, f"{source} is commit {commit[:12]}")


def _describe_link(link: Link) -> Finding:
    kind = KIND_OF_ANSWER.get(link.answer, "unreachable")
    return Finding(kind, ", ".join(link.named), f"{link.address}: {link.said}")
