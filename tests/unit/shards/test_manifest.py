"""What counts as finished, and the manifest that says that all is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from leaderboard.shards.manifest import FAILURES, MANIFEST, find_finished, load_done, load_manifest, save_manifest
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import done_file, load_plan, shard_file
from leaderboard.shards.sealed import seal, unseal

SHARDS = 4  # of four images each, but for the last, which has one


@pytest.fixture
def source(tmp_path: Path, save: Callable[..., None], draw: Callable[..., bytes]) -> Path:
    """Thirteen images, two of them bad."""
    files = {f"{number:02d}.jpg": draw(number) for number in range(13)}
    save(tmp_path / "images", files | {"02.jpg": b"bad", "12.jpg": b""})
    return tmp_path / "images"


@pytest.fixture
def folder(tmp_path: Path, source: Path, run: Callable[..., Any]) -> Folder:
    """They as a finished collection."""
    run(source, tmp_path / "out")
    return Folder(str(tmp_path / "out"))


def finished(folder: Folder) -> list[int]:
    plan = load_plan(folder)
    assert plan
    return list(find_finished(folder, plan))


def renote(folder: Folder, shard: int, **changes: Any) -> None:
    """Change a note, and seal it again as if it had always been so."""
    folder.write(done_file(shard), seal(unseal(folder.read(done_file(shard))) | changes))


def flip(folder: Folder, name: str) -> None:
    content = bytearray(folder.read(name))
    content[len(content) // 2] ^= 1
    folder.write(name, bytes(content))


def copy_over(folder: Folder, *, of: int, to: int) -> None:
    """A shard in the place of another, with its note."""
    for file in (shard_file, done_file):
        folder.write(file(to), folder.read(file(of)))


DAMAGES: dict[str, Callable[[Folder], object]] = {
    "shard gone": lambda folder: folder.remove(shard_file(1)),
    "shard empty": lambda folder: folder.write(shard_file(1), b""),
    "shard shorter": lambda folder: folder.write(shard_file(1), folder.read(shard_file(1))[:-1]),
    "shard longer": lambda folder: folder.write(shard_file(1), folder.read(shard_file(1)) + b"x"),
    "byte of the shard": lambda folder: flip(folder, shard_file(1)),
    "another shard": lambda folder: folder.write(shard_file(1), folder.read(shard_file(2))),
    "another shard with its note": lambda folder: copy_over(folder, of=2, to=1),
    "note gone": lambda folder: folder.remove(done_file(1)),
    "note empty": lambda folder: folder.write(done_file(1), b""),
    "note shorter": lambda folder: folder.write(done_file(1), folder.read(done_file(1))[:-3]),
    "byte of the note": lambda folder: flip(folder, done_file(1)),
    "note of another shard": lambda folder: folder.write(done_file(1), folder.read(done_file(2))),
    "note that is a list": lambda folder: folder.write(done_file(1), b"[]"),
    "note that is no text": lambda folder: folder.write(done_file(1), b"\xff"),
    "note of something else": lambda folder: folder.write(done_file(1), seal({"shard": 1})),
    "note with more": lambda folder: renote(folder, 1, extra=1),
    "note of other failures": lambda folder: renote(folder, 1, failures=3),
    "note of another plan": lambda folder: renote(folder, 1, plan="0" * 64),
    "note of fewer rows": lambda folder: renote(folder, 1, rows=1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_not_finished_and_the_others_are(
    folder: Folder, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever the damage is."""
    assert finished(folder) == [0, 1, 2, 3]
    DAMAGES[damage](folder)
    assert finished(folder) == [0, 2, 3]
    said = capsys.readouterr().err
    assert ("1 damaged or missing shards are computed again" in said) == (damage != "note gone")


def test_files_of_something_else_are_no_shards(folder: Folder) -> None:
    """More notes than the plan has shards, hidden ones, notes of the user."""
    for name in ("work/done/000004.json", "work/done/.000001.json.x.tmp", "work/done/readme.txt", "shards/x.parquet"):
        folder.write(name, b"{}")
    assert finished(folder) == [0, 1, 2, 3]


def test_elsewhere_shards_are_known_by_their_size(source: Path, service: Any, run: Callable[..., Any]) -> None:
    """Reading all of a bucket again would take longer than it took to write; its own checksums guard the bytes."""
    run(source, "service://bucket/out")
    folder = Folder("service://bucket/out")
    service.reads.clear()
    assert finished(folder) == [0, 1, 2, 3]
    assert len(service.reads) == SHARDS + 1  # the notes and the plan, no shard
    folder.write(shard_file(2), folder.read(shard_file(2))[:-1])
    folder.remove(shard_file(3))
    assert finished(folder) == [0, 1]


def test_a_note_comes_back_as_it_was(folder: Folder) -> None:
    """Failures too."""
    done = load_done(folder, 0)
    assert done
    assert done.failures == (("02.jpg", "cannot identify image file"),)
    assert (done.shard, done.rows) == (0, 3)
    assert done.sha256 == hashlib.sha256(folder.read(shard_file(0))).hexdigest()
    assert done.bytes == len(folder.read(shard_file(0)))
    assert unseal(seal(asdict(done)))["rows"] == 3


def test_the_manifest_says_what_is_there(folder: Folder, source: Path) -> None:
    """All of it: whoever reads it needs nothing else."""
    manifest = json.loads(folder.read(MANIFEST))
    shards = manifest.pop("shards")
    assert datetime.fromisoformat(manifest.pop("finished")).tzinfo is not None
    assert manifest.pop("inputs") == {"weights": "toy", "extraction": 1}
    assert manifest == {
        "format": "leaderboard-shards-1",
        "model": "toy",
        "dimension": 8,
        "revision": None,
        "preprocessing": None,
        "dtype": None,
        "images": 11,
        "failures": 2,
        "source": str(source),
        "shard_size": 4,
        "environment": {"device": "cpu", "pyarrow": version("pyarrow")},
        "batch_size": 4,
        "threads": 2,
        "vectors": "float32",
    }
    assert [(shard["file"], shard["rows"], shard["failures"]) for shard in shards] == [
        ("shards/000000.parquet", 3, 1),
        ("shards/000001.parquet", 4, 0),
        ("shards/000002.parquet", 4, 0),
        ("shards/000003.parquet", 0, 1),
    ]
    for shard in shards:
        content = folder.read(shard["file"])
        assert (shard["bytes"], shard["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_failures_are_listed_in_order(folder: Folder) -> None:
    """Of all shards."""
    table = pq.read_table(Path(folder.at(FAILURES)))
    assert table.to_pylist() == [
        {"path": "02.jpg", "reason": "cannot identify image file"},
        {"path": "12.jpg", "reason": "the file is empty"},
    ]


def test_a_manifest_is_written_after_everything_else(folder: Folder) -> None:
    """Where the failures cannot be, there is none."""
    plan = load_plan(folder)
    assert plan
    for name in (MANIFEST, FAILURES):
        folder.remove(name)
    Path(folder.at(FAILURES)).mkdir()
    with pytest.raises(OSError, match=FAILURES):
        save_manifest(folder, plan, find_finished(folder, plan))
    assert not Path(folder.at(MANIFEST)).exists()


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"3", b"{}", b"\xff", b'{"format": "another"}'])
def test_a_damaged_manifest_is_none(folder: Folder, content: bytes | None) -> None:
    """It is made anew."""
    plan = load_plan(folder)
    assert plan
    done = find_finished(folder, plan)
    assert load_manifest(folder, plan, done) == json.loads(folder.read(MANIFEST))
    folder.write(MANIFEST, content) if content is not None else folder.remove(MANIFEST)
    assert load_manifest(folder, plan, done) is None


@pytest.mark.parametrize("name", [MANIFEST, FAILURES])
def test_a_manifest_or_failures_of_other_shards_are_none(folder: Folder, name: str) -> None:
    """Such as a file that was edited."""
    plan = load_plan(folder)
    assert plan
    content = folder.read(name)
    folder.write(name, content.replace(b"12.jpg", b"13.jpg").replace(b'"images": 11', b'"images": 12'))
    assert folder.read(name) != content
    assert load_manifest(folder, plan, find_finished(folder, plan)) is None
