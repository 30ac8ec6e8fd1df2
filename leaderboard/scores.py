"""Embeddings -> scores of the protocols: computed, or read back where the very same was computed before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import numpy as np

from leaderboard import protocols
from leaderboard.errors import LeaderboardError
from leaderboard.paths import cache_dir, save_text
from leaderboard.protocols import PROTOCOLS, check_protocols
from leaderboard.records import Embeddings, Protocol, Scores
from leaderboard.result_files import format_json

T = TypeVar("T")
COMMON = ("numpy", "scipy", "scikit-learn")  # every protocol computes with them


def compute_scores(embeddings: Embeddings, names: Iterable[str] = tuple(PROTOCOLS)) -> dict[str, Scores]:
    """Each named protocol's figures.

    Raises:
        LeaderboardError: an unknown protocol, or a set too small for one.
    """
    chosen = list(names)
    check_protocols(chosen)
    return {name: PROTOCOLS[name].compute(embeddings) for name in chosen}


def cached_possible_scores(
    embeddings: Embeddings, *, refresh: bool = False
) -> tuple[dict[str, Scores], dict[str, str]]:
    """The figures of every protocol that the images and this installation allow; for the others the reason.

    Raises:
        LeaderboardError: they allow none.
    """
    scores, reasons = attempt_all(PROTOCOLS, partial(cached_scores, embeddings, refresh=refresh))
    if not scores:
        raise LeaderboardError(next(iter(reasons.values())))
    return scores, reasons


def attempt_all(names: Iterable[str], compute: Callable[[str], T]) -> tuple[dict[str, T], dict[str, str]]:
    """``compute(name)`` for every name; for those that raise a LeaderboardError the reason."""
    found: dict[str, T] = {}
    reasons: dict[str, str] = {}
    for name in names:
        try:
            found[name] = compute(name)
        except LeaderboardError as error:
            reasons[name] = str(error)
    return found, reasons


def merge_metrics(scores: Mapping[str, Scores]) -> dict[str, float]:
    """The metrics of several protocols in one mapping."""
    return {name: value for part in scores.values() for name, value in part.metrics.items()}


def describe_packages(names: Iterable[str] = tuple(PROTOCOLS)) -> dict[str, str]:
    """Versions of the libraries that the protocols compute with."""
    needed = {*COMMON, *(package for name in names for package in PROTOCOLS[name].packages)}
    return {package: _version(package) for package in sorted(needed)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def cached_scores(embeddings: Embeddings, name: str, *, refresh: bool = False) -> Scores:
    """A protocol's figures, from the cache when code, libraries and vectors are the same as when they were computed.

    Raises:
        LeaderboardError: a set too small for the protocol.
    """
    protocol = PROTOCOLS[name]
    path = cache_dir() / "scores" / f"{name}.{_digest(embeddings, protocol)}.json"
    stored = None if refresh else _load(path)
    if stored is not None:
        return stored
    scores = protocol.compute(embeddings)
    with suppress(OSError):  # a cache that cannot be written costs time, not the figures
        save_text(path, format_json(asdict(scores)))
    return scores


def _load(path: Path) -> Scores | None:
    """What was kept; a damaged file is as good as none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        per_class = {
            name: [float("nan") if value is None else value for value in values]
            for name, values in stored["per_class"].items()
        }
        return Scores(metrics=stored["metrics"], per_class=per_class, outcomes=stored["outcomes"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _digest(embeddings: Embeddings, protocol: Protocol) -> str:
    """Over all that decides the figures."""
    digest = hashlib.sha256(_digest_of_code().encode())
    digest.update(json.dumps([protocol.version, describe_packages([protocol.name]), embeddings.classes]).encode())
    for values in (embeddings.vectors, embeddings.labels):
        digest.update(f"{values.shape}{values.dtype}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:20]


@cache
def _digest_of_code() -> str:
    """Of every file of the protocols: a change that forgot to raise its version finds nothing in the cache."""
    digest = hashlib.sha256()
    for path in sorted(Path(protocols.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
