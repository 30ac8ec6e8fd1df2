"""Pages say how to cite what has a doi, and of anything else where it is from; figures with the state they are in."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leaderboard.citing import cite_leaderboard, digest_results
from leaderboard.records import Source
from leaderboard.registry import Registry
from leaderboard.sections import NO_NEWS
from leaderboard.site.dataset.page import list_dataset_pages
from leaderboard.site.front.index import list_index_pages
from leaderboard.site.gathering import gather_material
from leaderboard.site.model.page import list_model_pages

SHARED = ("These figures: how to cite", "The images of grains: how to cite")


@pytest.fixture
def board(crowd: Registry, with_model, with_dataset) -> Registry:
    """A model with weights on a data set with a paper."""
    return with_dataset(with_model(crowd, "toy", sources=(Source("hub", "me/mine"),)), paper="10.1000/ab")


def list_heads(page: bytes) -> list[str]:
    """The headings of the part about citing, its own first."""
    part = page.decode().partition('id="cite">')[2]
    return [part.partition("</h2>")[0], *re.findall("<h3>(.*?)</h3>", part)]


def test_a_models_page_says_what_each_text_is(board, measure) -> None:
    """Where the model is from, how the figures are cited, how the images are."""
    material = gather_material(board, [measure("toy", 8, model={"weights": {"source": "hub:me/mine"}})], NO_NEWS)
    pages = list_model_pages(material)
    assert list_heads(pages["models/toy.html"]) == ["How to cite", "The model: where it is from", *SHARED]
    assert list_heads(pages["models/top.html"]) == ["How to cite", *SHARED[:1]]


def test_images_without_a_doi_are_from_somewhere(board, with_dataset, measure) -> None:
    """On the page of the model and on their own, where the way to the part is called the same."""
    for paper, head in (("10.1000/ab", "How to cite"), (None, "Where it is from")):
        material = gather_material(with_dataset(board, paper=paper), [measure("toy", 8)], NO_NEWS)
        page = list_dataset_pages(material)["datasets/grains.html"]
        assert list_heads(page) == [head]
        assert f'<a href="#cite">{head}</a>' in page.decode()
        named = list_heads(list_model_pages(material)["models/toy.html"])[-1]
        assert named == f"The images of grains: {head[0].lower()}{head[1:]}"


def test_figures_are_cited_in_the_state_that_they_are_in(board, measure) -> None:
    """On the first page and on those of the models; computed once, not for every page."""
    result = measure("toy", 8)
    material = gather_material(board, [result], NO_NEWS)
    state = f"results {digest_results([result])}"
    assert state in list_index_pages(material)["index.html"].decode()
    assert state in list_model_pages(material)["models/tin.html"].decode()
    assert material.citation is material.citation
    assert material.citation == cite_leaderboard([result])
    other = replace(material, results=[replace(result, metrics={**result.metrics, "knn1.accuracy": 0.5})])
    assert state not in list_index_pages(other)["index.html"].decode()
