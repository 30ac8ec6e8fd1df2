"""Whether a network of transformers is wholly from its checkpoint: the library fills gaps with drawn tensors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from leaderboard.backbones._hub import Snapshot
from leaderboard.errors import LeaderboardError
from leaderboard.records import ModelSpec, Source


def check_complete(spec: ModelSpec, source: Source, network: Any, report: Any, snapshot: Snapshot) -> None:
    """Refuse a network whose feature path is not wholly from the checkpoint.

    Raises:
        LeaderboardError: missing, unexpected or mismatched tensors, listed.
    """
    from leaderboard.backbones._checkpoint import describe_misfit

    missing = {*report["missing_keys"], *_forgiven(network, snapshot)}
    # A pooler that the checkpoint lacks gets random weights: harmless only when nothing reads it.
    unread = () if spec.pooling == "pooler" else ("pooler.",)
    problems = describe_misfit(
        missing=sorted(name for name in missing if not name.startswith(unread)),
        unexpected=sorted(name for name in report["unexpected_keys"] if not name.startswith(source.drop)),
        mismatched=sorted(report["mismatched_keys"]),
    )
    if problems:
        raise LeaderboardError(f"{source} does not fit the architecture: {problems}")


def _forgiven(network: Any, snapshot: Snapshot) -> list[str]:
    """Tensors that the checkpoint lacks and whose class tells the library not to mention it."""
    patterns = getattr(network, "_keys_to_ignore_on_load_missing", None)
    if not patterns:
        return []
    there = _names_in(snapshot.folder / snapshot.files[1])
    forgiven = [name for name in network.state_dict() if any(re.search(pattern, name) for pattern in patterns)]
    return [name for name in forgiven if not any(found.endswith(name) for found in there)]


def _names_in(checkpoint: Path) -> list[str]:
    import torch
    from safetensors import safe_open

    if checkpoint.suffix != ".safetensors":
        return list(torch.load(checkpoint, map_location="meta", weights_only=True))
    with safe_open(checkpoint, framework="pt") as stored:
        return list(stored.keys())
