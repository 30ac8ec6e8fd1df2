"""The canary: what a model makes of sixteen fixed images, stored with its results.

Load checks see tensors; the canary sees what comes out. A later run of the same weights by the same entry has to give
the same cosines and norms, whatever versions of the libraries are in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from leaderboard.backbones import Backbone
from leaderboard.embedder import Embedder
from leaderboard.errors import LeaderboardError
from leaderboard.images import load_image
from leaderboard.plain import plain
from leaderboard.records import Result

IMAGES = 16
FOLDER = Path(__file__).parent / "canary_images"
DIGITS = 7  # stored ones, of a float32's 7.2
# Measured, docs/canary.md. float32: batch sizes, threads and libraries' versions move it by less than 1e-6, defects by
# 0.0002 and more. The others have to bear their own distance from float32, and see gross defects only.
TOLERANCES = {"float32": 0.0001, "bfloat16": 0.1, "float16": 0.03}
Canary = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Difference:
    """How far two canaries are apart."""

    cosines: float  # largest absolute difference
    norms: float  # largest relative difference

    @property
    def largest(self) -> float:
        """The one that is held against the tolerance."""
        return max(self.cosines, self.norms)

    def __str__(self) -> str:
        return f"{self.cosines:.2g} in cosines, {self.norms:.2g} in norms"


def load_canary_images() -> list[Image.Image]:
    """The sixteen images, RGB, of several sizes and shapes."""
    return [load_image(path) for path in sorted(FOLDER.glob("*.png"))]


def compute_canary(backbone: Backbone) -> dict[str, list[float]]:
    """Norms of the sixteen vectors and the cosines of their 120 pairs."""
    prepared = [backbone.prepare(image) for image in load_canary_images()]
    vectors = Embedder(backbone)(prepared)
    if not np.isfinite(vectors).all():
        raise LeaderboardError(f"model {backbone.spec.id!r} makes NaN or infinity of the canary; the model is broken")
    return describe_vectors(vectors)


def describe_vectors(vectors: np.ndarray) -> dict[str, list[float]]:
    """(n, d) -> the n norms, and the cosines of the pairs i < j, row by row."""
    vectors = vectors.astype(np.float64)
    norms = np.linalg.norm(vectors, axis=1)
    directions = vectors / np.maximum(norms, np.finfo(float).tiny)[:, None]
    cosines = (directions @ directions.T)[np.triu_indices(len(vectors), 1)]
    return {
        "norms": [float(f"{value:.{DIGITS}g}") for value in norms],
        "cosines": [round(float(value), DIGITS) for value in cosines],
    }


def compare(stored: Canary, new: Canary) -> Difference:
    """How far two canaries are apart; NaN counts as infinitely far."""
    if len(stored["norms"]) != len(new["norms"]):
        return Difference(np.inf, np.inf)
    cosines = np.abs(np.subtract(stored["cosines"], new["cosines"]))
    norms = np.abs(np.subtract(stored["norms"], new["norms"])) / np.maximum(np.abs(stored["norms"]), 1e-12)
    return Difference(*(float(np.nan_to_num(part, nan=np.inf).max()) for part in (cosines, norms)))


def check_canary(results: Sequence[Result], backbone: Backbone, canary: Canary) -> None:
    """Hold a model's canary against those that its results were stored with.

    An entry or a loader that says itself that it has changed is a new measurement, and not compared.

    Raises:
        LeaderboardError: the same entry gives other vectors now; with the size of the difference.
    """
    for result in results:
        if result.canary is None or describe_changes(result, backbone):
            continue
        difference = compare(result.canary, canary)
        if difference.largest > (tolerance := tolerance_between(result, backbone)):
            raise LeaderboardError(
                f"model {backbone.spec.id!r}: the canary differs from the one stored with {result.dataset} by "
                f"{difference} (tolerance {tolerance:g}), although weights and entry are the same. Changed since: "
                f"{describe_environment(result, backbone)}. If the change is meant, remove the model's result files "
                "and measure again"
            )


def tolerance_between(result: Result, backbone: Backbone) -> float:
    """How far two canaries of the same model may be apart, at the coarser of their precisions."""
    return max(TOLERANCES[str(inputs["dtype"])] for inputs in (result.provenance.inputs["model"], backbone.inputs))


def describe_changes(result: Result, backbone: Backbone) -> list[str]:
    """What the entry, the loader or the weights say themselves to have changed since the result was stored."""
    stored, now = result.provenance.inputs["model"], backbone.inputs
    names = ["pooling", "seed", "preprocessing"]
    if stored["library"] == now["library"]:  # another library's copy of the same model has to give the same
        names += ["loader", "architecture"]
    changed = [name for name in names if plain(stored[name]) != plain(now[name])]
    return changed + (["weights"] if _is_another_revision(stored["weights"], now["weights"]) else [])


def _is_another_revision(stored: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if stored.get("source") != now.get("source"):
        return False
    drawn = stored.get("sha256") is None and now.get("sha256") is None  # from no file: another version, another draw
    return stored.get("revision") != now.get("revision") or (drawn and stored.get("digest") != now.get("digest"))


def describe_environment(result: Result, backbone: Backbone) -> str:
    """The versions and devices that differ: ``pillow 11.0 to 12.1``."""
    stored, now = result.provenance.environment, backbone.environment
    changed = [f"{name} {stored.get(name)} to {value}" for name, value in now.items() if stored.get(name) != value]
    return ", ".join(changed) or "no version of what was recorded"
