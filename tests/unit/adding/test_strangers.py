"""What a file holds inside of parts that are read is never dropped; what lies beside them may be."""

from __future__ import annotations

import pytest

from leaderboard.adding.strangers import find_strangers

BLOCKS = ["cls_token", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "blocks.1.attn.qkv.weight", "norm.weight"]


@pytest.mark.parametrize("name", ["blocks.0.ls1.gamma", "blocks.0.attn.q_norm.weight", "blocks.2.attn.qkv.weight"])
def test_more_of_a_block_or_more_blocks_make_another_network(name: str) -> None:
    """A scale, a norm, a layer that was not built: the vectors would be others."""
    assert find_strangers([name, "head.weight"], BLOCKS, [*BLOCKS, name, "head.weight"]) == [name]
    behind = [f"tower.{own}" for own in (*BLOCKS, name)]
    assert find_strangers([f"tower.{name}"], BLOCKS, behind) == [f"tower.{name}"]


@pytest.mark.parametrize("name", ["head.weight", "decoder.blocks.0.weight", "mask_token", "blocks.0.attn.attn_mask"])
def test_what_lies_beside_or_is_no_parameter_may_be_dropped(name: str) -> None:
    """A classifier, a decoder, a token of the training, a table of places."""
    assert find_strangers([name], BLOCKS, [*BLOCKS, name]) == []


def test_another_tower_is_beside_everything_that_is_read() -> None:
    """Its layers have the same names below another beginning."""
    taken = ["encoder.layers.0.weight", "embeddings.patch.weight"]
    unread = ["text_model.encoder.layers.0.weight", "logit_scale", "vision_model.embeddings.position_ids"]
    assert find_strangers(unread, taken, [*unread, *(f"vision_model.{name}" for name in taken)]) == []


def test_a_classifier_inside_of_a_head_whose_norm_is_read_may_be_dropped() -> None:
    """As convolutional networks have it."""
    taken = ["head.norm.weight", "stages.0.weight"]
    assert find_strangers(["head.fc.weight"], taken, [*taken, "head.fc.weight"]) == []
