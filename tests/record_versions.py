"""Record what the current versions of protocols give on small fixed sets: `python tests/record_versions.py knn`.

One file per protocol and version in tests/golden/versions/. A file is never written over: figures that changed belong
to a new version. docs/protocols.md, "Changing a protocol".
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from leaderboard.cache import load_embeddings
from leaderboard.errors import LeaderboardError
from leaderboard.paths import save_text
from leaderboard.plain import plain
from leaderboard.protocols import PROTOCOLS, check_protocols
from leaderboard.records import Embeddings, Protocol, Provenance
from leaderboard.result_files import format_json
from leaderboard.scores import attempt_all, describe_packages

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = GOLDEN / "versions"
SETS = {  # genus -> how many of its images, the first ones
    # Unequal, so that averages over images and over classes differ; the smallest genus misses some test sets.
    "six genera": {
        "azolla": 20,
        "bisaccate": 12,
        "isabelidinium": 6,
        "palaeocystodinium": 40,
        "spiniferites": 25,
        "wetzeliella": 2,
    },
    # Two classes are a case of their own for a linear model; and few images have fewer components than are kept.
    "two genera": {"azolla": 20, "bisaccate": 12},
}
TOLERANCE = 1e-6  # relative
TOLERANCE_IN_SPACES = 1e-5  # of clusters' distances in float32: two versions of scikit-learn differ by 9e-7
NEARLY_ZERO = 1e-9
Record = Mapping[str, Any]


def load_sets() -> dict[str, Embeddings]:
    """Real EfficientNet-Lite0 embeddings by the name of the set: (105, 1280) and (32, 1280)."""
    whole = load_embeddings(GOLDEN / "palynomorphs-20.efficientnet-lite0.npz")
    return {name: _choose(whole, counts) for name, counts in SETS.items()}


def _choose(whole: Embeddings, counts: Mapping[str, int]) -> Embeddings:
    genera = [whole.classes.index(genus) for genus in counts]
    of_genus = [np.flatnonzero(whole.labels == genus) for genus in genera]
    chosen = np.concatenate([own[:count] for own, count in zip(of_genus, counts.values(), strict=True)])
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    files = tuple(whole.files[index] for index in chosen)
    return Embeddings(whole.vectors[chosen], labels, files, tuple(counts), Provenance({}, {}))


def compute_record(protocol: Protocol, sets: Mapping[str, Embeddings]) -> Record:
    """Everything that the protocol says of the sets, as JSON gives it back."""
    record = {
        "protocol": protocol.name,
        "version": protocol.version,
        "libraries": describe_packages([protocol.name]),
        "sets": {name: _describe(protocol, embeddings) for name, embeddings in sets.items()},
    }
    return dict(plain(record))


def _describe(protocol: Protocol, embeddings: Embeddings) -> dict[str, Any]:
    with _standing_in_for_umap() as asked:
        scores = protocol.compute(embeddings)
    return asdict(scores) | ({"umap": asked} if asked else {})


@contextmanager
def _standing_in_for_umap() -> Iterator[list[dict[str, Any]]]:
    """Principal components instead of UMAP, and the options that UMAP was asked for.

    UMAP's layout changes with its version and with the last digits of a machine. What is ours is what we ask for and
    what we make of the points; both are repeatable, and so is every figure of clusters on these sets.
    """
    asked: list[dict[str, Any]] = []

    class Layout:
        def __init__(self, **options: Any) -> None:
            asked.append(options)

        def fit_transform(self, vectors: np.ndarray) -> np.ndarray:
            from sklearn.decomposition import PCA

            return np.asarray(PCA(asked[-1]["n_components"], svd_solver="full").fit_transform(vectors))

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Layout))
        yield asked


# ---- comparing


def check_record(protocol: Protocol, record: Record, folder: Path = VERSIONS) -> None:
    """Hold a protocol's figures against those recorded for its version.

    Raises:
        LeaderboardError: there is no record of this version, or it says otherwise: the first figure and the remedy.
    """
    path, command = record_path(protocol, folder), f"python tests/record_versions.py {protocol.name}"
    if not path.exists():
        raise LeaderboardError(f"protocol {protocol.name!r}: version {protocol.version} has no record; run `{command}`")
    recorded = json.loads(path.read_text(encoding="utf-8"))
    tolerance = TOLERANCE if protocol.is_repeatable else TOLERANCE_IN_SPACES
    changes = find_changes(recorded["sets"], record["sets"], tolerance)
    if changes:
        others = f" ({len(changes) - 1} more changed)" if len(changes) > 1 else ""
        raise LeaderboardError(
            f"protocol {protocol.name!r}: {changes[0]} as version {protocol.version} was recorded{others}"
            f"{_describe_libraries(recorded, record)}; if this is meant, raise `version` to {protocol.version + 1} in "
            f"leaderboard/protocols/{protocol.name}.py and run `{command}`, else undo the change"
        )


def find_changes(recorded: Record, now: Record, tolerance: float) -> list[str]:
    """Every figure that is not as recorded, with both values: the metrics first.

    Args:
        recorded: set -> part ("metrics", "outcomes") -> figures, as they were stored.
        now: the same of another day.
        tolerance: relative; whole numbers agree exactly.
    """
    before, after = dict(_list_figures(recorded)), dict(_list_figures(now))
    return [
        f"{name} is {after.get(name, 'gone')}, not {before.get(name, 'absent')}"
        for name in before | after
        if not _are_same(before.get(name, "absent"), after.get(name, "gone"), tolerance)
    ]


def _list_figures(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every number and word in nested mappings and lists, each with its place: "two genera, outcomes, test[3][17]"."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _list_figures(item, f"{name}, {key}" if name else key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _list_figures(item, f"{name}[{index}]")
    else:
        yield name, value


def _are_same(before: Any, after: Any, tolerance: float) -> bool:
    if isinstance(before, float) and isinstance(after, float | int):
        return math.isclose(before, after, rel_tol=tolerance, abs_tol=NEARLY_ZERO)
    return bool(before == after)


def _describe_libraries(recorded: Record, now: Record) -> str:
    """Those of another version than at the time of the record: a change need not be ours."""
    others = [
        f"{name} {before} and not {now['libraries'].get(name)}"
        for name, before in recorded["libraries"].items()
        if before != now["libraries"].get(name)
    ]
    return f" with {', '.join(others)}" if others else ""


# ---- recording


def record_path(protocol: Protocol, folder: Path = VERSIONS) -> Path:
    """Where the record of a protocol's current version is kept."""
    return folder / f"{protocol.name}-{protocol.version}.json"


def save_record(protocol: Protocol, record: Record, folder: Path = VERSIONS) -> str:
    """Store the record of a new version; one that is there already keeps its bytes. Returns what was done, in words.

    Raises:
        LeaderboardError: the stored record of this version says otherwise.
    """
    path = record_path(protocol, folder)
    if path.exists():
        check_record(protocol, record, folder)
        return f"{path.name} is as recorded"
    save_text(path, format_json(record))
    return f"{path.name} recorded"


def record_protocol(name: str) -> str:
    """Compute and store the record of one protocol of the registry."""
    protocol = PROTOCOLS[name]
    return save_record(protocol, compute_record(protocol, load_sets()))


def main(names: Sequence[str]) -> str | None:
    """Record these protocols, or all; what could not be recorded, for the shell."""
    try:
        check_protocols(names)
    except LeaderboardError as error:
        return str(error)
    done, refused = attempt_all(names or PROTOCOLS, record_protocol)
    for words in done.values():
        print(words)
    return "\n".join(refused.values()) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
