"""What embedding costs: images per second from files on disk to vectors, and the memory that it takes.

Source: the runtime benchmark of N. Rodgers, "Complexity Begets Simplicity"; docs/protocols.md, section 8.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from leaderboard.backbones import Backbone
from leaderboard.extract import embed_images
from leaderboard.records import Dataset

IMAGES = 128  # that speed is measured on
SAMPLED_EVERY = 0.01  # seconds between two looks at the resident memory


@dataclass
class PeakMemory:
    """Largest memory of the whole process, in bytes; of the accelerator where there is one that tells."""

    resident: int = 0
    accelerator: int | None = None


def embed_some(backbone: Backbone, dataset: Dataset) -> int:
    """Embed the first images from disk, uncached, and return how many: the work that is measured."""
    paths = [dataset.root / name for name in dataset.files[:IMAGES]]
    return len(embed_images(backbone, paths))


@contextmanager
def watch_memory(backbone: Backbone) -> Iterator[PeakMemory]:
    """Follow the memory while the block runs; what is yielded is complete when it ends."""
    import psutil

    process, peak, done = psutil.Process(), PeakMemory(), threading.Event()

    def follow() -> None:
        while not done.wait(SAMPLED_EVERY):
            peak.resident = max(peak.resident, process.memory_info().rss)

    cuda = _cuda_of(backbone)
    if cuda is not None:
        cuda.reset_peak_memory_stats()
    peak.resident = process.memory_info().rss
    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield peak
    finally:
        done.set()
        follower.join()
        if cuda is not None:
            peak.accelerator = int(cuda.max_memory_allocated())


def _cuda_of(backbone: Backbone) -> ModuleType | None:
    if backbone.environment["device"] != "cuda":
        return None
    import torch

    return torch.cuda


def describe_speed(backbone: Backbone, images: int, seconds: float, memory: PeakMemory) -> dict[str, object]:
    """Throughput and memory (MB of 10^6 bytes), with what they depend on."""
    return {
        "images_per_second": round(images / seconds, 1),
        "images": images,
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(memory.resident / 1e6),
        "peak_accelerator_memory_mb": None if memory.accelerator is None else round(memory.accelerator / 1e6),
        "batch_size": backbone.batch_size,
        "dtype": backbone.inputs["dtype"],
        "device": backbone.environment["device"],
        "hardware": backbone.environment["hardware"],
        "processor": name_processor(),
        "cores": os.cpu_count(),
        "threads": _count_threads(),
    }


def name_processor() -> str:
    """The processor's model, as far as the system tells."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _count_threads() -> int:
    """Of torch, where the backbone has brought it in; else images are prepared and embedded by one."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch else 1
