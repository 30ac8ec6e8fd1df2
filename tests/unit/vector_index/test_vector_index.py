"""An index: what it finds, what it says of itself, and that no half of one is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from collections_made import draw_clusters, save_collection

from leaderboard.errors import LeaderboardError
from leaderboard.shards.reading import Collection
from leaderboard.vector_index import building, store
from leaderboard.vector_index.apart import ask_apart
from leaderboard.vector_index.building import ENOUGH, build_index, compute_recall
from leaderboard.vector_index.exact import search_exactly
from leaderboard.vector_index.nearest import Nearest
from leaderboard.vector_index.opening import kind_of, open_searchable
from leaderboard.vector_index.reading import open_index


@pytest.fixture
def collection(tmp_path) -> Collection:
    """Three thousand vectors in sixty clusters, in thirteen shards."""
    return save_collection(tmp_path / "vectors", draw_clusters(3000, 48, clusters=60), shard_size=240)


def test_it_finds_nearly_what_exact_search_finds(collection, tmp_path) -> None:
    """At true distances, for images that are not in it; the recall it states is what it was built with."""
    built = build_index(collection, tmp_path / "index")
    queries = draw_clusters(100, 48, clusters=60, seed=0)[:50] + np.float32(0.05)
    index = open_index(str(tmp_path / "index"))
    found, truth = index.search(queries, 10), search_exactly(queries, collection, 10)
    assert built.index.recall == index.recall >= ENOUGH
    assert compute_recall(found, truth, np.full(50, -1)) >= ENOUGH - 0.05
    same = found.rows[:, 0] == truth.rows[:, 0]
    assert same.mean() > 0.9
    np.testing.assert_array_equal(found.distances[same, 0], truth.distances[same, 0])


def test_parts_are_searched_as_one(monkeypatch: pytest.MonkeyPatch, collection, tmp_path) -> None:
    """Cut into several files, the index gives the same rows."""
    build_index(collection, tmp_path / "one")
    monkeypatch.setattr(store, "PART_BYTES", 48 * 1000)
    build_index(collection, tmp_path / "many")
    one, many = open_index(str(tmp_path / "one")), open_index(str(tmp_path / "many"))
    assert len(many.parts) == 4
    queries = draw_clusters(20, 48, seed=3)
    np.testing.assert_array_equal(one.search(queries, 5).rows, many.search(queries, 5).rows)


def test_the_same_vectors_give_the_same_index(collection, tmp_path) -> None:
    """Byte for byte."""
    for name in ("a", "b"):
        build_index(collection, tmp_path / name)
    assert (tmp_path / "a" / "part-00000.faiss").read_bytes() == (tmp_path / "b" / "part-00000.faiss").read_bytes()
    assert json.loads((tmp_path / "a" / "manifest.json").read_text())["effort"] >= 1


def test_the_effort_rises_until_the_recall_is_reached(monkeypatch: pytest.MonkeyPatch, collection, tmp_path) -> None:
    """And where it never is, the index says what it has."""
    first = build_index(collection, tmp_path / "a").index
    monkeypatch.setattr(building, "ENOUGH", 0.9999)
    second = build_index(collection, tmp_path / "b").index
    assert (second.effort, second.depth) > (first.effort, first.depth)
    assert second.recall > first.recall
    monkeypatch.setattr(building, "ENOUGH", 1.1)
    third = build_index(collection, tmp_path / "c")
    assert third.index.effort == third.manifest["lists"]
    assert third.index.recall <= 1


def test_asked_apart_it_answers_the_same(collection, tmp_path) -> None:
    """In a process without torch, and its errors come back as one line."""
    index = build_index(collection, tmp_path / "index").index
    queries = draw_clusters(5, 48, seed=2)
    here, there = (ask(index.folder, index.parts, queries, 7, 4) for ask in (store.ask_here, ask_apart))
    np.testing.assert_array_equal(here[0], there[0])
    np.testing.assert_array_equal(here[1], there[1])
    with pytest.raises(LeaderboardError, match=r"part-9\.faiss is damaged or gone .*build the index again"):
        ask_apart(index.folder, ("part-9.faiss",), queries, 7, 4)


def test_what_is_interrupted_leaves_nothing(monkeypatch: pytest.MonkeyPatch, collection, tmp_path) -> None:
    """Neither an index nor a folder of parts; a later run starts from the beginning."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(building, "tune", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build_index(collection, tmp_path / "out" / "index")
    assert list((tmp_path / "out").iterdir()) == []
    build_index(collection, tmp_path / "out" / "index")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index"]


def test_what_a_killed_run_left_is_swept(collection, tmp_path) -> None:
    """A folder that no index came of."""
    script = (
        "import os, sys; from pathlib import Path; from leaderboard.vector_index import building\n"
        "from leaderboard.shards.reading import open_collection\n"
        "building.tune = lambda *_: os.kill(os.getpid(), 9)\n"
        "building.build_index(open_collection(sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, str(collection.folder), str(tmp_path / "out" / "index")]
    assert subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode == -9
    assert len(list((tmp_path / "out").glob(".index.*.tmp"))) == 1
    assert not (tmp_path / "out" / "index").exists()
    build_index(collection, tmp_path / "out" / "index")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index"]


def test_an_index_that_is_there_stays(collection, tmp_path) -> None:
    """Nothing is built over it, nor over any other folder."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(LeaderboardError, match=r"is there already; remove it, or choose another --out"):
        build_index(collection, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "x"


def test_moved_together_both_are_found(collection, tmp_path) -> None:
    """The index looks beside itself first."""
    build_index(collection, tmp_path / "index")
    (tmp_path / "elsewhere").mkdir()
    for name in ("index", "vectors"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    assert len(open_index(str(tmp_path / "elsewhere" / "index")).search(np.zeros((1, 48), np.float32), 3).rows[0]) == 3


def test_an_index_of_other_vectors_is_refused(collection, tmp_path) -> None:
    """Also when they are gone."""
    build_index(collection, tmp_path / "index")
    save_collection(tmp_path / "vectors", draw_clusters(3000, 48, seed=9), shard_size=240)
    with pytest.raises(LeaderboardError, match=r"is an index of other vectors than .* has now; build it again"):
        open_searchable(str(tmp_path / "index"))
    (tmp_path / "vectors" / "manifest.json").unlink()
    with pytest.raises(LeaderboardError, match="needs the vectors it was built of"):
        open_searchable(str(tmp_path / "index"))


def test_each_kind_of_folder_is_known(collection, tmp_path) -> None:
    """By its manifest; a manifest of somebody else's is none of ours."""
    build_index(collection, tmp_path / "index")
    (tmp_path / "images").mkdir()
    assert kind_of(str(tmp_path / "images")) == "images"
    with pytest.raises(LeaderboardError, match="nowhere does not exist; give a folder of images, vectors, or an index"):
        kind_of(str(tmp_path / "nowhere"))
    (tmp_path / "images" / "manifest.json").write_text('{"format": "iiif"}')
    assert kind_of(str(tmp_path / "images")) == "images"
    assert kind_of(str(collection.folder)) == "collection"
    assert kind_of(str(tmp_path / "index")) == "index"
    assert open_searchable(str(tmp_path / "index")).said.startswith("approximate search, recall@10 ")
    assert open_searchable(str(collection.folder)).said == "exact search of 3,000 vectors"


def test_recall_counts_ties_and_not_the_query_itself() -> None:
    """A row as near as the last true one is as good; one's own row is no neighbour."""
    truth = Nearest(np.array([[7, 1, 2]]), np.array([[0.0, 1.0, 2.0]]))
    tied = Nearest(np.array([[7, 1, 3]]), np.array([[0.0, 1.0, 2.0]]))
    missed = Nearest(np.array([[7, 1, 4]]), np.array([[0.0, 1.0, 2.5]]))
    own = np.array([7])
    assert compute_recall(tied, truth, own) == 1
    assert compute_recall(missed, truth, own) == 0.5


@pytest.mark.parametrize(("images", "lists"), [(30, 1), (3000, 75), (100_000, 512), (1_000_000, 2048)])
def test_lists_grow_with_the_square_root(images: int, lists: int) -> None:
    """And every list has enough vectors to be learnt from."""
    assert store.choose_lists(images) == lists


def test_a_handful_of_vectors_can_be_indexed(tmp_path) -> None:
    """With a single list, in which everything is found."""
    few = save_collection(tmp_path / "few", draw_clusters(12))
    index = build_index(few, tmp_path / "index").index
    assert sorted(index.search(draw_clusters(1), 12).rows[0]) == list(range(12))
