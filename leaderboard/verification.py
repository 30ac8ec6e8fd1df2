"""Whether a model is the one that its stored results are of: by its tensors, and by what it makes of the canary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from leaderboard.backbones import Backbone, load_backbone
from leaderboard.canary import (
    Canary,
    check_canary,
    compare,
    compute_canary,
    describe_changes,
    describe_environment,
    tolerance_between,
)
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import DEFAULT_OPTIONS, ModelSpec, Result, RunOptions, Status
from leaderboard.same_tensors import check_tensors, with_recorded_digests


def load_verified(
    spec: ModelSpec, results: Sequence[Result], options: RunOptions = DEFAULT_OPTIONS
) -> tuple[Backbone, Canary]:
    """Load a model for measuring or embedding, and hold it against its stored results.

    Raises:
        Unavailable: it cannot be had.
        LeaderboardError: other tensors, or other vectors from the same entry.
    """
    backbone, canary = _load(spec, results, options)
    check_canary(results, backbone, canary)
    return backbone, canary


def _load(spec: ModelSpec, results: Sequence[Result], options: RunOptions) -> tuple[Backbone, Canary]:
    """The model of the stored tensors, and what it makes of the canary now."""
    backbone = load_backbone(with_recorded_digests(spec, results), options)
    check_tensors(results, backbone)
    return backbone, compute_canary(backbone)


@dataclass(frozen=True)
class Verdict:
    """What verifying one model came to."""

    model: str
    status: Status | Literal["differs"]
    text: str

    @property
    def is_sound(self) -> bool:
        """Whether nothing speaks against the model."""
        return self.status == "ok"


def verify_model(spec: ModelSpec, results: Sequence[Result], options: RunOptions = DEFAULT_OPTIONS) -> Verdict:
    """Load a model and compare its canary with every stored one, also where the entry says that it has changed."""
    try:
        backbone, canary = _load(spec, results, options)
    except Unavailable as error:
        return Verdict(spec.id, error.status, str(error))
    except LeaderboardError as error:
        return Verdict(spec.id, "error", str(error))
    stored = [result for result in results if result.canary is not None]
    verdicts = [_compare(spec, result, backbone, canary) for result in stored]
    bad = [verdict for verdict in verdicts if not verdict.is_sound]
    nothing = Verdict(spec.id, "ok", "every tensor accounted for; no canary is stored yet")
    return next(iter([*bad, *verdicts, nothing]))


def _compare(spec: ModelSpec, result: Result, backbone: Backbone, canary: Canary) -> Verdict:
    assert result.canary is not None
    difference, tolerance = compare(result.canary, canary), tolerance_between(result, backbone)
    text = f"canary: {difference}; tolerance {tolerance:g}"
    if difference.largest <= tolerance:
        return Verdict(spec.id, "ok", text)
    changes = describe_changes(result, backbone)
    why = f"the entry's {', '.join(changes)} changed" if changes else describe_environment(result, backbone)
    return Verdict(spec.id, "differs", f"{text}; since {result.dataset} was measured: {why}")
