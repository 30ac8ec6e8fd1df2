"""Which models a run takes: the default group, and others only when the selection depends on their names."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from leaderboard.registry import Registry, load_registry
from leaderboard.selection import list_cases, select_cells

DEFAULT = ["color-histogram", "efficientnet-lite0", "hog", "pixels"]
SCAMPI = ["scampi-dino-vits16", "scampi-dino-vitb16"]
FACEBOOK = [
    *("dino-vits16", "dino-vits8", "dino-vitb16", "dino-vitb8", "dino-resnet50"),
    *("dino-xcit-small-12-p16", "dino-xcit-small-12-p8", "dino-xcit-medium-24-p16", "dino-xcit-medium-24-p8"),
]
LATER = [
    *("dinov2-small", "dinov2-base", "dinov2-large", "dinov2-with-registers-small", "dinov2-with-registers-base"),
    *("dinov3-vits16", "dinov3-vitb16", "dinov3-vitl16"),
]


@pytest.fixture(scope="module")
def registry() -> Registry:
    """This repository's."""
    return load_registry(Path(__file__).parents[2])


def chosen(registry: Registry, keyword: str = "", *arguments: str) -> list[str]:
    """Ids beyond the default group."""
    expression = Expression.compile(keyword) if keyword else None

    def matches(names: Collection[str]) -> bool:
        assert expression
        return expression.evaluate(lambda word, /, **_: any(word.lower() in name.lower() for name in names))

    selection = select_cells(registry, matches=matches if keyword else None, node_ids=arguments)
    assert not set(selection.models) & set(selection.left_out)
    default = in_default_group(registry)
    assert not default & set(selection.left_out)
    return [model for model in selection.models if model not in default]


def in_default_group(registry: Registry) -> set[str]:
    """Ids of the models that run without being asked for; today's are among them."""
    default = {spec.id for spec in registry.models.values() if spec.group == "default"}
    assert default >= set(DEFAULT)
    return default


def depends_on_name(registry: Registry, keyword: str, model: str) -> bool:
    """Whether, for some data set, the expression holds with the model's id and not without it."""
    expression = Expression.compile(keyword)

    def holds(*names: str) -> bool:
        return expression.evaluate(lambda word, /, **_: any(word.lower() in name for name in names))

    return any(holds(model, data, "test_metric") > holds(data, "test_metric") for data in registry.datasets)


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("", []),
        ("palynomorphs", []),
        ("not slow", []),
        ("not dino", []),
        ("test_metric", []),
        ("efficientnet-lite0 or palynomorphs-20", []),
        ("dino", SCAMPI + FACEBOOK + LATER),
        ("DINO", SCAMPI + FACEBOOK + LATER),
        ("dino and not scampi", FACEBOOK + LATER),
        ("dino- and not scampi", FACEBOOK),
        ("dinov2 or dinov3", LATER),
        ("dinov3-vits16", ["dinov3-vits16"]),
        ("dino and palynomorphs-20 and test_metric", SCAMPI + FACEBOOK[:4]),
        ("dino and nonsense", []),
        ("scampi", SCAMPI),
        ("dino-vits8", ["dino-vits8"]),
        ("(vits8 or lite1) and not test_speed", ["efficientnet-lite1", "dino-vits8"]),
        ("lite1 or palynomorphs", ["efficientnet-lite1"]),  # not every data set is of palynomorphs
        ("lite1 or tests", []),
    ],
)
def test_a_keyword_takes_further_models_only_by_their_names(registry, keyword: str, expected: list[str]) -> None:
    """A model joins when the expression matches with its name and would not match without it."""
    taken = chosen(registry, keyword)
    assert set(taken) >= set(expected)
    assert taken == sorted(taken)  # the order of models.yaml
    assert all(keyword and depends_on_name(registry, keyword, model) for model in taken)


def test_the_header_names_only_models_that_run(registry) -> None:
    """The default group too, as far as the expression matches one of its cases."""

    def only_pixels(names: Collection[str]) -> bool:
        return any("pixels" in name for name in names)

    assert select_cells(registry, matches=only_pixels).models == ("pixels",)
    assert set(select_cells(registry, matches=None).models) == in_default_group(registry)


def test_a_node_id_takes_its_model(registry) -> None:
    """The id that pytest prints can be pasted back."""
    case = "tests/bench/test_cells.py::test_metric[dino-vits16-palynomorphs-20-knn1.f1_macro]"
    assert chosen(registry, "", case) == ["dino-vits16"]
    assert chosen(registry, "", "tests/bench/test_cells.py::test_metric") == []


def test_all_models_takes_everything(registry) -> None:
    """And leaves nothing out."""
    selection = select_cells(registry, matches=None, all_models=True)
    assert (list(selection.models), selection.left_out) == (list(registry.models), ())


def test_case_names_read_as_documented(registry) -> None:
    """Function, model, data set, metric."""
    names = [case.name for case in list_cases(registry, registry.model("dino-vits16"))]
    assert "test_metric[dino-vits16-palynomorphs-20-knn1.f1_macro]" in names
    assert "test_embeddings[dino-vits16-synthetic-palynomorphs]" in names


def datasets(registry: Registry, keyword: str, *arguments: str) -> tuple[str, ...]:
    """Those that a run takes of the ones that are not here."""
    expression = Expression.compile(keyword) if keyword else None

    def matches(names: Collection[str]) -> bool:
        assert expression
        return expression.evaluate(lambda word, /, **_: any(word.lower() in name.lower() for name in names))

    absent = ("rfid", "nz-pollen")
    selection = select_cells(registry, matches=matches if keyword else None, node_ids=arguments, absent=absent)
    assert set(selection.datasets) | set(selection.absent) == set(registry.datasets)
    assert {"palynomorphs-20", "fossil-tracks"} <= set(selection.datasets)
    return tuple(name for name in absent if name in selection.datasets)


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [("", ()), ("hog", ()), ("not slow", ()), ("rfid", ("rfid",)), ("nz-pollen and dino", ("nz-pollen",))],
)
def test_data_that_only_the_user_can_place_is_taken_by_its_name_alone(registry, keyword: str, expected) -> None:
    """Otherwise each model would have a skipped cell for everything that is not here."""
    assert datasets(registry, keyword) == expected


def test_a_node_id_takes_its_data(registry) -> None:
    """It then says where the images are to be had."""
    assert datasets(registry, "", "tests/bench/test_cells.py::test_embeddings[hog-rfid]") == ("rfid",)


def test_a_model_can_be_named_exactly_whatever_its_group(registry) -> None:
    """A keyword would take every name that holds it; what is not named is not left out either."""
    selection = select_cells(registry, matches=None, only=["dinov2-small"])
    assert (selection.models, selection.left_out) == (("dinov2-small",), ())
    assert select_cells(registry, matches=None, only=["pixels"]).models == ("pixels",)


def test_several_named_models_run_once_each_in_the_order_of_the_file(registry) -> None:
    """However often and in whatever order they are given; --all-models adds none."""
    only = ["pixels", "dino-vits8", "hog", "pixels"]
    for all_models in (False, True):
        selection = select_cells(registry, matches=None, only=only, all_models=all_models)
        assert (selection.models, selection.left_out) == (("dino-vits8", "hog", "pixels"), ())


def test_a_keyword_narrows_the_named_models_and_adds_none(registry) -> None:
    """Both have to hold."""

    def names(*words: str):
        return lambda given: any(word in name for name in given for word in words)

    assert select_cells(registry, matches=names("pixels", "bioclip"), only=["hog", "pixels"]).models == ("pixels",)
    assert select_cells(registry, matches=names("bioclip"), only=["hog"]).models == ()
    assert select_cells(registry, matches=names("synthetic"), only=["hog"]).models == ("hog",)


def test_a_node_id_adds_nothing_to_the_named_models(registry) -> None:
    """The option says: no other."""
    case = "tests/bench/test_cells.py::test_metric[dino-vits16-palynomorphs-20-knn1.f1_macro]"
    assert select_cells(registry, matches=None, node_ids=[case], only=["hog"]).models == ("hog",)
