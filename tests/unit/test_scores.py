"""Scores are computed once for the same vectors, code and libraries."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leaderboard import protocols, scores
from leaderboard.errors import LeaderboardError
from leaderboard.protocols import PROTOCOLS
from leaderboard.records import Embeddings, Provenance, Scores


@pytest.fixture
def embeddings() -> Embeddings:
    """Ten images of two classes."""
    vectors = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    return Embeddings(vectors, np.repeat([0, 1], 5), (), ("a", "b"), Provenance({}, {}))


@pytest.fixture
def computed(monkeypatch) -> list[Embeddings]:
    """What the counting protocol was asked to compute."""
    asked: list[Embeddings] = []

    def compute(embeddings: Embeddings) -> Scores:
        asked.append(embeddings)
        return Scores({"disparity.x": 0.1 + 0.2}, {"disparity.y": [0.5, float("nan")]}, {"z": [[1, 2], [3]]})

    monkeypatch.setattr(scores, "PROTOCOLS", {"disparity": replace(PROTOCOLS["disparity"], compute=compute)})
    return asked


def test_the_second_time_is_read_back_to_the_last_digit(embeddings, computed) -> None:
    """NaN included."""
    first, second = (scores.cached_scores(embeddings, "disparity") for _ in range(2))
    assert len(computed) == 1
    assert second.metrics == first.metrics
    assert second.outcomes == first.outcomes
    assert np.isnan(second.per_class["disparity.y"][1])


def test_refresh_computes_again(embeddings, computed) -> None:
    """Whatever is stored."""
    for _ in range(2):
        scores.cached_scores(embeddings, "disparity", refresh=True)
    assert len(computed) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, vectors=np.nextafter(e.vectors, np.float32(9))),
        lambda e: replace(e, labels=e.labels[::-1].copy()),
        lambda e: replace(e, classes=("a", "c")),
    ],
    ids=["vectors", "labels", "classes"],
)
def test_other_embeddings_are_computed(embeddings, computed, change) -> None:
    """Each part of them counts."""
    scores.cached_scores(embeddings, "disparity")
    scores.cached_scores(change(embeddings), "disparity")
    assert len(computed) == 2


@pytest.fixture
def code(tmp_path, monkeypatch) -> Iterator[Path]:
    """A copy of the protocols' folder that counts as theirs."""
    copy = Path(shutil.copytree(protocols.__path__[0], tmp_path / "protocols"))
    monkeypatch.setattr(protocols, "__path__", [str(copy)])
    scores._digest_of_code.cache_clear()
    yield copy
    scores._digest_of_code.cache_clear()


@pytest.mark.parametrize("name", ["disparity.py", "_votes.py", "new.py"])
def test_changed_code_is_computed(embeddings, computed, code: Path, name: str) -> None:
    """A developer who forgot to raise the version is not shown yesterday's figures, whichever file it was."""
    scores.cached_scores(embeddings, "disparity")
    with (code / name).open("a") as stream:
        stream.write("# another line\n")
    scores._digest_of_code.cache_clear()  # as a new process begins
    scores.cached_scores(embeddings, "disparity")
    assert len(computed) == 2


def test_another_version_is_computed(embeddings, computed, monkeypatch) -> None:
    """Figures of an older protocol are not shown as those of the new one."""
    scores.cached_scores(embeddings, "disparity")
    changed = replace(scores.PROTOCOLS["disparity"], version=99)
    monkeypatch.setattr(scores, "PROTOCOLS", {"disparity": changed})
    scores.cached_scores(embeddings, "disparity")
    assert len(computed) == 2


def test_other_libraries_are_computed(embeddings, computed, monkeypatch) -> None:
    """What another scikit-learn gave is not what this one would give."""
    scores.cached_scores(embeddings, "disparity")
    monkeypatch.setattr(scores, "version", lambda package: "0.0.1")
    scores.cached_scores(embeddings, "disparity")
    assert len(computed) == 2


def test_a_damaged_file_is_as_good_as_none(embeddings, computed, cache) -> None:
    """It is computed again, and replaced."""
    scores.cached_scores(embeddings, "disparity")
    [stored] = (cache / "scores").glob("*.json")
    stored.write_text('{"metrics": ')
    assert scores.cached_scores(embeddings, "disparity").metrics == {"disparity.x": 0.1 + 0.2}
    assert len(computed) == 2


def test_libraries_that_figures_depend_on_are_described() -> None:
    """Those of the protocol, besides the common ones."""
    assert {"numpy", "scipy", "scikit-learn"} <= scores.describe_packages(["knn"]).keys()
    assert {"umap-learn", "hdbscan"} <= scores.describe_packages().keys()


def test_a_cache_that_cannot_be_written_costs_no_figures(embeddings, computed, cache: Path) -> None:
    """A file stands where its folder would be."""
    cache.mkdir()
    (cache / "scores").write_text("in the way")
    for _ in range(2):
        assert scores.cached_scores(embeddings, "disparity").metrics == {"disparity.x": 0.1 + 0.2}
    assert len(computed) == 2


@pytest.mark.parametrize(
    "spoil",
    [Path.mkdir, lambda path: path.write_bytes(b"\xff\xfe"), lambda path: path.write_text("[]")],
    ids=["folder", "not-utf-8", "list"],
)
def test_a_stored_file_that_cannot_be_read_costs_no_figures(embeddings, computed, cache: Path, spoil) -> None:
    """It is as good as none."""
    scores.cached_scores(embeddings, "disparity")
    [stored] = (cache / "scores").glob("*.json")
    stored.unlink()
    spoil(stored)
    assert scores.cached_scores(embeddings, "disparity").metrics == {"disparity.x": 0.1 + 0.2}
    assert len(computed) == 2


def test_what_the_images_do_not_allow_has_its_reason(embeddings) -> None:
    """Ten images without labels have a variety, and are too few or too nameless for all else."""
    found, reasons = scores.cached_possible_scores(replace(embeddings, labels=np.empty(0, np.int64), classes=()))
    assert found.keys() == {"disparity"}
    assert reasons.keys() == PROTOCOLS.keys() - {"disparity"}
    assert reasons["knn"] == "the images have no labels; put them into one folder per class"
    assert reasons["clustering"] == "10 images: clustering needs 20; add images"


def test_images_that_allow_nothing_are_refused(embeddings) -> None:
    """With a reason, instead of no figures."""
    alone = replace(embeddings, vectors=embeddings.vectors[:1], labels=np.empty(0, np.int64), classes=())
    with pytest.raises(LeaderboardError, match="1 image"):
        scores.cached_possible_scores(alone)
