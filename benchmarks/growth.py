"""How the cost of `embed` into shards grows: with images, beside the bare network, and with Ray's workers.

    python benchmarks/growth.py --work DIR [--images 100000] [--rounds 3] [--only growth,overhead,ray]

- growth: the whole command on 1,000, 10,000, ... drawn JPEGs, by a model that costs next to nothing (so that the
  pipeline is what is measured) and by EfficientNet-Lite0: seconds, and the largest memory of the process.
- overhead: a shard through the pipeline beside the forward passes alone, on arrays that lie ready; alternating rounds.
- ray: images/s of one Ray worker beside the local engine, and of two one-thread workers beside one; alternating rounds,
  between the first shard that is finished and the last, so that starting Ray is not part of it.

Writes docs/scale.json, draws docs/scale.png, and prints what benchmarks/cost_model.py makes of it. Not a test: timings
belong to the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any

from drawn_jpegs import draw_folder

from leaderboard.backbones import Backbone
from leaderboard.efficiency import name_processor
from leaderboard.images import decode_image
from leaderboard.paths import save_text
from leaderboard.records import RunOptions
from leaderboard.registry import load_registry
from leaderboard.shards.engines import Engine, LocalEngine
from leaderboard.shards.model_choice import ModelChoice
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import Plan, load_items, make_plan
from leaderboard.shards.progress import Progress
from leaderboard.shards.ray_engine import RayEngine
from leaderboard.shards.sources import iterate_items
from leaderboard.shards.worker import embed_shard

FIGURES = Path(__file__).parents[1] / "docs" / "scale.json"
CHEAP, NETWORK, TRANSFORMER = "color-histogram", "efficientnet-lite0", "random-vit-small-16"
OVERHEAD_IMAGES = {NETWORK: 512, TRANSFORMER: 256}
RAY_IMAGES, RAY_SHARD = 1800, 200


def main() -> None:
    """Measure what is asked for, keep the other figures, draw."""
    parser = argparse.ArgumentParser(description="Seconds, memory and ratios of embedding into shards.")
    parser.add_argument("--work", type=Path, required=True, help="folder for drawn images and shards (1 GB)")
    parser.add_argument("--images", type=int, default=100_000, help="the largest collection (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS), help="some of the parts, or nothing: only draw")
    options = parser.parse_args()
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    for part in filter(None, options.only.split(",")):
        figures[part] = PARTS[part](options)
        figures["machine"] = {"processor": name_processor(), "cores": os.cpu_count()}
        save_text(FIGURES, json.dumps(figures, indent=1) + "\n")
    from cost_model import draw, print_tables

    print_tables(figures)
    draw(figures, FIGURES.with_suffix(".png"))


# ---- growth


def measure_growth(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The whole command, one size after the other."""
    images = draw_folder(options.work / "drawn", options.images)
    sizes = [size for size in (10**power for power in range(3, 10)) if size <= options.images]
    rows = []
    for model, limit in ((CHEAP, options.images), (NETWORK, 10_000)):
        for size in (size for size in sizes if size <= limit):
            rows.append(_run_command(model, _list_some(images, size, options.work), options.work / "grown"))
            print(rows[-1], flush=True)
    return rows


def _list_some(images: Path, count: int, work: Path) -> Path:
    listing = work / f"first-{count}.txt"
    listing.write_text("\n".join(item.address for item in islice(iterate_items(str(images)), count)), encoding="utf-8")
    return listing


def _run_command(model: str, listing: Path, out: Path) -> dict[str, Any]:
    """In a process of its own, whose memory the system tells when it ends."""
    rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "leaderboard", "embed", "--model", model, "--images", str(listing)]
    start = time.perf_counter()
    child = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"embed failed on {listing}")
    images = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["images"]
    peak = round(usage.ru_maxrss / 1e3)  # kB on Linux
    return {"model": model, "images": images, "seconds": round(seconds, 2), "peak_memory_mb": peak}


# ---- overhead


def measure_overhead(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Seconds of the pipeline over those of the forward passes."""
    images = draw_folder(options.work / "drawn", 1000)
    rows = []
    for model, count in OVERHEAD_IMAGES.items():
        setting = _set_up(model, _list_some(images, count, options.work), options.work, shard_size=count)
        rows.append({"model": model, "images": count, **_compare_with_bare(setting, options.rounds)})
        print(rows[-1], flush=True)
    return rows


@dataclass(frozen=True)
class Setting:
    """A planned collection and the model to embed it by."""

    choice: ModelChoice
    folder: Folder
    plan: Plan
    backbone: Backbone


def _set_up(model: str, listing: Path, work: Path, *, shard_size: int, threads: int | None = None) -> Setting:
    choice = ModelChoice(load_registry().model(model), (), RunOptions(), threads or os.cpu_count())
    backbone = choice.load()
    rmtree(work / "planned", ignore_errors=True)
    folder = Folder(str(work / "planned"))
    plan = make_plan(folder, choice.describe(backbone, "float32"), str(listing), shard_size)
    return Setting(choice, folder, plan, backbone)


def _compare_with_bare(setting: Setting, rounds: int) -> dict[str, float]:
    """Medians of alternating rounds; decoding and resizing are part of the pipeline, and told apart."""
    backbone, size = setting.backbone, setting.backbone.batch_size
    contents = [Path(item.address).read_bytes() for item in load_items(setting.folder, setting.plan, 0)]
    start = time.perf_counter()
    arrays = [backbone.prepare(decode_image(content)) for content in contents]
    prepare = time.perf_counter() - start

    def forward() -> None:
        for first in range(0, len(arrays), size):
            backbone.embed(arrays[first : first + size])

    def through_pipeline() -> None:
        embed_shard(setting.folder, setting.plan, backbone, 0, lambda _: None)

    forward()
    bare, pipeline = _alternate(forward, through_pipeline, rounds)
    return {
        "bare_per_second": round(len(arrays) / bare, 2),
        "pipeline_per_second": round(len(arrays) / pipeline, 2),
        "prepare_ms": round(1e3 * prepare / len(arrays), 2),
        "overhead_percent": round(100 * (pipeline / bare - 1), 2),
    }


def _alternate(one: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float]:
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for compute, taken in zip((one, other), seconds, strict=True):
            start = time.perf_counter()
            compute()
            taken.append(time.perf_counter() - start)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


# ---- ray


def measure_ray(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One Ray worker beside the local engine, two one-thread workers beside one."""
    listing = _list_some(draw_folder(options.work / "drawn", RAY_IMAGES), RAY_IMAGES, options.work)
    cores = os.cpu_count() or 1
    pairs: dict[str, tuple[tuple[Engine, int], tuple[Engine, int]]] = {
        "one Ray worker beside local": ((LocalEngine(), cores), (RayEngine(workers=1), cores)),
        "two one-thread Ray workers beside one": ((RayEngine(workers=1), 1), (RayEngine(workers=2), 1)),
    }
    rows = []
    for name, pair in pairs.items():
        rates: list[list[float]] = [[], []]
        for _ in range(options.rounds):
            for found, (engine, threads) in zip(rates, pair, strict=True):
                found.append(_measure_rate(engine, threads, listing, options.work))
        first, second = (statistics.median(found) for found in rates)
        row = {"pair": name, "per_second": [round(first, 2), round(second, 2)], "ratio": round(second / first, 3)}
        rows.append(row)
        print(row, flush=True)
    return rows


def _measure_rate(engine: Engine, threads: int, listing: Path, work: Path) -> float:
    """Images/s of all workers together, from the first finished shard to the last."""
    setting = _set_up(NETWORK, listing, work, shard_size=RAY_SHARD, threads=threads)
    choice = replace(setting.choice, threads=threads)
    shards, progress = range(setting.plan.shards), Progress(setting.plan.images, 0, stream=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    times = [time.perf_counter() for _ in engine.run(choice, setting.folder, setting.plan, shards, progress)]
    engine.close()
    return RAY_SHARD * (len(times) - 1) / (times[-1] - times[0])


PARTS: dict[str, Callable[[argparse.Namespace], list[dict[str, Any]]]] = {
    "growth": measure_growth,
    "overhead": measure_overhead,
    "ray": measure_ray,
}

if __name__ == "__main__":
    main()
