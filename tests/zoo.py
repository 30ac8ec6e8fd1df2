"""Tiny models as the bytes of the files that repositories and releases hold, written by the libraries themselves."""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from functools import cache, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

Files = dict[str, bytes]
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALVES = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
OPENAI = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
SQUARE = {"height": 224, "width": 224}
STEPS = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
CROP = {"do_center_crop": True, "do_convert_rgb": True, "crop_size": SQUARE}
TOWER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
VISION = TOWER | {"image_size": 224, "patch_size": 16}
TEXT = TOWER | {"vocab_size": 99, "max_position_embeddings": 16, "bos_token_id": 97, "eos_token_id": 98}
PICKLES = {
    "model.safetensors": "pytorch_model.bin",
    "open_clip_model.safetensors": "open_clip_pytorch_model.bin",
}


def kept(make: Callable[..., Files]) -> Callable[..., Files]:
    """Make files once; every caller gets a dictionary of its own."""
    made = cache(make)
    return wraps(make)(lambda *args, **options: dict(made(*args, **options)))


# transformers


@kept
def vit_without_pooler() -> Files:
    """As facebook/dino-vits16: what a ViTModel has, but for its pooler."""
    import transformers

    preprocessor = {"image_processor_type": "ViTImageProcessor", "do_resize": True, "do_normalize": True, "size": 224}
    config = transformers.ViTConfig(**VISION)
    return _transformers_files(
        lambda: transformers.ViTModel(config, add_pooling_layer=False), preprocessor | IMAGENET | {"resample": 3}
    )


@kept
def vit_with_pooler() -> Files:
    """As google/vit-base-patch16-224-in21k."""
    import transformers

    preprocessor = {"image_processor_type": "ViTImageProcessor", "size": SQUARE, "resample": 2}
    config = transformers.ViTConfig(**VISION)
    return _transformers_files(lambda: transformers.ViTModel(config), preprocessor | STEPS | HALVES)


@kept
def dinov2() -> Files:
    """As facebook/dinov2-small, which also resizes to 256 and crops to 224."""
    import transformers

    config = transformers.Dinov2Config(**_dinov2_options())
    return _transformers_files(lambda: transformers.Dinov2Model(config), _bit_preprocessor())


@kept
def dinov2_with_registers() -> Files:
    """As facebook/dinov2-with-registers-small."""
    import transformers

    config = transformers.Dinov2WithRegistersConfig(**_dinov2_options(), num_register_tokens=4)
    return _transformers_files(lambda: transformers.Dinov2WithRegistersModel(config), _bit_preprocessor())


@kept
def dinov3() -> Files:
    """As facebook/dinov3-vits16-pretrain-lvd1689m."""
    import transformers

    preprocessor = {"image_processor_type": "DINOv3ViTImageProcessorFast", "size": SQUARE, "resample": 2}
    preprocessor |= {"crop_size": None, "do_center_crop": None, "data_format": "channels_first"}
    config = transformers.DINOv3ViTConfig(**VISION, num_register_tokens=4)
    return _transformers_files(lambda: transformers.DINOv3ViTModel(config), preprocessor | STEPS | IMAGENET)


@kept
def mae() -> Files:
    """As facebook/vit-mae-base: with the decoder, and described in the words of the old feature extractors."""
    import transformers

    preprocessor = {"feature_extractor_type": "ViTFeatureExtractor", "do_resize": True, "do_normalize": True}
    decoder = {f"decoder_{name}": value for name, value in TOWER.items()}
    config = transformers.ViTMAEConfig(**VISION, **decoder)
    preprocessor |= IMAGENET | {"size": 224, "resample": 2}
    files = _transformers_files(lambda: transformers.ViTMAEForPreTraining(config), preprocessor)
    # save_pretrained mistakes the decoder's layers for the encoder's; the released file has their own name
    wrong, right = "decoder_encoder.layer.", "decoder_layers."
    return _changed(files, lambda state: {name.replace(wrong, right): tensor for name, tensor in state.items()})


@kept
def clip() -> Files:
    """As openai/clip-vit-base-patch16: both towers, their projections, and the indices that older versions saved."""
    import torch
    import transformers

    preprocessor = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224}, "resample": 3}
    config = transformers.CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=24)
    files = _transformers_files(lambda: transformers.CLIPModel(config), preprocessor | STEPS | CROP | OPENAI)
    counts = {"text_model": 16, "vision_model": 197}
    indices = {f"{tower}.embeddings.position_ids": torch.arange(count)[None] for tower, count in counts.items()}
    return _changed(files, lambda state: state | indices)


@kept
def siglip() -> Files:
    """As google/siglip-base-patch16-224: both towers."""
    import transformers

    preprocessor = {"image_processor_type": "SiglipImageProcessor", "size": SQUARE, "resample": 3}
    preprocessor |= {"processor_class": "SiglipProcessor"}
    config = transformers.SiglipConfig(vision_config=VISION, text_config=TEXT)
    return _transformers_files(lambda: transformers.SiglipModel(config), preprocessor | STEPS | HALVES)


def _dinov2_options() -> dict[str, Any]:
    sizes = {name: value for name, value in VISION.items() if name != "intermediate_size"}  # it has a ratio instead
    return sizes | {"mlp_ratio": 2, "patch_size": 14}


def _bit_preprocessor() -> dict[str, Any]:
    names = {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256}, "resample": 3}
    return names | STEPS | CROP | IMAGENET


def _transformers_files(build: Callable[[], Any], preprocessor: dict[str, Any]) -> Files:
    model = _built(build)
    with TemporaryDirectory() as folder, redirect_stderr(io.StringIO()):  # it draws a progress bar
        model.save_pretrained(folder)
        files = _files(folder)
    return files | {"preprocessor_config.json": json.dumps(preprocessor, indent=2).encode()}


def _changed(files: Files, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Files:
    """The same repository with other tensors."""
    from safetensors.torch import load, save

    return files | {"model.safetensors": save(change(load(files["model.safetensors"])), {"format": "pt"})}


def pickled(files: Mapping[str, bytes]) -> Files:
    """The same repository with its weights in a pickle."""
    from safetensors.torch import load

    return {
        PICKLES.get(name, name): _pickle(load(content)) if name in PICKLES else content
        for name, content in files.items()
    }


# timm, and the releases of papers


@kept
def timm_repository(architecture: str, **model_args: Any) -> Files:
    """As timm uploads a model: with a classifier, of ten classes here."""
    from timm.models import save_for_hf

    model = _timm_model(architecture, num_classes=10, **model_args)
    with TemporaryDirectory() as folder:
        save_for_hf(model, folder, model_args=model_args or None, safe_serialization=True)
        return _files(folder)


def timm_state(architecture: str, *, seed: int = 0, **model_args: Any) -> dict[str, Any]:
    """The tensors of a model without classifier; the same at every call."""
    state = _timm_model(architecture, num_classes=0, seed=seed, **model_args).state_dict()
    return {name: tensor.clone() for name, tensor in state.items()}


def backbone_pth(architecture: str, **model_args: Any) -> bytes:
    """As dino_deitsmall16_pretrain.pth: a flat state."""
    return _pickle(timm_state(architecture, **model_args))


def mae_pth(architecture: str, **model_args: Any) -> bytes:
    """As mae_pretrain_vit_base.pth: the encoder under "model"."""
    return _pickle({"model": timm_state(architecture, **model_args)})


@cache
def training_checkpoint(architecture: str, **model_args: Any) -> bytes:
    """As dino_deitsmall16_pretrain_full_checkpoint.pth: the teacher is ``timm_state``, the student another."""
    import torch

    teacher, student = (_with_head(timm_state(architecture, seed=seed, **model_args)) for seed in (0, 1))
    parameters = [torch.nn.Parameter(tensor) for tensor in student.values() if tensor.is_floating_point()]
    optimizer = torch.optim.AdamW(parameters)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return _pickle(
        {
            "student": {f"module.{name}": tensor for name, tensor in student.items()},
            "teacher": teacher,
            "optimizer": optimizer.state_dict(),
            "epoch": 100,
            "args": argparse.Namespace(arch="vit_small", patch_size=16, out_dim=65536, output_dir="."),
            "dino_loss": {"center": torch.zeros(1, 8)},
        }
    )


@cache
def xcit_original(architecture: str, **model_args: Any) -> bytes:
    """As dino_xcit_small_12_p16_pretrain.pth: the names of facebookresearch/xcit, where q, k and v are one."""
    import torch

    state = {}
    for name, tensor in timm_state(architecture, **model_args).items():
        fused = re.fullmatch(r"(cls_attn_blocks\.\d+\.attn\.)([qkv])\.(weight|bias)", name)
        if fused is None:
            state[name.replace("pos_embed.", "pos_embeder.")] = tensor
        else:  # they come in this order
            beginning, _, ending = fused.groups()
            parts = [state.get(f"{beginning}qkv.{ending}"), tensor]
            state[f"{beginning}qkv.{ending}"] = torch.cat([part for part in parts if part is not None])
    return _pickle(state)


def _with_head(state: dict[str, Any]) -> dict[str, Any]:
    """The tensors of DINO's MultiCropWrapper."""
    import torch

    shapes = {"mlp.0.weight": (6, 4), "mlp.0.bias": (6,), "last_layer.weight_g": (8, 1), "last_layer.weight_v": (8, 6)}
    head = {f"head.{name}": torch.ones(shape) for name, shape in shapes.items()}
    return {f"backbone.{name}": tensor for name, tensor in state.items()} | head


@cache
def _timm_model(architecture: str, *, seed: int = 0, **options: Any) -> Any:
    import timm

    return _built(lambda: timm.create_model(architecture, pretrained=False, **options), seed)


# open_clip


@kept
def open_clip_repository() -> Files:
    """As laion/CLIP-ViT-B-32-laion2B-s34B-b79K's files for open_clip: both towers; the config tells mean and std."""
    import open_clip
    from safetensors.torch import save

    vision = {"image_size": 224, "layers": 2, "width": 64, "head_width": 32, "patch_size": 32}
    text = {"context_length": 16, "vocab_size": 99, "width": 32, "heads": 2, "layers": 2}
    config = {
        "model_cfg": {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": OPENAI["image_mean"], "std": OPENAI["image_std"]},
    }
    model = _built(lambda: open_clip.CLIP(**config["model_cfg"]))
    return {
        "open_clip_config.json": json.dumps(config, indent=2).encode(),
        "open_clip_model.safetensors": save(model.state_dict()),
    }


# what they share


class _Opener:
    """Opens a file for writing when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def malicious_pickle(marker: Path) -> bytes:
    """A checkpoint that creates ``marker`` when it is loaded without weights_only."""
    import torch

    return _pickle({"cls_token": torch.zeros(1, 1, 4), "hook": _Opener(marker)})


def _pickle(value: Any) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _files(folder: str) -> Files:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _built(build: Callable[[], Any], seed: int = 0) -> Any:
    """A model in which no two tensors are alike, and none is all zeros or ones as a fresh model's are.

    A tensor's values follow from its name, so that a model with a head has the backbone of the one without.
    """
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        model = build().eval()
        statistics = ((name, buffer) for name, buffer in model.named_buffers() if "running_" in name)
        for name, tensor in [*model.named_parameters(), *statistics]:
            tensor.copy_(_values(name, tensor, torch.Generator().manual_seed(crc32(name.encode()) + seed)))
    return model


def _values(name: str, tensor: Any, generator: Any) -> Any:
    import torch

    noise = torch.randn(tensor.shape, generator=generator)
    if tensor.ndim == 0 or "logit" in name:
        return tensor  # the temperature and bias of contrastive training
    if re.search("running_var|temperature|gamma|lambda", name):
        return 1 + 0.5 * noise.clamp(-1.5, 1.5)
    if tensor.ndim == 1:
        return 1 + 0.3 * noise if name.endswith("weight") else 0.3 * noise
    return 0.5 * noise if re.search("token|pos_embed|position", name) else noise / tensor[0].numel() ** 0.5
