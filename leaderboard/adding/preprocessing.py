"""How a repository says that its images are prepared -> the entry's preprocessing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaderboard.adding.hub_facts import HubFacts
from leaderboard.backbones.open_clip import CONFIG as OPEN_CLIP_CONFIG
from leaderboard.backbones.open_clip import OPENAI_MEAN, OPENAI_STD
from leaderboard.backbones.transformers import PROCESSOR

SCAMPI: Mapping[str, Any] = {
    "resize": [256, 256],
    "crop": 224,
    "interpolation": "bicubic",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
GUESS = "a guess: SCAMPI's, since the repository tells none"
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")

Choice = tuple[Any, str]  # what to write, and why


def choose_preprocessing(facts: HubFacts) -> Choice:
    """The model's own where its library reads it; written out where it tells one that the loader does not take."""
    choose = {"timm": _of_timm, "transformers": _of_transformers, "open_clip": _of_open_clip}[facts.library]
    return choose(facts)


def _of_transformers(facts: HubFacts) -> Choice:
    return ("model", PROCESSOR) if PROCESSOR in facts.configs else (SCAMPI, GUESS)


def _of_timm(facts: HubFacts) -> Choice:
    config = facts.config("config.json")
    own = config.get("pretrained_cfg")
    if not isinstance(own, dict) or "mean" not in own:
        return SCAMPI, GUESS
    if own.get("crop_mode", "center") == "center":
        return "model", "pretrained_cfg of its config.json"
    size, share = own.get("input_size"), own.get("crop_pct", 1.0)
    side = size[-1] if isinstance(size, list) and size else None
    if own["crop_mode"] != "squash" or not isinstance(side, int) or not _is_share(share):
        return SCAMPI, GUESS
    return _squash(side, int(side / share), own.get("interpolation"), own["mean"], own.get("std"))


def _of_open_clip(facts: HubFacts) -> Choice:
    config = facts.config(OPEN_CLIP_CONFIG)
    model, own = config.get("model_cfg"), config.get("preprocess_cfg", {})
    vision = model.get("vision_cfg") if isinstance(model, dict) else None
    size = vision.get("image_size") if isinstance(vision, dict) else None
    if not isinstance(size, int) or not isinstance(own, dict):
        return SCAMPI, GUESS
    if own.get("resize_mode", "shortest") == "shortest":
        return "model", f"of its {OPEN_CLIP_CONFIG}"
    if own["resize_mode"] != "squash":
        return SCAMPI, GUESS
    mean, std = own.get("mean") or OPENAI_MEAN, own.get("std") or OPENAI_STD
    return _squash(size, size, own.get("interpolation", "bicubic"), mean, std)


def _squash(crop: int, side: int, interpolation: object, mean: Any, std: Any) -> Choice:
    """The repository's own, written out: the aspect ratio is not kept, which the loader does not take from it."""
    if interpolation not in INTERPOLATIONS or not _are_shares(mean) or not _are_shares(std) or not 0 < crop <= side:
        return SCAMPI, GUESS
    written = {"resize": [side, side], "crop": crop, "interpolation": interpolation}
    numbers = {"mean": [float(value) for value in mean], "std": [float(value) for value in std]}
    return written | numbers, "the repository's own: exactly this size, whatever the aspect ratio"


def _are_shares(values: object) -> bool:
    return isinstance(values, list | tuple) and len(values) == 3 and all(_is_share(value) for value in values)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value <= 1
