"""The images of a collection that are nearest to one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leaderboard import finding
from leaderboard.finding import SPARE, class_of, find_images
from leaderboard.neighbours import find_nearest
from leaderboard.records import Embeddings, Provenance

QUERY = Path("asked.png")


def collection(*, labelled: bool = True) -> Embeddings:
    """Five images on a line, at 0, 1, 2, 2 and 9."""
    vectors = np.array([[0.0, 0], [1, 0], [2, 0], [2, 0], [9, 0]], np.float32)
    labels = np.array([0, 0, 1, 1, 1] if labelled else [], np.int64)
    files = tuple("abcde")
    return Embeddings(vectors, labels, files, ("near", "far") if labelled else (), Provenance({}, {}))


def test_the_nearest_come_first_and_ties_keep_the_order_of_the_files() -> None:
    """With class and Euclidean distance."""
    found = find_images(QUERY, np.array([0.0, 0]), collection(), 4, is_own=lambda file: False)
    assert [(near.file, near.genus, near.distance) for near in found.neighbours] == [
        ("a", "near", 0.0),
        ("b", "near", 1.0),
        ("c", "far", 2.0),
        ("d", "far", 2.0),
    ]
    assert found.own == ()


def test_the_image_itself_is_no_answer_and_takes_no_place() -> None:
    """Nor are its copies; they are told apart from the answers."""
    found = find_images(QUERY, np.array([0.0, 0]), collection(), 2, is_own=lambda file: file in "ac")
    assert [near.file for near in found.neighbours] == ["b", "d"]
    assert found.own == ("a", "c")


def test_a_small_collection_gives_all_that_it_has() -> None:
    """Without classes there is no genus."""
    found = find_images(QUERY, np.array([3.0, 4]), collection(labelled=False), 99, is_own=lambda file: False)
    assert len(found.neighbours) == 5
    assert {near.genus for near in found.neighbours} == {""}
    assert found.neighbours[-1].file == "e"
    assert found.neighbours[0].distance == np.hypot(1, 4)


@pytest.mark.parametrize("copies", [0, SPARE, SPARE + 1, 150])
def test_however_many_copies_there_are_k_answers_come(monkeypatch: pytest.MonkeyPatch, copies: int) -> None:
    """And no more than a few rounds of searching, which asks for few of many images."""
    asked: list[int] = []

    def counted(queries: np.ndarray, gallery: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append(k)
        return find_nearest(queries, gallery, k)

    monkeypatch.setattr(finding, "find_nearest", counted)
    places = np.concatenate([np.zeros(copies), np.arange(1.0, 201.0)])
    vectors = np.stack([places, np.zeros_like(places)], axis=1).astype(np.float32)
    files = tuple(f"{index:03d}" for index in range(len(vectors)))
    many = Embeddings(vectors, np.array([], np.int64), files, (), Provenance({}, {}))
    found = find_images(QUERY, np.zeros(2), many, 3, is_own=lambda file: int(file) < copies)
    assert [near.distance for near in found.neighbours] == [1.0, 2.0, 3.0]
    assert found.own == files[:copies]
    assert asked == [(3 + SPARE) * 2**turn for turn in range(len(asked))]
    assert asked[-1] < 2 * (3 + SPARE + copies)


@pytest.mark.parametrize(
    ("path", "genus"),
    [
        ("pinales/a.jpg", "pinales"),
        ("pinales/slide-7/a.jpg", "pinales"),
        ("./pinales/a.jpg", "pinales"),
        ("x.tar/./pinales/a.jpg", "pinales"),
        ("x.TAR/a.jpg", ""),
        ("a.jpg", ""),
        ("./a.jpg", ""),
        ("../pinales/a.jpg", ""),
        ("/mnt/pinales/a.jpg", ""),
        ("s3://slides/pinales/a.jpg", ""),
    ],
)
def test_a_class_is_the_first_folder_where_that_is_one(path: str, genus: str) -> None:
    """As `find . -name` and `tar cf x.tar ./pinales` write paths too."""
    assert class_of(path) == genus
