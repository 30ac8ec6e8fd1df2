"""What tests of large collections in trouble need: images, runs of the command, plots against them, comparisons."""

from __future__ import annotations

import atexit
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
HOOK = Path(__file__).parent / "trouble_hook"
IMAGES, SHARD_SIZE = 72, 12
BASIS = ("--model", "pixels", "--threads", "1", "--shard-size", str(SHARD_SIZE))


@cache
def own_folder() -> str:
    """It goes away with this process. Its name is short: Ray's sockets have names of at most 107 bytes."""
    folder = tempfile.mkdtemp(prefix="t-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def quiet() -> dict[str, str]:
    """Variables of a process that is to leave nothing behind, nor to take both cores."""
    ray = {"RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_TMPDIR": own_folder(), "RAY_USAGE_STATS_ENABLED": "0"}
    return ray | {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    code: int
    said: str  # on stderr
    seconds: float

    @property
    def line(self) -> str:
        """The last thing that it said."""
        return (self.said.strip().splitlines() or [""])[-1]

    def check(self, code: int, *words: str) -> Ended:
        """Raise AssertionError unless it ended with this code and, if it failed, with one line with these words."""
        assert self.code == code, f"exit code {self.code}, not {code}:\n{self.said}"
        assert "Traceback" not in self.said, self.said
        assert code == 0 or self.line.startswith("leaderboard: "), self.said
        assert all(word in self.line for word in words), f"{words} not in: {self.line}"
        return self


@dataclass
class Plot:
    """What is to happen to the processes of a run; see trouble_hook/sitecustomize.py."""

    at: Sequence[int | str] = ()  # counts of deeds, or "always"
    signal: int = 0
    move: Mapping[Path, Path] = field(default_factory=dict)
    match: str = "."
    role: str = "driver"
    delay: float = 0.0  # seconds
    slow: float = 0.0  # seconds before each of these deeds
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(dir=own_folder())))

    def lay(self) -> None:
        """From now on it can happen."""
        shutil.rmtree(self.folder / "at", ignore_errors=True)
        (self.folder / "at").mkdir(parents=True)
        for count in self.at:
            (self.folder / "at" / str(count)).touch()
        plot = {name: getattr(self, name) for name in ("signal", "match", "role", "delay", "slow")}
        text = json.dumps(plot | {"move": {str(path): str(to) for path, to in self.move.items()}})
        (self.folder / "plot.new").write_text(text)
        (self.folder / "plot.new").replace(self.folder / "plot.json")

    @property
    def left(self) -> list[str]:
        """What has not happened yet."""
        return sorted(path.name for path in (self.folder / "at").iterdir())

    @property
    def counted(self) -> int:
        """Deeds of the process with most of them."""
        return max((int(path.read_text() or 0) for path in self.folder.glob("counted.*")), default=0)

    @property
    def environment(self) -> dict[str, str]:
        """Of the processes that it is to happen to."""
        return {"TROUBLE": str(self.folder), "PYTHONPATH": os.pathsep.join([str(HOOK), str(ROOT)])}


def draw_images(folder: Path, seed: int = 0) -> Path:
    """Small noisy JPEGs: half of them in a tar, half in two folders."""
    draws, half = np.random.default_rng(seed), IMAGES // 2
    folder.mkdir(parents=True)
    with tarfile.open(folder / "most.tar", "w") as archive:
        for number in range(half):
            member = tarfile.TarInfo(f"grain/{number:03}.jpg")
            content = draw_jpeg(draws)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    for number in range(half):
        path = folder / ("first", "last")[number % 2] / f"{number:03}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(draw_jpeg(draws))
    return folder


def draw_jpeg(draws: np.random.Generator) -> bytes:
    """Of 24 x 20 pixels."""
    stream = io.BytesIO()
    Image.fromarray(draws.integers(0, 256, (20, 24, 3), np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def arguments_of(source: object, out: object, *options: str) -> list[str]:
    """Of the command."""
    return ["embed", "--images", str(source), "--out", str(out), *BASIS, *options]


def start(
    source: object, out: object, *options: str, plot: Plot | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """The command in a process of its own, leader of a group of its own."""
    variables = os.environ | quiet() | (plot.environment if plot else {}) | dict(environment or {})
    return subprocess.Popen(
        [sys.executable, "-m", "leaderboard", *arguments_of(source, out, *options)],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait(process: subprocess.Popen[str], timeout: float = 900) -> Ended:
    """Until it ends."""
    began = time.monotonic()
    try:
        said = process.communicate(timeout=timeout)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"no end after {timeout} s:\n{process.communicate()[1]}") from None
    return Ended(process.returncode, said, time.monotonic() - began)


def embed(source: object, out: object, *options: str, plot: Plot | None = None, **environment: str) -> Ended:
    """The command in a process of its own, until it ends."""
    if plot:
        plot.lay()
    return wait(start(source, out, *options, plot=plot, environment=environment))


def embed_here(source: object, out: object, *options: str, **environment: str) -> Ended:
    """The command in this process, which saves two seconds; where nobody is killed."""
    import fsspec

    from leaderboard.__main__ import main

    said, began = io.StringIO(), time.monotonic()
    if "s3" in fsspec.registry:  # its clients would be those of an earlier environment
        fsspec.get_filesystem_class("s3").clear_instance_cache()
    with patch.dict(os.environ, environment), redirect_stderr(said), redirect_stdout(io.StringIO()):
        code = main([*arguments_of(source, out, *options), "--root", str(ROOT)])
    return Ended(code, said.getvalue(), time.monotonic() - began)


def check_same(expected: Path, found: Path, *, source: str | None = None) -> None:
    """Raise AssertionError unless the results are the same to the byte, times aside, and nothing else is there."""
    names = {path.relative_to(expected).as_posix() for path in expected.rglob("*") if path.is_file()}
    others = {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()}
    kept = {name for name in others if not name.startswith("work/") or name.endswith(".tmp")}
    results = {name for name in names if not name.startswith("work/")}
    assert kept == results, f"files differ: {sorted(kept ^ results)}"
    for name in results - {"manifest.json"}:
        assert (expected / name).read_bytes() == (found / name).read_bytes(), f"{name} has other bytes"
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (expected, found)]
    changed = {key for key in manifests[0] | manifests[1] if manifests[0].get(key) != manifests[1].get(key)}
    assert changed <= {"finished", *(["source"] if source else [])}, f"the manifest differs in {sorted(changed)}"
    assert source in (None, manifests[1]["source"])


def failures_of(folder: Path) -> dict[str, str]:
    """Path and reason."""
    import pyarrow.parquet as pq

    return {row["path"]: row["reason"] for row in pq.read_table(folder / "failures.parquet").to_pylist()}


def paths_of(folder: Path) -> list[str]:
    """Of all rows, shard by shard."""
    import pyarrow.parquet as pq

    shards = sorted((folder / "shards").glob("*.parquet"))
    return [path for shard in shards for path in pq.read_table(shard, columns=["path"])["path"].to_pylist()]


@contextmanager
def place() -> Iterator[Path]:
    """A folder that goes away."""
    with tempfile.TemporaryDirectory(dir=own_folder(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)
