"""What a network makes of each place of an image: its patch tokens, and where its class token looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leaderboard.backbones import Backbone
from leaderboard.errors import LeaderboardError, Unavailable

if TYPE_CHECKING:
    from leaderboard.backbones._attention import Attention
    from leaderboard.backbones._torch import TorchBackbone

CLASS_TOKEN, POOLING_QUERY = "class token", "pooling query"  # whose attention is shown


@dataclass(frozen=True)
class Tokens:
    """One image inside a network, after its last layer."""

    patches: np.ndarray  # (h, w, d) float32, rows of the image first
    attention: np.ndarray | None = None  # (heads, h, w): shares of the looker's attention; the rest is on other tokens
    registers: np.ndarray | None = None  # (heads, registers, h, w): the same of each register token
    looker: str = CLASS_TOKEN
    reason: str = ""  # why there is no attention


@dataclass(frozen=True)
class Features:
    """What a library gives for one image: a sequence of tokens (t, d) or a feature map (h, w, d)."""

    values: Any
    class_tokens: int = 0  # these come first
    registers: int = 0  # then these
    prefix: int = 0  # all that come before the patches: distillation tokens too


def read_tokens(backbone: Backbone, prepared: np.ndarray) -> Tokens:
    """Patch tokens after the final norm, and the last attention, of one prepared image (h, w, 3).

    The network is run as it is when it embeds: nothing in it is changed or switched.

    Raises:
        LeaderboardError: the model has no network, or its tokens are no grid or not finite.
        Unavailable: out of memory.
    """
    if not hasattr(backbone, "network"):
        raise LeaderboardError(
            f"model {backbone.spec.id!r} ({backbone.spec.library}) has no network, so no patch tokens and no attention "
            "to look at; choose one of another library"
        )
    from leaderboard.backbones._torch import out_of_memory_as_such

    try:
        with out_of_memory_as_such():
            return _read(backbone, prepared)  # type: ignore[arg-type]  # it has a network, so it is of torch
    except MemoryError as error:
        reason = f"out of memory with a single image ({error}); try another --device"
        raise Unavailable(f"model {backbone.spec.id}: {reason}", "out of memory") from None


def _read(backbone: TorchBackbone, prepared: np.ndarray) -> Tokens:
    import torch

    from leaderboard.backbones._attention import AttentionWatch

    image = torch.from_numpy(prepared)[None].permute(0, 3, 1, 2).to(backbone.device, backbone.dtype)
    with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
        with AttentionWatch() as watch:
            seen = READERS[backbone.spec.library](backbone, image)
        patches = _patches(backbone, seen, prepared.shape[:2])
        return _with_attention(patches, seen, watch.last)


def _patches(backbone: TorchBackbone, seen: Features, size: tuple[int, ...]) -> np.ndarray:
    """(h, w, d) float32, each patch normalised where the entry's pooling brings the norm along."""
    from torch.nn.functional import layer_norm

    features = seen.values.float()
    if features.ndim == 2:
        features = features[seen.prefix :].unflatten(0, patch_grid(len(features) - seen.prefix, *size))
    if backbone.spec.pooling == "mean-layernorm":
        features = layer_norm(features, features.shape[-1:], eps=1e-6)
    patches: np.ndarray = features.cpu().numpy()
    if not np.isfinite(patches).all():
        raise LeaderboardError(f"model {backbone.spec.id!r} gives NaN or infinite patch tokens; try --dtype float32")
    return patches


def patch_grid(count: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of so many square patches in an image of that size; there is at most one such grid.

    Raises:
        LeaderboardError: no square patch gives that number.
    """
    for side in range(1, min(height, width) + 1):
        if (height // side) * (width // side) == count:
            return height // side, width // side
    raise LeaderboardError(f"{count} tokens are no grid of square patches in {height} x {width} pixels")


def _with_attention(patches: np.ndarray, seen: Features, last: Attention | None) -> Tokens:
    """Add the last attention's rows, where they are over the whole image and of something that stands for it."""
    height, width = patches.shape[:2]
    if last is None:
        return Tokens(patches, reason="the network computes no attention")
    batch, _, queries, keys = last.shape
    before = keys - height * width
    if batch == 1 and queries == 1 and before in (0, 1, seen.prefix):
        looker = CLASS_TOKEN if seen.class_tokens else POOLING_QUERY
        return Tokens(patches, _maps(last, 1, before, width)[:, 0], looker=looker)
    if batch != 1 or queries != keys or before != seen.prefix:
        reason = "the last attention is not between all tokens, but within windows, between channels or in a pooling"
        return Tokens(patches, reason=reason)
    if not (speakers := seen.class_tokens + seen.registers):
        return Tokens(patches, reason="the network has no class token and no pooling query")
    maps = _maps(last, speakers, before, width)
    registers = maps[:, seen.class_tokens :] if seen.registers else None
    if not seen.class_tokens:
        return Tokens(patches, None, registers, reason="the network has no class token, only registers")
    return Tokens(patches, maps[:, 0], registers)


def _maps(attention: Attention, queries: int, before: int, width: int) -> np.ndarray:
    """(heads, queries, h, w): what the first so many queries give to each patch."""
    weights: np.ndarray = attention.rows(queries)[0, ..., before:].cpu().numpy()
    return weights.reshape(*weights.shape[:2], -1, width)


def _read_timm(backbone: TorchBackbone, image: Any) -> Features:
    """Without the head, whose own attention counts only where the entry's vector comes out of it."""
    return _run_timm(backbone.network, image, with_head=backbone.spec.pooling == "head")


def _run_timm(network: Any, image: Any, *, with_head: bool) -> Features:
    from leaderboard.backbones._torch import has_class_token

    features = network.forward_features(image)
    if with_head:
        network.forward_head(features, pre_logits=True)
    if features.ndim == 4:
        channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
        return Features(features[0] if channels_last else features[0].permute(1, 2, 0))
    class_tokens = int(has_class_token(network))
    registers = getattr(network, "reg_token", None)
    count = 0 if registers is None else registers.shape[1]
    return Features(features[0], class_tokens, count, getattr(network, "num_prefix_tokens", class_tokens))


def _read_transformers(backbone: TorchBackbone, image: Any) -> Features:
    """The last hidden state; CLIP's has not been through the final norm yet, which it keeps for the class token."""
    from leaderboard.backbones._torch import has_class_token

    network: Any = backbone.network
    norms = [module for name, module in network.named_modules() if name.endswith("post_layernorm")]
    with _outputs_of([network, *norms]) as outputs:
        backbone.features(image)
    features = outputs[network].last_hidden_state
    if features.ndim == 4:
        return Features(features[0].permute(1, 2, 0))
    for norm in norms:
        features = features if outputs[norm].shape == features.shape else norm(features)
    class_tokens = int(has_class_token(network))
    registers = getattr(network.config, "num_register_tokens", 0)
    return Features(features[0], class_tokens, registers, class_tokens + registers)


def _read_open_clip(backbone: TorchBackbone, image: Any) -> Features:
    """Of its own transformer or residual tower, or of the trunk that timm lends."""
    tower: Any = backbone.network
    if hasattr(tower, "trunk"):
        return _run_timm(tower.trunk, image, with_head=True)
    last = tower.transformer if hasattr(tower, "transformer") else tower.layer4
    with _outputs_of([last]) as outputs:
        backbone.features(image)
    if outputs[last].ndim == 4:
        return Features(outputs[last][0].permute(1, 2, 0))
    tokens = outputs[last][0]
    return Features(tokens if tower.attn_pool is not None else tower.ln_post(tokens), class_tokens=1, prefix=1)


@contextmanager
def _outputs_of(modules: list[Any]) -> Iterator[dict[Any, Any]]:
    """What these modules give while the block runs."""
    outputs: dict[Any, Any] = {}
    hooks = [
        module.register_forward_hook(lambda module, _inputs, output: outputs.update({module: output}))
        for module in modules
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


READERS: Mapping[str, Callable[[TorchBackbone, Any], Features]] = {
    "timm": _read_timm,
    "transformers": _read_transformers,
    "open_clip": _read_open_clip,
}
