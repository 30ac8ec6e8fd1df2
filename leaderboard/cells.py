"""One cell: a model and a data set in, a result out."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.backbones import Backbone
from leaderboard.cache import check_distinct
from leaderboard.canary import Canary
from leaderboard.protocols import versions_of
from leaderboard.records import Dataset, Embeddings, Provenance, Result
from leaderboard.scores import cached_scores, describe_packages, merge_metrics


def compute_result(
    backbone: Backbone,
    dataset: Dataset,
    embeddings: Embeddings,
    canary: Canary | None = None,
    *,
    protocols: Sequence[str] = (),
    refresh: bool = False,
) -> Result:
    """A model's embeddings of a data set, by every protocol or some; ``refresh`` computes also what is in the cache.

    Raises:
        LeaderboardError: collapsed embeddings, or a set too small for a protocol.
        Unavailable: a library that a protocol needs is not installed.
    """
    check_distinct(embeddings, f"{backbone.spec.id} on {dataset.id}")
    versions = versions_of(protocols)
    scores = {name: cached_scores(embeddings, name, refresh=refresh) for name in versions}
    measured = embeddings.provenance
    inputs = {**measured.inputs, "protocols": versions}
    environment = {**measured.environment, **describe_packages(versions)}
    return Result(
        model=backbone.spec.id,
        dataset=dataset.id,
        parameters=backbone.parameters,
        dimension=embeddings.vectors.shape[1],
        metrics=merge_metrics(scores),
        per_class={name: values for part in scores.values() for name, values in part.per_class.items()},
        outcomes={name: part.outcomes for name, part in scores.items()},
        classes=embeddings.classes,
        labels=embeddings.labels.tolist(),
        left_out=embeddings.left_out,
        provenance=Provenance(inputs, environment),
        canary=canary,
    )
