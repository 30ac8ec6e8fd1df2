"""The canary's sixteen images, and how far harmless changes and defects move it.

``python benchmarks/canary.py draw`` writes leaderboard/canary_images/, the same pixels at every call.
``python benchmarks/canary.py measure`` prints the table of docs/canary.md. With ``--save FILE`` in an environment of
older libraries, and ``--against FILE`` in the newer one, it has a row for the step between the two; ``--models DIR``,
given to both, lets them read the same tiny models.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from PIL import Image
from scipy.ndimage import gaussian_filter

from leaderboard.backbones import load_backbone
from leaderboard.canary import FOLDER, Canary, Difference, compare, compute_canary
from leaderboard.datasets.morphotypes import DRAWERS, Field, Plane, waves
from leaderboard.records import ModelSpec, Preprocessing, RunOptions, Source
from leaderboard.registry import load_registry

ROOT = Path(__file__).parents[1]
SEED = 16
CPU = RunOptions(device="cpu")


# ---- the images


@dataclass(frozen=True)
class Slide:
    """How one image is drawn."""

    morphotype: str
    size: tuple[int, int]  # width and height, pixels
    scale: float  # specimen radius over half the shorter side
    angle: float  # degrees
    lamp: tuple[float, float, float]  # red, green, blue of the empty field
    stain: tuple[float, float, float]  # absorption of red, green and blue
    texture: float = 0.12  # amplitude of the finest structure, two to four pixels wide
    blur: float = 0.4  # pixels


STRAW, BROWN, GREY = (0.12, 0.36, 1.15), (0.32, 0.85, 1.75), (0.8, 0.8, 0.8)
ROSE, BLUE, GREEN = (0.2, 1.1, 0.6), (1.3, 0.6, 0.15), (1.0, 0.25, 0.8)  # safranin, methylene blue, a fast green
WHITE, WARM, COOL, DIM, DARK = (236, 236, 236), (226, 214, 186), (196, 208, 226), (150, 146, 140), (96, 92, 88)
# None is higher than wide: Pillow 13 resizes those in another order than 12, which moves values by 1 or 2 levels.
SLIDES = (
    Slide("bisaccate-pollen", (224, 224), 0.8, 10, WHITE, STRAW),
    Slide("cavate-cyst", (360, 300), 0.85, 70, WARM, BROWN),
    Slide("ceratioid-cyst", (200, 120), 1.25, 80, COOL, STRAW, texture=0.2),
    Slide("chorate-cyst", (160, 160), 0.8, 30, WHITE, ROSE),
    Slide("foraminiferal-lining", (96, 96), 0.75, 200, DIM, GREY, texture=0.25),
    Slide("peridinioid-cyst", (260, 180), 0.95, 15, WHITE, BLUE, texture=0.1),
    Slide("proximate-cyst", (256, 256), 0.9, 0, WARM, STRAW, texture=0.16),
    Slide("skolochorate-cyst", (240, 150), 0.95, 300, COOL, BROWN),
    Slide("tricolpate-pollen", (128, 128), 0.85, 45, DARK, GREEN, texture=0.2),
    Slide("trilete-spore", (80, 64), 0.9, 0, WHITE, BROWN, texture=0.3, blur=0.3),
    Slide("proximate-cyst", (110, 90), 0.95, 130, DIM, ROSE, texture=0.25),
    Slide("bisaccate-pollen", (320, 160), 1.2, 350, COOL, GREY, texture=0.1),
    Slide("chorate-cyst", (290, 230), 0.9, 0, WARM, GREEN, texture=0.1),
    Slide("tricolpate-pollen", (200, 140), 0.9, 80, WHITE, (0.15, 0.15, 0.2)),
    Slide("cavate-cyst", (280, 140), 1.3, 20, DIM, BLUE, texture=0.15),
    Slide("foraminiferal-lining", (256, 200), 1.0, 90, WHITE, BROWN, texture=0.08),
)


def draw_slide(slide: Slide, number: int) -> Image.Image:
    """The image: the specimen's thickness, with fine structure, in the lamp's light by the law of Beer and Lambert."""
    shape, fine = (Generator(PCG64(source)) for source in SeedSequence([SEED, number]).spawn(2))
    plane = make_plane(slide)
    thickness = np.maximum(DRAWERS[slide.morphotype](plane, shape), 0.0)
    thickness = gaussian_filter(thickness * (1.0 + slide.texture * draw_texture(plane, fine)), slide.blur)
    dust = slide.texture * 0.25 * np.maximum(draw_texture(plane, fine) - 1.0, 0.0)
    light = np.array(slide.lamp) * np.exp(-(thickness + dust)[..., None] * np.array(slide.stain))
    return Image.fromarray(np.clip(np.rint(light), 0, 255).astype(np.uint8))


def make_plane(slide: Slide) -> Plane:
    """The image as the specimen lies in it: the whole of it in the shorter side when ``scale`` is 1."""
    width, height = slide.size
    unit = slide.scale * min(width, height) / 2
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, height / 2 - np.arange(height) - 0.5)
    return Plane(x=x / unit, y=y / unit, pixel=1 / unit).about(0.0, 0.0, angle=np.radians(slide.angle))


def draw_texture(plane: Plane, rng: Generator) -> Field:
    """Irregular, of mean 0 and variance 1, with waves of three to six pixels: what filters treat differently."""
    return np.asarray((waves(plane, rng, 2.0 / plane.pixel) + waves(plane, rng, 1.0 / plane.pixel)) / np.sqrt(2.0))


def draw(folder: Path) -> None:
    """Write the images; without metadata, which PNG does not need."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, slide in enumerate(SLIDES):
        draw_slide(slide, number).save(folder / f"{number:02d}.png", optimize=True)


# ---- the models: two that were trained, one that was not, three tiny ones of another library, and the baselines

SCAMPI = Preprocessing((256, 256), 224, "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LISTED = ("efficientnet-lite0", "efficientnet-lite1", "random-vit-small-16", "pixels", "color-histogram", "hog")
TINY = {"dinov2": "cls", "dinov3": "cls", "vit_with_pooler": "pooler"}
OTHER_POOLING = {"head": "mean", "cls": "mean", "mean": "cls", "pooler": "cls"}


def list_models(folder: Path) -> list[ModelSpec]:
    """Entries of models.yaml, and tiny models with the tests' weights, written below ``folder``."""
    sys.path.append(str(ROOT / "tests"))
    zoo = importlib.import_module("zoo")
    registry = load_registry(ROOT)
    tiny = [make_tiny(name, pooling, getattr(zoo, name)(), folder / name) for name, pooling in TINY.items()]
    return [registry.model(id_) for id_ in LISTED[:3]] + tiny + [registry.model(id_) for id_ in LISTED[3:]]


def make_tiny(name: str, pooling: Any, files: Mapping[str, bytes], folder: Path) -> ModelSpec:
    """An entry for a repository in a folder; one that is there already is taken as it is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
    source = Source("path", str(folder))
    return ModelSpec("tiny-" + name.replace("_", "-"), name, "transformers", (source,), None, pooling, SCAMPI, 32, None)


# ---- changes: what is done to an entry, to the run, or to the loaded model

Variant = Callable[[ModelSpec], Canary | None]  # None: the model has no such part


def load_plainly(spec: ModelSpec, options: RunOptions = CPU) -> Any:
    """The model, without its digest: some of these changes are meant to break it."""
    return load_backbone(replace(spec, digest=None), options)


def by_batch_size(size: int) -> Variant:
    """The same model in batches of another size."""
    return lambda spec: compute_canary(load_plainly(spec, replace(CPU, batch_size=size)))


def by_dtype(dtype: str, batch_size: int | None = None) -> Variant:
    """The same network at another precision."""

    def measure(spec: ModelSpec) -> Canary | None:
        if spec.library == "baseline":
            return None
        return compute_canary(load_plainly(spec, replace(CPU, dtype=dtype, batch_size=batch_size)))

    return measure


def in_float64(spec: ModelSpec) -> Canary | None:
    """The same network without float32's rounding: how far another machine's order of sums can lie."""
    if spec.library == "baseline":
        return None
    import torch

    backbone = load_plainly(spec)
    backbone.network.double()
    backbone.dtype = torch.float64
    return compute_canary(backbone)


def by_threads(count: int) -> Variant:
    """The same model on so many of torch's threads."""

    def measure(spec: ModelSpec) -> Canary:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            return compute_canary(load_plainly(spec))
        finally:
            torch.set_num_threads(before)

    return measure


def by_preprocessing(**fields: Callable[[Any], Any]) -> Variant:
    """An entry with another preprocessing: of each field, what becomes of its value."""

    def measure(spec: ModelSpec) -> Canary | None:
        assert isinstance(spec.preprocessing, Preprocessing)
        if spec.library == "baseline" and "interpolation" not in fields:
            return None  # they take plain values
        changed = {name: change(getattr(spec.preprocessing, name)) for name, change in fields.items()}
        preprocessing = replace(spec.preprocessing, **changed)
        if preprocessing == spec.preprocessing:
            return None
        return compute_canary(load_plainly(replace(spec, preprocessing=preprocessing)))

    return measure


def by_pooling(spec: ModelSpec) -> Canary | None:
    """Another way to one vector."""
    if spec.pooling is None or (spec.library == "timm" and spec.pooling == "head"):
        return None  # of these networks the head's own pooling is the mean
    return compute_canary(load_plainly(replace(spec, pooling=OTHER_POOLING[spec.pooling])))  # type: ignore[arg-type]


def by_input(change: Callable[[Image.Image], Image.Image]) -> Variant:
    """Images that are changed before they are prepared."""

    def measure(spec: ModelSpec) -> Canary:
        backbone = load_plainly(spec)
        prepare = backbone.prepare
        return compute_canary(_with_prepare(backbone, lambda image: prepare(change(image))))

    return measure


def by_crop(spec: ModelSpec) -> Canary | None:
    """A crop that is one pixel too far to the right and down, as another rounding gives."""
    assert isinstance(spec.preprocessing, Preprocessing)
    crop = spec.preprocessing.crop
    if crop is None or isinstance(spec.preprocessing.resize, int):
        return None
    backbone = load_plainly(replace(spec, preprocessing=replace(spec.preprocessing, crop=None)))
    prepare, start = backbone.prepare, (spec.preprocessing.resize[0] - crop) // 2 + 1
    return compute_canary(
        _with_prepare(backbone, lambda image: prepare(image)[start : start + crop, start : start + crop])
    )


def _with_prepare(backbone: Any, prepare: Callable[[Image.Image], np.ndarray]) -> Any:
    class Other:
        spec, batch_size, embed = backbone.spec, backbone.batch_size, staticmethod(backbone.embed)

    Other.prepare = staticmethod(prepare)  # type: ignore[attr-defined]
    return Other


def by_network(change: Callable[[Any], bool]) -> Variant:
    """A loaded network that is changed in place; ``change`` says whether it could be."""

    def measure(spec: ModelSpec) -> Canary | None:
        if spec.library == "baseline":
            return None
        backbone = load_plainly(spec)
        return compute_canary(backbone) if change(backbone.network) else None

    return measure


def swap_blocks(place: float) -> Callable[[Any], bool]:
    """Exchange two neighbours of the same shape: the first such pair (0), the middle one (0.5), the last one (1)."""

    def change(network: Any) -> bool:
        pairs = list(find_twins(network))
        one, other = pairs[round(place * (len(pairs) - 1))]
        kept = {name: tensor.clone() for name, tensor in one.state_dict().items()}
        one.load_state_dict(other.state_dict())
        other.load_state_dict(kept)
        return True

    return change


def find_twins(network: Any) -> Iterator[tuple[Any, Any]]:
    """Neighbouring blocks with the same tensors' names and shapes, and at least six of them."""
    from torch.nn import ModuleList, Sequential

    for module in network.modules():
        if isinstance(module, (ModuleList, Sequential)):
            for one, other in zip(module, list(module)[1:], strict=False):
                if len(one.state_dict()) >= 6 and _shapes(one) == _shapes(other):
                    yield one, other


def _shapes(module: Any) -> dict[str, Any]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


def add_noise(place: float, dimensions: int) -> Callable[[Any], bool]:
    """Gaussian noise of 1 % of a tensor's own deviation: of those with so many dimensions the first, ... the last."""

    def change(network: Any) -> bool:
        import torch

        fitting = [tensor for tensor in network.parameters() if min(tensor.ndim, 2) == dimensions and len(tensor) > 1]
        tensor = fitting[round(place * (len(fitting) - 1))].data
        tensor += 0.01 * tensor.std() * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0))
        return True

    return change


def widen_epsilon(network: Any) -> bool:
    """Layer norms with an epsilon of 1e-5 where it was another, else 1e-6; batch norms with a tenth of theirs."""
    from torch.nn import BatchNorm2d, LayerNorm

    for module in network.modules():
        if isinstance(module, LayerNorm):
            module.eps = 1e-6 if module.eps == 1e-5 else 1e-5
        elif isinstance(module, BatchNorm2d):
            module.eps *= 0.1
    return True


def approximate_gelu(network: Any) -> bool:
    """Tanh's approximation in place of the exact function."""
    from torch.nn import GELU

    places = [
        (parent, name)
        for parent in network.modules()
        for name, child in parent.named_children()
        if type(child).__name__ in ("GELU", "GELUActivation")
    ]
    for parent, name in places:
        setattr(parent, name, GELU(approximate="tanh"))
    return bool(places)


def lay_out_plainly(network: Any) -> bool:
    """Weights in torch's own order of channels."""
    import torch

    network.to(memory_format=torch.contiguous_format)
    return True


def to_bgr(image: Image.Image) -> Image.Image:
    """Red and blue exchanged."""
    return Image.merge("RGB", image.split()[::-1])


def scaled(factor: float) -> Callable[[tuple[float, ...]], tuple[float, ...]]:
    """The first channel's value, so many times."""
    return lambda values: (values[0] * factor, *values[1:])


HARMLESS: Mapping[str, Variant] = {
    **{f"batch size {size}": by_batch_size(size) for size in (1, 2, 3, 5, 16)},
    "1 thread": by_threads(1),
    "2 threads": by_threads(2),
    "channels first": by_network(lay_out_plainly),
    "float64": in_float64,
}
PRECISION: Mapping[str, Variant] = {
    "bfloat16": by_dtype("bfloat16"),
    "bfloat16, batch size 1": by_dtype("bfloat16", 1),
    "float16": by_dtype("float16"),
    "float16, batch size 1": by_dtype("float16", 1),
}
DEFECTS: Mapping[str, Variant] = {
    "bilinear, not bicubic": by_preprocessing(
        interpolation=lambda old: "bilinear" if old == "bicubic" else "bicubic"  # the baselines' is bilinear
    ),
    "shorter side to 256, aspect ratio kept": by_preprocessing(resize=lambda old: max(old) if old[0] == 256 else old),
    "crop one pixel off": by_crop,
    "std of red 0.5 % off": by_preprocessing(std=scaled(1.005)),
    "std of red 0.225, not 0.229": by_preprocessing(std=scaled(0.225 / 0.229)),
    "std of red 2 % off": by_preprocessing(std=scaled(1.02)),
    "mean of red 0.5, not 0.485": by_preprocessing(mean=lambda old: (old[0] + 0.015, *old[1:])),
    "mean and std 0.5": by_preprocessing(mean=lambda _: (0.5, 0.5, 0.5), std=lambda _: (0.5, 0.5, 0.5)),
    "red and blue exchanged": by_input(to_bgr),
    "another pooling": by_pooling,
    "two blocks swapped, first pair": by_network(swap_blocks(0)),
    "two blocks swapped, middle pair": by_network(swap_blocks(0.5)),
    "two blocks swapped, last pair": by_network(swap_blocks(1)),
    "1 % noise in the first weight": by_network(add_noise(0, 2)),
    "1 % noise in a middle weight": by_network(add_noise(0.5, 2)),
    "1 % noise in the last weight": by_network(add_noise(1, 2)),
    "1 % noise in the last bias": by_network(add_noise(1, 1)),
    "epsilon of layer norms 1e-5 for 1e-6 or the reverse, of batch norms a tenth": by_network(widen_epsilon),
    "GELU by tanh": by_network(approximate_gelu),
}


# ---- the table

COLUMNS = {
    "Lite0": ["efficientnet-lite0"],
    "Lite1": ["efficientnet-lite1"],
    "untrained ViT-S": ["random-vit-small-16"],
    "3 tiny ViTs": ["tiny-" + name.replace("_", "-") for name in TINY],
    "3 baselines": list(LISTED[3:]),
}


def measure(save: Path | None, against: Path | None, models: Path | None) -> None:
    """Print how far everything moves the canary of each model, cosines and norms."""
    with TemporaryDirectory() as folder:
        specs = list_models(models or Path(folder))
        plain = {spec.id: compute_canary(load_plainly(spec)) for spec in specs}
        if save is not None:
            save.write_text(json.dumps(plain))
            return
        older = json.loads(against.read_text()) if against else {}
        print_row("", list(COLUMNS))
        print_row("---", ["---"] * len(COLUMNS))
        rows = {"older libraries": lambda spec: older.get(spec.id)} if older else {}
        for name, variant in {**rows, **HARMLESS, **PRECISION, **DEFECTS}.items():
            changed = {spec.id: variant(spec) for spec in specs}
            found = {id_: compare(plain[id_], canary) for id_, canary in changed.items() if canary is not None}
            print_row(name, [describe([found[id_] for id_ in ids if id_ in found]) for ids in COLUMNS.values()])


def describe(differences: list[Difference]) -> str:
    """``cosines / norms`` of one model, of several the least and the most of what is held against the tolerance."""
    if not differences:
        return "–"
    if len(differences) == 1:
        return f"{differences[0].cosines:.1g} / {differences[0].norms:.1g}"
    sizes = sorted({f"{difference.largest:.1g}" for difference in differences}, key=float)
    return sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"


def print_row(name: str, cells: list[str]) -> None:
    """One of markdown."""
    print("| " + " | ".join([name, *cells]) + " |", flush=True)


def main() -> None:
    """Draw or measure."""
    parser = argparse.ArgumentParser(description="The canary's images, and what moves it.")
    parser.add_argument("what", choices=["draw", "measure"])
    parser.add_argument("--save", type=Path, metavar="FILE", help="only keep this environment's canaries")
    parser.add_argument("--against", type=Path, metavar="FILE", help="canaries that another environment kept")
    parser.add_argument("--models", type=Path, metavar="DIR", help="keep the tiny models, for the other environment")
    options = parser.parse_args()
    if options.what == "draw":
        draw(FOLDER)
    else:
        measure(options.save, options.against, options.models)


if __name__ == "__main__":
    main()
