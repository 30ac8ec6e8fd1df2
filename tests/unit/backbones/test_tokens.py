"""Patch tokens and attention of tiny networks of every kind, against computations that are written out here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leaderboard.backbones import load_backbone
from leaderboard.backbones._tokens import CLASS_TOKEN, POOLING_QUERY, patch_grid, read_tokens
from leaderboard.errors import LeaderboardError
from leaderboard.records import Preprocessing, Source

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("transformers")

CLIP_TEXT = ("text_model.", "text_projection.", "visual_projection.", "logit_scale")
OPEN_CLIP_TEXT = (
    "transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection", "logit_scale",
)  # fmt: skip
REPOSITORIES = {  # family -> its files, how the entry reads them, grid, heads, registers, whose attention
    "self-supervised": ("vit_without_pooler", None, "cls", {}, 14, 0, CLASS_TOKEN),
    "second": ("dinov2", None, "cls", {}, 16, 0, CLASS_TOKEN),
    "second with registers": ("dinov2_with_registers", None, "cls", {}, 16, 4, CLASS_TOKEN),
    "third": ("dinov3", None, "cls", {}, 14, 4, CLASS_TOKEN),
    "masked": ("mae", None, "mean-layernorm", {"drop": ("decoder.", "mask_token")}, 14, 0, CLASS_TOKEN),
    "contrastive": ("clip", "CLIPVisionModel", "pooler", {"drop": CLIP_TEXT}, 14, 0, CLASS_TOKEN),
    "sigmoid": ("siglip", "SiglipVisionModel", "pooler", {"drop": ("text_model.", "logit_")}, 14, 0, POOLING_QUERY),
}
TRANSFORMERS = {  # kind -> timm's name, registers
    "plain": ("vit_tiny_patch16_224", 0),
    "rotated with registers": ("vit_tiny_patch16_dinov3_qkvb", 4),  # positions are in its queries and keys
    "channels first": ("xcit_nano_12_p16_224", 0),  # its last layers are attention of the class token
    "distilled": ("deit_tiny_distilled_patch16_224", 0),  # a second token, which is no register
}
MAPS = {  # kind -> timm's name, why it has no attention
    "convolutions": ("test_convnext", "computes no attention"),
    "light convolutions": ("test_efficientnet", "computes no attention"),
    "windows": ("swin_tiny_patch4_window7_224", "no class token and no pooling query"),
}


def exact(height: int, width: int) -> Preprocessing:
    """Resized to that, scaled to [-1, 1]."""
    return Preprocessing((height, width), None, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.fixture(autouse=True)
def without_gradients():
    """What is captured in a network can be computed with."""
    with torch.inference_mode():
        yield


@pytest.fixture
def load(make_spec):
    """A network of timm with drawn weights."""

    def load(architecture: str, pooling: str, *, size: tuple[int, int] = (224, 224)):
        changes = {"architecture": architecture, "pooling": pooling, "preprocessing": exact(*size), "seed": 1}
        return load_backbone(make_spec(**changes))

    return load


@pytest.fixture
def load_files(make_spec, tmp_path: Path, zoo):
    """A tiny repository, loaded from a folder."""

    def load_files(family: str, *, size: tuple[int, int] = (224, 224)):
        make, architecture, pooling, declared, *_ = REPOSITORIES[family]
        for name, content in getattr(zoo, make)().items():
            (tmp_path / name).write_bytes(content)
        source = Source("path", str(tmp_path), **declared)
        changes = {"library": "transformers", "architecture": architecture, "pooling": pooling}
        return load_backbone(make_spec(**changes, sources=(source,), preprocessing=exact(*size)))

    return load_files


@pytest.fixture
def load_tower(make_spec, tmp_path: Path, zoo):
    """The image tower of a tiny repository of open_clip."""
    pytest.importorskip("open_clip")

    def load_tower():
        for name, content in zoo.open_clip_repository().items():
            (tmp_path / name).write_bytes(content)
        source = Source("path", str(tmp_path), drop=OPEN_CLIP_TEXT, strip=("visual.",))
        changes = {"library": "open_clip", "architecture": None, "pooling": "head", "preprocessing": exact(224, 224)}
        return load_backbone(make_spec(**changes, sources=(source,)))

    return load_tower


def prepared_of(backbone, draw) -> np.ndarray:
    return backbone.prepare(draw(1)[0])


def captured(module, backbone, prepared: np.ndarray):
    """What goes into a module while the network embeds."""
    inputs = []
    hook = module.register_forward_pre_hook(lambda _module, given: inputs.append(given[0].clone()))
    backbone.embed([prepared])
    hook.remove()
    return inputs[-1]


def attention_of(query, key, heads: int) -> np.ndarray:
    """softmax(QK'/sqrt(d)) of queries and keys (t, heads * d): (heads, t, t)."""
    query, key = (part.unflatten(-1, (heads, -1)).transpose(0, 1).double() for part in (query, key))
    scores = torch.einsum("hqd,hkd->hqk", query, key) / query.shape[-1] ** 0.5
    weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
    return weights.detach().numpy()


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_tokens_of_a_transformer_are_a_grid_with_attention(kind: str, load, draw) -> None:
    """Patches, heads and registers have the network's numbers, and looking leaves the vectors as they were."""
    network, registers = TRANSFORMERS[kind]
    backbone = load(network, "cls")
    prepared = prepared_of(backbone, draw)
    before = backbone.embed([prepared])
    tokens = read_tokens(backbone, prepared)
    assert tokens.patches.shape[:2] == (14, 14)
    assert tokens.attention.shape[1:] == (14, 14)
    assert tokens.looker == CLASS_TOKEN
    assert (0 if tokens.registers is None else tokens.registers.shape[1]) == registers
    assert np.array_equal(backbone.embed([prepared]), before)


@pytest.mark.parametrize("family", REPOSITORIES)
def test_tokens_of_a_repository_are_a_grid_with_attention(family: str, load_files, draw) -> None:
    """Prefix tokens are not among the patches; attention is the class token's, or the pooling's where there is none."""
    *_, side, registers, looker = REPOSITORIES[family]
    backbone = load_files(family)
    prepared = prepared_of(backbone, draw)
    before = backbone.embed([prepared])
    tokens = read_tokens(backbone, prepared)
    assert tokens.patches.shape == (side, side, 32)
    assert tokens.attention.shape == (2, side, side)
    assert tokens.looker == looker
    assert (0 if tokens.registers is None else tokens.registers.shape[1]) == registers
    assert np.array_equal(backbone.embed([prepared]), before)


def test_attention_is_the_softmax_of_the_networks_own_weights(load, draw) -> None:
    """Of a timm transformer: queries and keys written out from the last block's projection."""
    backbone = load("vit_tiny_patch16_224", "cls")
    prepared = prepared_of(backbone, draw)
    attention = backbone.network.blocks[-1].attn
    tokens = captured(attention, backbone, prepared)[0]
    query, key, _ = (tokens @ attention.qkv.weight.T + attention.qkv.bias).chunk(3, dim=-1)
    expected = attention_of(query, key, attention.num_heads)
    assert expected.sum(axis=-1) == pytest.approx(1)
    assert read_tokens(backbone, prepared).attention == pytest.approx(expected[:, 0, 1:].reshape(3, 14, 14), abs=1e-6)


def test_register_attention_is_the_softmax_of_the_networks_own_weights(load_files, draw) -> None:
    """Registers stand between the class token and the patches."""
    backbone = load_files("second with registers")
    prepared = prepared_of(backbone, draw)
    attention = next(m for m in reversed(list(backbone.network.modules())) if hasattr(m, "q_proj"))
    tokens = captured(attention.q_proj, backbone, prepared)[0]
    expected = attention_of(attention.q_proj(tokens), attention.k_proj(tokens), 2)
    found = read_tokens(backbone, prepared)
    assert found.attention == pytest.approx(expected[:, 0, 5:].reshape(2, 16, 16), abs=1e-6)
    assert found.registers == pytest.approx(expected[:, 1:5, 5:].reshape(2, 4, 16, 16), abs=1e-6)


def test_attention_of_torchs_own_module_is_its_softmax(load_tower, draw) -> None:
    """open_clip's blocks use nn.MultiheadAttention, which keeps its weights to itself."""
    backbone = load_tower()
    prepared = prepared_of(backbone, draw)
    block = backbone.network.transformer.resblocks[-1]
    tokens = block.ln_1(captured(block, backbone, prepared)[0])
    query, key, _ = (tokens @ block.attn.in_proj_weight.T + block.attn.in_proj_bias).chunk(3, dim=-1)
    expected = attention_of(query, key, 2)[:, 0, 1:].reshape(2, 7, 7)
    assert read_tokens(backbone, prepared).attention == pytest.approx(expected, abs=1e-6)


def test_fused_and_eager_attention_show_the_same(load, load_files, draw) -> None:
    """Maps do not depend on how a library computes them."""
    for backbone, change in (
        (load("vit_tiny_patch16_dinov3_qkvb", "cls"), unfuse),
        (load_files("third"), lambda network: network.set_attn_implementation("eager")),
    ):
        prepared = prepared_of(backbone, draw)
        fused = read_tokens(backbone, prepared)
        change(backbone.network)
        eager = read_tokens(backbone, prepared)
        assert eager.attention == pytest.approx(fused.attention, abs=1e-6)
        assert eager.registers == pytest.approx(fused.registers, abs=1e-6)


def unfuse(network) -> None:
    for module in network.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False


def test_patch_tokens_average_to_the_mean_pooling(load, draw) -> None:
    """They are after the final norm, and exactly those that the pooling reads."""
    for network in ("vit_tiny_patch16_224", "vit_tiny_patch16_dinov3_qkvb"):
        backbone = load(network, "mean")
        prepared = prepared_of(backbone, draw)
        patches = read_tokens(backbone, prepared).patches
        assert patches.mean(axis=(0, 1)) == pytest.approx(backbone.embed([prepared])[0], abs=1e-5)


def test_patch_tokens_of_an_image_tower_have_been_normalised(load_files, load_tower, draw) -> None:
    """Also where the library normalises the class token alone: the layer norm's scale and shift can be taken off."""
    for backbone, name in ((load_files("contrastive"), "post_layernorm"), (load_tower(), "ln_post")):
        norm = backbone.network.get_submodule(name)
        patches = torch.from_numpy(read_tokens(backbone, prepared_of(backbone, draw)).patches)
        plain = (patches - norm.bias) / norm.weight
        assert plain.mean(dim=-1).abs().max().item() < 1e-3
        assert plain.std(dim=-1, correction=0).mean().item() == pytest.approx(1, abs=1e-3)


def test_patches_lie_where_they_are_in_the_image(load) -> None:
    """A change in one corner of the image changes that corner's patch most."""
    backbone = load("test_vit", "cls", size=(160, 160))
    plain = np.zeros((160, 160, 3), np.float32)
    changed = plain.copy()
    changed[:16, -16:] = 1
    change = np.abs(read_tokens(backbone, changed).patches - read_tokens(backbone, plain).patches).sum(axis=-1)
    assert np.unravel_index(change.argmax(), change.shape) == (0, 9)


@pytest.mark.parametrize(("height", "width", "count", "grid"), [(224, 224, 196, (14, 14)), (96, 160, 60, (6, 10))])
def test_a_grid_follows_from_the_number_of_patches(height: int, width: int, count: int, grid: tuple[int, int]) -> None:
    """Patches are square."""
    assert patch_grid(count, height, width) == grid


def test_a_number_of_tokens_that_is_no_grid_is_refused() -> None:
    """The message has the number and the image's size."""
    with pytest.raises(LeaderboardError, match="197 tokens are no grid of square patches in 224 x 224 pixels"):
        patch_grid(197, 224, 224)


def test_an_oblong_input_gives_an_oblong_grid(load_files, draw) -> None:
    """Rotated position embeddings take any size: 96 x 160 pixels are 6 x 10 patches of 16."""
    backbone = load_files("third", size=(96, 160))
    tokens = read_tokens(backbone, prepared_of(backbone, draw))
    assert tokens.patches.shape == (6, 10, 32)
    assert tokens.attention.shape == (2, 6, 10)
    assert tokens.registers.shape == (2, 4, 6, 10)


@pytest.mark.parametrize("kind", MAPS)
def test_a_feature_map_is_shown_without_attention(kind: str, load, draw) -> None:
    """Its positions are the patches, its channels their dimensions: their mean is the pooled vector."""
    network, reason = MAPS[kind]
    backbone = load(network, "mean")
    prepared = prepared_of(backbone, draw)
    tokens = read_tokens(backbone, prepared)
    assert tokens.patches.shape[:2] == (7, 7)
    assert tokens.attention is None
    assert reason in tokens.reason
    assert tokens.patches.mean(axis=(0, 1)) == pytest.approx(backbone.embed([prepared])[0], abs=1e-4)


def test_channel_attention_is_not_taken_for_attention_between_patches(load, draw) -> None:
    """The maps of cross-covariance layers are of channels; only the class token's last layer is over patches."""
    backbone = load("xcit_nano_12_p16_224", "cls")
    prepared = prepared_of(backbone, draw)
    backbone.network.cls_attn_blocks = torch.nn.ModuleList()
    tokens = read_tokens(backbone, prepared)
    assert tokens.attention is None


def test_a_baseline_has_nothing_to_look_at(make_spec) -> None:
    """The message names the model."""
    thumbnail = make_spec(library="baseline", architecture="pixels", pooling=None, preprocessing=exact(8, 8))
    backbone = load_backbone(thumbnail)
    with pytest.raises(LeaderboardError, match="model 'toy' \\(baseline\\) has no network"):
        read_tokens(backbone, np.zeros((8, 8, 3), np.float32))


def test_tokens_that_are_no_numbers_are_an_error(load) -> None:
    """They cannot be coloured."""
    backbone = load("test_vit", "cls", size=(160, 160))
    with pytest.raises(LeaderboardError, match="NaN or infinite patch tokens"):
        read_tokens(backbone, np.full((160, 160, 3), np.nan, np.float32))
