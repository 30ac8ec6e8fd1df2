"""Image towers of open_clip, from a Hub repository or a folder with its open_clip_config.json.

Only the tower is built; the text tower and the temperature that the file holds as well are what ``drop`` is for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from leaderboard.backbones import Backbone
from leaderboard.backbones._hub import Choice
from leaderboard.backbones._weights import locate_file
from leaderboard.errors import LeaderboardError
from leaderboard.records import ModelSpec, Preprocessing, RunOptions, Source

VERSION = 1  # raise it when this file changes the numbers
CONFIG = "open_clip_config.json"
CHECKPOINTS: Choice = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")  # safetensors first
UNREAD = {"layers": 1, "width": 64, "heads": 1, "vocab_size": 1, "context_length": 1}  # the smallest text tower
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def load(spec: ModelSpec, source: Source | None, options: RunOptions) -> Backbone:
    """Build the image tower that the repository's configuration describes, and load exactly its tensors.

    Raises:
        Unavailable: torch, open_clip or the source is missing, or its files are damaged.
        LeaderboardError: tensors that do not fit, or a configuration that is not one of an image tower.
    """
    import open_clip

    from leaderboard.backbones import _torch
    from leaderboard.backbones._checkpoint import load_state, read_checkpoint
    from leaderboard.datasets.listing import hash_file

    assert source is not None  # the registry asks for one
    weights = locate_file(source, options, default=CHECKPOINTS, beside=(CONFIG,))
    path = weights.path.with_name(CONFIG)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        model = config["model_cfg"]
        quick = bool(model.get("quick_gelu", False))
        vision = model["vision_cfg"] | {"timm_model_pretrained": False}  # else timm fetches weights by itself
        tower: Any = open_clip.CLIP(model["embed_dim"], vision, UNREAD, quick_gelu=quick).visual
        own = _preprocessing(model["vision_cfg"], config.get("preprocess_cfg", {}))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise LeaderboardError(f"{path} does not describe an image tower of open_clip ({error})") from None
    load_state(tower, read_checkpoint(weights), f"{weights.path.name} of {source}")
    resized = config.get("preprocess_cfg", {}).get("resize_mode", "shortest")
    if spec.preprocessing == "model" and resized != "shortest":
        raise LeaderboardError(f"resize mode {resized!r}; write the model's preprocessing out")
    prepare = own if spec.preprocessing == "model" else spec.preprocessing
    identity = weights.identity | {CONFIG: hash_file(path)}
    return _torch.build(spec, tower, _features(spec, tower), prepare, weights=identity, options=options)


def _features(spec: ModelSpec, tower: Any) -> Callable[[Any], Any]:
    """(b, 3, h, w) -> (b, d): ``head`` is the vector that is compared with text, before its normalisation."""
    if spec.pooling != "head":
        raise LeaderboardError(f"a tower of open_clip has no pooling {spec.pooling!r}; choose head")
    return lambda images: tower(images)


def _preprocessing(vision: dict[str, Any], given: dict[str, Any]) -> Preprocessing:
    """The configuration's, with open_clip's own defaults: shorter side, bicubic, OpenAI's mean and deviation."""
    size = int(vision["image_size"])
    mean, std = given.get("mean") or OPENAI_MEAN, given.get("std") or OPENAI_STD
    return Preprocessing(size, size, given.get("interpolation", "bicubic"), tuple(mean), tuple(std))
