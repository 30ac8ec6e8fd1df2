"""What a run that nothing happens to makes of some images."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shard_tools import IMAGES, Plot, draw_images, embed, embed_here, own_folder, paths_of, place

NOTED = r"work/done/\d+\.json$"  # the last deed of a shard


@dataclass(frozen=True)
class Reference:
    """Images, what an undisturbed run makes of them, and how many deeds that takes."""

    images: Path
    out: Path
    deeds: int


@cache
def reference() -> Reference:
    """Made once in a process, and gone with it."""
    folder = Path(own_folder())
    images, out = draw_images(folder / "images"), folder / "out"
    plot = Plot(match=str(out))
    embed(images, out, plot=plot).check(0)
    assert len(paths_of(out)) == IMAGES
    return Reference(images, out, plot.counted)


@contextmanager
def own_images() -> Iterator[tuple[Path, Path, Path]]:
    """Images that may be harmed, where a run may write, and what it is to come to."""
    with place() as folder:
        images = folder / "images"
        shutil.copytree(reference().images, images)
        expected = folder / "expected"
        embed_here(images, expected).check(0)
        yield images, folder / "out", expected
