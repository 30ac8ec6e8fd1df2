"""Tests of what the page of a data set says."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leaderboard.auditing import find_good, list_untrained
from leaderboard.backbones import loader_version
from leaderboard.protocols import METRICS
from leaderboard.records import Literature, Reported
from leaderboard.render.tables import render_reported
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


def test_the_hardest_class_comes_first(trained, heard, describe):
    """By the first model's figure; the mark is the median of the trained models, whose number and names are said."""
    results = [heard("top", 5), heard("toy", 20), heard("tin", 30)]
    view = describe(trained, results)

    figures = [float(bar.text.split("\N{NO-BREAK SPACE}")[0]) for bar in view.hardest]
    assert figures == sorted(figures)
    assert (view.first, view.role) == ("top", "the best")
    assert view.middle == "the 2 trained models (top and tin)"
    assert len(view.hardest) == 2
    assert all(float(bar.against) < figure for bar, figure in zip(view.hardest, figures, strict=True))
    assert [bar.images for bar in view.hardest] == [40, 40]


@pytest.fixture
def four(trained):
    """Another network beside top and tin."""
    return replace(trained, models=trained.models | {"tan": replace(trained.model("tin"), id="tan")})


def test_the_median_is_of_good_models_where_there_are_three(four, heard, measure, describe):
    """Neither the baseline nor a model without the ranking figure is counted; of a model alone there is no median."""
    good = [heard("top", 4), heard("tin", 6), heard("tan", 8)]
    without = replace(good[2], metrics={"knn1.accuracy": good[2].metrics["knn1.accuracy"]})
    all_good, two, alone = (
        describe(four, results)
        for results in ([*good, heard("toy", 40)], [*good[:2], without, heard("toy", 40)], [good[0], heard("toy", 40)])
    )

    assert all_good.middle == "the 3 models that are better than every untrained one (top, tin and tan)"
    assert two.middle == "the 2 trained models (top and tin)"
    for place, bar in enumerate(sorted(all_good.hardest, key=lambda bar: bar.name)):
        assert float(bar.against) < float(sorted(two.hardest, key=lambda bar: bar.name)[place].against)  # it is tin's
    assert alone.middle == ""
    assert all(bar.mark == "" for bar in alone.hardest)


def test_of_many_models_the_first_are_named_and_the_others_counted(trained, measure, describe):
    """A sentence stays a sentence."""
    network = {"library": "timm", "loader": loader_version("timm")}
    ids = [f"net-{number}" for number in range(6)]
    models = trained.models | {id_: replace(trained.model("tin"), id=id_) for id_ in ids}
    view = describe(replace(trained, models=models), [measure(id_, n + 4, model=network) for n, id_ in enumerate(ids)])

    assert view.middle == "the 6 trained models (net-0, net-1, net-2 and 3 others)"


def test_nobody_is_the_best_of_a_smoke_test(crowd, measure, with_dataset):
    """The first of its table is only the highest."""
    results = [measure("top", 5), measure("toy", 20)]
    page = list_dataset_pages(gather_material(with_dataset(crowd, ranked=False), results, NO_NEWS))

    assert b'top.html">top</a>, the highest, with its 95 % interval' in page["datasets/grains.html"]


def test_what_all_good_models_confuse_is_counted_in_common_images(trained, heard, describe):
    """The baseline is not heard: it is worse than both. Tin shares its three mistakes for b, and one for a."""
    doubt = describe(trained, [heard("top", 4), heard("tin", 8), heard("toy", 40)]).suspicions

    assert doubt.models == ("top", "tin")
    (shared,) = doubt.confusions
    assert (shared.truth, shared.named, shared.counts) == ("a", "b", "3 of 40 tested images")
    assert [picture.name for picture in shared.pictures] == ["image 0", "image 31", "image 37"]
    assert doubt.notes == ["Asked are the 2 models that are better than every untrained one (top and tin)."]


def test_mistakes_on_different_images_are_no_candidates(trained, heard, describe):
    """Each model confuses as often, but no image is named wrongly by both."""
    doubt = describe(trained, [heard("top", 4), heard("tin", 8, first=20), heard("toy", 40)]).suspicions

    assert doubt.confusions == []
    assert doubt.suspects == []


def test_look_alikes_are_named_as_a_cause(trained, heard):
    """A confusion is no proof of a wrong label."""
    material = gather_material(trained, [heard("top", 4), heard("tin", 8), heard("toy", 40)], NO_NEWS)
    page = list_dataset_pages(material)["datasets/grains.html"].decode()

    assert "Classes that look alike cause this as well as wrong labels do." in page


def test_models_that_beat_no_untrained_one_point_to_no_labels(trained, heard, describe):
    """Nor does a single good one: its mistakes are just its own."""
    assert describe(trained, [heard("top", 40), heard("tin", 41), heard("toy", 4)]).suspicions is None
    assert describe(trained, [heard("top", 4), heard("tin", 40), heard("toy", 40)]).suspicions is None


def test_without_an_untrained_model_nobody_is_called_good(trained, heard, describe):
    """All trained ones are heard, and it is said why."""
    doubt = describe(trained, [heard("top", 4), heard("tin", 8)]).suspicions

    assert doubt.notes[0].startswith("Asked are the 2 trained models (top and tin): without an untrained one")


def test_agreement_within_a_family_is_called_what_it_is(trained, heard, with_model, describe):
    """Not independent; of two families, or of none that is known, nothing is said."""
    results = [heard("top", 4), heard("tin", 8), heard("toy", 40)]
    one = with_model(trained, "top", family="Toys")
    both = with_model(one, "tin", family="Toys")

    assert describe(both, results).suspicions.notes[1:] == [
        "All of them are of one family (Toys), so their agreement is not independent."
    ]
    assert describe(one, results).suspicions.notes[1:] == []
    assert describe(trained, results).suspicions.notes[1:] == []


def test_reported_figures_stand_best_first_by_the_first_column_that_any_of_them_has(crowd, with_model, with_dataset):
    """Whatever their order in models.yaml; one without a figure there is the last."""
    columns = ("knn1.f1_macro", "few_shot.lr.k5.top1", "knn1.accuracy")
    registry = with_dataset(crowd, columns=columns)
    shots = "few_shot.lr.k5.top1"
    for model, figures in {"toy": {"knn1.accuracy": 0.99}, "top": {shots: 0.5}, "tin": {shots: 0.7}}.items():
        registry = with_model(registry, model, reported={"grains": Reported(figures, "A paper")})
    material = gather_material(registry, [], NO_NEWS)
    page = list_dataset_pages(material)["datasets/grains.html"].decode()

    assert re.findall(r'<tr><th scope="row"><a href="../models/(\w+).html">', page) == ["tin", "top", "toy"]
    (section,) = material.sections
    (markdown, *_) = render_reported(section).partition("Source")
    assert re.findall(r"^\| (t\w+) ", markdown, re.MULTILINE) == ["tin", "top", "toy"]


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

    kept = find_good(results, untrained, metric, section.standings)

    assert kept == find_good(results, untrained, metric)
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
