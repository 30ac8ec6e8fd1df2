"""Vision models of transformers, from a Hub repository or a folder that ``save_pretrained`` wrote.

The library itself never reaches for the network: it is given a folder of files that were verified before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError

from leaderboard.backbones import CHECKPOINTS, Backbone
from leaderboard.backbones._completeness import check_complete
from leaderboard.backbones._hub import Choice, Snapshot, fetch_snapshot
from leaderboard.backbones._remote_code import is_code_trusted
from leaderboard.backbones._weights import WeightFile
from leaderboard.datasets.listing import hash_file
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import ModelSpec, RunOptions, Source

VERSION = 1  # raise it when this file changes the numbers
CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"


def load(spec: ModelSpec, source: Source | None, options: RunOptions) -> Backbone:
    """Load with float32 weights, and every tensor of the feature path accounted for.

    Raises:
        Unavailable: torch, transformers or the source is missing, or its files are damaged.
        LeaderboardError: tensors that do not fit, or a pooling that the architecture has not.
    """
    from leaderboard.backbones import _torch

    assert source is not None  # the registry asks for one
    snapshot = _locate(spec, source, options)
    with _as_one_line(source, snapshot.files[1]), quietly(), _torch.out_of_memory_as_such():
        trusted = is_code_trusted(spec, source, snapshot, options)
        network = _load_network(spec, source, snapshot, trusted=trusted)
    weights = _identify(spec, source, snapshot)
    prepare: Any = spec.preprocessing
    if spec.preprocessing == "model":
        with _as_one_line(source, PROCESSOR), quietly():
            processor = _processor(snapshot.folder, trusted=trusted)
        prepare = _prepare_by(processor)
        weights["image_processor"] = type(processor).__name__  # Pillow's filters differ from torchvision's
    return _torch.build(spec, network, _features(spec, network), prepare, weights=weights, options=options)


def _locate(spec: ModelSpec, source: Source, options: RunOptions) -> Snapshot:
    checkpoint: Choice = (source.file,) if source.file else CHECKPOINTS
    wanted: list[Choice] = [(CONFIG,), checkpoint]
    wanted += [(PROCESSOR,)] if spec.preprocessing == "model" else []
    if source.kind == "hub":
        return fetch_snapshot(source, wanted, options, suffix=".py" if spec.trust_remote_code else None)
    folder = Path(source.name).expanduser()
    for choice in wanted:
        if not any((folder / name).is_file() for name in choice):
            names = " nor ".join(choice)
            raise Unavailable(f"{folder} has no {names}; point the entry to a save_pretrained folder", "not found")
    return Snapshot(folder, "", tuple(next(n for n in choice if (folder / n).is_file()) for choice in wanted))


def _identify(spec: ModelSpec, source: Source, snapshot: Snapshot) -> dict[str, object]:
    """What the provenance says: the checkpoint, and what changes the numbers and is no tensor (heads, processor)."""
    names = (CONFIG, PROCESSOR) if spec.preprocessing == "model" else (CONFIG,)
    path = snapshot.folder / snapshot.files[1]
    place = WeightFile(path, source, snapshot.commit or None, hash_file(path)).identity
    return place | {name: hash_file(snapshot.folder / name) for name in names}


@contextmanager
def _as_one_line(source: Source, file: str) -> Iterator[None]:
    """Files that transformers cannot read, or an architecture that it does not know, without its paragraphs."""
    from leaderboard.backbones._checkpoint import describe_damage

    try:
        yield
    except (OSError, EOFError, RuntimeError, SafetensorError, UnpicklingError) as error:
        reason = describe_damage(error)
        raise Unavailable(f"{source}: {file} cannot be read ({reason}); get a sound copy", "corrupt") from None
    except (ValueError, KeyError) as error:
        raise LeaderboardError(f"{source}: transformers cannot load it: {describe_damage(error)}") from None


@contextmanager
def quietly() -> Iterator[None]:
    """Without the library's own report and bar of a load: what does not fit is an error here."""
    from transformers.utils import logging

    level, with_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if with_bar:
            logging.enable_progress_bar()


def _load_network(spec: ModelSpec, source: Source, snapshot: Snapshot, *, trusted: bool) -> Any:
    import torch

    with torch.random.fork_rng(devices=[]):  # tensors that the checkpoint lacks are drawn
        network, report = _class_of(spec).from_pretrained(
            snapshot.folder,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            local_files_only=True,
            use_safetensors=snapshot.files[1].endswith(".safetensors"),
            weights_only=True,
            trust_remote_code=trusted,
        )
    check_complete(spec, source, network, report, snapshot)
    if spec.pooling != "pooler" and getattr(network, "pooler", None) is not None:
        network.pooler = None  # trained or drawn, nothing reads it
    if spec.pooling == "mean-layernorm" and hasattr(network, "layernorm"):
        network.layernorm = torch.nn.Identity()
    if network.config.model_type == "vit_mae":
        network.config.mask_ratio = 0.0
    return network


def _class_of(spec: ModelSpec) -> Any:
    """The class that the entry names: of a model of images and text, the tower for images."""
    import transformers

    found = getattr(transformers, spec.architecture or "AutoModel", None)
    if not hasattr(found, "from_pretrained"):
        raise LeaderboardError(f"transformers has no model class {spec.architecture!r}; correct the architecture")
    return found


def _features(spec: ModelSpec, network: Any) -> Callable[[Any], Any]:
    """(b, 3, h, w) -> (b, d), by the entry's pooling.

    ``cls`` and ``mean`` are taken after the final norm; ``mean-layernorm`` is SCAMPI's for masked autoencoders: the
    mean of the last block's patch tokens, then a layer norm (eps 1e-6) of weight 1 and bias 0; ``pooler`` is the
    trained one.
    """
    from torch.nn.functional import layer_norm

    from leaderboard.backbones._torch import has_class_token

    with_class_token = has_class_token(network)
    prefix = int(with_class_token) + getattr(network.config, "num_register_tokens", 0)

    def patches(images: Any) -> Any:
        return _patch_tokens(network, images, prefix).mean(dim=1)

    poolings: dict[str, Callable[[Any], Any]] = {"pooler": lambda images: _pooled(network, images)}
    if hasattr(network, "layernorm"):
        poolings["mean-layernorm"] = lambda images: layer_norm(  # its width is read here: not every config has one
            patches(images), (network.config.hidden_size,), eps=1e-6
        )
    if spec.pooling not in poolings and gives_normed_tokens(network):
        poolings["mean"] = patches
        if with_class_token:
            poolings["cls"] = lambda images: _tokens(network, images)[:, 0]
    if spec.pooling not in poolings:
        kind = type(network).__name__
        raise LeaderboardError(f"{kind} has no pooling {spec.pooling!r}; choose from {', '.join(sorted(poolings))}")
    return poolings[spec.pooling]


def gives_normed_tokens(network: Any) -> bool:
    """Whether the last tokens come out of a norm: seen in a forward pass, since only some families' do."""
    import torch

    normed: list[Any] = []
    norms = [module for module in network.modules() if "norm" in type(module).__name__.lower()]
    hooks = [norm.register_forward_hook(lambda _module, _inputs, output: normed.append(output)) for norm in norms]
    size = getattr(network.config, "image_size", None) or 224
    height, width = (size, size) if isinstance(size, int) else size
    try:
        with torch.inference_mode():
            last = _output(network.eval(), torch.zeros(1, 3, height, width)).last_hidden_state
    finally:
        for hook in hooks:
            hook.remove()
    return any(torch.is_tensor(output) and output.data_ptr() == last.data_ptr() for output in normed)


def _output(network: Any, images: Any) -> Any:
    return network(pixel_values=images, **_in_order(network, images))


def _pooled(network: Any, images: Any) -> Any:
    """The trained pooler's vector (b, d)."""
    pooled = getattr(_output(network, images), "pooler_output", None)
    if pooled is None:
        raise LeaderboardError(f"{type(network).__name__} has no pooler; use pooling cls or mean")
    return pooled.flatten(1)


def _tokens(network: Any, images: Any) -> Any:
    """The last layer's tokens (b, t, d)."""
    tokens = _output(network, images).last_hidden_state
    if tokens.ndim != 3:
        kind = type(network).__name__
        raise LeaderboardError(f"{kind} gives no tokens but a map of shape {tuple(tokens.shape)}; use pooling pooler")
    return tokens


def _patch_tokens(network: Any, images: Any, prefix: int) -> Any:
    """Those of the patches (b, p, d): as many as a grid of square patches has, or some are of another kind."""
    tokens = _tokens(network, images)[:, prefix:]
    height, width = images.shape[-2:]
    grids = {(height // side) * (width // side) for side in range(1, min(height, width) + 1)}
    if tokens.shape[1] not in grids:
        kind = type(network).__name__
        raise LeaderboardError(f"{kind} gives {tokens.shape[1]} tokens, no grid of patches; use another pooling")
    return tokens


def _in_order(network: Any, images: Any) -> dict[str, Any]:
    """A masked autoencoder sorts its patches by a noise, also when none is masked: here by their own order."""
    import torch

    if network.config.model_type != "vit_mae":
        return {}
    patches = network.embeddings.patch_embeddings.num_patches
    return {"noise": torch.arange(patches, device=images.device).expand(len(images), -1)}


def _processor(folder: Path, *, trusted: bool) -> Any:
    """The model's own image processor, on Pillow's filters."""
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil", trust_remote_code=trusted)


def _prepare_by(processor: Any) -> Callable[[Image.Image], np.ndarray]:
    """RGB image -> (h, w, 3) float32."""

    def prepare(image: Image.Image) -> np.ndarray:
        pixels = processor(images=image, return_tensors="np")["pixel_values"][0]
        return np.ascontiguousarray(np.moveaxis(pixels, 0, -1), dtype=np.float32)

    return prepare
