"""Embeddings of every family against the same network written out in plain tensor operations (tests/references.py).

The entries are those of models.yaml on tiny weights, in files as their authors publish them; the embedded default
has its real ones.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Resampling
from preprocessings import (
    HALVES,
    IMAGENET,
    OPENAI,
    Prepare,
    exact,
    float_bilinear,
    half_as_torchvision,
    half_as_transformers,
    scampi,
    shorter_side,
)

from leaderboard.backbones import Backbone, load_backbone
from leaderboard.errors import LeaderboardError
from leaderboard.records import ModelSpec, Preprocessing, Source
from leaderboard.registry import load_registry

torch = pytest.importorskip("torch")
written = pytest.importorskip("references")
zoo = pytest.importorskip("zoo")

pytestmark = pytest.mark.skipif(not all(map(find_spec, ("timm", "transformers"))), reason="they are not installed")
REGISTRY = load_registry(Path(__file__).parents[2])
SIZES = [(134, 100), (104, 139), (300, 220), (120, 260)]  # their resized sides round up, down and to even
Reference = Callable[[written.State, torch.Tensor], torch.Tensor]

# ---- images, and preprocessing that an entry writes out


@cache
def drawn_images() -> tuple[Image.Image, ...]:
    """An ellipse in noise of every size."""
    generator, images = np.random.default_rng(11), []
    for number, (width, height) in enumerate(SIZES):
        y, x = np.mgrid[0:height, 0:width]
        inside = ((x / width - 0.45) / (0.2 + 0.04 * number)) ** 2 + ((y / height - 0.55) / 0.3) ** 2 < 1
        noise, tint = generator.integers(0, 80, (height, width, 3)), generator.integers(10, 170, 3)
        images.append(Image.fromarray((np.where(inside[..., None], tint, 175) + noise).astype(np.uint8)))
    return tuple(images)


EXACT_BILINEAR = exact(224, Resampling.BILINEAR, IMAGENET)
ENTRIES = {
    "scampi": (REGISTRY.model("efficientnet-lite0").preprocessing, scampi),
    "exact-bilinear": (REGISTRY.model("dinov3-vits16").preprocessing, EXACT_BILINEAR),
    "exact-nearest": (Preprocessing((224, 224), None, "nearest", *HALVES), exact(224, Resampling.NEAREST, HALVES)),
    "shorter-bicubic": (
        Preprocessing(235, 224, "bicubic", *OPENAI),
        shorter_side(235, Resampling.BICUBIC, OPENAI, half_as_torchvision),
    ),
    "shorter-lanczos": (
        Preprocessing(256, 224, "lanczos", *IMAGENET),
        shorter_side(256, Resampling.LANCZOS, IMAGENET, half_as_torchvision),
    ),
}

# ---- families: an entry of models.yaml, a tiny model's files, and the reference of each pooling

HEADS = written.HEADS  # XCiT has 4
TINY = {
    "convnext_tiny": {"depths": (1, 2, 1, 1), "dims": (8, 16, 24, 32)},
    "resnet50": {"layers": (1, 2, 1, 1), "channels": (8, 16, 24, 32)},
    "vit_base_patch16_224": {"depth": 2, "embed_dim": 32, "num_heads": HEADS, "mlp_ratio": 2},
    "vit_small_patch16_224": {"depth": 2, "embed_dim": 32, "num_heads": HEADS},
    "vit_small_patch16_dinov3": {"depth": 2, "embed_dim": 32, "num_heads": HEADS, "mlp_ratio": 2},
    "xcit_small_12_p16_224": {"depth": 2, "embed_dim": 32, "num_heads": 4},
    "xcit_small_12_p8_224": {"depth": 2, "embed_dim": 32, "num_heads": 4},
}


@cache
def tiny(architecture: str) -> str:
    """The name under which timm makes the architecture with a few narrow blocks."""
    from timm.models import model_entrypoint, register_model

    make = model_entrypoint(architecture)

    def make_tiny(pretrained: bool = False, **options):
        return make(pretrained=pretrained, **TINY[architecture], **options)

    make_tiny.__name__, make_tiny.__module__ = f"tiny_{architecture}", __name__
    register_model(make_tiny)
    return make_tiny.__name__


def load_safetensors(content: bytes) -> dict[str, torch.Tensor]:
    from safetensors.torch import load

    return load(content)


def save_safetensors(state: dict[str, torch.Tensor]) -> bytes:
    from safetensors.torch import save

    return save({name: tensor.contiguous() for name, tensor in state.items()}, {"format": "pt"})


def below(state: dict, prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin so, without it, in float64; integers are counters."""
    named = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    return {name: tensor.double() for name, tensor in named.items() if tensor.is_floating_point()}


@dataclass(frozen=True)
class Family:
    """One source of one entry."""

    entry: str
    files: Callable[[], zoo.Files]
    references: dict[str, Reference]  # by pooling
    source: int = 0
    dimension: int = 32
    prefix: str = ""  # of the image tower's names in the file
    fused: str = ""  # how the file names queries, keys and values in one tensor
    own: Prepare | None = None  # what ``preprocessing: model`` means for it
    changes: dict[str, str] = field(default_factory=dict)  # of the source

    def spec(self, folder: Path, pooling: str | None = None, preprocessing=None) -> ModelSpec:
        """The entry, by its one source, of the files in a folder."""
        spec = REGISTRY.model(self.entry)
        spec = spec.via(spec.sources[self.source])
        source = on_disk(spec.sources[0], folder, **self.changes)
        if spec.library == "timm":
            spec = replace(spec, architecture=tiny(spec.architecture))
            if pooling == "mean-layernorm":
                source = replace(source, drop=(*source.drop, f"{self.prefix}norm."))  # it does not read the final norm
        return replace(
            spec,
            sources=(source,),
            dimension=self.dimension,
            digest=None,
            pooling=pooling or spec.pooling,
            preprocessing=preprocessing or spec.preprocessing,
        )

    def state(self) -> dict[str, torch.Tensor]:
        """The tensors of its file, under the names that they have there."""
        source = REGISTRY.model(self.entry).sources[self.source]
        ((name, content),) = ((name, data) for name, data in self.files().items() if not name.endswith(".json"))
        if name.endswith(".safetensors"):
            state = load_safetensors(content)
        else:
            state = torch.load(io.BytesIO(content), weights_only=False)
        if key := self.changes.get("key", source.key):
            state = state[key]
        state = below(state, self.prefix)
        return written.split_projections(state, self.fused) if self.fused else state


def on_disk(source: Source, folder: Path, **changes: str) -> Source:
    """The same source, of the files in a folder."""
    file = source.name.rpartition("/")[2] if source.kind == "url" else source.file
    library = {"library": None, "architecture": None}
    return replace(source, kind="path", name=str(folder), file=file, revision=None, sha256=None, **library, **changes)


def poolings(network: written.Transformer, *names: str, **own: Reference) -> dict[str, Reference]:
    """The common ones of these names, and the family's own."""
    common = {"cls": network.cls, "mean": network.mean, "mean-layernorm": network.mean_layernorm}
    return {name: common[name] for name in names} | own


def timm_file(name: str, architecture: str, make: Callable[[str], bytes]) -> Callable[[], zoo.Files]:
    return lambda: {name: make(tiny(architecture))}


def timm_repository(architecture: str) -> Callable[[], zoo.Files]:
    return lambda: zoo.timm_repository(tiny(architecture))


def without_classifier() -> zoo.Files:
    """As timm's copies of models that have none."""
    files = zoo.timm_repository(tiny("vit_small_patch16_dinov3"))
    state = load_safetensors(files["model.safetensors"])
    return files | {
        "model.safetensors": save_safetensors({n: t for n, t in state.items() if not n.startswith("head.")})
    }


def of_518_pixels(files: zoo.Files) -> zoo.Files:
    """The same repository with position vectors of 37 x 37 patches, as DINOv2's are released."""
    state = load_safetensors(files["model.safetensors"])
    noise = torch.randn(1, 1 + 37 * 37, 32, generator=torch.Generator().manual_seed(3))
    state["embeddings.position_embeddings"] = 0.5 * noise
    config = json.loads(files["config.json"]) | {"image_size": 518}
    return files | {"config.json": json.dumps(config).encode(), "model.safetensors": save_safetensors(state)}


def quick(files: zoo.Files) -> zoo.Files:
    """The same open_clip repository with OpenAI's activation."""
    config = json.loads(files["open_clip_config.json"])
    config["model_cfg"]["quick_gelu"] = True
    return files | {"open_clip_config.json": json.dumps(config).encode()}


BICUBIC, BILINEAR = Resampling.BICUBIC, Resampling.BILINEAR
OF_CONVNETS = shorter_side(235, BICUBIC, IMAGENET, half_as_torchvision)
OF_BIT = shorter_side(256, BICUBIC, IMAGENET, half_as_transformers)
ALL_TOKENS = ("cls", "mean", "mean-layernorm")
XCIT_CLS = partial(written.xcit_cls, heads=4)
XCIT = {
    "cls": XCIT_CLS,
    "mean": partial(written.xcit_mean, heads=4),
    "mean-layernorm": partial(written.xcit_mean_layernorm, heads=4),
    "head": XCIT_CLS,
}
FAMILIES = {
    "vit": Family(
        "dino-vits16", zoo.vit_without_pooler, poolings(written.VIT, *ALL_TOKENS), own=exact(224, BICUBIC, IMAGENET)
    ),
    "vit-with-pooler": Family(
        "dino-vits16",
        zoo.vit_with_pooler,
        poolings(written.VIT, *ALL_TOKENS, pooler=written.VIT.dense_pooler),
        own=exact(224, BILINEAR, HALVES),
    ),
    "dinov2": Family(
        "dinov2-small", zoo.dinov2, poolings(written.DINOV2, *ALL_TOKENS, pooler=written.DINOV2.cls), own=OF_BIT
    ),
    "dinov2-518": Family(
        "dinov2-small",
        lambda: of_518_pixels(zoo.dinov2()),
        poolings(written.DINOV2, *ALL_TOKENS, pooler=written.DINOV2.cls),
        own=OF_BIT,
    ),
    "dinov2-with-registers": Family(
        "dinov2-with-registers-small",
        zoo.dinov2_with_registers,
        poolings(written.DINOV2_WITH_REGISTERS, *ALL_TOKENS, pooler=written.DINOV2_WITH_REGISTERS.cls),
        own=OF_BIT,
    ),
    "dinov2-with-registers-518": Family(
        "dinov2-with-registers-small",
        lambda: of_518_pixels(zoo.dinov2_with_registers()),
        poolings(written.DINOV2_WITH_REGISTERS, *ALL_TOKENS, pooler=written.DINOV2_WITH_REGISTERS.cls),
        own=OF_BIT,
    ),
    "dinov3": Family(
        "dinov3-vits16",
        zoo.dinov3,
        poolings(written.DINOV3, "cls", "mean", pooler=written.DINOV3.cls),
        own=float_bilinear,
    ),
    "dinov3-in-timm": Family(
        "dinov3-vits16",
        without_classifier,
        poolings(written.TIMM_DINOV3, *ALL_TOKENS, head=written.TIMM_DINOV3.mean),
        source=1,
        fused="qkv.",
    ),
    "mae": Family("vit-mae-base", zoo.mae, poolings(written.VIT, *ALL_TOKENS), prefix="vit.", own=EXACT_BILINEAR),
    "mae-in-timm": Family(
        "vit-mae-base",
        timm_file("mae_pretrain_vit_base.pth", "vit_base_patch16_224", zoo.mae_pth),
        poolings(written.TIMM_VIT, "mean-layernorm"),
        source=1,
        fused="qkv.",
    ),
    "clip": Family(
        "clip-vit-base-patch16",
        zoo.clip,
        {"pooler": written.CLIP.cls},
        prefix="vision_model.",
        own=shorter_side(224, BICUBIC, OPENAI, half_as_transformers),
    ),
    "siglip": Family(
        "siglip2-base-patch16-224",
        zoo.siglip,
        poolings(written.SIGLIP, "mean", pooler=written.SIGLIP.attention_pooler),
        prefix="vision_model.",
        own=exact(224, BICUBIC, HALVES),
    ),
    "open-clip": Family(
        "bioclip",
        zoo.open_clip_repository,
        {"head": written.OPEN_CLIP.projection},
        prefix="visual.",
        fused="in_proj_",
        own=shorter_side(224, BICUBIC, OPENAI, half_as_torchvision),
    ),
    "open-clip-quick": Family(
        "bioclip",
        lambda: quick(zoo.open_clip_repository()),
        {"head": written.OPEN_CLIP_QUICK.projection},
        prefix="visual.",
        fused="in_proj_",
    ),
    "timm-vit": Family(
        "vit-small-in21k",
        timm_repository("vit_small_patch16_224"),
        poolings(written.TIMM_VIT, *ALL_TOKENS, head=written.TIMM_VIT.cls),
        fused="qkv.",
        own=shorter_side(248, BICUBIC, HALVES, half_as_torchvision),
    ),
    "backbone-file": Family(
        "scampi-dino-vits16",
        timm_file("vit_small_backbone.pth", "vit_small_patch16_224", zoo.backbone_pth),
        poolings(written.TIMM_VIT, *ALL_TOKENS, head=written.TIMM_VIT.cls),
        fused="qkv.",
    ),
    "teacher": Family(
        "scampi-dino-vits16",
        timm_file("vit_small_checkpoint.pth", "vit_small_patch16_224", zoo.training_checkpoint),
        poolings(written.TIMM_VIT, *ALL_TOKENS, head=written.TIMM_VIT.cls),
        source=1,
        prefix="backbone.",
        fused="qkv.",
    ),
    "student": Family(
        "scampi-dino-vits16",
        timm_file("vit_small_checkpoint.pth", "vit_small_patch16_224", zoo.training_checkpoint),
        poolings(written.TIMM_VIT, *ALL_TOKENS, head=written.TIMM_VIT.cls),
        source=1,
        prefix="module.backbone.",
        fused="qkv.",
        changes={"key": "student"},
    ),
    "resnet": Family(
        "resnet50",
        timm_repository("resnet50"),
        {"head": written.resnet_bottlenecks, "mean": written.resnet_bottlenecks},
        dimension=128,
        own=OF_CONVNETS,
    ),
    "resnet-backbone-file": Family(
        "dino-resnet50",
        timm_file("dino_resnet50_pretrain.pth", "resnet50", zoo.backbone_pth),
        {"head": written.resnet_bottlenecks, "mean": written.resnet_bottlenecks},
        dimension=128,
    ),
    "convnext": Family(
        "convnext-tiny-in22k",
        timm_repository("convnext_tiny"),
        {"head": written.convnext_head, "mean": written.convnext_mean},
        own=OF_CONVNETS,
    ),
    "xcit-16": Family(
        "dino-xcit-small-12-p16",
        timm_file("dino_xcit_small_12_p16_pretrain.pth", "xcit_small_12_p16_224", zoo.xcit_original),
        XCIT,
    ),
    "xcit-8": Family(
        "dino-xcit-small-12-p8",
        timm_file("dino_xcit_small_12_p8_pretrain.pth", "xcit_small_12_p8_224", zoo.xcit_original),
        XCIT,
    ),
}
OWN = [family.own for family in FAMILIES.values() if family.own]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small gain nothing from a second one, and lose much where other processes want it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder with a family's files, written once."""

    @cache
    def folder_of(family: str) -> Path:
        if REGISTRY.model(FAMILIES[family].entry).library == "open_clip":  # the one that is an extra of its own
            pytest.importorskip("open_clip")
        return write(tmp_path_factory.mktemp("weights"), FAMILIES[family].files())

    return folder_of


def write(folder: Path, files: zoo.Files) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def embed(backbone: Backbone, images=None) -> np.ndarray:
    """The drawn images' vectors, in one batch."""
    return backbone.embed([backbone.prepare(image) for image in images or drawn_images()])


def reference_of(reference: Reference, state: dict, prepare: Prepare) -> np.ndarray:
    """The drawn images' vectors, in float64 throughout."""
    pixels = torch.from_numpy(np.stack([prepare(image) for image in drawn_images()])).permute(0, 3, 1, 2)
    with torch.inference_mode():
        return reference(state, pixels).numpy()


def assert_agree(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> None:
    """Vectors that tell the images apart, equal to a part of the largest number in them."""
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    limit = tolerance * max(1.0, float(np.abs(expected).max()))
    assert float(np.abs(found - expected).max()) <= limit
    assert float(np.ptp(expected, axis=0).max()) > 1000 * limit


# ---- every family and pooling


@cache
def expected(family: str, pooling: str) -> np.ndarray:
    """A family's vectors after SCAMPI's preprocessing."""
    known = FAMILIES[family]
    return reference_of(known.references[pooling], known.state(), scampi)


@pytest.mark.parametrize(
    ("family", "pooling"), [(name, pooling) for name, family in FAMILIES.items() for pooling in family.references]
)
def test_a_vector_is_that_of_the_network_written_out(folder_of, family, pooling):
    """After SCAMPI's preprocessing, for every pooling of the family; no other pooling's vector passes for it."""
    known = FAMILIES[family]
    backbone = load_backbone(known.spec(folder_of(family), pooling, ENTRIES["scampi"][0]))
    found = embed(backbone)
    assert found.shape == (len(SIZES), known.dimension)
    assert_agree(found, expected(family, pooling))
    others = [name for name, other in known.references.items() if other != known.references[pooling]]
    assert all(np.abs(found - expected(family, other)).max() > 1e-2 for other in others)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_pooling_that_is_offered_is_compared(folder_of, family):
    """The ones that are not in the table above are refused."""
    known = FAMILIES[family]
    for pooling in sorted({"cls", "mean", "mean-layernorm", "pooler", "head"} - {*known.references}):
        with pytest.raises(LeaderboardError, match=r"has no pool|missing (pooler|norm)\."):
            embed(load_backbone(known.spec(folder_of(family), pooling, ENTRIES["scampi"][0])))


# ---- preprocessing


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.own])
def test_a_models_own_preprocessing_is_the_one_written_out(folder_of, family):
    """What its files declare; pixels and vectors."""
    known = FAMILIES[family]
    pooling = REGISTRY.model(known.entry).pooling
    tolerance = 5e-5 if known.own is float_bilinear else 2e-6  # torchvision's weights of floats are float32
    backbone = load_backbone(known.spec(folder_of(family), pooling, "model"))
    assert_prepares(backbone, known, pooling, known.own, tolerance)


@pytest.mark.parametrize("preprocessing", ENTRIES)
@pytest.mark.parametrize("family", ["vit", "timm-vit", "open-clip"])
def test_an_entrys_preprocessing_is_the_one_written_out(folder_of, family, preprocessing):
    """In every library; pixels and vectors."""
    known, (entry, literal) = FAMILIES[family], ENTRIES[preprocessing]
    pooling = REGISTRY.model(known.entry).pooling
    assert_prepares(load_backbone(known.spec(folder_of(family), pooling, entry)), known, pooling, literal)


def assert_prepares(backbone: Backbone, known: Family, pooling: str, literal: Prepare, tolerance: float = 2e-6) -> None:
    """The arrays are the literal ones to the precision of float32, and the vectors those of the literal arrays."""
    for image in drawn_images():
        found, written_out = backbone.prepare(image), literal(image)
        assert (found.shape, found.dtype) == (written_out.shape, np.float32) == ((224, 224, 3), np.float32)
        assert np.abs(found - written_out).max() <= tolerance
    assert_agree(embed(backbone), reference_of(known.references[pooling], known.state(), literal))


def test_the_preprocessings_are_told_apart():
    """No two of those above give the same pixels of the same image, but for the families that share one."""
    ways = {*OWN, *(way for _, way in ENTRIES.values())}
    pixels = [np.stack([way(image) for image in drawn_images()]) for way in ways]
    for number, one in enumerate(pixels):
        assert all(np.abs(one - other).max() > 1e-3 for other in pixels[:number])


# ---- trained weights


@cache
def lite_vectors(preprocessing: str) -> np.ndarray:
    """The embedded default's, from its package's tensors under the package's names."""
    source = REGISTRY.model("efficientnet-lite0").sources[0]
    try:
        package = distribution(source.name)
    except PackageNotFoundError:
        pytest.skip(f"{source.name} is not installed")
    state = below(torch.load(package.locate_file(source.file), weights_only=True), "")
    return reference_of(written.efficientnet_lite0, state, ENTRIES[preprocessing][1])


@pytest.mark.parametrize("pooling", ["head", "mean"])
@pytest.mark.parametrize("preprocessing", ["scampi", "shorter-bicubic"])
def test_the_embedded_default_is_the_network_written_out(pooling, preprocessing):
    """Trained weights, from the package's file under the package's names; the entry as it is."""
    spec = replace(REGISTRY.model("efficientnet-lite0"), pooling=pooling, preprocessing=ENTRIES[preprocessing][0])
    found = embed(load_backbone(spec))
    assert found.shape == (len(SIZES), spec.dimension)
    assert_agree(found, lite_vectors(preprocessing))


# ---- the same model from another source


def timm_form(state: dict[str, torch.Tensor], network: written.Transformer) -> dict[str, torch.Tensor]:
    """The tensors of transformers under timm's names."""
    sides = {network.patches: "patch_embed.proj", network.norm: "norm"}
    renamed = {
        f"{theirs}.{kind}": state[f"{ours}.{kind}"] for ours, theirs in sides.items() for kind in ("weight", "bias")
    }
    single = {network.token: "cls_token", network.registers: "reg_token", network.positions: "pos_embed"}
    renamed |= {theirs: state[ours] for ours, theirs in single.items() if ours}
    parts = {"norm1": "norm1", "out": "attn.proj", "norm2": "norm2", "up": "mlp.fc1", "down": "mlp.fc2"}
    for number in range(2):
        ours, theirs = network.block.format(number), f"blocks.{number}."
        for part, name in parts.items():
            for kind in ("weight", "bias"):
                renamed[f"{theirs}{name}.{kind}"] = state[f"{ours}{getattr(network, part)}.{kind}"]
        fused = [f"{ours}{name}" for name in (network.query, network.key, network.value)]
        renamed[f"{theirs}attn.qkv.weight"] = torch.cat([state[f"{name}.weight"] for name in fused])
        if all(f"{name}.bias" in state for name in fused):
            renamed[f"{theirs}attn.qkv.bias"] = torch.cat([state[f"{name}.bias"] for name in fused])
        if network.scale1:
            renamed[f"{theirs}gamma_1"] = state[f"{ours}{network.scale1}"]
            renamed[f"{theirs}gamma_2"] = state[f"{ours}{network.scale2}"]
    return renamed


def with_alternative(entry: str, first: Path, second: Path) -> ModelSpec:
    """An entry with both of its sources, in two folders; timm's is tiny."""
    spec = REGISTRY.model(entry)
    one, two = spec.sources
    here = replace(on_disk(two, second), library=two.library, architecture=tiny(two.architecture))
    return replace(spec, sources=(on_disk(one, first), here), dimension=32, preprocessing=ENTRIES["scampi"][0])


def test_a_copy_in_timm_stands_in_for_a_gated_repository(tmp_path):
    """dinov3-vits16's two sources give the same vectors to 1e-4; the released models' query and value biases are 0."""
    files = zoo.dinov3()
    state = load_safetensors(files["model.safetensors"])
    state |= {name: 0 * tensor for name, tensor in state.items() if name.endswith(("q_proj.bias", "v_proj.bias"))}
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    write(first, files | {"model.safetensors": save_safetensors(state)})
    write(second, {"model.safetensors": save_safetensors(timm_form(state, written.DINOV3))})
    assert_interchangeable(with_alternative("dinov3-vits16", first, second), first)


def test_a_paper_s_own_file_stands_in_for_the_repository(tmp_path):
    """vit-mae-base's two sources give the same vectors to 1e-4: the norms' epsilons are 1e-12 and 1e-6."""
    files = zoo.mae()
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    write(first, files)
    state = load_safetensors(files["model.safetensors"])
    encoder = {name.removeprefix("vit."): tensor for name, tensor in state.items() if name.startswith("vit.")}
    torch.save({"model": timm_form(encoder, written.VIT)}, second / "mae_pretrain_vit_base.pth")
    assert_interchangeable(with_alternative("vit-mae-base", first, second), first)


def assert_interchangeable(spec: ModelSpec, first: Path) -> None:
    """The second source is taken when the first is not there, and gives what the first gave."""
    original = load_backbone(spec)
    vectors = embed(original)
    (first / "config.json").unlink()
    copy = load_backbone(spec)
    assert (original.inputs["library"], copy.inputs["library"]) == ("transformers", "timm")
    assert_agree(embed(copy), vectors, 1e-4)


def test_a_backbone_file_is_the_teacher_of_its_training(folder_of):
    """Both sources of the entry hold the same tensors and give the same vectors, to the bit; the student does not."""
    backbones = {
        name: load_backbone(FAMILIES[name].spec(folder_of(name))) for name in ("backbone-file", "teacher", "student")
    }
    digests = {name: backbone.inputs["weights"]["digest"] for name, backbone in backbones.items()}
    vectors = {name: embed(backbone) for name, backbone in backbones.items()}
    assert digests["backbone-file"] == digests["teacher"] != digests["student"]
    assert np.array_equal(vectors["backbone-file"], vectors["teacher"])
    assert np.abs(vectors["student"] - vectors["teacher"]).max() > 1e-2


# ---- what must not change a vector


def test_nothing_is_masked_or_shuffled(folder_of):
    """A masked autoencoder gives an image the same vector at every call, alone or in any order of any batch."""
    backbone = load_backbone(FAMILIES["mae"].spec(folder_of("mae")))
    prepared = [backbone.prepare(image) for image in drawn_images()]
    whole = backbone.embed(prepared)
    torch.manual_seed(1)
    assert np.array_equal(backbone.embed(prepared), whole)
    order = [2, 0, 3, 1]
    limit = 1e-6 * max(1.0, float(np.abs(whole).max()))
    assert np.abs(backbone.embed([prepared[at] for at in order]) - whole[order]).max() <= limit
    assert np.abs(np.concatenate([backbone.embed([array]) for array in prepared]) - whole).max() <= limit
    again = load_backbone(FAMILIES["mae"].spec(folder_of("mae")))
    assert np.array_equal(again.embed(prepared), whole)


def test_a_pooler_that_was_never_trained_is_refused(folder_of):
    """A checkpoint without the pooler's tensors has no such vector; they would be drawn anew at every load."""
    spec = FAMILIES["vit"].spec(folder_of("vit"), "pooler", ENTRIES["scampi"][0])
    with pytest.raises(LeaderboardError, match=r"missing pooler\.dense\.bias; missing pooler\.dense\.weight"):
        load_backbone(spec)
