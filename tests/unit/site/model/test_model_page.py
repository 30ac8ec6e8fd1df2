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


def plain(text):
    """With spaces where lines must not break."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


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

    assert plain(verdict).startswith("**Place 2= (2–3) of 3**")
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
    assert {bar.verdict for bar in (*best.genera.bars, *second.genera.bars)} == {"told apart"}


def test_classes_that_are_not_told_apart_are_called_so(crowd, three, describe):
    """Tin and toy differ by two images: no verdict is empty, and the doubt about single classes is told."""
    chart = describe(crowd, three[1:], "tin").cells[0].genera

    assert [bar.verdict for bar in chart.bars] == ["not told apart"] * 2
    assert chart.told == 0
    assert any("not calibrated for a single class" in doubt for doubt in chart.doubts)


def test_verdicts_say_for_what_they_are_adjusted(crowd, three):
    """The table of figures for all pairs, that of classes for the classes of one pair; a model alone has no verdict."""
    pages = list_model_pages(gather_material(crowd, three, NO_NEWS))
    alone = list_model_pages(gather_material(crowd, three[:1], NO_NEWS))

    said = "is adjusted (Holm) for all pairs of compared models, in the table below for the classes of this one pair"
    assert said in pages["models/toy.html"].decode()
    assert "adjusted" not in alone["models/top.html"].decode()


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
    assert cell.intervals == "Figures as stored, without intervals; they are compared with nothing."
    assert cell.genera is None or not cell.genera.has_intervals


def test_captions_say_which_figures_have_intervals(crowd, measure, with_dataset, describe):
    """All, those that have one, none; the classes of a model alone have theirs, and it is not said to be as stored."""
    shots = {"few_shot.lr.k5.top1": 0.5}
    result = measure("toy", 30, metrics=shots)

    def caption(*columns):
        return describe(with_dataset(crowd, columns=columns), [result], "toy").cells[0].intervals

    assert caption("knn1.f1_macro") == "Figures with 95 % intervals (±)."
    assert caption("knn1.f1_macro", *shots) == "Figures, with 95 % intervals (±) where they have one."
    assert caption(*shots) == "Figures; none of them has an interval."
    page = list_model_pages(gather_material(crowd, [result], NO_NEWS))["models/toy.html"].decode()
    assert "NN F1 by class: ● toy with its 95 % interval; no other model is compared here." in page
    assert "as stored" not in page


def test_stored_figures_of_classes_have_the_title_of_that_figure(crowd, measure, with_dataset, describe):
    """Where few shots stand first in the table, F1 of the nearest neighbour is still called that."""
    f1 = {"knn1.f1": [0.25, 0.75]}
    result = measure("toy", 30, metrics={"few_shot.lr.k5.top1": 0.5}, per_class=f1)
    registry = with_dataset(crowd, columns=("few_shot.lr.k5.top1", "knn1.f1_macro"))
    chart = describe(registry, [result], "toy").cells[0].genera
    page = list_model_pages(gather_material(registry, [result], NO_NEWS))["models/toy.html"].decode()

    assert chart.title == "NN F1"
    assert [bar.text for bar in chart.bars] == ["0.25", "0.75"]
    assert "NN F1 by class, as stored: without intervals, and compared with nothing." in page


def test_nobody_is_the_best_where_nothing_is_ranked(crowd, three, with_dataset, describe):
    """Of a smoke test, and of a figure without an interval, one is only the highest."""
    smoke = describe(with_dataset(crowd, ranked=False), three, "toy").cells[0].rival
    shots = [replace(result, metrics={"few_shot.lr.k5.top1": 0.1 * rank}) for rank, result in enumerate(three)]
    unsure = with_dataset(crowd, columns=("few_shot.lr.k5.top1",))

    assert (smoke.id, smoke.role) == ("top", "the highest")
    assert describe(unsure, shots, "top").cells[0].rival.role == "the highest"
    assert describe(unsure, shots, "tin").cells[0].rival.role == "the next highest"
    assert describe(crowd, three, "toy").cells[0].rival.role == "the best"


def test_a_model_without_the_ranking_figure_is_told_so_and_has_no_link_to_compare(crowd, three, measure):
    """The compare page would refuse it."""
    without = measure("tin", 32, metrics={"knn1.f1_macro": None})
    pages = list_model_pages(gather_material(crowd, [*three[:2], without], NO_NEWS))
    page, toy = (pages[f"models/{model}.html"].decode() for model in ("tin", "toy"))

    assert "<li>No NN F1 on grains: it has no place there. Its other figures are shown below.</li>" in page
    assert "compare.html#set" not in page
    assert "compare.html#set=grains&amp;a=toy&amp;b=top" in toy


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
    assert other.rows["map"] == ["0.5"]
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


def test_every_stored_figure_is_on_the_page(crowd, measure):
    """A spread stands in brackets beside its figure, and the caption of its table alone says what the brackets are."""
    more = {
        "few_shot.lr.k1.top1": 0.1234567890123,
        "few_shot.lr.k1.top1_std": 0.0987654321,
        "retrieval.precision_at_10": 1 / 3,
    }
    result = measure("toy", 30)
    result = replace(result, metrics={**result.metrics, **more})
    page = list_model_pages(gather_material(crowd, [result], NO_NEWS))["models/toy.html"].decode()
    tables = dict(re.findall(r"<caption><code>(.*?)</code>(.*?)</caption>(?s:.*?)<tbody>", page))

    assert all(f">{value:.3f}" in page for name, value in result.metrics.items() if not name.endswith("_std"))
    assert ">0.123\N{NO-BREAK SPACE}(0.099)<" in page
    assert tables.pop("few_shot.lr.ROW.COLUMN") == "; in brackets the s.d. over draws"
    assert tables
    assert set(tables.values()) == {""}


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
