"""Tests of what the classes of a data set are called."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest

from leaderboard.records import Taxon
from leaderboard.sections import NO_NEWS
from leaderboard.site.dataset.page import list_dataset_pages
from leaderboard.site.gathering import gather_material
from leaderboard.site.model.page import list_model_pages
from leaderboard.site.words import PLURALS, Words, name_classes


def test_every_word_of_the_entries_has_its_plural(registry):
    """And the default is a word as well."""
    grains = registry.dataset("grains")

    assert set(PLURALS) == set(get_args(Taxon))
    assert name_classes(grains) == Words("class", "classes")
    assert name_classes(replace(grains, taxon="genus")).count(1) == "1 genus"
    assert name_classes(replace(grains, taxon="genus")).count(20) == "20 genera"


@pytest.mark.parametrize(("word", "many"), PLURALS.items())
def test_pages_call_classes_as_the_entry_does(crowd, measure, with_dataset, word, many):
    """With every other word nowhere, on the page of a model and on that of its data set."""
    shots = {f"few_shot.lr.k{shots}.top1": 0.5 for shots in (1, 5)}
    results = [measure("toy", 30, metrics=shots), measure("top", 2)]
    material = gather_material(with_dataset(crowd, taxon=word), results, NO_NEWS)
    model = list_model_pages(material)["models/toy.html"].decode()
    dataset = list_dataset_pages(material)["datasets/grains.html"].decode()

    assert f"{word.capitalize()} by {word}" in model
    assert f"images of each {word} to learn from" in model
    assert f"Hardest {many}" in dataset
    said = set(re.findall(r"\w+", re.sub("<[^>]*>", " ", f"{model} {dataset}").lower()))
    others = {text for pair in PLURALS.items() for text in pair} - {word, many}
    assert said & others <= {"class", "classes"}  # which are never wrong
