"""What the compare page is given: Python's own figures of every pair, of comparable cells only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_results import save_generated_results

from leaderboard.mistakes import tally_names
from leaderboard.records import Reported, Result
from leaderboard.registry import Registry
from leaderboard.result_files import load_results
from leaderboard.sections import NO_NEWS
from leaderboard.site.comparison.data import compute_comparison_data
from leaderboard.site.comparison.page import list_comparison_files
from leaderboard.site.gathering import gather_material
from leaderboard.site.material import Images, Material

HALF = 0.0005 + 1e-9  # of the last digit


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, list[Result]]:
    """Generated results of four models on a data set of 90 images, the registry that knows them and a reported one."""
    root = tmp_path_factory.mktemp("generated")
    registry = save_generated_results(root, models=4, datasets=1, images=90, classes=5)
    return registry, load_results(root / "leaderboard" / "results")


@pytest.fixture(scope="module")
def material(few: tuple[Registry, list[Result]]) -> Material:
    """All that is known of them."""
    return gather_material(*few, NO_NEWS)


@pytest.fixture(scope="module")
def data(material: Material) -> dict[str, Any]:
    """As the page's script reads it."""
    return read_script(list_comparison_files(material)["data/generated-1.js"])


def read_script(content: bytes) -> dict[str, Any]:
    """The one entry that a data script sets."""
    _, _, text = content.decode("ascii").partition(" = ")
    read: dict[str, Any] = json.loads(text.removesuffix(";\n"))
    return read


def read_thousandths(text: str) -> list[float]:
    """What ``pack_thousandths`` wrote."""
    return [int(text[at : at + 2], 36) / 1000 for at in range(0, len(text), 2)]


def list_pairs(data: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    """The place of each pair in the data, and its models."""
    models = [model["id"] for model in data["models"]]
    yield from ((place, one, other) for place, (one, other) in enumerate(combinations(models, 2)))


def test_models_stand_best_first(material: Material, data: dict[str, Any]) -> None:
    """With every headline figure and its half-width as the table has them."""
    section = material.sections[0]
    assert [model["id"] for model in data["models"]] == [row.model.id for row in section.measured]
    for row, model in zip(section.measured, data["models"], strict=True):
        shown = [row.metrics[metric.name] for metric in section.columns]
        halves = [row.standings[metric.name].half_width for metric in section.columns]
        assert model["values"] == pytest.approx(shown, abs=1e-12)
        assert model["halves"] == pytest.approx(halves, abs=1e-12)


def test_every_pair_of_every_figure_is_what_the_table_rests_on(material: Material, data: dict[str, Any]) -> None:
    """Half-width and adjusted p to three decimals, and the verdict by the unrounded p."""
    section, verdicts = material.sections[0], set()
    for metric, column in zip(section.columns, data["columns"], strict=True):
        standings = section.by_metric[metric.name]
        assert standings.pairs is not None
        order = list(standings.of)
        halves, p = read_thousandths(column["pairs"]["halves"]), read_thousandths(column["pairs"]["p"])
        assert column["pairs"]["compared"] == 6
        for place, one, other in list_pairs(data):
            difference = standings.pairs.subtract(order.index(one), order.index(other))
            assert abs(halves[place] - difference.half_width) <= HALF
            assert abs(p[place] - difference.p) <= 2 * HALF
            assert (column["pairs"]["told"][place] == "1") == difference.is_resolved
            verdicts.add(difference.is_resolved)
    assert verdicts == {True, False}


def test_every_pair_has_its_genera(material: Material, data: dict[str, Any]) -> None:
    """Figures, half-widths and what is told apart, as genera.py computes them."""
    standings, genera, verdicts = material.genera["generated-1"], data["genera"], set()
    classes, halves = len(data["classes"]), read_thousandths(data["genera"]["halves"])
    assert data["classes"] == list(standings.classes)
    for model, values in zip(data["models"], genera["values"], strict=True):
        assert values == pytest.approx(standings.values[standings.models.index(model["id"])].tolist(), abs=1e-5)
    for place, one, other in list_pairs(data):
        digits = genera["told"][place * genera["digits"] : (place + 1) * genera["digits"]]
        for genus, difference in enumerate(standings.pair(one, other)):
            assert abs(halves[place * classes + genus] - difference.half_width) <= HALF
            told = bool(int(digits[genus // 4], 16) >> genus % 4 & 1)
            assert told == difference.is_resolved
            verdicts.add(told)
    assert verdicts == {True, False}


def test_a_genus_that_no_split_tests_is_missing_everywhere(material: Material) -> None:
    """Neither a figure nor a half-width, and never told apart."""
    standings = material.genera["generated-1"]
    values, between = standings.values.copy(), standings.half_widths_between.copy()
    values[:, 1], between[:, :, 1] = np.nan, np.nan
    gone = replace(standings, values=values, half_widths_between=between)
    files = list_comparison_files(replace(material, genera={"generated-1": gone}))
    genera = read_script(files["data/generated-1.js"])["genera"]
    assert {values[1] for values in genera["values"]} == {None}
    assert genera["halves"][2:4] == "--"


def test_images_are_counted_as_they_were_tested(material: Material, data: dict[str, Any]) -> None:
    """How often each was asked, the same for all models, and how often each model was right."""
    for model, right in zip(data["models"], data["images"]["right"], strict=True):
        tally = tally_names(material.result_of[model["id"], "generated-1"])
        assert [int(digit, 36) for digit in data["images"]["asked"]] == tally.asked.tolist()
        assert [int(digit, 36) for digit in right] == tally.right.tolist()


def test_images_have_their_names_and_pictures_only_where_they_are_the_measured_ones(material: Material) -> None:
    """Names stand without the folder of their class; other images of the same name are not theirs."""
    digest = str(material.results[0].provenance.inputs["dataset"])
    files = [f"genus/{image:03d}.png" for image in range(90)]
    known = Images(digest, files, dict.fromkeys(range(90), b""))
    section = material.sections[0]
    there, elsewhere = (
        compute_comparison_data(replace(material, images={"generated-1": images}), section)["images"]
        for images in (known, replace(known, digest="f" * 64))
    )
    assert isinstance(there, dict)
    assert isinstance(elsewhere, dict)
    assert (there["files"][7], there["picture"]) == ("007.png", "thumbnails/generated-1/00000.jpg")
    assert (elsewhere["files"], elsewhere["picture"]) == (None, None)


def test_cells_without_what_became_of_every_image_have_no_lists(few: tuple[Registry, list[Result]]) -> None:
    """A data set that ranks by another figure may have no nearest neighbours at all."""
    registry, results = few
    spec = replace(registry.dataset("generated-1"), columns=("retrieval.precision_at_n",))
    bare = [replace(result, outcomes={"retrieval": result.outcomes["retrieval"]}) for result in results]
    shown = gather_material(replace(registry, datasets={spec.id: spec}), bare, NO_NEWS)
    assert compute_comparison_data(shown, shown.sections[0])["images"] is None


def test_what_is_not_comparable_is_not_offered_but_explained(few: tuple[Registry, list[Result]]) -> None:
    """Stale cells with what changed, reported figures with why nothing can be said of them."""
    registry, (first, *rest) = few
    inputs = {**first.provenance.inputs, "extraction": -1}
    stale = replace(first, provenance=replace(first.provenance, inputs=inputs))
    told = replace(
        registry.model(rest[0].model), id="told", reported={"generated-1": Reported({"knn1.f1_macro": 0.9}, "A.")}
    )
    shown = gather_material(replace(registry, models={**registry.models, "told": told}), [stale, *rest], NO_NEWS)
    data = read_script(list_comparison_files(shown)["data/generated-1.js"])
    others = dict(data["others"])
    assert {model["id"] for model in data["models"]} == {result.model for result in rest}
    assert others[first.model].startswith("stale: ")
    assert others["told"].startswith("reported by others")


def test_a_smoke_test_says_that_it_is_no_evidence(few: tuple[Registry, list[Result]]) -> None:
    """As everywhere else."""
    registry, results = few
    spec = replace(registry.dataset("generated-1"), ranked=False)
    shown = gather_material(replace(registry, datasets={spec.id: spec}), results, NO_NEWS)
    warnings = compute_comparison_data(shown, shown.sections[0])["warnings"]
    assert warnings == ["A smoke test on drawn images: no evidence about real fossils."]


def test_a_figure_without_evidence_has_no_pairs(few: tuple[Registry, list[Result]]) -> None:
    """It is shown beside the others, without an interval."""
    registry, results = few
    column = "clustering.umap.kmeans_known_k.ami"
    spec = replace(registry.dataset("generated-1"), columns=("knn1.f1_macro", column))
    having = [replace(result, metrics={**result.metrics, column: 0.5}) for result in results]
    shown = gather_material(replace(registry, datasets={spec.id: spec}), having, NO_NEWS)
    ranking, other = read_script(list_comparison_files(shown)["data/generated-1.js"])["columns"]
    assert ranking["pairs"]["compared"] == 6
    assert other["pairs"] is None


def test_a_model_without_one_of_the_figures_has_no_pairs_in_it(few: tuple[Registry, list[Result]]) -> None:
    """And the others keep theirs."""
    registry, (first, *rest) = few
    metrics = {name: value for name, value in first.metrics.items() if name != "retrieval.precision_at_n"}
    shown = gather_material(registry, [replace(first, metrics=metrics), *rest], NO_NEWS)
    data = read_script(list_comparison_files(shown)["data/generated-1.js"])
    pairs = data["columns"][1]["pairs"]
    for place, one, other in list_pairs(data):
        is_missing = first.model in (one, other)
        assert (pairs["halves"][2 * place : 2 * place + 2] == "--") == is_missing
        assert (pairs["p"][2 * place : 2 * place + 2] == "--") == is_missing
    assert pairs["compared"] == 3


def test_notices_come_with_the_figures(few: tuple[Registry, list[Result]]) -> None:
    """What a licence asks to be shown travels with its model."""
    registry, results = few
    named = results[0].model
    models = {**registry.models, named: replace(registry.model(named), notice="Built with Sand")}
    shown = gather_material(replace(registry, models=models), results, NO_NEWS)
    data = read_script(list_comparison_files(shown)["data/generated-1.js"])
    assert {model["id"]: model["notice"] for model in data["models"]}[named] == "Built with Sand"


@pytest.mark.parametrize(("taxon", "words"), [("species", ["species", "species"]), ("taxon", ["taxon", "taxa"])])
def test_classes_are_called_what_they_are(few: tuple[Registry, list[Result]], taxon: Any, words: list[str]) -> None:
    """As the data set's entry says, in what the script reads; the page itself names no rank."""
    registry, results = few
    spec = replace(registry.dataset("generated-1"), taxon=taxon)
    files = list_comparison_files(gather_material(replace(registry, datasets={spec.id: spec}), results, NO_NEWS))
    data = read_script(files["data/generated-1.js"])
    assert data["words"] == words
    assert data["genera"]["title"] == f"NN F1 of each {words[0]}"
    assert f"not calibrated for a single {words[0]}" in data["genera"]["note"]
    assert not re.search(r"\bgen(us|era)\b", re.sub("<[^>]*>", "", files["compare.html"].decode()), re.IGNORECASE)


def test_without_intervals_no_command_is_promised(few: tuple[Registry, list[Result]]) -> None:
    """A terminal compares only figures that have evidence."""
    registry, results = few
    column = "clustering.umap.kmeans_known_k.ami"
    spec = replace(registry.dataset("generated-1"), columns=(column,))
    having = [replace(result, metrics={**result.metrics, column: 0.5}) for result in results]
    page = list_comparison_files(gather_material(replace(registry, datasets={spec.id: spec}), having, NO_NEWS))
    assert "leaderboard compare" not in page["compare.html"].decode()


def test_one_comparable_model_is_nothing_to_compare(few: tuple[Registry, list[Result]]) -> None:
    """The page says so, and no data file is written."""
    registry, (first, *_) = few
    files = list_comparison_files(gather_material(registry, [first], NO_NEWS))
    assert list(files) == ["compare.html"]
    assert "There is nothing to compare" in files["compare.html"].decode()
    assert '<script src="assets/compare' not in files["compare.html"].decode()


def test_the_same_material_gives_the_same_bytes(few: tuple[Registry, list[Result]], material: Material) -> None:
    """Whatever the order of the results."""
    registry, results = few
    assert list_comparison_files(gather_material(registry, results[::-1], NO_NEWS)) == list_comparison_files(material)


def test_fifty_models_and_twenty_classes_fit_130_kilobytes(tmp_path: Path) -> None:
    """What a phone loads for one data set."""
    registry = save_generated_results(tmp_path, models=50, datasets=1)
    material = gather_material(registry, load_results(tmp_path / "leaderboard" / "results"), NO_NEWS)
    assert len(list_comparison_files(material)["data/generated-1.js"]) <= 130_000
