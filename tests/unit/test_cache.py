"""Embeddings on disk: nothing lost on the way, nothing half-written, nothing foreign believed."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import leaderboard.cache
from leaderboard.cache import FORMAT, cache_entry, check_distinct, check_suffix, load_embeddings, save_embeddings
from leaderboard.errors import LeaderboardError
from leaderboard.records import Embeddings, Provenance

VECTORS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
HEADER: dict[str, Any] = {"files": ["a", "b", "c"], "classes": ["x"], "left_out": [], "inputs": {}, "environment": {}}


@pytest.fixture
def embeddings() -> Embeddings:
    return Embeddings(
        vectors=VECTORS,
        labels=np.array([1, 0, 1]),
        files=("b/é 1.png", "a/1.png", "b/2.png"),
        classes=("a", "b"),
        provenance=Provenance({"model": {"weights": "sha"}, "dataset": "digest"}, {"device": "cpu"}),
        left_out=("b/bad.png",),
    )


def assert_same(found: Embeddings, wanted: Embeddings) -> None:
    assert found.vectors.dtype == np.float32
    assert found.labels.dtype == np.int64
    np.testing.assert_array_equal(found.vectors, wanted.vectors)
    np.testing.assert_array_equal(found.labels, wanted.labels)
    assert (found.files, found.classes) == (wanted.files, wanted.classes)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_round_trip(tmp_path: Path, embeddings: Embeddings, suffix: str) -> None:
    """Both formats give back the same bits, labels, files and classes."""
    path = tmp_path / "new" / f"e{suffix}"
    save_embeddings(path, embeddings)
    assert_same(load_embeddings(path), embeddings)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_unlabelled_round_trip(tmp_path: Path, embeddings: Embeddings, suffix: str) -> None:
    """Embeddings without labels and classes stay without."""
    unlabelled = replace(embeddings, labels=np.empty(0, np.int64), classes=())
    save_embeddings(tmp_path / f"e{suffix}", unlabelled)
    assert_same(load_embeddings(tmp_path / f"e{suffix}"), unlabelled)


def test_header_carries_the_provenance(tmp_path: Path, embeddings: Embeddings) -> None:
    """Where the vectors come from and what was left out is in the safetensors header, readable by anyone."""
    path = tmp_path / "e.safetensors"
    save_embeddings(path, embeddings)
    with safe_open(path, framework="numpy") as stored:
        header = stored.metadata()
    assert json.loads(header["inputs"]) == embeddings.provenance.inputs
    loaded = load_embeddings(path)
    assert loaded.provenance == embeddings.provenance
    assert loaded.left_out == ("b/bad.png",)


@pytest.mark.parametrize(
    ("labels", "indices", "classes"),
    [
        (np.array([7, -2, 7]), [1, 0, 1], ("-2", "7")),
        (np.array(["oak", "fern", "oak"]), [1, 0, 1], ("fern", "oak")),
    ],
)
def test_foreign_labels_become_classes(
    tmp_path: Path, labels: np.ndarray, indices: list[int], classes: tuple[str, ...]
) -> None:
    """An .npz with F and L alone: any integers or strings are labels, the classes are their sorted values."""
    np.savez(tmp_path / "e.npz", F=VECTORS.astype(np.float64), L=labels)
    loaded = load_embeddings(tmp_path / "e.npz")
    assert_same(loaded, Embeddings(VECTORS, np.array(indices), (), classes, Provenance({}, {})))
    assert loaded.provenance.inputs == {"file": "e.npz"}


def test_foreign_names_are_read(tmp_path: Path) -> None:
    """Files and classes of an .npz are taken; labels then index the classes, also one without an image."""
    np.savez(tmp_path / "e.npz", F=VECTORS, L=np.float32([2, 0, 2]), files=list("pqr"), classes=list("abc"))
    loaded = load_embeddings(tmp_path / "e.npz")
    assert_same(loaded, Embeddings(VECTORS, np.array([2, 0, 2]), tuple("pqr"), tuple("abc"), Provenance({}, {})))


BAD_ARRAYS: dict[str, dict[str, Any]] = {
    "no F": {"L": np.zeros(3)},
    "no L": {"F": VECTORS},
    "F of text": {"F": np.array(["x", "y"]), "L": np.zeros(2)},
    "F flat": {"F": np.zeros(3), "L": np.zeros(3)},
    "F deep": {"F": np.zeros((3, 2, 2)), "L": np.zeros(3)},
    "F without rows": {"F": np.zeros((0, 2)), "L": np.zeros(0)},
    "F without columns": {"F": np.zeros((3, 0)), "L": np.zeros(3)},
    "F with NaN": {"F": np.full((3, 2), np.nan), "L": np.zeros(3)},
    "F infinite": {"F": np.full((3, 2), np.inf), "L": np.zeros(3)},
    "F as objects": {"F": np.array([[1], [None]], dtype=object), "L": np.zeros(2)},
    "L too short": {"F": VECTORS, "L": np.zeros(2)},
    "L single": {"F": VECTORS, "L": np.array(1)},
    "L as a column": {"F": VECTORS, "L": np.zeros((3, 1))},
    "L as objects": {"F": VECTORS, "L": np.array([1, "a", None], dtype=object)},
    "L beyond the classes": {"F": VECTORS, "L": np.array([0, 1, 2]), "classes": ["a", "b"]},
    "L negative": {"F": VECTORS, "L": np.array([0, 1, -1]), "classes": ["a", "b"]},
    "L broken": {"F": VECTORS, "L": np.array([0, 0.5, 1]), "classes": ["a", "b"]},
    "L of names beside classes": {"F": VECTORS, "L": np.array(["a", "b", "a"]), "classes": ["a", "b"]},
    "files too few": {"F": VECTORS, "L": np.zeros(3), "files": ["p"]},
    "files single": {"F": VECTORS, "L": np.zeros(3), "files": np.array("p")},
    "classes single": {"F": VECTORS, "L": np.zeros(3), "classes": np.array("a")},
}


def refused(path: Path) -> str:
    with pytest.raises(LeaderboardError) as caught:
        load_embeddings(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("arrays", BAD_ARRAYS)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: str) -> None:
    """Missing, misshapen, non-finite and contradictory arrays are errors that name the file."""
    np.savez(tmp_path / "e.npz", **BAD_ARRAYS[arrays])
    refused(tmp_path / "e.npz")


def test_labels_that_index_nothing_say_so(tmp_path: Path) -> None:
    """Fractions beside classes are not cut to whole numbers."""
    np.savez(tmp_path / "e.npz", **BAD_ARRAYS["L broken"])
    assert "L has to index classes" in refused(tmp_path / "e.npz")


class Explosive:
    """Unpickling this leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("wrapped", [True, False])
def test_pickles_are_never_run(tmp_path: Path, wrapped: bool) -> None:
    """A pickle, in an .npz or in place of one, is refused unread."""
    mark, path = tmp_path / "mark", tmp_path / "e.npz"
    if wrapped:
        np.savez(path, F=np.array([[Explosive(mark)]], dtype=object), L=np.zeros(1))
    else:
        path.write_bytes(pickle.dumps(Explosive(mark)))
    refused(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Explosive(mark)))
    assert mark.exists(), "the pickle of this test is harmless"


@pytest.mark.parametrize("name", ["e.npz", "e.safetensors", "e.bin", "e"])
@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\xff" * 400])
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """Empty files, text and noise are no embeddings, whatever the suffix."""
    (tmp_path / name).write_bytes(content)
    assert "expected our .safetensors, or an .npz with F (n, d) and L (n)" in refused(tmp_path / name)


def test_single_array_is_refused(tmp_path: Path) -> None:
    """An .npy renamed to .npz is no archive."""
    with (tmp_path / "e.npz").open("wb") as stream:
        np.save(stream, VECTORS)
    assert "not a zip archive" in refused(tmp_path / "e.npz")


def test_missing_file_comes_with_the_remedy(tmp_path: Path) -> None:
    """The error says how to make the file."""
    assert "does not exist; make it with `leaderboard embed" in refused(tmp_path / "e.safetensors")


def test_folder_is_refused(tmp_path: Path) -> None:
    """A folder with the right suffix is no file."""
    (tmp_path / "e.npz").mkdir()
    refused(tmp_path / "e.npz")


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_damaged_files_never_break_out(tmp_path: Path, embeddings: Embeddings, suffix: str) -> None:
    """Whatever is changed or cut in a file, it loads or is a LeaderboardError."""
    path, draws, outcomes = tmp_path / f"e{suffix}", np.random.default_rng(0), set()
    save_embeddings(path, embeddings)
    if suffix == ".npz":
        np.savez_compressed(path, F=np.zeros((30, 20)), L=np.arange(30))
    sound = path.read_bytes()
    for turn in range(300):
        content = bytearray(sound[: draws.integers(len(sound))] if turn % 3 == 0 else sound)
        for place in draws.integers(0, max(1, len(content)), 3 if content else 0):
            content[place] = draws.integers(0, 256)
        path.write_bytes(content)
        try:
            outcomes.add(len(load_embeddings(path).vectors) > 0)
        except LeaderboardError as error:
            outcomes.add(str(path) in str(error))
    assert outcomes == {True}
    path.write_bytes(sound[:-30])
    refused(path)


@pytest.mark.parametrize(
    ("tensors", "header"),
    [
        ({"labels": np.zeros(3, np.int64)}, {}),
        ({"vectors": VECTORS}, {}),
        ({"vectors": VECTORS, "labels": np.zeros(2, np.int64)}, {}),
        ({"vectors": VECTORS, "labels": np.zeros((3, 1), np.int64)}, {}),
        ({"vectors": VECTORS, "labels": np.zeros(3, np.float32)}, {}),
        ({"vectors": VECTORS, "labels": np.zeros(3, np.int64)}, {"classes": []}),
        ({"vectors": VECTORS, "labels": np.zeros(3, np.int64)}, {"files": ["a"]}),
        ({"vectors": VECTORS, "labels": np.zeros(3, np.int64)}, {"left_out": 3}),
        ({"vectors": VECTORS, "labels": np.zeros(3, np.int64)}, {"files": None}),
    ],
)
def test_safetensors_that_do_not_fit_are_refused(
    tmp_path: Path, tensors: dict[str, np.ndarray], header: dict[str, Any]
) -> None:
    """Our format with missing tensors, other shapes or a header that does not fit is an error."""
    path = tmp_path / "e.safetensors"
    described = {name: json.dumps(value) for name, value in (HEADER | header).items()}
    save_file(tensors, path, metadata={"format": FORMAT} | described)
    refused(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": FORMAT}, {"format": FORMAT, "files": "["}])
def test_foreign_safetensors_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    """A safetensors file with another header is not ours."""
    path = tmp_path / "e.safetensors"
    save_file({"vectors": VECTORS, "labels": np.zeros(3, np.int64)}, path, metadata=metadata)
    refused(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_failed_write_leaves_the_old_file(
    tmp_path: Path, embeddings: Embeddings, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error half-way through a write leaves the old file whole, and no temporary one."""
    path = tmp_path / f"e{suffix}"
    save_embeddings(path, embeddings)
    before = path.read_bytes()

    def write_half(temporary: Path, _: Embeddings) -> None:
        temporary.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setitem(leaderboard.cache._SAVE, suffix, write_half)
    with pytest.raises(OSError, match="no space left"):
        save_embeddings(path, replace(embeddings, vectors=VECTORS + 1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path, *(tmp_path.glob("cache"))]


@pytest.mark.parametrize("name", ["e.csv", "e", "e.NPZ", "npz"])
def test_unknown_suffix_is_refused_before_writing(tmp_path: Path, embeddings: Embeddings, name: str) -> None:
    """A format that we do not write is an error that names those that we do, and no file appears."""
    with pytest.raises(LeaderboardError, match=r"expected \.safetensors or \.npz"):
        save_embeddings(tmp_path / name, embeddings)
    with pytest.raises(LeaderboardError, match=name):
        check_suffix(Path(name))
    assert not (tmp_path / name).exists()


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002], indirect=True)
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_permissions_follow_the_umask(tmp_path: Path, embeddings: Embeddings, umask: int, suffix: str) -> None:
    """A written file may be read by whom the umask allows, not only by its owner; the umask itself stays."""
    path = tmp_path / f"e{suffix}"
    save_embeddings(path, embeddings)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    (tmp_path / "plain").touch()
    assert (tmp_path / "plain").stat().st_mode & 0o777 == 0o666 & ~umask


def test_key_decides_the_place(cache: Path) -> None:
    """The same key gives the same file in any order of its parts; another key, another file."""
    first = cache_entry({"a": 1, "b": {"c": 2}}, model="toy", dataset="toy-data")
    assert first == cache_entry({"b": {"c": 2}, "a": 1}, model="toy", dataset="toy-data")
    assert first != cache_entry({"a": 1, "b": {"c": 3}}, model="toy", dataset="toy-data")
    assert first.path.parent == cache / "embeddings"
    assert first.path.name.startswith("toy.toy-data.")


def test_collapsed_vectors_are_refused(embeddings: Embeddings) -> None:
    """Vectors that are all the same tell no image apart; two distinct ones are enough."""
    same = np.ones((3, 4), np.float32)
    with pytest.raises(LeaderboardError, match="all 3 vectors are the same"):
        check_distinct(replace(embeddings, vectors=same), "toy")
    same[0, 0] = 2
    check_distinct(replace(embeddings, vectors=same), "toy")
