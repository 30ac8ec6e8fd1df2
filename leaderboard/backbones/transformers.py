"""Vision models of transformers, from a Hub repository or a folder that ``save_pretrained`` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError

from leaderboard.backbones import Backbone
from leaderboard.backbones._weights import first_available
from leaderboard.datasets.listing import hash_file
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import ModelSpec, RunOptions, Source

VERSION = 1  # raise it when this file changes the numbers
FILES = ("config.json", "model.safetensors")
PROCESSOR = "preprocessor_config.json"


def load(spec: ModelSpec, options: RunOptions) -> Backbone:
    """Load with float32 weights, no remote code, and every tensor of the feature path accounted for.

    Raises:
        Unavailable: torch, transformers or every source is missing.
        LeaderboardError: tensors that do not fit, or a pooling that the architecture has not.
    """
    from leaderboard.backbones import _torch

    folder, source, commit = first_available(spec, lambda source: _locate(spec, source, options))
    with _as_one_line(spec):
        network = _load_network(spec, folder)
        prepare = _processor(folder) if spec.preprocessing == "model" else spec.preprocessing
    weights = {"source": f"{source.kind}:{source.name}", "revision": commit} | _hash_configuration(spec, folder)
    return _torch.build(spec, network, _features(spec, network), prepare, weights=weights, options=options)


def _locate(spec: ModelSpec, source: Source, options: RunOptions) -> tuple[Path, Source, str | None]:
    if source.kind == "path":
        folder = Path(source.name).expanduser()
        if not (folder / "config.json").is_file():
            raise Unavailable(f"{folder} has no config.json; point the entry to a save_pretrained folder")
        if not any(folder.glob("*.safetensors")):
            raise Unavailable(f"{folder} has no *.safetensors, and pickles are not read; write it with save_pretrained")
        return folder, source, None
    from leaderboard.backbones._hub import fetch_snapshot

    files = (*FILES, PROCESSOR) if spec.preprocessing == "model" else FILES
    folder, commit = fetch_snapshot(source, files, offline=options.offline)
    return folder, source, commit


def _hash_configuration(spec: ModelSpec, folder: Path) -> dict[str, object]:
    """What changes the numbers and is not a tensor: heads, activations, the processor. A folder has no commit."""
    names = ("config.json", PROCESSOR) if spec.preprocessing == "model" else ("config.json",)
    return {name: hash_file(folder / name) for name in names if (folder / name).is_file()}


@contextmanager
def _as_one_line(spec: ModelSpec) -> Iterator[None]:
    """Files that transformers cannot read, or an architecture that it does not know, without its paragraphs."""
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise LeaderboardError(f"model {spec.id!r}: transformers cannot load it: {reason}") from None


def _load_network(spec: ModelSpec, folder: Path) -> Any:
    import torch
    from transformers import AutoModel

    with torch.random.fork_rng(devices=[]):  # tensors that the checkpoint lacks are drawn
        network, report = AutoModel.from_pretrained(
            folder,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    # A pooler that the checkpoint lacks gets random weights: harmless only when nothing reads it.
    missing = [name for name in sorted(report["missing_keys"]) if spec.pooling == "pooler" or "pooler." not in name]
    problems = [f"missing {name}" for name in missing]
    unexpected = sorted(report["unexpected_keys"])
    problems += [f"unexpected {name}" for name in unexpected if not name.startswith("classifier.")]
    mismatched = sorted(report["mismatched_keys"])
    problems += [f"{name} is {tuple(found)}, expected {tuple(expected)}" for name, found, expected in mismatched]
    if problems:
        raise LeaderboardError(f"model {spec.id!r}: its weights do not fit: {'; '.join(problems[:5])}")
    if spec.pooling != "pooler":
        network.pooler = None  # its random tensors are not part of the model
    return network


def _features(spec: ModelSpec, network: Any) -> Any:
    """(b, 3, h, w) -> (b, d): class token or mean of the patch tokens after the final norm, or the trained pooler."""
    from leaderboard.backbones._torch import has_class_token

    with_class_token = has_class_token(network)
    prefix = int(with_class_token) + getattr(network.config, "num_register_tokens", 0)
    poolings = {
        "cls": lambda images: _tokens(network, images)[:, 0],
        "mean": lambda images: _tokens(network, images)[:, prefix:].mean(dim=1),
        "pooler": lambda images: network(pixel_values=images).pooler_output,
    }
    if not with_class_token:
        del poolings["cls"]
    if spec.pooling not in poolings:
        raise LeaderboardError(f"model {spec.id!r}: pooling {spec.pooling!r} is not one of {', '.join(poolings)}")
    return poolings[spec.pooling]


def _tokens(network: Any, images: Any) -> Any:
    """The last layer's tokens (b, t, d), after the final norm."""
    tokens = network(pixel_values=images).last_hidden_state
    if tokens.ndim != 3:
        kind = type(network).__name__
        raise LeaderboardError(f"{kind} gives no tokens but a map of shape {tuple(tokens.shape)}; use pooling pooler")
    return tokens


def _processor(folder: Path) -> Any:
    """The model's own image processor, on Pillow's filters: RGB image -> (h, w, 3) float32."""
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")

    def prepare(image: Image.Image) -> np.ndarray:
        pixels = processor(images=image, return_tensors="np")["pixel_values"][0]
        return np.ascontiguousarray(np.moveaxis(pixels, 0, -1), dtype=np.float32)

    return prepare
