"""Attention weights of a network as it runs, whichever library built it and however it computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

WITH_WEIGHTS = {"need_weights": True, "average_attn_weights": False}
SDPA_NAMES = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
MULTI_HEAD_NAMES = ("query", "key", "value", "embed_dim_to_check", "num_heads")


@dataclass(frozen=True)
class Attention:
    """One attention that was computed: its shape, and a way to its weights that costs nothing until it is taken."""

    shape: tuple[int, ...]  # (batch, heads, queries, keys)
    rows: Callable[[int], torch.Tensor]  # of the first so many queries: (batch, heads, count, keys) float32, sums are 1


class AttentionWatch(TorchFunctionMode):
    """Keeps the last attention that is computed while it is entered, and changes nothing that is computed.

    Fused attention never has its weights in memory. They are computed afterwards from the same queries, keys, mask
    and scale, by the same function on the identity in place of the values: softmax(QK'/sqrt(d)) I. That is what
    eager attention would give, without a switch in the network. Attention that is eager already ends in a softmax.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last: Attention | None = None

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call the function as it was called, and note it when it is an attention."""
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        note = NOTES.get(getattr(func, "__name__", ""))
        self.last = note(func, args, kwargs, output) if note else self.last
        return output


def _of_fused(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], _output: Any) -> Attention:
    """Of ``scaled_dot_product_attention``."""
    given = dict(zip(SDPA_NAMES, args, strict=False)) | dict(kwargs)
    query, key, mask = given.pop("query"), given.pop("key"), given.pop("attn_mask", None)
    options = {name: value for name, value in given.items() if name not in ("value", "dropout_p")}

    def rows(count: int) -> torch.Tensor:
        few = mask if mask is None or mask.shape[-2] == 1 else mask[..., :count, :]
        few = few.float() if few is not None and few.is_floating_point() else few
        identity = torch.eye(key.shape[-2], device=key.device).expand(*key.shape[:-1], -1)
        weights: torch.Tensor = func(query[..., :count, :].float(), key.float(), identity, attn_mask=few, **options)
        return weights

    return Attention((*query.shape[:-1], key.shape[-2]), rows)


def _of_multi_head(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], _output: Any) -> Attention:
    """Of ``multi_head_attention_forward``, behind torch's own module; sequences come first there."""
    given = dict(zip(MULTI_HEAD_NAMES, args, strict=False)) | dict(kwargs)
    (queries, batch), keys = given["query"].shape[:2], given["key"].shape[0]

    def rows(count: int) -> torch.Tensor:
        weights: torch.Tensor = func(*args, **(dict(kwargs) | WITH_WEIGHTS))[1]
        return weights[..., :count, :].float()

    return Attention((batch, given["num_heads"], queries, keys), rows)


def _of_softmax(_func: Any, _args: tuple[Any, ...], _kwargs: Mapping[str, Any], output: Any) -> Attention:
    """Of eager attention, some of which joins batch and heads; a softmax of another use is told by its shape."""
    weights = output if output.ndim == 4 else output.reshape(1, -1, *(1, *output.shape)[-2:])
    return Attention(tuple(weights.shape), lambda count: weights[..., :count, :].float())


NOTES: Mapping[str, Callable[[Any, tuple[Any, ...], Mapping[str, Any], Any], Attention]] = {
    "scaled_dot_product_attention": _of_fused,
    "multi_head_attention_forward": _of_multi_head,
    "softmax": _of_softmax,
}
