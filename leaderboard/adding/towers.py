"""Towers for images of transformers, built without weights: their class, what they take of a file, their poolings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from leaderboard.adding.hub_facts import Config, Shapes

if TYPE_CHECKING:
    import torch

SIDE = 224  # of an image, where the configuration names none
LARGEST_SIDE = 4096


class NoTower(Exception):
    """The library has no network for images of such a configuration, for this reason."""


def find_class(config: Config) -> tuple[Any, Any, str | None]:
    """The class of the tower for images, its configuration, and its name if the library would take another one.

    Raises:
        NoTower: a model type that is not known, or not of images.
    """
    import transformers

    known = str(config.get("model_type"))
    if known not in transformers.CONFIG_MAPPING:
        own = " and brings its own code" if config.get("auto_map") else ""
        raise NoTower(f"transformers {transformers.__version__} does not know model type {known!r}{own}")
    content = {name: value for name, value in config.items() if name not in ("quantization_config", "auto_map")}
    whole = transformers.CONFIG_MAPPING[known].from_dict(content)
    kind = transformers.MODEL_MAPPING[type(whole)]
    if kind.main_input_name == "pixel_values":
        return kind, whole, None
    name = f"{kind.__name__.removesuffix('Model')}VisionModel"
    tower = getattr(transformers, name, None)
    if tower is None or tower.main_input_name != "pixel_values":
        raise NoTower(f"model type {known!r} is of no model of images")
    return tower, whole.vision_config, name


def load_nothing(kind: Any, config: Any, tensors: Shapes | None) -> tuple[Any, Mapping[str, Any]]:
    """The library's own loading, which knows what older names mean, of tensors that share one number.

    Without a header, of no file at all: then nothing is said of what it holds.
    """
    import torch

    if tensors is None:
        with torch.device("meta"):
            return kind(config), dict.fromkeys(("missing_keys", "mismatched_keys", "unexpected_keys"), ())
    number: torch.Tensor = torch.zeros(())
    state = {name: number.expand(shape) for name, shape in tensors.items()}
    network, report = kind.from_pretrained(
        None, config=config, state_dict=state, output_loading_info=True, ignore_mismatched_sizes=True
    )
    return network, report


def compute_dimensions(network: Any, config: Any, *, with_token: bool, pooler_is_drawn: bool) -> dict[str, int]:
    """Pooling -> length of its vector, of those that the network has; seen in a pass without numbers."""
    if config.model_type == "vit_mae":
        return {"mean-layernorm": int(config.hidden_size)}
    output, normed = _pass(network, config)
    last, pooled = output.last_hidden_state, getattr(output, "pooler_output", None)
    dimensions = {}
    if last.ndim == 3 and any(one is last for one in normed):
        dimensions = {"cls": last.shape[-1]} if with_token else {"mean": last.shape[-1]}
    if pooled is not None and not pooler_is_drawn:
        dimensions["pooler"] = pooled.flatten(1).shape[-1]
    return dimensions


def _pass(network: Any, config: Any) -> tuple[Any, list[Any]]:
    """What it gives for an image, and what each of its norms gave on the way."""
    import torch

    normed: list[Any] = []
    for module in network.modules():
        if "norm" in type(module).__name__.lower():
            module.register_forward_hook(lambda _module, _inputs, output: normed.append(output))
    size = getattr(config, "image_size", None) or SIDE
    height, width = (size, size) if isinstance(size, int) else size
    if max(height, width) > LARGEST_SIDE:
        raise ValueError(f"image_size {size} is larger than {LARGEST_SIDE}")
    with torch.inference_mode():
        return network(pixel_values=torch.empty(1, 3, height, width, device="meta")), normed
