"""A network that is built without weights tells what it takes of a file, and a foreign configuration does no harm."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from leaderboard.adding.hub_facts import HubFacts
from leaderboard.adding.networks import inspect_network

FACTS = HubFacts("owner/name", "a" * 40, library="transformers", file="model.safetensors")


@pytest.fixture
def make_facts(zoo) -> Any:
    """The facts of a tiny model, as the Hub would give them."""
    from safetensors.torch import load

    def make(library: str, files: dict[str, bytes], **config: Any) -> HubFacts:
        configs = {name: json.loads(content) for name, content in files.items() if name.endswith(".json")}
        configs["config.json"] = configs.get("config.json", {}) | config
        weights = next(name for name in files if name.endswith(".safetensors"))
        shapes = {name: tuple(tensor.shape) for name, tensor in load(files[weights]).items()}
        return replace(FACTS, library=library, configs=configs, tensors=shapes)

    return make


def test_a_missing_tensor_and_one_of_another_shape_are_told(make_facts, zoo) -> None:
    """By all three libraries."""
    for library, files, name in (
        ("timm", zoo.timm_repository("test_resnet"), "conv1.0.weight"),
        ("transformers", zoo.dinov2(), "layernorm.weight"),
        ("open_clip", zoo.open_clip_repository(), "visual.ln_post.weight"),
    ):
        facts = make_facts(library, files)
        assert inspect_network(facts).missing == ()
        without = {other: shape for other, shape in facts.tensors.items() if other != name}
        assert inspect_network(replace(facts, tensors=without)).missing == (name,)
        changed = facts.tensors | {name: (1, 2, 3)}
        assert inspect_network(replace(facts, tensors=changed)).missing == (name,)


def test_a_pooler_that_was_not_trained_is_not_there(make_facts, zoo) -> None:
    """The file lacks its tensors, so only the class token can be read."""
    assert set(inspect_network(make_facts("transformers", zoo.vit_without_pooler())).dimensions) == {"cls"}
    assert set(inspect_network(make_facts("transformers", zoo.vit_with_pooler())).dimensions) == {"cls", "pooler"}


def test_attention_and_convolutions_are_told_apart(make_facts, zoo) -> None:
    """By the modules that there are."""
    kinds = [
        inspect_network(make_facts("timm", zoo.timm_repository(name))).kind for name in ("test_vit", "test_resnet")
    ]
    assert kinds == ["transformer", "convnet"]


def test_a_pickle_gives_no_names(make_facts, zoo) -> None:
    """The rest is known all the same."""
    network = inspect_network(replace(make_facts("transformers", zoo.clip()), tensors=None))
    assert (network.unread, network.missing, network.dimensions) == ((), (), {"pooler": 32})


@pytest.mark.parametrize(
    "config",
    [
        {"num_hidden_layers": 10**9},
        {"vision_config": {"num_hidden_layers": 10**9}},
        {"hidden_size": -1},
        {"hidden_size": "wide"},
        {"image_size": 10**6},
        {"num_attention_heads": 0},
    ],
)
def test_a_configuration_that_nobody_could_build_is_a_problem(config, make_facts, zoo) -> None:
    """In one line, at once, and no error."""
    network = inspect_network(make_facts("transformers", zoo.dinov2(), **config))
    assert network.problem
    assert "\n" not in network.problem
    assert network.dimensions is None


@pytest.mark.parametrize("name", ["hf-hub:owner/other", "local-dir:/etc", "../x", 3, None])
def test_an_architecture_that_leads_elsewhere_is_not_built(name) -> None:
    """Only names of timm's own list are."""
    facts = replace(FACTS, library="timm", configs={"config.json": {"architecture": name}})
    assert "names no architecture" in inspect_network(facts).problem
