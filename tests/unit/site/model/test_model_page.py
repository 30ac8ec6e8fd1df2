"""Tests of what the page of a model says."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leaderboard.records import Cell, Provenance, Reported, Source
from leaderboard.sections import NO_NEWS, News, compute_sections
from leaderboard.site.gathering import gather_material
from leaderboard.site.material import Images
from leaderboard.site.model.fields import gather_field
from leaderboard.site.model.page import describe_model, list_model_pages

NEAR = [[(image + step) % 80 for step in range(1, 11)] for image in range(80)]


@pytest.fixture
def describe():
    """The view of a model from a registry and results."""

    def view(registry, results, model, news=NO_NEWS):
        material = gather_material(registry, results, news)
        fields = {section.dataset.id: gather_field(section) for section in material.sections}
        return describe_model(material, registry.model(model), fields)

    return view


@pytest.fixture
def three(measure):
    """Top is right everywhere but for two images, toy is told from it, tin is not told from toy."""
    return [measure("top", 2), measure("toy", 30), measure("tin", 32)]


def test_every_entry_has_a_page(crowd, three):
    """Also a model that nobody has measured."""
    pages = list_model_pages(gather_material(crowd, three[:1], NO_NEWS))

    assert sorted(pages) == ["models/tin.html", "models/top.html", "models/toy.html"]
    assert b"Nobody has measured it here yet" in pages["models/tin.html"]
    assert b"Nobody has measured it here yet" not in pages["models/top.html"]


def test_the_best_is_told_how_far_the_next_group_is(crowd, three, describe):
    """Its place, its company, its lead; the difference is the one of the table."""
    (verdict,) = describe(crowd, three, "top").verdicts
    (section,) = compute_sections(crowd, three)

    lead = -next(row for row in section.measured if row.model.id == "toy").standings["knn1.f1_macro"].to_best.value
    assert verdict.startswith("**Place 1 of 3** on grains")
    assert f"{lead:.3f} ±" in verdict
    assert "above toy" in verdict


def test_a_tied_model_is_told_whom_it_shares_its_place_with(crowd, three, describe):
    """Tin is not told from toy: one place, named."""
    (verdict,) = describe(crowd, three, "tin").verdicts

    assert verdict.startswith("**Place 2= of 3**")
    assert "in one group with toy" in verdict
    assert "below top, the best" in verdict


def test_genera_are_held_against_the_best_and_the_best_against_the_next(crowd, three, describe):
    """Differences of two pages are each other's negatives."""
    best, second = (describe(crowd, three, model).cells[0] for model in ("top", "toy"))

    assert (best.rival.id, second.rival.id) == ("toy", "top")
    assert best.genera.told == second.genera.told == 2
    gains = {bar.name: bar.against for bar in best.genera.bars}
    losses = {bar.name: bar.against for bar in second.genera.bars}
    assert {name: text.replace("−", "+") for name, text in losses.items()} == gains
    assert all(text.startswith("+") for text in gains.values())


def test_figures_are_drawn_where_the_scale_has_them(crowd, three, describe):
    """The dot of the rival on one page is the dot of its own page."""
    toy, top = (describe(crowd, three, model).cells[0].headlines[0] for model in ("toy", "top"))

    assert toy.rival == f"--to:{re.match(r'--at:([0-9.]+)', top.track)[1]}%"
    assert toy.field.count("M") == 3
    assert "told apart" in toy.difference


def test_a_stale_cell_is_shown_with_its_reason_and_compared_with_nothing(crowd, three, with_model, describe):
    """Its figures stay, its rival goes, a warning says what changed."""
    view = describe(with_model(crowd, "toy", dimension=7), three, "toy")

    (cell,) = view.cells
    assert "stale" in cell.warning
    assert "dimension changed" in cell.warning
    assert cell.rival is None
    assert cell.headlines[0].text.startswith("0.")
    assert cell.headlines[0].difference == ""
    assert "Not ranked on grains" in view.verdicts[0]


def test_a_corrupt_cell_shows_no_figure(crowd, measure, describe):
    """What contradicts its own outcomes is not published, wherever it would stand; its provenance is."""
    corrupt = measure("toy", 30, metrics={"knn1.f1_macro": 0.98765})
    view = describe(crowd, [measure("top", 2), corrupt], "toy")

    (cell,) = view.cells
    assert (cell.headlines, cell.tables, cell.confusions, cell.genera) == ([], [], [], None)
    assert cell.inputs
    page = list_model_pages(gather_material(crowd, [measure("top", 2), corrupt], NO_NEWS))["models/toy.html"].decode()
    assert "contradicts itself" in page
    assert page.count("0.98765") == 1  # in the words that say what is wrong


def test_reported_figures_keep_their_decimals_and_their_source(crowd, three, with_model, describe):
    """They are shown apart, never with an interval; those beside the table's columns are shown, too."""
    figures = {"knn1.f1_macro": 0.9, "retrieval.precision_at_n": 0.61, "retrieval.map": 0.5}
    changed = with_model(crowd, "tin", reported={"grains": Reported(figures, "A paper", 5)})
    view = describe(changed, three[:2], "tin")

    (own,) = view.reported
    assert dict(own.figures)["NN F1"] == "0.9"
    assert own.source == "A paper"
    (other,) = own.others
    assert other.rows["map"][0].text == "0.5"
    assert ("Parameters", "5e-06M (reported)") in view.facts
    assert view.cells == []


def test_a_run_that_could_not_measure_gives_its_reason(crowd, three, describe):
    """The status and the reason of the run stand where figures would."""
    news = News(statuses={Cell("tin", "grains"): ("gated", "accept the licence")})

    (missing,) = describe(crowd, three[:2], "tin", news).unmeasured

    assert missing.why == "gated: accept the licence"


def test_a_run_that_failed_later_keeps_the_older_figures_and_says_so(crowd, three, describe):
    """The measurement is still compared; the remark stands at the top."""
    news = News(statuses={Cell("toy", "grains"): ("unreachable", "no network")})
    (cell,) = describe(crowd, three, "toy", news).cells

    assert "unreachable in this run" in cell.warning
    assert cell.rival is not None


def test_commands_select_this_model_alone(crowd, three, describe):
    """A name that is part of another one leaves that one out; packages of weights are named."""
    toy = crowd.model("toy")
    source = Source("package", "weights-of-toy", revision="1.2")
    other = replace(toy, id="toy-large")
    registry = replace(crowd, models={"toy": replace(toy, library="timm", sources=(source,)), "toy-large": other})

    steps = describe(registry, three[:1], "toy").steps

    commands = "\n".join(step.commands for step in steps)
    assert 'pip install -e ".[networks,test]" weights-of-toy==1.2' in commands
    assert 'pytest -k "toy and not toy-large and grains" --require-measured' in commands


def test_a_gated_model_needs_its_licence_first(crowd, three, with_model, describe):
    """The step stands before the measurement."""
    gated = with_model(crowd, "toy", library="timm", sources=(Source("hub", "a/b", gated=True),))

    texts = [step.text for step in describe(gated, [], "toy").steps]

    assert ["accept the licence" in text for text in texts][:3] == [False, True, False]


def test_every_stored_figure_is_on_the_page_unrounded(crowd, measure):
    """The shown one is rounded, the whole one stands beside it; a spread stands with its figure."""
    more = {
        "few_shot.lr.k1.top1": 0.1234567890123,
        "few_shot.lr.k1.top1_std": 0.0987654321,
        "retrieval.precision_at_10": 1 / 3,
    }
    result = measure("toy", 30)
    result = replace(result, metrics={**result.metrics, **more})
    page = list_model_pages(gather_material(crowd, [result], NO_NEWS))["models/toy.html"].decode()

    assert all(repr(value) in page for value in result.metrics.values())
    assert ">0.123 ± 0.099<" in page


def test_provenance_names_every_input(crowd, measure, describe):
    """Nested ones by their path, as in the file; what is empty is a dash."""
    inputs = dict(describe(crowd, [measure("toy", 3)], "toy").cells[0].inputs)

    assert inputs["dataset"] == "d" * 64
    assert inputs["model.weights.source"] == "none"
    assert inputs["model.pooling"] == "–"
    assert inputs["protocols.knn"] == "1"


def test_names_are_shown_as_text_and_never_as_markup(crowd, measure, with_model):
    """Whatever a class or a title is called."""
    evil = "<script>alert(1)</script>"
    result = replace(measure("toy", 20), classes=[evil, "b"])
    registry = with_model(crowd, "toy", title=evil, notice=evil)
    page = list_model_pages(gather_material(registry, [result], NO_NEWS))["models/toy.html"].decode()

    assert evil not in page
    assert page.count("&lt;script&gt;alert") > 3


def test_a_notice_stands_on_the_page(crowd, three, with_model):
    """Its licence asks for it wherever its figures are."""
    page = list_model_pages(gather_material(with_model(crowd, "toy", notice="Built with toys"), three, NO_NEWS))

    assert b"Built with toys." in page["models/toy.html"]
    assert b"Built with toys." not in page["models/tin.html"]


def test_what_it_finds_is_marked_by_a_sign_and_named(crowd, measure, with_dataset):
    """A neighbour of the query's genus is right, another one wrong; without pictures the page tells how to get them."""
    result = measure("toy", 30)
    outcomes = {**result.outcomes, "retrieval": {**result.outcomes["retrieval"], "neighbours": NEAR}}
    result = replace(result, outcomes=outcomes)
    material = gather_material(
        replace(crowd, datasets=with_dataset(crowd, thumbnails=True).datasets), [result], NO_NEWS
    )
    without = list_model_pages(material)["models/toy.html"].decode()
    files = [f"{'ab'[label]}/{image}.png" for image, label in enumerate(result.labels)]
    shown = replace(material, images={"grains": Images("d" * 64, files, dict.fromkeys(range(80), b"jpeg"))})
    page = list_model_pages(shown)["models/toy.html"].decode()

    assert "--thumbnails" in without
    assert "<img" not in without
    pictures = re.findall(r'<figure( class="\w+")?>\n<img src="../thumbnails/grains/(\d+).jpg" alt="([^"]*)"', page)
    queries = [int(image) for kind, image, _ in pictures if not kind]
    assert len(queries) == 5
    assert len(pictures) == 5 * 11
    query = -1
    for kind, image, alt in pictures:
        query = int(image) if not kind else query
        is_right = result.labels[int(image)] == result.labels[query]
        assert alt == {"": ""}.get(kind, "right: " if is_right else "wrong: ") + files[int(image)]


def test_pictures_of_other_images_are_not_shown(crowd, measure):
    """A cell of another digest has other images at its indices."""
    result = measure("toy", 30, inputs={"dataset": "e" * 64})
    known = Images("d" * 64, ["a/x.png"] * 80, dict.fromkeys(range(80), b"jpeg"))
    material = replace(gather_material(crowd, [result], NO_NEWS), images={"grains": known})

    assert b"<img" not in list_model_pages(material)["models/toy.html"]


def test_curves_show_both_classifiers_in_the_order_of_their_settings(crowd, measure, describe):
    """From few to many, whatever the order of the file; with a single setting there is no curve."""
    figures = {f"few_shot.{way}.k{k}.top1": 0.5 + k / 100 for way in ("lr", "knn") for k in (10, 1, 5)}
    result = measure("toy", 30)
    (curve,) = describe(crowd, [replace(result, metrics={**result.metrics, **figures})], "toy").cells[0].curves

    assert [text for _, text in curve.ticks] == ["1", "5", "10"]
    assert {line.name: [dot[2] for dot in line.dots] for line in curve.lines} == {
        "lr": ["0.510", "0.550", "0.600"],
        "knn": ["0.510", "0.550", "0.600"],
    }
    first, second = (line.end[1] for line in curve.lines)
    assert second - first >= 14  # the labels do not touch, though the figures are equal


def test_speed_is_told_with_its_machine(crowd, measure, describe):
    """Nothing is said where none was recorded."""
    speed = {"images_per_second": 12.34, "batch_size": 8, "peak_memory_mb": 900, "device": "cpu", "hardware": "x86_64"}
    fast = measure("toy", 3, speed=speed | {"dtype": "float32", "cores": 2})
    fast = replace(fast, provenance=Provenance(fast.provenance.inputs, {}))

    assert "12.3 images per second" in describe(crowd, [fast], "toy").cells[0].speed
    assert "x86_64, 2 cores" in describe(crowd, [fast], "toy").cells[0].speed
    assert describe(crowd, [measure("toy", 3)], "toy").cells[0].speed == ""
