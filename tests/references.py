"""Image encoders written out in plain tensor operations: the tensors of a released file and pixels -> vectors.

Nothing here knows the libraries or this project. States hold float64 tensors under the names that the file has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

State = Mapping[str, Tensor]
Activation = Callable[[Tensor], Tensor]

# ---- operations


def gelu(values: Tensor) -> Tensor:
    """By the normal distribution."""
    return values * (1 + torch.erf(values / math.sqrt(2))) / 2


def tanh_gelu(values: Tensor) -> Tensor:
    """SigLIP's approximation."""
    return values * (1 + torch.tanh(math.sqrt(2 / math.pi) * (values + 0.044715 * values**3))) / 2


def quick_gelu(values: Tensor) -> Tensor:
    """OpenAI's approximation."""
    return values / (1 + torch.exp(-1.702 * values))


def softmax(values: Tensor) -> Tensor:
    """Over the last axis."""
    powers = torch.exp(values - values.amax(dim=-1, keepdim=True))
    return powers / powers.sum(dim=-1, keepdim=True)


def standardise(values: Tensor, eps: float) -> Tensor:
    """A layer norm of weight 1 and bias 0, over the last axis."""
    centred = values - values.mean(dim=-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(dim=-1, keepdim=True) + eps)


def layer_norm(values: Tensor, state: State, name: str, eps: float) -> Tensor:
    """Over the last axis."""
    return standardise(values, eps) * state[f"{name}.weight"] + state[f"{name}.bias"]


def channel_norm(maps: Tensor, state: State, name: str, eps: float) -> Tensor:
    """A layer norm over the channels of (b, c, h, w)."""
    return layer_norm(maps.permute(0, 2, 3, 1), state, name, eps).permute(0, 3, 1, 2)


def batch_norm(maps: Tensor, state: State, name: str, eps: float) -> Tensor:
    """With the stored statistics, per channel of (b, c, h, w)."""
    scale = state[f"{name}.weight"] / torch.sqrt(state[f"{name}.running_var"] + eps)
    shift = state[f"{name}.bias"] - state[f"{name}.running_mean"] * scale
    return maps * scale[:, None, None] + shift[:, None, None]


def linear(values: Tensor, state: State, name: str) -> Tensor:
    """With a bias where the file has one."""
    product = values @ state[f"{name}.weight"].T
    return product + state[f"{name}.bias"] if f"{name}.bias" in state else product


def split_heads(tokens: Tensor, heads: int) -> Tensor:
    """(b, t, d) -> (b, heads, t, d / heads)."""
    return tokens.reshape(*tokens.shape[:2], heads, -1).transpose(1, 2)


def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """(b, heads, t, w) -> (b, t, heads * w)."""
    weights = softmax(queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1]))
    return (weights @ values).transpose(1, 2).flatten(2)


# ---- transformers with pre-norm blocks


@dataclass(frozen=True)
class Transformer:
    """What a file calls its tensors, and what the family fixes beside them; a part that is None is not there."""

    patches: str
    block: str  # the beginning of the names of block {}
    norm1: str
    query: str
    key: str
    value: str
    out: str
    norm2: str
    up: str
    down: str
    norm: str
    heads: int
    eps: float
    activation: Activation = gelu
    token: str | None = None
    registers: str | None = None
    positions: str | None = None
    first_norm: str | None = None
    scale1: str | None = None
    scale2: str | None = None
    with_rotations: bool = False
    antialias: bool = False  # of the positions, where they are of another grid

    def prefix(self, state: State) -> int:
        """Number of tokens before those of the patches."""
        registers = state[self.registers].shape[-2] if self.registers else 0
        return (self.token is not None) + registers

    def embed(self, state: State, images: Tensor) -> Tensor:
        """(b, 3, h, w) -> the tokens before the first block: class token, registers, patches in reading order."""
        weight = state[f"{self.patches}.weight"]
        maps = conv2d(images, weight, state.get(f"{self.patches}.bias"), stride=weight.shape[-1])
        tokens = maps.flatten(2).transpose(1, 2)
        if self.token:
            tokens = torch.cat([state[self.token].reshape(1, 1, -1).expand(len(images), -1, -1), tokens], dim=1)
        if self.positions:
            positions = state[self.positions].reshape(-1, tokens.shape[-1])
            tokens = tokens + fit_positions(positions, maps.shape[-1], self.token is not None, self.antialias)
        if self.registers:  # they have no position
            registers = state[self.registers].expand(len(images), -1, -1)
            tokens = torch.cat([tokens[:, :1], registers, tokens[:, 1:]], dim=1)
        return layer_norm(tokens, state, self.first_norm, self.eps) if self.first_norm else tokens

    def blocks(self, state: State, images: Tensor) -> Tensor:
        """(b, 3, h, w) -> the last block's tokens, before the final norm."""
        tokens, number = self.embed(state, images), 0
        patches = tokens.shape[1] - self.prefix(state)
        while f"{(block := self.block.format(number))}{self.norm1}.weight" in state:
            normed = layer_norm(tokens, state, block + self.norm1, self.eps)
            names = (block + self.query, block + self.key, block + self.value)
            queries, keys, values = (split_heads(linear(normed, state, name), self.heads) for name in names)
            if self.with_rotations:
                queries, keys = (rotate(heads, math.isqrt(patches)) for heads in (queries, keys))
            change = linear(attention(queries, keys, values), state, block + self.out)
            tokens = tokens + (change * state[block + self.scale1] if self.scale1 else change)
            normed = layer_norm(tokens, state, block + self.norm2, self.eps)
            change = linear(self.activation(linear(normed, state, block + self.up)), state, block + self.down)
            tokens = tokens + (change * state[block + self.scale2] if self.scale2 else change)
            number += 1
        return tokens

    def normed(self, state: State, images: Tensor) -> Tensor:
        """(b, 3, h, w) -> the tokens after the final norm."""
        return layer_norm(self.blocks(state, images), state, self.norm, self.eps)

    def cls(self, state: State, images: Tensor) -> Tensor:
        """The class token after the final norm."""
        return self.normed(state, images)[:, 0]

    def mean(self, state: State, images: Tensor) -> Tensor:
        """The mean of the patches' tokens after the final norm."""
        return self.normed(state, images)[:, self.prefix(state) :].mean(dim=1)

    def mean_layernorm(self, state: State, images: Tensor) -> Tensor:
        """The mean of the patches' tokens without the final norm, then standardised (SCAMPI's, for MAE)."""
        return standardise(self.blocks(state, images)[:, self.prefix(state) :].mean(dim=1), 1e-6)

    def dense_pooler(self, state: State, images: Tensor) -> Tensor:
        """BERT's: a trained layer on the class token."""
        return torch.tanh(linear(self.cls(state, images), state, "pooler.dense"))

    def projection(self, state: State, images: Tensor) -> Tensor:
        """The class token in the space that is shared with text."""
        return self.cls(state, images) @ state["proj"]

    def attention_pooler(self, state: State, images: Tensor) -> Tensor:
        """SigLIP's: a trained query attends to all tokens, then one more perceptron with a skip connection."""
        tokens = self.normed(state, images)
        probe = state["head.probe"].expand(len(images), -1, -1)
        weights, biases = (state[f"head.attention.in_proj_{kind}"].chunk(3) for kind in ("weight", "bias"))
        projected = (
            split_heads(source @ weight.T + bias, self.heads)
            for source, weight, bias in zip((probe, tokens, tokens), weights, biases, strict=True)
        )
        pooled = linear(attention(*projected), state, "head.attention.out_proj")
        normed = layer_norm(pooled, state, "head.layernorm", self.eps)
        change = linear(self.activation(linear(normed, state, "head.mlp.fc1")), state, "head.mlp.fc2")
        return (pooled + change)[:, 0]


def split_projections(state: State, fused: str, *, names: str = "qkv") -> dict[str, Tensor]:
    """The same state with queries, keys and values apart: ``x.qkv.weight`` becomes ``x.q.weight`` and so on."""
    split: dict[str, Tensor] = {}
    for name, tensor in state.items():
        start, found, kind = name.rpartition(fused)
        parts = tensor.chunk(3) if found else (tensor,)
        split |= {
            f"{start}{letter}.{kind}" if found else name: part for letter, part in zip(names, parts, strict=False)
        }
    return split


def fit_positions(positions: Tensor, side: int, with_token: bool, antialias: bool) -> Tensor:
    """Position vectors for side x side patches: bicubic, unless they are of this grid."""
    first, grid = positions[: int(with_token)], positions[int(with_token) :]
    old = math.isqrt(len(grid))
    if old == side:
        return positions
    weights = bicubic_weights(old, side, antialias)
    resized = torch.einsum("yi,xj,ijd->yxd", weights, weights, grid.reshape(old, old, -1))
    return torch.cat([first, resized.flatten(0, 1)])


def bicubic_weights(old: int, new: int, antialias: bool) -> Tensor:
    """(new, old): each new point as a weighted sum of old ones; the points are the centres of equal cells.

    Without antialiasing Keys' kernel of a = -0.75 on the four neighbours, the border repeated; with it that of
    a = -0.5, as wide as the shrinking asks, normalised over the points that exist.
    """
    scale = old / new
    weights = torch.zeros(new, old, dtype=torch.float64)
    for row in range(new):
        centre = (row + 0.5) * scale - 0.5
        if antialias:
            width = max(scale, 1.0)
            weights[row] = torch.tensor([cubic((at - centre) / width, -0.5) for at in range(old)])
            weights[row] /= weights[row].sum()
        else:
            for at in range(math.floor(centre) - 1, math.floor(centre) + 3):
                weights[row, min(max(at, 0), old - 1)] += cubic(at - centre, -0.75)
    return weights


def cubic(at: float, a: float) -> float:
    """Keys' kernel."""
    x = abs(at)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def rotate(heads: Tensor, side: int) -> Tensor:
    """DINOv3's rotary positions on (b, heads, t, w), of the last side x side tokens.

    A quarter of the width turns with the row and a quarter with the column, each in [-1, 1], by periods that grow
    geometrically from 1 to 100; the pairs that turn are w / 2 apart.
    """
    width = heads.shape[-1]
    places = (torch.arange(side, dtype=torch.float64) + 0.5) / side * 2 - 1
    rows, columns = (axis.flatten() for axis in torch.meshgrid(places, places, indexing="ij"))
    periods = 100.0 ** (torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    angles = 2 * math.pi * torch.cat([rows[:, None] / periods, columns[:, None] / periods], dim=1)
    prefix, patches = heads[:, :, : -(side**2)], heads[:, :, -(side**2) :]
    one, two = patches[..., : width // 2], patches[..., width // 2 :]
    turned = [one * angles.cos() - two * angles.sin(), two * angles.cos() + one * angles.sin()]
    return torch.cat([prefix, torch.cat(turned, dim=-1)], dim=2)


# ---- what the files of each family call their tensors; all have the two heads of the tiny models

HEADS = 2
VIT = Transformer(
    patches="embeddings.patch_embeddings.projection",
    token="embeddings.cls_token",
    positions="embeddings.position_embeddings",
    block="encoder.layer.{}.",
    norm1="layernorm_before",
    query="attention.attention.query",
    key="attention.attention.key",
    value="attention.attention.value",
    out="attention.output.dense",
    norm2="layernorm_after",
    up="intermediate.dense",
    down="output.dense",
    norm="layernorm",
    heads=HEADS,
    eps=1e-12,
)
DINOV2 = replace(
    VIT,
    norm1="norm1",
    norm2="norm2",
    up="mlp.fc1",
    down="mlp.fc2",
    scale1="layer_scale1.lambda1",
    scale2="layer_scale2.lambda1",
    eps=1e-6,
)
DINOV2_WITH_REGISTERS = replace(DINOV2, registers="embeddings.register_tokens", antialias=True)
DINOV3 = replace(
    DINOV2,
    patches="embeddings.patch_embeddings",
    registers="embeddings.register_tokens",
    positions=None,
    block="layer.{}.",
    query="attention.q_proj",
    key="attention.k_proj",
    value="attention.v_proj",
    out="attention.o_proj",
    up="mlp.up_proj",
    down="mlp.down_proj",
    norm="norm",
    eps=1e-5,
    with_rotations=True,
)
SIGLIP = Transformer(
    patches="embeddings.patch_embedding",
    positions="embeddings.position_embedding.weight",
    block="encoder.layers.{}.",
    norm1="layer_norm1",
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    out="self_attn.out_proj",
    norm2="layer_norm2",
    up="mlp.fc1",
    down="mlp.fc2",
    norm="post_layernorm",
    heads=HEADS,
    eps=1e-6,
    activation=tanh_gelu,
)
CLIP = replace(
    SIGLIP,
    token="embeddings.class_embedding",
    first_norm="pre_layrnorm",
    eps=1e-5,
    activation=quick_gelu,
)
OPEN_CLIP = Transformer(
    patches="conv1",
    token="class_embedding",
    positions="positional_embedding",
    first_norm="ln_pre",
    block="transformer.resblocks.{}.",
    norm1="ln_1",
    query="attn.q",
    key="attn.k",
    value="attn.v",
    out="attn.out_proj",
    norm2="ln_2",
    up="mlp.c_fc",
    down="mlp.c_proj",
    norm="ln_post",
    heads=HEADS,
    eps=1e-5,
)
OPEN_CLIP_QUICK = replace(OPEN_CLIP, activation=quick_gelu)
TIMM_VIT = Transformer(
    patches="patch_embed.proj",
    token="cls_token",
    positions="pos_embed",
    block="blocks.{}.",
    norm1="norm1",
    query="attn.q",
    key="attn.k",
    value="attn.v",
    out="attn.proj",
    norm2="norm2",
    up="mlp.fc1",
    down="mlp.fc2",
    norm="norm",
    heads=HEADS,
    eps=1e-6,
)
TIMM_DINOV3 = replace(
    TIMM_VIT, registers="reg_token", positions=None, scale1="gamma_1", scale2="gamma_2", eps=1e-5, with_rotations=True
)


# ---- XCiT, by the names of facebookresearch/xcit


def xcit_blocks(state: State, images: Tensor, heads: int) -> Tensor:
    """(b, 3, h, w) -> the class token and the patches before the final norm."""
    maps, at = images, 0
    while f"patch_embed.proj.{at}.0.weight" in state:  # every second one is the activation
        maps = gelu(maps) if at else maps
        maps = conv2d(maps, state[f"patch_embed.proj.{at}.0.weight"], stride=2, padding=1)
        maps = batch_norm(maps, state, f"patch_embed.proj.{at}.1", 1e-5)
        at += 2
    height, width = maps.shape[-2:]
    tokens = (maps + _fourier_positions(state, height, width)).flatten(2).transpose(1, 2)
    number = 0
    while f"{(block := f'blocks.{number}')}.norm1.weight" in state:
        normed = layer_norm(tokens, state, f"{block}.norm1", 1e-6)
        tokens = tokens + state[f"{block}.gamma1"] * _cross_covariance(normed, state, f"{block}.attn", heads)
        normed = layer_norm(tokens, state, f"{block}.norm3", 1e-6)
        local = normed.transpose(1, 2).unflatten(2, (height, width))
        local = gelu(_depthwise(local, state, f"{block}.local_mp.conv1", padding=1))
        local = _depthwise(
            batch_norm(local, state, f"{block}.local_mp.bn", 1e-5), state, f"{block}.local_mp.conv2", padding=1
        )
        tokens = tokens + state[f"{block}.gamma3"] * local.flatten(2).transpose(1, 2)
        normed = layer_norm(tokens, state, f"{block}.norm2", 1e-6)
        tokens = tokens + state[f"{block}.gamma2"] * _perceptron(normed, state, f"{block}.mlp")
        number += 1
    tokens, number = torch.cat([state["cls_token"].expand(len(images), -1, -1), tokens], dim=1), 0
    while f"{(block := f'cls_attn_blocks.{number}')}.norm1.weight" in state:
        normed = layer_norm(tokens, state, f"{block}.norm1", 1e-6)
        queries, keys, values = (
            split_heads(part, heads) for part in linear(normed, state, f"{block}.attn.qkv").chunk(3, dim=-1)
        )
        first = linear(attention(queries[:, :, :1], keys, values), state, f"{block}.attn.proj")
        tokens = tokens + state[f"{block}.gamma1"] * torch.cat([first, normed[:, 1:]], dim=1)
        tokens = layer_norm(tokens, state, f"{block}.norm2", 1e-6)
        first = state[f"{block}.gamma2"] * _perceptron(tokens[:, :1], state, f"{block}.mlp")
        tokens = tokens + torch.cat([first, tokens[:, 1:]], dim=1)
        number += 1
    return tokens


def _fourier_positions(state: State, height: int, width: int) -> Tensor:
    """Sines and cosines of the row and the column, 32 numbers each, projected: (1, d, h, w)."""
    exponents = torch.arange(16, dtype=torch.float64) / 16
    encoded = []
    for count in (height, width):
        angles = 2 * math.pi * torch.arange(1, count + 1)[:, None] / (count + 1e-6) / 10000**exponents
        encoded.append(torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1))  # sine and cosine take turns
    rows, columns = encoded[0][:, None].expand(-1, width, -1), encoded[1][None].expand(height, -1, -1)
    maps = torch.cat([rows, columns], dim=-1).permute(2, 0, 1)[None]
    return conv2d(maps, state["pos_embeder.token_projection.weight"], state["pos_embeder.token_projection.bias"])


def _cross_covariance(tokens: Tensor, state: State, name: str, heads: int) -> Tensor:
    """Attention between channels: queries and keys are of length 1 over the tokens."""
    parts = linear(tokens, state, f"{name}.qkv").chunk(3, dim=-1)
    queries, keys, values = (split_heads(part, heads).transpose(-1, -2) for part in parts)
    queries, keys = (part / torch.sqrt((part**2).sum(dim=-1, keepdim=True)) for part in (queries, keys))
    weights = softmax(queries @ keys.transpose(-1, -2) * state[f"{name}.temperature"])
    mixed = (weights @ values).transpose(-1, -2).transpose(1, 2).flatten(2)
    return linear(mixed, state, f"{name}.proj")


def _perceptron(tokens: Tensor, state: State, name: str) -> Tensor:
    return linear(gelu(linear(tokens, state, f"{name}.fc1")), state, f"{name}.fc2")


def xcit_cls(state: State, images: Tensor, heads: int) -> Tensor:
    """The class token after the final norm."""
    return layer_norm(xcit_blocks(state, images, heads), state, "norm", 1e-6)[:, 0]


def xcit_mean(state: State, images: Tensor, heads: int) -> Tensor:
    """The mean of the patches' tokens after the final norm."""
    return layer_norm(xcit_blocks(state, images, heads), state, "norm", 1e-6)[:, 1:].mean(dim=1)


def xcit_mean_layernorm(state: State, images: Tensor, heads: int) -> Tensor:
    """The mean of the patches' tokens without the final norm, then standardised."""
    return standardise(xcit_blocks(state, images, heads)[:, 1:].mean(dim=1), 1e-6)


# ---- convolutional networks


def _depthwise(maps: Tensor, state: State, name: str, *, padding: int) -> Tensor:
    weight = state[f"{name}.weight"]
    return slide(pad(maps, (padding,) * 4), weight, stride=1) + state[f"{name}.bias"][:, None, None]


def slide(maps: Tensor, weight: Tensor, *, stride: int) -> Tensor:
    """Convolve every channel with its own kernel (c, 1, k, k): a sum of shifted maps."""
    kernel = weight.shape[-1]
    height, width = ((size - kernel) // stride + 1 for size in maps.shape[-2:])
    total = torch.zeros(*maps.shape[:2], height, width, dtype=maps.dtype)
    for y in range(kernel):
        for x in range(kernel):
            shifted = maps[:, :, y : y + stride * height : stride, x : x + stride * width : stride]
            total = total.addcmul(shifted, weight[:, :, y, x, None])
    return total


def resnet_bottlenecks(state: State, images: Tensor) -> Tensor:
    """ResNet-50's kind, by torchvision's names: the mean of the last map."""
    maps = batch_norm(conv2d(images, state["conv1.weight"], stride=2, padding=3), state, "bn1", 1e-5).relu()
    windows = pad(maps, (1, 1, 1, 1), value=-math.inf).unfold(2, 3, 2).unfold(3, 3, 2)
    maps = windows.amax(dim=(-1, -2))
    for layer in range(1, 5):
        number = 0
        while f"{(block := f'layer{layer}.{number}')}.conv1.weight" in state:
            stride = 2 if layer > 1 and number == 0 else 1
            short = maps
            if f"{block}.downsample.0.weight" in state:
                short = conv2d(maps, state[f"{block}.downsample.0.weight"], stride=stride)
                short = batch_norm(short, state, f"{block}.downsample.1", 1e-5)
            maps = batch_norm(conv2d(maps, state[f"{block}.conv1.weight"]), state, f"{block}.bn1", 1e-5).relu()
            maps = conv2d(maps, state[f"{block}.conv2.weight"], stride=stride, padding=1)
            maps = batch_norm(maps, state, f"{block}.bn2", 1e-5).relu()
            maps = batch_norm(conv2d(maps, state[f"{block}.conv3.weight"]), state, f"{block}.bn3", 1e-5)
            maps = (maps + short).relu()
            number += 1
    return maps.mean(dim=(2, 3))


def convnext_mean(state: State, images: Tensor) -> Tensor:
    """ConvNeXt, by timm's names: the mean of the last map."""
    maps = conv2d(images, state["stem.0.weight"], state["stem.0.bias"], stride=4)
    maps = channel_norm(maps, state, "stem.1", 1e-6)
    for stage in range(4):
        down, number = f"stages.{stage}.downsample", 0
        if stage:
            maps = channel_norm(maps, state, f"{down}.0", 1e-6)
            maps = conv2d(maps, state[f"{down}.1.weight"], state[f"{down}.1.bias"], stride=2)
        while f"{(block := f'stages.{stage}.blocks.{number}')}.gamma" in state:
            change = _depthwise(maps, state, f"{block}.conv_dw", padding=3).permute(0, 2, 3, 1)
            change = _perceptron(layer_norm(change, state, f"{block}.norm", 1e-6), state, f"{block}.mlp")
            maps = maps + (change * state[f"{block}.gamma"]).permute(0, 3, 1, 2)
            number += 1
    return maps.mean(dim=(2, 3))


def convnext_head(state: State, images: Tensor) -> Tensor:
    """What ConvNeXt gives to its classifier: the mean of the last map, normed."""
    return layer_norm(convnext_mean(state, images), state, "head.norm", 1e-6)


STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)  # of EfficientNet-B0's blocks, and of Lite0's


def efficientnet_lite0(state: State, images: Tensor) -> Tensor:
    """By the names of the package: no squeeze and excitation, ReLU6, TensorFlow's padding and epsilon."""
    maps = _relu6(_bn(_same(images, state["_conv_stem.weight"], 2), state, "_bn0"))
    for number, stride in enumerate(STRIDES):
        block, short = f"_blocks.{number}.", maps
        if f"{block}_expand_conv.weight" in state:
            maps = _relu6(_bn(_same(maps, state[f"{block}_expand_conv.weight"], 1), state, f"{block}_bn0"))
        weight = state[f"{block}_depthwise_conv.weight"]
        maps = slide(_pad_as_tensorflow(maps, weight.shape[-1], stride), weight, stride=stride)
        maps = _relu6(_bn(maps, state, f"{block}_bn1"))
        maps = _bn(_same(maps, state[f"{block}_project_conv.weight"], 1), state, f"{block}_bn2")
        maps = maps + short if maps.shape == short.shape else maps
    maps = _relu6(_bn(_same(maps, state["_conv_head.weight"], 1), state, "_bn1"))
    return maps.mean(dim=(2, 3))


def _bn(maps: Tensor, state: State, name: str) -> Tensor:
    return batch_norm(maps, state, name, 1e-3)


def _relu6(maps: Tensor) -> Tensor:
    return maps.clamp(0, 6)


def _same(maps: Tensor, weight: Tensor, stride: int) -> Tensor:
    return conv2d(_pad_as_tensorflow(maps, weight.shape[-1], stride), weight, stride=stride)


def _pad_as_tensorflow(maps: Tensor, kernel: int, stride: int) -> Tensor:
    """For ceil(size / stride) outputs; the odd row and column of zeros comes after the picture."""
    size = maps.shape[-1]
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    before, after = total // 2, total - total // 2
    return pad(maps, (before, after, before, after))
