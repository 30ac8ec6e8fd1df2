"""Vision models of transformers, from a Hub repository or a folder that ``save_pretrained`` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from leaderboard.backbones import Backbone
from leaderboard.backbones._weights import first_available
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import ModelSpec, RunOptions, Source

FILES = ("config.json", "model.safetensors")


def load(spec: ModelSpec, options: RunOptions) -> Backbone:
    """Load with float32 weights, no remote code, and every tensor of the feature path accounted for.

    Raises:
        Unavailable: torch, transformers or every source is missing.
        LeaderboardError: tensors that do not fit, or a pooling that the architecture has not.
    """
    from leaderboard.backbones import _torch

    folder, source, commit = first_available(spec, lambda source: _locate(spec, source, options))
    network = _load_network(spec, folder)
    weights = {"source": f"{source.kind}:{source.name}", "revision": commit}
    prepare = _processor(folder) if spec.preprocessing == "model" else spec.preprocessing
    return _torch.build(spec, network, _features(spec, network), prepare, weights=weights, options=options)


def _locate(spec: ModelSpec, source: Source, options: RunOptions) -> tuple[Path, Source, str | None]:
    if source.kind == "path":
        folder = Path(source.name).expanduser()
        if not (folder / "config.json").is_file():
            raise Unavailable(f"{folder} has no config.json; point the entry to a save_pretrained folder")
        return folder, source, None
    from leaderboard.backbones._hub import fetch_snapshot

    files = (*FILES, "preprocessor_config.json") if spec.preprocessing == "model" else FILES
    folder, commit = fetch_snapshot(source, files, offline=options.offline)
    return folder, source, commit


def _load_network(spec: ModelSpec, folder: Path) -> Any:
    import torch
    from transformers import AutoModel

    network, report = AutoModel.from_pretrained(
        folder,
        dtype=torch.float32,
        output_loading_info=True,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    # A pooler that the checkpoint lacks gets random weights: harmless only when nothing reads it.
    missing = [name for name in report["missing_keys"] if spec.pooling == "pooler" or "pooler." not in name]
    problems = [f"missing {name}" for name in missing]
    problems += [f"unexpected {name}" for name in report["unexpected_keys"] if not name.startswith("classifier.")]
    problems += [f"mismatched {name}" for name in report["mismatched_keys"]]
    if problems:
        raise LeaderboardError(f"model {spec.id!r}: its weights do not fit: {'; '.join(map(str, problems[:5]))}")
    if spec.pooling != "pooler":
        network.pooler = None  # its random tensors are not part of the model
    return network


def _features(spec: ModelSpec, network: Any) -> Any:
    """(b, 3, h, w) -> (b, d): class token or mean of the patch tokens after the final norm, or the trained pooler."""
    prefix = 1 + getattr(network.config, "num_register_tokens", 0)
    poolings = {
        "cls": lambda images: network(pixel_values=images).last_hidden_state[:, 0],
        "mean": lambda images: network(pixel_values=images).last_hidden_state[:, prefix:].mean(dim=1),
        "pooler": lambda images: network(pixel_values=images).pooler_output,
    }
    if spec.pooling not in poolings:
        raise LeaderboardError(f"model {spec.id!r}: pooling {spec.pooling!r} is not one of {', '.join(poolings)}")
    return poolings[spec.pooling]


def _processor(folder: Path) -> Any:
    """The model's own image processor, on Pillow's filters: RGB image -> (h, w, 3) float32."""
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")

    def prepare(image: Image.Image) -> np.ndarray:
        pixels = processor(images=image, return_tensors="np")["pixel_values"][0]
        return np.ascontiguousarray(np.moveaxis(pixels, 0, -1), dtype=np.float32)

    return prepare
