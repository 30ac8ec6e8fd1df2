"""One id means one set of tensors: those just loaded are held against those that the stored results are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from leaderboard.backbones import Backbone
from leaderboard.errors import LeaderboardError
from leaderboard.records import ModelSpec, Result, Source


def check_tensors(results: Sequence[Result], backbone: Backbone) -> None:
    """Hold the tensors just loaded against those that the model's results are of.

    One revision has one file, and one file gives one set of tensors to one version of a library. Other sources give
    the same tensors, where the library is the same.

    Raises:
        LeaderboardError: one id, two sets of tensors.
    """
    for result in results:
        stored, now = result.provenance.inputs["model"]["weights"], backbone.inputs["weights"]
        if any(stored.get(name) != now.get(name) for name in _comparable_digests(result, backbone)):
            raise LeaderboardError(
                f"model {backbone.spec.id!r}: {_describe(now)} has other tensors than {_describe(stored)}, which its "
                "results are of; one id means one set of tensors: restore them, or give the other model its own id"
            )


def _comparable_digests(result: Result, backbone: Backbone) -> list[str]:
    """Which digests have to agree: of the file, of the loaded tensors, of both, or none of them."""
    stored, now = result.provenance.inputs["model"], backbone.inputs
    library = str(now["library"])
    if stored["weights"].get("source") != now["weights"].get("source"):
        return ["digest"] if stored["library"] == library else []
    if stored["weights"].get("revision") != now["weights"].get("revision"):
        return []
    same_loading = all(stored[name] == now[name] for name in ("library", "loader", "architecture", "pooling"))
    same_version = result.provenance.environment.get(library) == backbone.environment.get(library)
    return ["sha256", "digest"] if same_loading and same_version else ["sha256"]


def _describe(weights: Mapping[str, Any]) -> str:
    digest = weights.get("digest") or ""
    return f"{weights.get('source')} (sha256 {weights.get('sha256') or 'not kept'}, tensors {digest[:12]})"


def with_recorded_digests(spec: ModelSpec, results: Sequence[Result]) -> ModelSpec:
    """The entry, with the SHA-256 that a first run recorded for a URL that declares none: enforced from then on."""
    stored = [result.provenance.inputs["model"]["weights"] for result in results]
    recorded = {weights["source"]: weights.get("sha256") for weights in stored}
    return replace(spec, sources=tuple(_with_recorded(source, recorded) for source in spec.sources))


def _with_recorded(source: Source, recorded: Mapping[str, str | None]) -> Source:
    if source.kind != "url" or source.sha256 is not None:
        return source
    return replace(source, sha256=recorded.get(f"url:{source.name}"))
