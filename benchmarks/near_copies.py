"""How near copies of an image lie to it as vectors, and how many of them `duplicates` finds.

    python benchmarks/near_copies.py --images DIR [--model efficientnet-lite0] [--every N]

Of every N-th image copies are made: saved again as JPEG of quality 50, resized to half, 20 % brighter, cropped by 3 %
on every side, turned by 90 degrees, mirrored. Distances are told in medians of the distance between any two
images, as `duplicates` measures it. Printed are, for each kind: quantiles of the distance to the original, and how many
copies are found: candidates (that near, and among the nearest) which the pixels confirm. For different images:
quantiles of the distance to the nearest other one, how many pairs are candidates, and how many of these the pixels take
for copies. Figures: docs/large-collections.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageEnhance

from leaderboard.backbones import Backbone, load_backbone
from leaderboard.datasets import list_dataset
from leaderboard.extract import embed_images
from leaderboard.images import load_image
from leaderboard.neighbours import find_nearest
from leaderboard.registry import load_registry
from leaderboard.report.duplicates import SIMILAR, compute_similarity, shrink_to_grey
from leaderboard.vector_index.duplicates import NEAREST, RADIUS, compute_unit

QUANTILES = (0.05, 0.5, 0.95)
RADII = (0.4, RADIUS, 0.6, 0.7)


def main() -> None:
    """Embed originals and copies, print a line per kind."""
    parser = argparse.ArgumentParser(description="Distances of copies, and what is found of them.")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", default="efficientnet-lite0", metavar="ID")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="copy every N-th image (default: all)")
    options = parser.parse_args()
    dataset = list_dataset("images", options.images)
    paths = [dataset.root / file for file in dataset.files]
    backbone = load_backbone(load_registry(Path()).model(options.model))
    vectors = embed_images(backbone, paths, progress="originals")
    unit = compute_unit(vectors)
    greys = np.stack([shrink_to_grey(load_image(path)) for path in paths])
    print(f"{len(paths)} images; unit: {unit:.4g}, the median distance between two")
    print("| copy | distance 5 % | median | 95 % | " + " | ".join(f"found within {radius}" for radius in RADII) + " |")
    print("|---|" + "---|" * (len(QUANTILES) + len(RADII)))
    copied = np.arange(0, len(paths), options.every)
    for kind, change in KINDS.items():
        copies = [change(load_image(paths[index])) for index in copied]
        print(_row(kind, *_measure(backbone, copies, copied, vectors / unit, greys, unit)), flush=True)
    print(_row("different images", *_measure_originals(vectors / unit, greys)))


def _row(kind: str, distances: np.ndarray, found: Sequence[str]) -> str:
    return f"| {kind} | " + " | ".join([*(f"{np.quantile(distances, q):.2f}" for q in QUANTILES), *found]) + " |"


def _measure(
    backbone: Backbone,
    copies: Sequence[Image.Image],
    copied: np.ndarray,
    vectors: np.ndarray,
    greys: np.ndarray,
    unit: float,
) -> tuple[np.ndarray, list[str]]:
    """Of copies: their distance to the original, and the shares that are found."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.png") for number in range(len(copies))]
        for path, image in zip(paths, copies, strict=True):
            image.save(path)
        own = embed_images(backbone, paths) / unit
    distances = np.linalg.norm(own - vectors[copied], axis=1)
    nearest, _ = find_nearest(own, vectors, NEAREST)
    is_near = (nearest == copied[:, None]).any(axis=1)
    similarity = compute_similarity(np.stack([shrink_to_grey(image) for image in copies]), greys[copied])
    found = is_near & (similarity >= SIMILAR)
    return distances, [f"{100 * (found & (distances <= radius)).mean():.1f} %" for radius in RADII]


def _measure_originals(vectors: np.ndarray, greys: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Of originals: the distance to the nearest other one, and what would be found among them."""
    nearest, distances = find_nearest(vectors, vectors, NEAREST, skip=np.arange(len(vectors)))
    found = []
    for radius in RADII:
        pairs = {(min(i, j), max(i, j)) for i, row in enumerate(nearest) for j in row[distances[i] <= radius].tolist()}
        one, other = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
        confirmed = int((compute_similarity(greys[one], greys[other]) >= SIMILAR).sum()) if pairs else 0
        found.append(f"{len(pairs)} pairs, {confirmed} taken for copies")
    return distances[:, 0], found


def _recompress(image: Image.Image) -> Image.Image:
    stream = BytesIO()
    image.save(stream, "JPEG", quality=50)
    return Image.open(stream).convert("RGB")


def _crop(image: Image.Image) -> Image.Image:
    across, down = round(0.03 * image.width), round(0.03 * image.height)
    return image.crop((across, down, image.width - across, image.height - down))


KINDS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG, quality 50": _recompress,
    "resized to 0.5": lambda image: image.resize((max(1, image.width // 2), max(1, image.height // 2))),
    "20 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "cropped by 3 %": _crop,
    "turned by 90°": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}

if __name__ == "__main__":
    main()
