"""Trouble that a run of one process can have: each function brings it about, and checks that it ends as described.

Each takes a seed and returns how many runs it took until the collection was whole. AssertionError: not as described.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from shard_tools import (
    IMAGES,
    ROOT,
    SHARD_SIZE,
    Plot,
    arguments_of,
    check_same,
    draw_images,
    embed,
    embed_here,
    failures_of,
    own_folder,
    paths_of,
    place,
    start,
    wait,
)

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


# ---- ends of the process


def killed(seed: int) -> int:
    """SIGKILL at any of its deeds, or some milliseconds after it: gone on with, the same bytes."""
    draws, known = random.Random(seed), reference()
    with place() as folder:
        plot = Plot(at=[draws.randint(1, known.deeds)], signal=signal.SIGKILL, match=str(folder), delay=_jitter(draws))
        return _ends_and_goes_on(plot, folder / "out", -signal.SIGKILL)


def killed_often(seed: int) -> int:
    """Four times, each time farther: while listing, while computing, again."""
    draws, known = random.Random(seed), reference()
    with place() as folder:
        at = sorted(draws.sample(range(5, known.deeds // 2), 4))
        plot, runs = Plot(at=at, signal=signal.SIGKILL, match=str(folder)), 0
        plot.lay()
        while plot.left and runs < 10:
            runs += 1
            wait(start(known.images, folder / "out", plot=plot))
        embed(known.images, folder / "out").check(0)
        check_same(known.out, folder / "out")
        return runs + 1


def killed_before_note(seed: int) -> int:
    """A shard that was written, and not noted as finished: written over with the same bytes."""
    with place() as folder:
        count = random.Random(seed).randint(1, IMAGES // SHARD_SIZE)
        plot = Plot(at=[count], signal=signal.SIGKILL, match=NOTED)
        return _ends_and_goes_on(plot, folder / "out", -signal.SIGKILL)


def interrupted(seed: int) -> int:
    """SIGTERM, as a scheduler sends it, or Ctrl-C: one line, exit code 130, within seconds."""
    draws, known = random.Random(seed), reference()
    with place() as folder:
        number = draws.choice([signal.SIGTERM, signal.SIGINT])
        plot = Plot(at=[draws.randint(1, known.deeds - 5)], signal=number, match=str(folder))
        return _ends_and_goes_on(plot, folder / "out", 130, "interrupted", "run again")


def _ends_and_goes_on(plot: Plot, out: Path, code: int, *words: str) -> int:
    known = reference()
    ended = embed(known.images, out, plot=plot)
    if ended.code == 0:  # the delay was longer than what was left to do
        assert plot.delay, ended.said
    elif code < 0:
        assert ended.code == code, ended.said
    else:
        ended.check(code, *words)
    assert not plot.left
    embed(known.images, out).check(0)
    check_same(known.out, out)
    return 2


def _jitter(draws: random.Random) -> float:
    return draws.choice([0.0, draws.uniform(0, 0.02)])


# ---- the disk

NAMESPACE = ("unshare", "--map-root-user", "--mount")  # in which anybody may mount, and which nobody else sees
FILL = """\
set -e
mount -t tmpfs -o size={small}k none "$1"
shift
set +e
"$@" 2>"$SAID"; echo $? >"$SAID.code"
set -e
mount -o remount,size=64m "$DISK"
"$@"
cp -r "$DISK/out" "$KEPT"
"""


def disk_full(seed: int, *options: str) -> int:
    """On a tmpfs too small for it: one line, exit code 1; made larger, the same command ends well."""
    known = reference()
    needed = sum(path.stat().st_size for path in known.out.rglob("*") if path.is_file()) / 1024
    with place() as folder:
        disk, kept, said = folder / "disk", folder / "kept", folder / "said"
        disk.mkdir()
        script = FILL.format(small=max(8, int(needed * random.Random(seed).uniform(0.05, 0.95))))
        command = [sys.executable, "-m", "leaderboard", *arguments_of(known.images, disk / "out", *options)]
        variables = {
            "DISK": str(disk),
            "KEPT": str(kept),
            "SAID": str(said),
            "OMP_NUM_THREADS": "1",
            "RAY_TMPDIR": own_folder(),
        }
        shell = [*NAMESPACE, "sh", "-c", script, "sh", str(disk), *command]
        ended = subprocess.run(shell, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        text = said.read_text()
        assert Path(f"{said}.code").read_text().strip() == "1", text
        assert "Traceback" not in text
        assert "No space left on device" in text.strip().splitlines()[-1], text
        check_same(known.out, kept)
    return 2


def why_no_disk() -> str:
    """Why a tmpfs cannot be mounted here; empty where it can."""
    mount = [*NAMESPACE, "mount", "-t", "tmpfs", "none", own_folder()]
    return subprocess.run(mount, capture_output=True, text=True).stderr.strip()


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
    import struct
    import zlib

    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + b"\0" * 64


# ---- other runs


def two_at_once(seed: int) -> int:
    """The second one is told so in one line, and the first one is not disturbed."""
    known = reference()
    with place() as folder:
        out, plot = folder / "out", Plot(slow=1.0, match=NOTED)
        plot.lay()
        first = start(known.images, out, plot=plot)
        while not (out / "work" / "plan.json").exists() and first.poll() is None:
            time.sleep(0.05)
        embed_here(known.images, out).check(2, "another run is at work")
        assert first.poll() is None, "it was over before the second one began"
        wait(first).check(0)
        check_same(known.out, out)
    return 1


def begun_otherwise(seed: int) -> int:
    """Gone on with by other settings: refused in one line, and nothing is changed."""
    others = ["--shard-size=9", "--threads=2", "--batch-size=7", "--store=float16", "--model=color-histogram"]
    known, draws = reference(), random.Random(seed)
    with place() as folder:
        out = folder / "out"
        shutil.copytree(known.out, out)
        (out / "shards" / "000001.parquet").unlink()
        before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
        embed_here(known.images, out, draws.choice(others)).check(2, "was begun with", "choose another --out")
        embed_here(known.images / "first", out).check(2, "was begun with source")
        assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}
        embed_here(known.images, out).check(0)
        check_same(known.out, out)
    return 2


LOCAL: dict[str, Callable[[int], int]] = {
    "driver killed at any point": killed,
    "driver killed four times": killed_often,
    "driver killed between shard and note": killed_before_note,
    "SIGTERM or Ctrl-C": interrupted,
    "disk full (tmpfs)": disk_full,
    "shard, note, manifest or failures damaged": damaged,
    "plan or listing damaged": damaged_plan,
    "some images removed": some_removed,
    "all images or their folder removed": all_removed,
    "unreadable images of ten kinds": unreadable,
    "two runs at once": two_at_once,
    "gone on with other settings": begun_otherwise,
}
