"""What a reviewer asks of a report: versions, which images, and of each model its weights and how it saw the images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaderboard import __version__
from leaderboard.records import Embeddings
from leaderboard.scores import describe_packages

Facts = Mapping[str, Mapping[str, str]]  # heading -> what -> value
GEOMETRY = ("resize", "crop", "interpolation")


def list_facts(embeddings: Mapping[str, Embeddings]) -> Facts:
    """Of the whole report, then of each model; what the embeddings do not tell is absent."""
    first = next(iter(embeddings.values()))
    packages = ", ".join(f"{name} {number}" for name, number in describe_packages().items())
    common = {"fossil-leaderboard": __version__, "computed with": packages}
    if digest := first.provenance.inputs.get("dataset"):
        common["digest of the images"] = str(digest)
    return {"this report": common} | {model: describe_model(found) for model, found in embeddings.items()}


def describe_model(embeddings: Embeddings) -> dict[str, str]:
    """From the provenance of its vectors."""
    how: Mapping[str, Any] = embeddings.provenance.inputs.get("model") or {}
    where = embeddings.provenance.environment
    found = {
        "architecture": _join(" of ", how.get("architecture"), how.get("library")),
        "weights": _describe_weights(how.get("weights") or {}),
        "seed of the weights": how.get("seed"),
        "digest of the weights": (how.get("weights") or {}).get("digest"),
        "preprocessing": _describe_preprocessing(how.get("preprocessing")),
        "pooling": how.get("pooling"),
        "vectors": _join(", ", f"{embeddings.vectors.shape[1]} dimensions", how.get("dtype")),
        "computed on": where.get("device"),
    }
    return {name: str(value) for name, value in found.items() if value not in (None, "")}


def _describe_weights(weights: Mapping[str, Any]) -> str:
    source = weights.get("source", "")
    at = f", revision {weights['revision']}" if weights.get("revision") else ""
    return "none: nothing was learnt" if source == "none" else _join(", ", f"{source}{at}", weights.get("file"))


def _describe_preprocessing(steps: object) -> str:
    """In words where the steps are ours, else as the model has them."""
    if not isinstance(steps, Mapping):
        return str(steps or "")
    if not set(GEOMETRY) <= set(steps):
        return ", ".join(f"{name} {value}" for name, value in sorted(steps.items()))
    resize = steps["resize"]
    size = f"shorter side to {resize}" if isinstance(resize, int) else " × ".join(map(str, resize))
    crop = f"centre crop {steps['crop']}" if steps["crop"] else None
    scale = [f"{name} {' '.join(map(str, steps[name]))}" for name in ("mean", "std") if name in steps]
    return _join(", ", f"resized ({size} pixels, {steps['interpolation']})", crop, *scale)


def _join(by: str, *parts: object) -> str:
    return by.join(str(part) for part in parts if part)
