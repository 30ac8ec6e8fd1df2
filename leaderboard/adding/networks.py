"""The network of a repository without its weights: built from the configuration, where no tensor takes memory.

It is asked what only it can tell: which tensors of the file it does not take, which poolings it has, how long its
vectors are. Numbers never come out of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard.adding.hub_facts import Config, HubFacts, Shapes
from leaderboard.adding.towers import NoTower, compute_dimensions, find_class, load_nothing
from leaderboard.errors import first_line

DEEPEST = 1000  # layers; a configuration that asks for more is not built

Names = tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """What a network without weights tells."""

    architecture: str | None = None  # the class, where the library's own choice is not the tower for images
    unread: tuple[str, ...] = ()  # tensors of the file that it does not take, sorted
    taken: tuple[str, ...] = ()  # tensors that it takes; where the library renames, all of these are its new names
    missing: tuple[str, ...] = ()  # tensors that it needs and the file lacks, or has in another shape
    dimensions: Mapping[str, int] | None = None  # pooling -> length of the vector; only poolings that it has
    has_class_token: bool = False
    kind: str | None = None  # "transformer" or "convnet", where its parts leave no doubt
    problem: str = ""  # why it could not be built; then the rest is not known
    refusal: str = ""  # why the library has no network for images for it


def inspect_network(facts: HubFacts) -> Network:
    """Build the network that a repository's configuration describes, and hold it against the file's tensors.

    A configuration can be anything: what goes wrong is a problem that is told, never an error.
    """
    if too_deep := _find_depth(facts.configs.values()):
        return Network(problem=f"its configuration asks for {too_deep}")
    try:
        return _INSPECTORS[facts.library](facts)
    except NoTower as reason:
        return Network(refusal=str(reason))
    except ModuleNotFoundError as error:
        return Network(problem=f"{error.name} is not installed")
    except Exception as error:  # whatever a library makes of a foreign configuration
        return Network(problem=f"{facts.library} cannot build it: {first_line(error)}")


def _find_depth(configs: Iterable[Config]) -> str:
    """A number of layers that would take for ever."""
    for config in configs:
        for name, value in [*config.items(), *_nested(config)]:
            if re.search("layers|depth|blocks", str(name)) and isinstance(value, int) and value > DEEPEST:
                return f"{name} of {value:.3g}"
    return ""


def _nested(config: Config) -> list[tuple[str, Any]]:
    parts = [value for value in config.values() if isinstance(value, dict)]
    return [item for part in parts for item in [*part.items(), *_nested(part)]]


# ---- timm


def _inspect_timm(facts: HubFacts) -> Network:
    import timm
    import torch

    with torch.device("meta"):
        network: Any = timm.create_model(_architecture_of(facts), pretrained=False, num_classes=0).eval()
        images = torch.empty(1, 3, *_size_of_timm(network))
    from leaderboard.backbones._torch import has_class_token

    features = network.forward_features(images)
    dimensions = {"head": network.forward_head(features, pre_logits=True).shape[-1]}
    with_token = has_class_token(network)
    norm = getattr(network, "norm", None)
    if with_token and features.ndim == 3 and norm is not None and not isinstance(norm, torch.nn.Identity):
        dimensions["cls"] = features.shape[-1]
    return Network(None, *_compare(facts.tensors, network), dimensions, with_token, _kind_of(network))


def _architecture_of(facts: HubFacts) -> str:
    """Timm's name for it, as its own configuration has it; nothing that would lead to the Hub."""
    name = facts.config("config.json").get("architecture")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise ValueError("config.json names no architecture")
    return name


def _size_of_timm(network: Any) -> tuple[int, int]:
    height, width = network.pretrained_cfg["input_size"][-2:]
    return int(height), int(width)


def _compare(tensors: Shapes | None, network: Any, prefix: str = "") -> tuple[Names, Names, Names]:
    """The file's tensors that a network does not take, its own, and those that the file lacks or has otherwise."""
    own = {f"{prefix}{name}": tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if tensors is None:
        return (), tuple(own), ()
    unread = tuple(sorted(tensors.keys() - own.keys()))
    return unread, tuple(own), tuple(name for name, shape in own.items() if tensors.get(name) != shape)


# ---- open_clip


def _inspect_open_clip(facts: HubFacts) -> Network:
    import open_clip
    import torch

    from leaderboard.backbones._torch import has_class_token
    from leaderboard.backbones.open_clip import CONFIG, UNREAD

    model = facts.config(CONFIG)["model_cfg"]
    vision = model["vision_cfg"] | {"timm_model_pretrained": False}  # else timm fetches weights by itself
    with torch.device("meta"):
        whole = open_clip.CLIP(model["embed_dim"], vision, UNREAD, quick_gelu=bool(model.get("quick_gelu", False)))
        tower: Any = whole.visual.eval()
        side = int(vision["image_size"])
        dimension = tower(torch.empty(1, 3, side, side)).shape[-1]
    compared = _compare(facts.tensors, tower, "visual.")
    return Network(None, *compared, {"head": dimension}, has_class_token(tower), _kind_of(tower))


# ---- transformers


def _inspect_transformers(facts: HubFacts) -> Network:
    import torch

    from leaderboard.backbones._torch import has_class_token
    from leaderboard.backbones.transformers import quietly

    with quietly(), torch.random.fork_rng(devices=[]):
        kind, config, architecture = find_class(facts.config("config.json"))
        network, report = load_nothing(kind, config, facts.tensors)
    missing = {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}
    drawn = tuple(sorted(name for name in missing if name.startswith("pooler.")))
    with_token = has_class_token(network)
    dimensions = compute_dimensions(
        network.to("meta").eval(), config, with_token=with_token, pooler_is_drawn=bool(drawn)
    )
    return Network(
        architecture,
        unread=tuple(sorted(report["unexpected_keys"])),
        taken=tuple(network.state_dict()),
        missing=tuple(sorted(missing - {*drawn})),
        dimensions=dimensions,
        has_class_token=with_token,
        kind=_kind_of(network),
    )


# ---- what its parts say


def _kind_of(network: Any) -> str | None:
    """Attention between tokens of patches, or convolutions alone; of mixtures nothing is said."""
    from leaderboard.backbones._torch import has_class_token

    classes = {type(module).__name__.lower() for module in network.modules()}
    convolutions = sum("conv" in name for name in classes)
    attends = any("attention" in name or name == "attn" for name in classes)
    of_patches = has_class_token(network) or any("patchembed" in name or "embeddings" in name for name in classes)
    if attends and of_patches:
        return "transformer"
    return "convnet" if convolutions and not attends else None


_INSPECTORS: Mapping[str, Callable[[HubFacts], Network]] = {
    "timm": _inspect_timm,
    "open_clip": _inspect_open_clip,
    "transformers": _inspect_transformers,
}
