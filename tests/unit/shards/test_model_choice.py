"""A model as it is sent to workers, and the recipe that a run goes on with."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.shards.model_choice import ModelChoice, check_same, slim
from leaderboard.shards.plan import Recipe

RECIPE = Recipe(
    model="toy",
    dimension=8,
    inputs={"weights": {"revision": "abc"}, "preprocessing": {"resize": [8, 8]}, "dtype": "float32"},
    environment={"device": "cpu", "torch": "2.6"},
    batch_size=4,
    threads=2,
    vectors="float32",
)
CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"model": "other"}, "model toy, and is other now"),
    ({"dimension": 9}, "dimension 8, and is 9 now"),
    ({"batch_size": 8}, "batch_size 4, and is 8 now"),
    ({"threads": 1}, "threads 2, and is 1 now"),
    ({"vectors": "float16"}, "vectors float32, and is float16 now"),
    ({"inputs": {**RECIPE.inputs, "dtype": "bfloat16"}}, "inputs dtype float32, and is bfloat16 now"),
    ({"environment": {"device": "cuda", "torch": "2.6"}}, "environment device cpu, and is cuda now"),
    ({"environment": {"device": "cpu"}}, "environment torch 2.6, and is not known now"),
    ({"environment": {**RECIPE.environment, "new": None}}, "environment new not known, and is None now"),
    ({"model": "other", "threads": 1}, "model toy, and is other now"),
]


@pytest.mark.parametrize(("changes", "told"), CHANGES)
def test_what_would_make_other_bytes_is_refused(changes: dict[str, Any], told: str) -> None:
    """The first difference is named with both values, and what to do."""
    with pytest.raises(LeaderboardError) as caught:
        check_same(RECIPE, replace(RECIPE, **changes), "here")
    assert str(caught.value) == f"here was begun with {told}; go on as it was begun, or choose another --out"


def test_a_recipe_is_the_same_after_it_was_stored() -> None:
    """As JSON, where tuples become lists."""
    check_same(Recipe(**json.loads(json.dumps(asdict(RECIPE)))), RECIPE, "here")


def test_a_recipe_says_what_decides_the_bytes(make_choice: Callable[..., ModelChoice], toy: Any) -> None:
    """The name of the processor does not; what is no JSON becomes it."""
    backbone = toy(batch_size=3)
    backbone.inputs = {"weights": "toy", "size": (8, 8)}
    backbone.environment = {"device": "cpu", "hardware": "this one"}
    recipe = make_choice(threads=5).describe(backbone, "float16")
    assert recipe.inputs["size"] == [8, 8]
    assert set(recipe.inputs) == {"weights", "size", "extraction"}
    assert recipe.environment == {"device": "cpu", "pyarrow": version("pyarrow")}
    assert (recipe.batch_size, recipe.threads, recipe.vectors, recipe.dimension) == (3, 5, "float16", 8)
    assert make_choice(threads=None).describe(backbone, "float32").threads == 1


def test_a_choice_is_small_when_it_is_sent(make_choice: Callable[..., ModelChoice], make_result: Any) -> None:
    """What became of every image stays here; what the model is held against goes along."""
    result = make_result(outcomes={"knn": {"predicted": list(range(10_000))}}, labels=list(range(10_000)))
    sent = replace(make_choice(), results=(slim(result),))
    assert len(pickle.dumps(sent)) < 5_000
    assert slim(result).provenance == result.provenance
    assert pickle.loads(pickle.dumps(sent)) == sent


def test_a_baseline_is_loaded_and_described(make_choice: Callable[..., ModelChoice], registry: Any) -> None:
    """A real one, with its own inputs."""
    choice = replace(make_choice(), spec=registry.model("toy"))
    recipe = choice.describe(choice.load(), "float32")
    assert (recipe.model, recipe.dimension, recipe.inputs["architecture"]) == ("toy", 192, "pixels")
