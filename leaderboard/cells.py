"""One cell: a model and a data set in, a result out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from leaderboard.backbones import Backbone
from leaderboard.cache import check_distinct
from leaderboard.canary import Canary
from leaderboard.errors import LeaderboardError, printable
from leaderboard.protocols import versions_of
from leaderboard.records import Dataset, Embeddings, Provenance, Result
from leaderboard.scores import cached_scores, describe_packages, merge_metrics

if TYPE_CHECKING:
    import numpy as np


def compute_result(
    backbone: Backbone,
    dataset: Dataset,
    embeddings: Embeddings,
    canary: Canary | None = None,
    *,
    protocols: Sequence[str] = (),
    specimen: str | None = None,
    refresh: bool = False,
) -> Result:
    """A model's embeddings of a data set, by every protocol or some.

    Args:
        backbone: the model that embedded them.
        dataset: that was embedded.
        embeddings: what came of it.
        canary: what the model makes of the fixed images.
        protocols: to compute; none: all.
        specimen: pattern whose group is what names the specimen or slide in a file's path.
        refresh: whether to compute also what is in the cache.

    Raises:
        LeaderboardError: collapsed embeddings, a set too small for a protocol, or a file that names no specimen.
        Unavailable: a library that a protocol needs is not installed.
    """
    check_distinct(embeddings, f"{backbone.spec.id} on {dataset.id}")
    versions = versions_of(protocols)
    scores = {name: cached_scores(embeddings, name, refresh=refresh) for name in versions}
    measured = embeddings.provenance
    inputs = {**measured.inputs, "protocols": versions, **({"specimen": specimen} if specimen else {})}
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
        specimens=number_specimens(embeddings.files, embeddings.labels, specimen) if specimen else None,
        canary=canary,
    )


def number_specimens(files: Sequence[str], labels: Sequence[int] | np.ndarray, pattern: str) -> list[int]:
    """Of each file, in their order, the number of the specimen or slide that its path names.

    Raises:
        LeaderboardError: a path in which the pattern finds none, or a class of a single one.
    """
    found = {file: re.search(pattern, file) for file in files}
    if silent := next((file for file, match in found.items() if match is None or match[1] is None), None):
        raise LeaderboardError(f"specimen {pattern!r} names none in {printable(silent)}; mend it in datasets.yaml")
    names = [match[1] for match in found.values() if match]
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    numbers = [number[name] for name in names]
    for label in sorted(set(labels)):
        if len({own for own, other in zip(numbers, labels, strict=True) if other == label}) < 2:
            first = printable(files[list(labels).index(label)])
            raise LeaderboardError(
                f"the class of {first} has images of a single specimen, so nothing tells how much specimens differ; "
                "add others, or take `specimen` out of datasets.yaml"
            )
    return numbers
