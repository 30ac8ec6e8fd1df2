"""models.yaml and datasets.yaml against the figures that N. Rodgers published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from leaderboard.columns import columns_of
from leaderboard.records import Reported
from leaderboard.registry import Registry, load_registry
from leaderboard.schema import join_names

ROOT = Path(__file__).parents[2]


def load_text(path: Path) -> dict[str, Any]:
    """A YAML file whose figures stay as they are written: 0.9000 is not 0.9."""
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


PUBLISHED = load_text(ROOT / "tests" / "golden" / "reported-rodgers.yaml")
WRITTEN = load_text(ROOT / "models.yaml")
DATASETS = list(PUBLISHED["datasets"])
ALGORITHMS = {
    "KMeans (Known K)": "kmeans_known_k",
    "KMeans (Unknown K)": "kmeans_auto_k",
    "Bayesian GMM": "bayesian_gmm",
    "HDBSCAN": "hdbscan",
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    """This repository's."""
    return load_registry(ROOT)


def list_large(rows: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every figure of the full tables by the name that it has here, as it was written."""
    for row in rows["learning_curve"]:
        percent, classifier = f"f{float(row.pop('train_fraction')):.0%}".rstrip("%"), row.pop("classifier")
        yield f"learning_curve.{percent}.folds", row.pop("folds")
        yield from ((f"learning_curve.{classifier}.{percent}.{name}", value) for name, value in row.items())
    for row in rows["few_shot"]:
        place = f"few_shot.{row.pop('classifier')}.k{row.pop('shots')}"
        yield from ((f"{place}.{name}", value) for name, value in row.items())
    for row in rows["clustering"]:
        place = f"clustering.{row.pop('space')}.{ALGORITHMS[row.pop('algorithm')]}"
        yield from ((f"{place}.{name}", value) for name, value in row.items())
    yield from ((f"disparity.{name}", value) for name, value in rows["disparity"].items() if name != "n")


def list_small(rows: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same for the smaller model, of which only the whole set's figures were published."""
    for classifier, figures in rows.items():
        yield from ((f"learning_curve.{classifier}.f100.{name}", value) for name, value in figures.items())


def find(registry: Registry, size: str, dataset: str) -> Reported:
    return registry.model(f"dinov3-{size}16").reported[dataset]


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize(("size", "listing", "count"), [("vitl", list_large, 116), ("vits", list_small, 6)])
def test_every_published_figure_is_there_digit_by_digit(
    registry: Registry, size: str, listing: Any, count: int, dataset: str
) -> None:
    """All of them and no others."""
    published = dict(listing(deepcopy(PUBLISHED[f"dinov3-{size}16"][dataset])))
    assert len(published) == count
    assert join_names(WRITTEN[f"dinov3-{size}16"]["reported"][dataset]["metrics"]) == published
    figures = {name: float(value) for name, value in published.items()}
    assert find(registry, size, dataset).metrics == figures


def test_each_place_where_figures_were_read_is_named(registry: Registry) -> None:
    """The larger model's tables are of a commit, the smaller one's of a folder."""
    for dataset in DATASETS:
        assert "Self-Supervised-Learning-for-Palaeontology at c20d04f" in find(registry, "vitl", dataset).source
        assert "'Performance and Small Model Results'" in find(registry, "vits", dataset).source


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_data_sets_are_those_that_were_used(registry: Registry, dataset: str) -> None:
    """Counts, sources and papers as published; what nobody has verified is open, and said to be."""
    spec, published = registry.dataset(dataset), PUBLISHED["datasets"][dataset]
    assert (spec.images, spec.classes) == (int(published["images"]), int(published["classes"]))
    assert (spec.origin, spec.paper) == (published["source"], published.get("paper"))
    assert (spec.kind, spec.licence, spec.digest) == ("folder", None, None)
    assert spec.unverified == ("licence", "archive layout")


def test_the_best_known_supervised_results_are_lines_to_compare_with(registry: Registry) -> None:
    """One per data set, and two more for the one that has three."""
    for dataset in DATASETS:
        lines = registry.dataset(dataset).literature
        assert {line.metric for line in lines} == {"learning_curve.lr.f100.top1"}
        assert lines[0].value == float(PUBLISHED["literature_best_top1"][dataset])
    more = [(line.value, line.label) for line in registry.dataset("endless-forams").literature[1:]]
    assert more == [(0.903, "custom CNN, known to Rodgers"), (0.92, "metric learning, known to Rodgers")]


def test_their_tables_show_the_figures_of_that_work(registry: Registry) -> None:
    """Beside the one that ranks, which has an interval as none of theirs has."""
    for dataset in DATASETS:
        first, *theirs = columns_of(registry.dataset(dataset))
        assert (first.name, first.evidence is None) == ("knn1.f1_macro", False)
        assert [metric.evidence for metric in theirs] == [None] * 5
        assert registry.dataset(dataset).columns[1:] == (
            "learning_curve.lr.f100.top1",
            "learning_curve.knn.f100.top1",
            "learning_curve.lr.f100.f1_macro",
            "few_shot.lr.k5.top1",
            "clustering.umap.kmeans_known_k.ami",
        )
