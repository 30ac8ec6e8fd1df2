"""Tests of what the page of a data set says."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leaderboard.auditing import choose_good, list_untrained
from leaderboard.backbones import loader_version
from leaderboard.protocols import METRICS
from leaderboard.records import Literature, Reported
from leaderboard.sections import NO_NEWS
from leaderboard.site.dataset.page import describe_dataset, list_dataset_pages
from leaderboard.site.gathering import gather_material
from leaderboard.site.material import Images


@pytest.fixture
def describe():
    """The view of the one data set."""

    def view(registry, results):
        material = gather_material(registry, results, NO_NEWS)
        (section,) = material.sections
        return describe_dataset(material, section)

    return view


@pytest.fixture
def trained(crowd):
    """Top and tin are networks, toy is a baseline."""
    models = {id_: replace(spec, library="timm" if id_ != "toy" else "baseline") for id_, spec in crowd.models.items()}
    return replace(crowd, models=models)


@pytest.fixture
def heard(measure):
    """A result that an audit can read, of a network but for toy: neighbours are of the class that was named."""

    def make(model, wrong, **changes):
        network = {"library": "timm", "loader": loader_version("timm")}
        result = measure(model, wrong, model={} if model == "toy" else network, **changes)
        named = {}
        for test, said in zip(*(result.outcomes["knn"][key] for key in ("test", "predicted_k1")), strict=True):
            named |= dict(zip(test, said, strict=True))
        members = {label: [i for i, own in enumerate(result.labels) if own == label] for label in (0, 1)}
        near = [[other for other in members[named[image]] if other != image][:10] for image in range(len(named))]
        retrieval = {**result.outcomes["retrieval"], "neighbours": near}
        return replace(result, outcomes={**result.outcomes, "retrieval": retrieval})

    return make


def test_a_data_set_with_a_section_has_a_page(crowd, measure):
    """One without any figure has none."""
    empty = replace(crowd, datasets=crowd.datasets | {"bare": replace(crowd.dataset("grains"), id="bare")})
    pages = list_dataset_pages(gather_material(empty, [measure("toy", 3)], NO_NEWS))

    assert list(pages) == ["datasets/grains.html"]


def test_the_hardest_genus_comes_first(crowd, measure, describe):
    """By the best model's figure; the mark is the median of all models."""
    results = [measure("top", 5), measure("toy", 20), measure("tin", 30)]
    view = describe(crowd, results)

    figures = [float(bar.text.split("\N{NO-BREAK SPACE}")[0]) for bar in view.hardest]
    assert figures == sorted(figures)
    assert view.best == "top"
    assert len(view.hardest) == 2
    assert all(float(bar.against) < figure for bar, figure in zip(view.hardest, figures, strict=True))
    assert [bar.images for bar in view.hardest] == [40, 40]


def test_what_all_good_models_confuse_stands_with_the_least_and_the_largest_share(trained, heard, describe):
    """The baseline is not heard: it is worse than both."""
    doubt = describe(trained, [heard("top", 4), heard("tin", 8), heard("toy", 40)]).suspicions

    assert doubt.models == ("top", "tin")
    assert [(own.truth, own.named) for own in doubt.confusions] in ([("a", "b"), ("b", "a")], [("b", "a"), ("a", "b")])
    assert all(" to " in own.share for own in doubt.confusions)


def test_suspects_are_those_of_the_audit(trained, heard, describe):
    """Images that both networks name otherwise, with the file where it is known, and the command for the table."""
    results = [heard("top", 4), heard("tin", 8), heard("toy", 40)]
    doubt = describe(trained, results).suspicions

    assert len(doubt.suspects) == 4
    assert all({own.label, own.suggestion} == {"a", "b"} for own in doubt.suspects)
    assert all(own.picture.name.startswith("image ") for own in doubt.suspects)
    assert doubt.command == "leaderboard audit grains --out audit/"
    assert doubt.summary.startswith("4 of 80 images are suspected")


def test_the_models_that_are_heard_do_not_depend_on_where_resamples_come_from(trained, heard):
    """Those of the table's standings are the ones that the audit's own command draws."""
    results = [heard("top", 4), heard("tin", 33), heard("toy", 34)]
    material = gather_material(trained, results, NO_NEWS)
    (section,) = material.sections
    untrained, metric = list_untrained(trained.models.values()), METRICS["knn1.f1_macro"]

    kept = choose_good(results, untrained, metric, section.standings)

    assert kept == choose_good(results, untrained, metric)
    assert [result.model for result in kept] == ["top"]


def test_outcomes_that_no_audit_can_read_give_no_suspicions(crowd, measure, describe):
    """The page is there all the same."""
    assert describe(crowd, [measure("toy", 3)]).suspicions is None


def test_nothing_measured_says_how_to_place_and_measure_it(crowd, with_model, with_dataset):
    """With where the images are from, what others reported, and what other methods reach."""
    grains = with_dataset(
        crowd, origin="a drawer", paper="10.1/x", literature=(Literature("knn1.f1_macro", 0.9, "a CNN"),)
    )
    told = {"grains": Reported({"knn1.f1_macro": 0.81}, "A paper")}
    registry = with_model(grains, "toy", reported=told, notice="Built with toys")
    page = list_dataset_pages(gather_material(registry, [], NO_NEWS))["datasets/grains.html"].decode()

    assert "Nothing is measured here yet" in page
    assert "Get the images from a drawer (doi 10.1/x) and place them in $LEADERBOARD_DATA/grains/" in page
    assert "0.9, a CNN" in page
    assert 'href="https://doi.org/10.1/x"' in page
    assert re.search(
        r'models/toy.html">toy</a> <span class="quiet">Built with toys</span></th><td[^>]*>0.81</td>', page
    )
    assert "Source: A paper." in page


def test_a_smoke_test_is_called_one(crowd, measure, with_dataset):
    """It is no evidence about fossils."""
    page = list_dataset_pages(gather_material(with_dataset(crowd, ranked=False), [measure("toy", 3)], NO_NEWS))

    assert b"no evidence about real fossils" in page["datasets/grains.html"]


def test_genera_are_listed_with_their_images_and_three_pictures_where_there_are(crowd, measure):
    """First, middle and last of each folder; without pictures the counts alone."""
    material = gather_material(crowd, [measure("toy", 3)], NO_NEWS)
    without = list_dataset_pages(material)["datasets/grains.html"].decode()
    files = [f"{'ab'[image // 40]}/{image}.png" for image in range(80)]
    shown = replace(material, images={"grains": Images("d" * 64, files, dict.fromkeys(range(80), b"jpeg"))})
    page = list_dataset_pages(shown)["datasets/grains.html"].decode()

    assert "<img" not in without
    assert re.findall(r'<li><span class="taxon">(\w)</span> <span class="quiet">40</span></li>', without) == ["a", "b"]
    assert re.findall(r'alt="(\w/\d+.png)"', page) == [
        "a/0.png",
        "a/20.png",
        "a/39.png",
        "b/40.png",
        "b/60.png",
        "b/79.png",
    ]
    assert "Nobody&#39;s." in page


def test_a_listing_tells_the_genera_where_nothing_is_measured(crowd, with_model):
    """By the folders of its files."""
    registry = with_model(crowd, "toy", reported={"grains": Reported({"knn1.f1_macro": 0.8}, "A paper")})
    material = gather_material(registry, [], NO_NEWS)
    (section,) = material.sections
    listed = replace(material, images={"grains": Images("d" * 64, ["b/1.png", "b/2.png", "a/1.png"])})

    assert [(genus.name, genus.images) for genus in describe_dataset(listed, section).genera] == [("a", 1), ("b", 2)]


def test_file_names_are_shown_as_text(trained, heard):
    """Whatever a disk has."""
    evil = '"><script>alert(1)</script>'
    material = gather_material(trained, [heard("top", 4), heard("tin", 8), heard("toy", 40)], NO_NEWS)
    named = replace(material, images={"grains": Images("d" * 64, [f"a/{evil}\n{image}" for image in range(80)])})
    page = list_dataset_pages(named)["datasets/grains.html"].decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
