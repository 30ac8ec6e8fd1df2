"""What a failing case says: value, threshold, how far, where it comes from, how to see it again."""

from __future__ import annotations

from leaderboard.records import Result


def describe_shortfall(result: Result, metric: str, floor: float) -> str:
    """One line about a metric below its threshold."""
    value = result.metrics.get(metric)
    if value is None:
        return f"{metric} does not exist for the {len(result.labels)} images of {result.dataset}; remove its threshold"
    weights = result.provenance.inputs["model"]["weights"]
    revision = weights.get("revision") or weights.get("digest") or "without weights"
    return (
        f"{metric} of {result.model} on {result.dataset} is {value:.6f}, {floor - value:.6f} below its threshold "
        f"{floor:g} (weights {weights['source']} {revision}, data digest {result.provenance.inputs['dataset'][:12]}); "
        f'reproduce: pytest -k "{result.model} and {result.dataset}"'
    )
