"""Trouble that a run of one process can have: each function brings it about, and checks that it ends as described.

Each takes a seed and returns how many runs it took until the collection was whole. AssertionError: not as described.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from shard_damage import all_removed, damaged, damaged_plan, some_removed, unreadable
from shard_reference import NOTED, reference
from shard_tools import (
    IMAGES,
    ROOT,
    SHARD_SIZE,
    Plot,
    arguments_of,
    check_same,
    embed,
    embed_here,
    own_folder,
    place,
    quiet,
    start,
    wait,
)

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
    """SIGTERM, as a scheduler sends it, or Ctrl-C: one line, exit code 130, and the run goes on."""
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
        variables = quiet() | {"DISK": str(disk), "KEPT": str(kept), "SAID": str(said)}
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
    others = ["--shard-size=9", "--threads=5", "--store=float16", "--model=color-histogram"]
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
