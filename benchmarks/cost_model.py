"""What a collection of any size costs, from measured and published figures; every assumption is named here.

    python benchmarks/cost_model.py

Reads docs/scale.json, which benchmarks/growth.py writes; prints the tables of docs/scale.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

FIGURES = Path(__file__).parents[1] / "docs" / "scale.json"
CROPS = {"10^6": 1e6, "10^8": 1e8, "3 x 10^9": 3e9}
# Images/s of one RTX 3090, 224 x 224, mixed precision (float16), batch 1024: huggingface/pytorch-image-models,
# results/benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv at 5c33776 (PyTorch 2.4, CUDA 12.4).
PUBLISHED = {"ViT-S/16": 4616.60, "ViT-B/16": 1572.08, "ViT-L/16": 487.63}
DIMENSION = {"ViT-S/16": 384, "ViT-B/16": 768, "ViT-L/16": 1024}
SHARE_REACHED = 0.7  # of the published rate: smaller batches, copies to the GPU, the last batch of a shard
GPUS = 8  # that work at once
BYTES_OF_VALUE = 2  # float16, as the vectors are stored
BYTES_OF_ROW = 160  # path and digest compressed, and the two sizes: measured on 100,697 rows, rounded up
INDEX_BYTES_OF_ROW = {"ViT-S/16": 384, "ViT-B/16": 768, "ViT-L/16": 1024}  # one byte a value
INDEX_BESIDE = 16  # bytes of a row beside its values: 0.40 GB of 10^6 x 384 (docs/scale.md)
PREPARE_SECONDS = 0.0045  # of one core, to decode and resize a crop: of the 697 real ones (docs/scale.md)
JPEG_BYTES = 30_000  # of a crop, the mean of the same: what has to be read


def estimate(model: str, crops: float) -> dict[str, Any]:
    """GPU-hours, hours, reading rate, storage and index of one model on so many crops."""
    rate = PUBLISHED[model] * SHARE_REACHED
    gpu_hours = crops / rate / 3600
    row = DIMENSION[model] * BYTES_OF_VALUE + BYTES_OF_ROW
    return {
        "model": model,
        "GPU-hours": gpu_hours,
        f"hours on {GPUS} GPUs": gpu_hours / GPUS,
        "cores that decode": rate * GPUS * PREPARE_SECONDS,
        "MB/s to read": rate * GPUS * JPEG_BYTES / 1e6,
        "vectors, GB": crops * row / 1e9,
        "index, GB": crops * (INDEX_BYTES_OF_ROW[model] + INDEX_BESIDE) / 1e9,
    }


def fit_growth(rows: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Seconds to start and per image, by least squares of relative errors, and the largest of these errors."""
    images, seconds = (np.array([row[key] for row in rows], float) for key in ("images", "seconds"))
    per_image, start = np.polyfit(images, seconds, 1, w=1 / seconds)
    error = np.abs((start + per_image * images) / seconds - 1).max()
    return float(start), float(per_image), float(error)


def print_tables(figures: dict[str, Any]) -> None:
    """Measured growth, then the estimates."""
    for model in dict.fromkeys(row["model"] for row in figures.get("growth", [])):
        rows = [row for row in figures["growth"] if row["model"] == model]
        start, per_image, error = fit_growth(rows)
        print(tabulate(rows, headers="keys", tablefmt="github", intfmt=",", disable_numparse=False))
        fit = f"{start:.1f} s + {1e3 * per_image:.2f} ms per image"
        print(f"{model}: {fit}; the {len(rows)} sizes are within {100 * error:.0f} % of that\n")
    for part in ("overhead", "ray"):
        print(tabulate(figures.get(part, []), headers="keys", tablefmt="github"), "\n")
    for name, crops in CROPS.items():
        rows = [{"crops": name, **estimate(model, crops)} for model in PUBLISHED]
        print(tabulate(rows, headers="keys", tablefmt="github", floatfmt=",.1f"), "\n")


def draw(figures: dict[str, Any], path: Path) -> None:
    """Seconds and memory by images, on logarithmic and plain scales."""
    import matplotlib.pyplot as plt

    growth = figures.get("growth")
    if not growth:
        return
    picture, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for model, colour in zip(dict.fromkeys(row["model"] for row in growth), ("#0b6e8f", "#c2571a"), strict=False):
        rows = [row for row in growth if row["model"] == model]
        images, (start, per_image, _) = np.array([row["images"] for row in rows]), fit_growth(rows)
        smooth = np.geomspace(images[0], images[-1], 100)
        left.plot(smooth, start + per_image * smooth, color=colour, lw=1)
        left.plot(images, [row["seconds"] for row in rows], "o", color=colour, ms=5)
        label = f"{model}\n{start:.1f} s + {1e3 * per_image:.1f} ms per image"
        left.annotate(
            label,
            (images[-1], rows[-1]["seconds"]),
            (-12, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=colour,
            fontsize=8,
        )
        right.plot(images, [row["peak_memory_mb"] for row in rows], "o-", color=colour, ms=5, lw=1)
        right.annotate(
            model,
            (images[0], rows[0]["peak_memory_mb"]),
            (0, -14),
            textcoords="offset points",
            color=colour,
            fontsize=8,
        )
    left.set(xscale="log", yscale="log", xlabel="images", ylabel="seconds, whole command")
    right.set(xscale="log", xlabel="images", ylabel="peak memory of the process, MB")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    picture.savefig(path, dpi=150)


if __name__ == "__main__":
    print_tables(json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {})
