"""What is known of a repository -> a draft of an entry: values with reasons, and what is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leaderboard.adding.guessing import guess, make_id, shorten_names
from leaderboard.adding.hub_facts import HubFacts
from leaderboard.adding.libraries import choose_file, choose_library
from leaderboard.adding.licences import find_licence
from leaderboard.adding.networks import Network
from leaderboard.adding.preprocessing import GUESS, SCAMPI, choose_preprocessing
from leaderboard.errors import LeaderboardError
from leaderboard.schema import IDENTIFIER

FACTS = HubFacts(
    "owner/name", "a" * 40, library="transformers", file="model.safetensors", tensors={"a.b": (2,), "head.c": (2,)}
)
NETWORK = Network(unread=("head.c",), taken=("a.b",), dimensions={"cls": 8}, has_class_token=True, kind="transformer")
UNBUILT = Network(problem="torch is not installed")


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("owner/Some_Model-B16", "some-model-b16"),
        ("timm/small_patch16_224.augreg_in21k", "small-patch16-224.augreg-in21k"),
        ("owner/a.-b__c..d", "a.b-c.d"),
        ("owner/-x-", "x"),
        ("owner/2", "2"),
        ("plain", "plain"),
    ],
)
def test_an_id_is_made_from_the_name(repository: str, expected: str) -> None:
    """Lower case, single dots and hyphens: what the schema takes."""
    assert make_id(repository) == expected
    assert IDENTIFIER.fullmatch(expected)


@pytest.mark.parametrize(
    ("unwanted", "wanted", "expected"),
    [
        (["head.w", "head.b"], ["a.b"], ["head."]),
        (["head.fc.w"], ["head.norm.w"], ["head.fc."]),
        (["scale"], ["a.b"], ["scale"]),
        (["a.c.x", "a.c.y", "a.d"], ["a.b.x"], ["a.c.", "a.d"]),
        ([], ["a.b"], []),
    ],
)
def test_names_are_dropped_by_their_shortest_beginning(unwanted, wanted, expected) -> None:
    """That no wanted name has; every unwanted one does."""
    found = shorten_names(unwanted, wanted)
    assert found == expected
    assert all(name.startswith(tuple(found)) for name in unwanted)
    assert not any(name.startswith(tuple(found)) for name in wanted)


@pytest.mark.parametrize(
    ("declared", "name", "expected"),
    [
        ("apache-2.0", None, "Apache-2.0"),
        ("mit", None, "MIT"),
        ("cc-by-nc-4.0", "a name that does not count", "CC-BY-NC-4.0"),
        ("other", "dinov3-license", "dinov3-license"),
        ("other", None, None),
        ("unknown", None, None),
        (None, None, None),
        ("openrail++", None, "openrail++"),
    ],
)
def test_a_licence_is_the_cards_in_the_spelling_of_spdx(declared, name, expected) -> None:
    """One that SPDX does not have stays as it is; none is ever made up."""
    licence, reason = find_licence(declared, name)
    assert licence == expected
    assert reason


@pytest.mark.parametrize(
    ("named", "files", "config", "expected"),
    [
        ("timm", ["model.safetensors"], {"model_type": "vit"}, "timm"),
        (None, ["open_clip_config.json", "config.json"], {"model_type": "x"}, "open_clip"),
        ("pytorch", ["config.json"], {"architecture": "a", "pretrained_cfg": {}}, "timm"),
        (None, ["config.json"], {"model_type": "vit"}, "transformers"),
    ],
)
def test_the_library_is_the_hubs_or_that_of_the_files(named, files, config, expected) -> None:
    """What the Hub says counts where it is a library of ours."""
    assert choose_library(named, dict.fromkeys(files, 1), {"config.json": config}, "owner/name")[0] == expected


def test_another_library_is_refused_with_what_was_found() -> None:
    """In one line, whatever the names are."""
    with pytest.raises(LeaderboardError) as error:
        choose_library("ke\nras", dict.fromkeys(["a\nb", *"cdefg"], 1), {}, "owner/name")
    assert "'ke\\nras'" in str(error.value).replace("\\\\", "\\")
    assert "and 2 more" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("library", "files", "expected"),
    [
        ("timm", ["pytorch_model.bin", "model.safetensors"], "model.safetensors"),
        ("transformers", ["pytorch_model.bin"], "pytorch_model.bin"),
        ("open_clip", ["model.safetensors", "open_clip_pytorch_model.bin"], "open_clip_pytorch_model.bin"),
        ("timm", ["small.pth", "README.md"], "small.pth"),
        ("timm", ["small.pth", "small.safetensors"], "small.safetensors"),
    ],
)
def test_the_file_is_the_librarys_own_choice_or_the_only_one(library, files, expected) -> None:
    """Safetensors first."""
    assert choose_file(library, dict.fromkeys(files, 1), "owner/name") == expected


@pytest.mark.parametrize(
    ("library", "files", "match"),
    [
        ("timm", ["a.pth", "b.pth"], "but 2 others"),
        ("transformers", ["small.safetensors"], "but 1 others"),
        ("timm", ["README.md"], "no other weights"),
        ("transformers", ["model.safetensors.index.json"], "in several files"),
    ],
)
def test_a_file_that_cannot_be_chosen_is_refused(library, files, match) -> None:
    """What is there is named."""
    with pytest.raises(LeaderboardError, match=match):
        choose_file(library, dict.fromkeys(files, 1), "owner/name")


SQUASHED = {"resize": [32, 32], "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3}
CONFIG: dict[str, Any] = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "input_size": [3, 24, 24]}
SEVERAL = {
    "its-own": ("timm", {"config.json": {"pretrained_cfg": CONFIG}}, "model"),
    "squashed": (
        "timm",
        {"config.json": {"pretrained_cfg": CONFIG | {"crop_mode": "squash", "crop_pct": 0.75}}},
        SQUASHED | {"crop": 24},
    ),
    "bordered": ("timm", {"config.json": {"pretrained_cfg": CONFIG | {"crop_mode": "border"}}}, SCAMPI),
    "squashed-nonsense": (
        "timm",
        {"config.json": {"pretrained_cfg": CONFIG | {"crop_mode": "squash", "std": [0, 0, 0]}}},
        SCAMPI,
    ),
    "none": ("timm", {"config.json": {"architecture": "x"}}, SCAMPI),
    "processor": ("transformers", {"preprocessor_config.json": {}}, "model"),
    "no-processor": ("transformers", {"config.json": {}}, SCAMPI),
    "tower": ("open_clip", {"open_clip_config.json": {"model_cfg": {"vision_cfg": {"image_size": 32}}}}, "model"),
    "tower-squashed": (
        "open_clip",
        {
            "open_clip_config.json": {
                "model_cfg": {"vision_cfg": {"image_size": 32}},
                "preprocess_cfg": {"resize_mode": "squash", "mean": [0.5] * 3, "std": [0.5] * 3},
            }
        },
        SQUASHED | {"crop": 32},
    ),
    "tower-longest": (
        "open_clip",
        {
            "open_clip_config.json": {
                "model_cfg": {"vision_cfg": {"image_size": 32}},
                "preprocess_cfg": {"resize_mode": "longest"},
            }
        },
        SCAMPI,
    ),
    "tower-nonsense": ("open_clip", {"open_clip_config.json": {"model_cfg": 3}}, SCAMPI),
}


@pytest.mark.parametrize(("library", "configs", "expected"), SEVERAL.values(), ids=SEVERAL)
def test_preprocessing_is_the_models_own_or_said_to_be_a_guess(library, configs, expected) -> None:
    """Written out where the repository tells one that the loader does not take from it."""
    chosen, reason = choose_preprocessing(replace(FACTS, library=library, configs=configs))
    assert chosen == expected
    assert (reason == GUESS) == (expected == SCAMPI)


def test_a_draft_has_every_key_that_an_entry_needs() -> None:
    """With the family as other entries spell it."""
    facts = replace(FACTS, configs={"config.json": {"model_type": "some_net"}}, is_gated=True, licence="mit")
    draft = guess(facts, NETWORK, "mine", ["SomeNet"])
    assert {name: fact.value for name, fact in draft.fields.items() if name not in ("sources", "preprocessing")} == {
        "title": "Name, owner",
        "family": "SomeNet",
        "library": "transformers",
        "pooling": "cls",
        "dimension": 8,
        "licence": "MIT",
        "tags": ["transformer"],
        "links": {"backbone": "https://huggingface.co/owner/name"},
    }
    assert {name: fact.value for name, fact in draft.source.items()} == {
        "hub": "owner/name",
        "revision": "a" * 40,
        "drop": ["head."],
        "gated": True,
    }
    assert [line.partition(":")[0] for line in draft.unknown] == ["preprocessing"]


@pytest.mark.parametrize(
    ("configs", "network", "expected"),
    [
        ({}, Network(dimensions={"cls": 8, "pooler": 9}), ("cls", 8)),
        ({}, Network(dimensions={"pooler": 9, "mean": 8}), ("pooler", 9)),
        ({}, Network(dimensions={"mean": 8}), ("mean", 8)),
        ({"model_type": "vit_mae"}, Network(dimensions={"mean-layernorm": 7}), ("mean-layernorm", 7)),
        ({"hidden_size": 5}, UNBUILT, ("cls", 5)),
        ({"vision_config": {"hidden_size": 6}, "hidden_size": 5}, UNBUILT, ("cls", 6)),
        ({"hidden_sizes": [2, 4]}, UNBUILT, ("cls", 4)),
    ],
)
def test_pooling_and_dimension_go_together(configs, network, expected) -> None:
    """Those of the network, else what its configuration says."""
    draft = guess(replace(FACTS, configs={"config.json": configs}), network, "mine")
    assert (draft.fields["pooling"].value, draft.fields["dimension"].value) == expected


@pytest.mark.parametrize(
    ("pool", "network", "expected"),
    [
        ("token", Network(dimensions={"cls": 8, "head": 8}), "cls"),
        ("token", Network(dimensions={"head": 8}), "head"),
        ("avg", Network(dimensions={"cls": 8, "head": 8}), "head"),
        ("token", UNBUILT, "cls"),
    ],
)
def test_a_class_token_is_read_where_timm_reads_it(pool, network, expected) -> None:
    """Else what the network gives to its classifier."""
    config = {"architecture": "test_net", "global_pool": pool, "num_features": 8}
    facts = replace(FACTS, library="timm", configs={"config.json": config})
    assert guess(facts, network, "mine").fields["pooling"].value == expected


def test_without_a_network_the_usual_names_are_dropped_and_that_is_said() -> None:
    """What nobody held against the network is open."""
    draft = guess(replace(FACTS, configs={"config.json": {"hidden_size": 8}}), UNBUILT, "mine")
    assert draft.source["drop"].value == ["head."]
    assert [line.partition(":")[0] for line in draft.unknown] == [
        *("licence", "pooling and drop", "preprocessing", "family", "tags")
    ]


@pytest.mark.parametrize(
    ("change", "network", "match"),
    [
        ({}, replace(NETWORK, missing=tuple("abcd")), r"\(a, b, c and 1 more\)"),
        ({}, Network(refusal="it is of text"), "it is of text; docs"),
        ({}, Network(dimensions={}), "none of the poolings"),
        ({}, UNBUILT, "length of its vectors is not known"),
        ({"library": "timm"}, NETWORK, "names timm's architecture"),
        ({"configs": {"config.json": {"hidden_size": 10**9}}}, UNBUILT, "not known"),
        ({"configs": {"config.json": {"hidden_size": True}}}, UNBUILT, "not known"),
    ],
)
def test_an_entry_that_would_not_load_is_refused(change, network, match) -> None:
    """With what speaks against it."""
    with pytest.raises(LeaderboardError, match=match):
        guess(replace(FACTS, **change), network, "mine")
