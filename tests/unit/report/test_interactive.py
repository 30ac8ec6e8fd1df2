"""The data of the maps that a reader can touch."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from leaderboard.records import Scores
from leaderboard.report import interactive
from leaderboard.report.analysis import Analysis
from leaderboard.report.interactive import choose_shown, describe_maps

Make = Callable[..., Analysis]


def test_points_lie_in_the_unit_square_in_their_proportions(make_analysis: Make) -> None:
    """The longer side fills it, the shorter one is centred: distances are what a map is for."""
    points = np.array([[0.0, 10.0], [40.0, 20.0], [20.0, 10.0]])
    analysis = replace(make_analysis((2, 1), protocols=()), maps={"PCA": points})
    (model,) = describe_maps([analysis], {})["models"]
    assert model["maps"] == {"PCA": [[0.0, 0.375], [1.0, 0.625], [0.5, 0.375]]}


def test_points_in_one_place_are_in_the_middle(make_analysis: Make) -> None:
    """No division by nothing."""
    analysis = replace(make_analysis((2,), protocols=()), maps={"PCA": np.full((2, 2), 7.0)})
    assert describe_maps([analysis], {})["models"][0]["maps"]["PCA"] == [[0.5, 0.5]] * 2


def test_points_are_coloured_by_class_then_by_clustering(make_analysis: Make, cluster_scores) -> None:
    """Each way names its groups; noise is -1 and has no name."""
    analysis = make_analysis((6, 4), names=("azolla", "<b>"), scores={"clustering": cluster_scores(10)})
    (model,) = describe_maps([analysis], {})["models"]
    by_class, by_kmeans, by_density = model["groups"]
    assert by_class == {"title": "class", "names": ["azolla", "<b>"], "of": [0] * 6 + [1] * 4}
    assert by_kmeans["title"] == "k-means (K chosen) in PCA space"
    assert by_kmeans["names"] == ["cluster 1", "cluster 2", "cluster 3"]
    assert by_density["names"] == ["cluster 1", "cluster 2"]
    assert by_density["of"] == [-1, 0, 1, 0, 1, -1, 1, 0, 1, 0]  # equally large: the first image's cluster is the first


def test_clusters_are_numbered_by_size(make_analysis: Make) -> None:
    """Whatever the algorithm calls them; noise stays noise however much there is."""
    scores = {"clustering": Scores({}, outcomes={"pca.hdbscan": [2, -1, -1, -1, -1, 0, 0, 5, 5, 5]})}
    (model,) = describe_maps([make_analysis((10,), scores=scores, protocols=())], {})["models"]
    assert model["groups"][-1]["of"] == [2, -1, -1, -1, -1, 1, 1, 0, 0, 0]
    assert model["groups"][-1]["names"] == ["cluster 1", "cluster 2", "cluster 3"]


@pytest.mark.parametrize("nowhere", [np.nan, np.inf])
def test_a_map_with_a_point_that_is_nowhere_is_left_out(make_analysis: Make, nowhere: float) -> None:
    """The other maps can still be read; a model without another map is left out with it."""
    broken = np.array([[0.0, 1.0], [nowhere, 2.0]])
    analysis = replace(make_analysis((2,), protocols=()), maps={"PCA": np.eye(2), "UMAP": broken})
    found = describe_maps([analysis, replace(analysis, maps={"UMAP": broken})], {})
    assert [list(model["maps"]) for model in found["models"]] == [["PCA"]]
    assert json.loads(json.dumps(found, allow_nan=False))["names"] == list(analysis.embeddings.files)
    assert describe_maps([replace(analysis, maps={"UMAP": broken})], {}) == {}


def test_a_large_collection_shows_a_sample_of_every_class(
    make_analysis: Make, make_thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit each class has the same number of thumbnails, as far as it has images; the choice is fixed."""
    monkeypatch.setattr(interactive, "MOST_THUMBNAILS", 8)
    analysis, pictures = make_analysis((10, 1, 10), protocols=()), make_thumbnails(21)
    found = describe_maps([analysis], pictures)
    shown = [int(index) for index in found["thumbnails"]]
    assert found["shown"] == len(shown) == 8
    assert len(found["names"]) == 21
    assert sorted(np.bincount(analysis.embeddings.labels[shown]).tolist()) == [1, 3, 4]
    assert describe_maps([analysis], pictures)["thumbnails"] == found["thumbnails"]
    del pictures[shown[0]]
    assert len(choose_shown(pictures, np.zeros(0, np.int64))) == 8
    assert shown[0] not in choose_shown(pictures, analysis.embeddings.labels)


def test_the_page_knows_how_many_images_have_a_picture(make_analysis: Make, make_thumbnails) -> None:
    """All those of the collection while they are few."""
    found = describe_maps([make_analysis((6, 4), protocols=())], make_thumbnails(7))
    assert found["shown"] == len(found["thumbnails"]) == 7


def test_images_without_classes_are_all_alike(make_analysis: Make) -> None:
    """One group that holds all of them, so that the page has something to draw."""
    analysis = make_analysis((5,), protocols=())
    embeddings = replace(analysis.embeddings, labels=np.zeros(0, np.int64), classes=(), files=())
    found = describe_maps([replace(analysis, embeddings=embeddings)], {})
    assert found["models"][0]["groups"] == [{"title": "nothing", "names": ["all images"], "of": [0] * 5}]
    assert found["names"] == [f"image {number}" for number in range(1, 6)]


def test_clusters_alone_colour_images_without_classes(make_analysis: Make, cluster_scores) -> None:
    """They come first then."""
    analysis = make_analysis((10,), protocols=())
    embeddings = replace(analysis.embeddings, labels=np.zeros(0, np.int64), classes=())
    scores: dict[str, Scores] = {"clustering": cluster_scores(10, labelled=False)}
    found = describe_maps([replace(analysis, embeddings=embeddings, scores=scores)], {})
    assert [group["title"] for group in found["models"][0]["groups"]] == [
        "k-means (K chosen) in PCA space",
        "HDBSCAN in PCA space",
    ]


def test_everything_is_fit_for_json_whatever_the_names(make_analysis: Make, make_thumbnails) -> None:
    """Bytes that are no UTF-8 are spelt out; thumbnails come back as they were; clusters are plain numbers."""
    analysis = make_analysis((2, 1), names=("a", "\udcff"), protocols=())
    embeddings = replace(analysis.embeddings, files=("1.png", "two\nlines.png", "\udce9.png"))
    pictures = make_thumbnails(2)
    text = json.dumps(describe_maps([replace(analysis, embeddings=embeddings)], pictures))
    found = json.loads(text.encode("utf-8"))
    assert found["names"] == ["1.png", "two\nlines.png", "\\udce9.png"]
    assert found["models"][0]["groups"][0]["names"] == ["a", "\\udcff"]
    assert {int(index): b64decode(data) for index, data in found["thumbnails"].items()} == pictures


def test_without_maps_there_is_nothing_to_touch(make_analysis: Make) -> None:
    """The page then has no such section; a model with a map is enough to have one."""
    without, with_map = replace(make_analysis(protocols=()), maps={}), make_analysis(model="b", protocols=())
    assert describe_maps([without], {}) == {}
    assert [model["model"] for model in describe_maps([without, with_map], {})["models"]] == ["b"]
