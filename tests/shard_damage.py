"""Shards and images that come to harm: each function brings it about, and checks that it ends as described.

Each takes a seed and returns how many runs it took until the collection was whole. AssertionError: not as described.
"""

from __future__ import annotations

import json
import random
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from shard_reference import NOTED, own_images, reference
from shard_tools import IMAGES, Plot, check_same, embed, embed_here, failures_of, paths_of, place

# ---- damage

DAMAGES: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "a bit is flipped": lambda content, draws: _flip(content, draws),
    "cut off": lambda content, draws: content[: draws.randrange(len(content))],
    "emptied": lambda *_: b"",
    "deleted": lambda *_: None,
}
MENDED = ("shards/000003.parquet", "work/done/000004.json", "manifest.json", "failures.parquet")


def damaged(seed: int) -> int:
    """A shard, a note, the manifest, the failures: run again, it is found and made again."""
    draws, known = random.Random(seed), reference()
    with place() as folder:
        out = folder / "out"
        shutil.copytree(known.out, out)
        for name in draws.sample(MENDED, 2):
            _damage(out / name, draws)
        embed_here(known.images, out).check(0)
        check_same(known.out, out)
    return 1


def damaged_plan(seed: int) -> int:
    """One line; put back, the run goes on. Of a listing too, where its shard is missing."""
    draws, known = random.Random(seed), reference()
    with place() as folder:
        out = folder / "out"
        shutil.copytree(known.out, out)
        name = draws.choice(["work/plan.json", "work/listing/000002.parquet"])
        (out / "shards" / "000002.parquet").unlink()
        _damage(out / name, draws)
        ended = embed_here(known.images, out)
        if ended.code != 0:  # a bit of a listing may be of no consequence
            ended.check(2, "--out")
            shutil.copyfile(known.out / name, out / name)
            embed_here(known.images, out).check(0)
        check_same(known.out, out)
    return 2


def _damage(path: Path, draws: random.Random) -> None:
    content = draws.choice(list(DAMAGES.values()))(path.read_bytes(), draws)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def _flip(content: bytes, draws: random.Random) -> bytes:
    place = draws.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << draws.randrange(8))]) + content[place + 1 :]


# ---- images


def some_removed(seed: int) -> int:
    """Images that go while the run is on are failures; back again, ``--retry-failures`` makes it whole."""
    draws = random.Random(seed)
    with own_images() as (images, out, expected):
        gone = draws.sample(sorted((images / "last").glob("*.jpg")), 3)
        plot = Plot(at=[draws.randint(1, 2)], move=_away(gone, images), match=NOTED)
        embed(images, out, plot=plot).check(0)
        assert set(failures_of(out)) == {path.relative_to(images).as_posix() for path in gone}
        assert sorted([*paths_of(out), *failures_of(out)]) == sorted(paths_of(expected))
        _put_back(plot.move)
        embed_here(images, out, "--retry-failures").check(0)
        check_same(expected, out)
    return 2


def all_removed(seed: int) -> int:
    """The folder, or all that is in it: one line, exit code 1; back again, the run goes on."""
    draws = random.Random(seed)
    with own_images() as (images, out, expected):
        gone = draws.choice([[images], list(images.iterdir())])
        count, match = draws.choice([(5, NOTED), (40, r"\.(jpg|tar)$")])  # after a shard, or within
        plot = Plot(at=[draws.randint(1, count)], move=_away(gone, images), match=match)
        embed(images, out, plot=plot).check(1, "images", "shards are finished", "run the same again")
        _put_back(plot.move)
        embed_here(images, out).check(0)
        check_same(expected, out)
    return 2


def _away(gone: list[Path], images: Path) -> dict[Path, Path]:
    return {path: images.parent / "away" / str(number) for number, path in enumerate(gone)}


def _put_back(moved: Mapping[Path, Path]) -> None:
    for path, away in moved.items():
        shutil.move(away, path)


def unreadable(seed: int, *options: str) -> int:
    """Every kind of bad image is a row of the failures with a reason, and every good one a row of a shard."""
    with own_images() as (images, out, _):
        bad = spoil(images, random.Random(seed))
        embed_here(images, out, *options).check(0)
        found = failures_of(out)
        assert set(found) == bad, f"differ: {set(found) ^ bad}"
        assert all(reason and "\n" not in reason for reason in found.values())
        assert len(paths_of(out)) == IMAGES + 1  # one looks odd only
        assert json.loads((out / "manifest.json").read_text())["failures"] == len(bad)
    return 1


def spoil(images: Path, draws: random.Random) -> set[str]:
    """Put bad images among the good ones, and an odd one that is good; returns the bad ones' names."""
    good = next((images / "first").glob("*.jpg")).read_bytes()
    huge = _png_header(60_000, 60_000)
    bad = {
        "first/cut.jpg": good[: draws.randrange(200, len(good) - 100)],
        "first/text.jpg": b"This is a note about a slide.\n" * 20,
        "first/nothing.png": b"",
        "first/huge.png": huge,
        "last/noise.tif": draws.randbytes(3000),
        "last/page.webp": b"<!DOCTYPE html><html></html>",
        "broken.tar": draws.randbytes(2048),
    }
    for name, content in bad.items():
        (images / name).write_bytes(content)
    with tarfile.open(images / "cut.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(images / "first" / "huge.png", "large.png")
        archive.add(images / "first" / "text.jpg", "lost.jpg")
    whole = (images / "cut.tar").read_bytes()
    (images / "cut.tar").write_bytes(whole[:1100])  # within the second header
    (images / "last" / "nowhere.jpg").symlink_to("nothing.jpg")
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(images / "last" / "deep.png")
    return {*bad, "cut.tar", "cut.tar/large.png", "last/nowhere.jpg"}


def _png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + b"\0" * 64
