"""One shard: what is in it depends on the plan alone, and a bad image is a row of the failures."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.images import decode_image, digest_pixels
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import LOST_ACCEPTED, Plan, Recipe, Vectors, make_plan
from leaderboard.shards.shard_file import ShardDone
from leaderboard.shards.worker import BATCHES_AHEAD, FEW, embed_shard

Draw = Callable[..., bytes]


class Run:
    """A planned collection, and what computing its shards came to."""

    def __init__(self, source: str | Path, out: Path, toy: Any, *, size: int = 100, vectors: Vectors = "float32"):
        self.folder, self.toy = Folder(str(out)), toy
        recipe = Recipe("toy", 8, {}, {"device": "cpu"}, toy.batch_size, 2, vectors)
        self.plan: Plan = make_plan(self.folder, recipe, str(source), size)
        self.told: list[int] = []

    def compute(self, shard: int = 0) -> ShardDone:
        return embed_shard(self.folder, self.plan, self.toy, shard, self.told.append)

    def rows(self, shard: int = 0) -> list[dict[str, Any]]:
        return pq.read_table(BytesIO(self.folder.read(f"shards/{shard:06d}.parquet"))).to_pylist()

    def paths(self, shard: int = 0) -> list[str]:
        return [row["path"] for row in self.rows(shard)]


@pytest.fixture
def begin(tmp_path: Path, toy: Callable[..., Any]) -> Callable[..., Run]:
    """Plan a source: ``begin(source, backbone=..., size=100, vectors="float32")``."""

    def make(source: str | Path, *, backbone: Any = None, out: str = "out", **options: Any) -> Run:
        return Run(source, tmp_path / out, backbone or toy(), **options)

    return make


@pytest.fixture
def images(tmp_path: Path, save: Callable[..., None], draw: Draw) -> Callable[..., Path]:
    """Makes a folder of so many images, of which some may be something else."""

    def make(count: int, others: dict[int, bytes] | None = None) -> Path:
        files = {f"{number:02d}.jpg": draw(number) for number in range(count)}
        save(tmp_path / "images", files | {f"{number:02d}.jpg": content for number, content in (others or {}).items()})
        return tmp_path / "images"

    return make


# Rows


def test_a_row_says_what_the_image_is(images: Any, begin: Any, draw: Draw, toy: Any) -> None:
    """Its vector is that of the plainest loop, to the last digit; the digest is of the decoded pixels."""
    source = images(6)
    (source / "05.png").write_bytes(draw(5, form="PNG", size=(30, 7)))
    run = begin(source)
    done = run.compute()
    assert (done.rows, done.failures) == (7, ())
    assert run.paths() == sorted(path.name for path in source.iterdir())
    for row in run.rows():
        image = decode_image((source / row["path"]).read_bytes())
        expected = toy.describe(np.asarray(image.resize((8, 8)), dtype=np.float32) / 255)
        assert np.array(row["embedding"], np.float32).tobytes() == expected.tobytes()
        assert (row["width"], row["height"]) == image.size
        assert row["sha256"] == digest_pixels(image)


def test_batches_reach_neither_across_shards_nor_over_bad_images(images: Any, begin: Any, toy: Any) -> None:
    """Whoever computes a shard, and after whatever else, runs the network on the same batches."""
    run = begin(images(13, {1: b"bad", 8: b""}), backbone=toy(batch_size=4), size=6)
    for shard in (1, 0, 2):
        run.compute(shard)
    assert [len(batch) for batch in run.toy.batches] == [4, 1, 4, 1, 1]
    assert [run.paths(shard) for shard in range(3)] == [
        ["00.jpg", "02.jpg", "03.jpg", "04.jpg", "05.jpg"],
        ["06.jpg", "07.jpg", "09.jpg", "10.jpg", "11.jpg"],
        ["12.jpg"],
    ]
    assert run.told.count(1) >= 4
    assert sum(run.told) == 13


def test_a_shard_is_the_same_bytes_whatever_was_computed_before(images: Any, begin: Any, toy: Any) -> None:
    """By another worker, or again."""
    source = images(9, {3: b"bad"})
    one, other = begin(source, size=4), begin(source, size=4, out="other")
    done = [one.compute(shard) for shard in (0, 1, 2)]
    assert [other.compute(shard) for shard in (2, 0, 0, 1)] == [done[2], done[0], done[0], done[1]]
    for shard in range(3):
        assert one.folder.read(f"shards/{shard:06d}.parquet") == other.folder.read(f"shards/{shard:06d}.parquet")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_no_more_is_prepared_than_a_few_batches(images: Any, begin: Any, toy: Any, device: str) -> None:
    """On a processor one batch, beside an accelerator a few ahead: memory does not grow with the shard."""
    run = begin(images(60), backbone=toy(batch_size=2, environment={"device": device}))
    run.compute()
    assert run.toy.embedded == 60
    assert run.toy.most_waiting <= {"cpu": 2, "cuda": (BATCHES_AHEAD + 1) * 2 + 2}[device]


def test_half_precision_stores_the_nearest_numbers(images: Any, begin: Any, toy: Any) -> None:
    """Rounded once, from what the model gave."""
    source = images(5)
    full, half = begin(source), begin(source, vectors="float16", out="half")
    full.compute()
    half.compute()
    assert str(pq.read_schema(BytesIO(half.folder.read("shards/000000.parquet"))).field("embedding").type).count("half")
    for one, other in zip(full.rows(), half.rows(), strict=True):
        np.testing.assert_array_equal(np.float16(one["embedding"]), np.float16(other["embedding"]))


# Failures


def huge_png() -> bytes:
    """The beginning of a PNG that says it is as large as a slide."""
    header, body = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0), zlib.compress(bytes(1000))
    chunks = [(b"IHDR", header), (b"IDAT", body)]
    framed = (
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part)) for kind, part in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def out_of_range() -> bytes:
    stream = BytesIO()
    Image.fromarray(np.full((4, 4), 9e9, np.float32)).save(stream, "TIFF")
    return stream.getvalue()


UNREADABLE: dict[str, tuple[Callable[[Draw], bytes], str]] = {
    "nothing": (lambda draw: b"", "the file is empty"),
    "text": (lambda draw: b"no image", "cannot identify image file"),
    "truncated jpeg": (lambda draw: draw(1, size=(200, 200))[:5000], "truncated"),
    "truncated png": (lambda draw: draw(1, form="PNG")[:200], "truncated"),
    "a page": (lambda draw: b"<html>503 Slow Down</html>", "cannot identify image file"),
    "zeros": (lambda draw: bytes(5000), "cannot identify image file"),
    "huge": (lambda draw: huge_png(), "above the limit of"),
    "no grey values": (lambda draw: out_of_range(), "grey values from 9e+09 to 9e+09"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_image_is_a_failure_and_stops_nothing(images: Any, begin: Any, draw: Draw, kind: str) -> None:
    """With a reason of one line that says nothing of this machine; the others have their rows."""
    make, reason = UNREADABLE[kind]
    run = begin(images(5, {2: make(draw)}))
    done = run.compute()
    ((path, told),) = done.failures
    assert path == "02.jpg"
    assert reason in told
    assert "\n" not in told
    assert "0x" not in told
    assert run.paths() == ["00.jpg", "01.jpg", "03.jpg", "04.jpg"]
    assert sum(run.told) == 5


def test_names_that_no_image_can_be_read_from_are_failures(images: Any, begin: Any, tmp_path: Path) -> None:
    """A list may have any line; one wrong one does not stop the others for good."""
    images(2)
    lines = ["images/00.jpg", "images/gone.jpg", "images", "a\0b.jpg", "x" * 300, "nonsense://a.jpg", "images/01.jpg"]
    (tmp_path / "list.txt").write_bytes("\n".join(lines).encode())
    (tmp_path / "images" / "00.jpg").rename(tmp_path / "images" / "0.jpg")
    (tmp_path / "images" / "00.jpg").symlink_to("00.jpg")
    run = begin(tmp_path / "list.txt")
    reasons = {path: reason.removeprefix("cannot be read: ") for path, reason in run.compute().failures}
    assert reasons.pop("nonsense://a.jpg").startswith("nonsense://a.jpg: nonsense:// is unknown")
    assert reasons == {
        "images/00.jpg": "Too many levels of symbolic links",
        "images/gone.jpg": "No such file or directory",
        "images": "Is a directory",
        "a\0b.jpg": "embedded null byte",
        "x" * 300: "File name too long",
    }
    assert run.paths() == ["images/01.jpg"]


def test_names_that_are_no_utf8_are_read_and_escaped_where_they_fail(
    begin: Any, save: Any, draw: Draw, tmp_path: Path
) -> None:
    """The bytes of the name lead to the file; Parquet holds text."""
    good, bad = os.fsdecode(b"good\xff.jpg"), os.fsdecode(b"bad\xff.jpg")
    save(tmp_path / "images", {good: draw(0), bad: b""})
    run = begin(tmp_path / "images")
    assert run.compute().failures == (("bad\\xff.jpg", "the file is empty"),)
    assert run.paths() == ["good\\xff.jpg"]


def test_a_shard_of_nothing_but_bad_images_has_no_rows(images: Any, begin: Any) -> None:
    """And is finished."""
    run = begin(images(12, dict.fromkeys(range(12), b"bad")))
    done = run.compute()
    assert (done.rows, len(done.failures)) == (0, 12)
    assert run.rows() == []
    assert run.toy.batches == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_no_number_is_a_failure(images: Any, begin: Any, toy: Any, value: float) -> None:
    """The rest of its batch is kept."""

    class Broken(toy):
        def embed(self, batch: Any) -> np.ndarray:
            vectors = super().embed(batch)
            vectors[len(batch) // 2, 3] = value
            return vectors

    run = begin(images(6), backbone=Broken(batch_size=3))
    reason = "its vector is NaN or infinite as float32"
    assert run.compute().failures == (("01.jpg", reason), ("04.jpg", reason))
    assert run.paths() == ["00.jpg", "02.jpg", "03.jpg", "05.jpg"]
    assert sum(run.told) == 6


def test_a_vector_too_large_for_half_precision_is_a_failure(images: Any, begin: Any, toy: Any) -> None:
    """Told without a warning of numpy's; as float32 it is kept."""

    class Large(toy):
        def embed(self, batch: Any) -> np.ndarray:
            return super().embed(batch) * np.float32(1e6)

    source = images(2)
    full, half = begin(source, backbone=Large()), begin(source, backbone=Large(), vectors="float16", out="half")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert full.compute().rows == 2
        done = half.compute()
    assert {reason for _, reason in done.failures} == {"its vector is NaN or infinite as float16"}
    assert len(done.failures) == 2


def test_a_model_of_another_dimension_ends_the_run(images: Any, begin: Any, toy: Any, doubles: Any) -> None:
    """It is not the images' fault."""

    class Wide(toy):
        def embed(self, batch: Any) -> np.ndarray:
            return np.zeros((len(batch), 9), np.float32)

    with pytest.raises(LeaderboardError, match=r"gives 9 dimensions, models\.yaml declares 8"):
        begin(images(2), backbone=Wide()).compute()


# Tars


def test_a_tar_gives_the_rows_of_its_files(begin: Any, save: Any, draw: Draw, pack_tar: Any, tmp_path: Path) -> None:
    """Bad ones too, whatever lies between them."""
    files = {f"a/{number:02d}.jpg": draw(number) for number in range(25)} | {"a/07.jpg": b"bad", "a/11.jpg": b""}
    save(tmp_path / "images", files)
    between = {f"a/{number:02d}.txt": bytes(number * 9000) for number in range(25)}
    members = {name: {**files, **between}[name] for name in sorted({**files, **between})}
    save(tmp_path, {"x.tar": pack_tar(members)})
    plain, packed = begin(tmp_path / "images"), begin(tmp_path / "x.tar", out="packed")
    one, other = plain.compute(), packed.compute()
    assert [(f"x.tar/{path}", reason) for path, reason in one.failures] == list(other.failures)
    assert [row | {"path": f"x.tar/{row['path']}"} for row in plain.rows()] == packed.rows()
    assert one.rows == 23


@pytest.mark.parametrize(("gap", "requests"), [(0, 4), (40_000, 4), (80_000, 25)])
def test_neighbours_in_a_tar_are_read_with_one_request(
    begin: Any, save: Any, draw: Draw, pack_tar: Any, service: Any, gap: int, requests: int
) -> None:
    """Eight at a time, unless more than 64 KiB lie between them."""
    members = {}
    for number in range(25):
        members |= {f"{number:02d}.jpg": draw(number), f"{number:02d}.txt": bytes(gap)}
    save("service://bucket", {"x.tar": pack_tar(members)})
    run = begin("service://bucket/x.tar")
    service.reads.clear()
    assert run.compute().rows == 25
    assert len(service.reads) == requests


def test_a_broken_tar_is_one_failure_after_its_images(
    begin: Any, save: Any, draw: Draw, pack_tar: Any, tmp_path: Path
) -> None:
    """What could be listed has rows."""
    tar = pack_tar({f"{number}.jpg": draw(number) for number in range(4)})
    save(tmp_path, {"images/x.tar": tar[:-10_240], "images/z.jpg": draw(9)})
    run = begin(tmp_path / "images")
    ((path, reason),) = run.compute().failures
    assert path == "x.tar"
    assert "the tar cannot be read after" in reason
    assert run.paths()[-1] == "z.jpg"


@pytest.mark.parametrize("change", ["shorter", "other"])
def test_a_tar_that_was_changed_since_gives_failures(
    begin: Any, save: Any, draw: Draw, pack_tar: Any, tmp_path: Path, change: str
) -> None:
    """Not another image's vector under this name; what still is where it was has its row."""
    tar = pack_tar({f"{number}.jpg": draw(number) for number in range(4)})
    save(tmp_path, {"x.tar": tar})
    run = begin(tmp_path / "x.tar")
    kept = tar.index(b"1.jpg\0") + 700
    (tmp_path / "x.tar").write_bytes(tar[:kept] if change == "shorter" else tar[:kept] + bytes(len(tar) - kept))
    done = run.compute()
    assert run.paths() == ["x.tar/0.jpg"]
    assert len(done.failures) == 3


# Lost sources


def lost(run: Run) -> str:
    """What is said; nothing is finished then."""
    with pytest.raises(Unavailable) as caught:
        run.compute()
    assert run.folder.sizes("shards") == run.folder.sizes("work/done") == {}
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_images_that_are_gone_are_failures(images: Any, begin: Any) -> None:
    """A few of them, or all but one."""
    source = images(30)
    run = begin(source)
    for number in range(1, 30):
        (source / f"{number:02d}.jpg").unlink()
    done = run.compute()
    assert done.rows == 1
    assert set(done.failures) == {
        (f"{number:02d}.jpg", "cannot be read: No such file or directory") for number in range(1, 30)
    }


@pytest.mark.parametrize(("count", "is_lost"), [(FEW - 1, False), (FEW, True)])
def test_all_of_many_images_gone_is_a_lost_source(images: Any, begin: Any, count: int, is_lost: bool) -> None:
    """Some few may be gone without that."""
    source = images(count)
    run = begin(source)
    for path in source.iterdir():
        path.unlink()
    (source / "notes.txt").write_bytes(b"something is left")
    if is_lost:
        assert f"{source}: none of {FEW} images in a row is there any more (00.jpg cannot be read: No such" in lost(run)
    else:
        assert len(run.compute().failures) == count


def test_lost_images_are_failures_where_that_is_said(images: Any, begin: Any) -> None:
    """By a file that every worker sees."""
    source = images(FEW)
    run = begin(source)
    for path in source.iterdir():
        path.unlink()
    (source / "notes.txt").write_bytes(b"something is left")
    assert lost(run).endswith("if they are lost for good, add --accept-lost")
    run.folder.write(LOST_ACCEPTED, b"")
    assert len(run.compute().failures) == FEW


@pytest.mark.parametrize("change", ["other names", "shorter", "shifted"])
def test_a_tar_that_was_packed_anew_gives_no_image_under_another_name(
    tmp_path: Path, begin: Any, draw: Draw, save: Any, pack_tar: Any, change: str
) -> None:
    """Where one image lay there may be another one of the same size: what stands before it tells."""
    members = {f"{number}.bmp": draw(number, form="BMP") for number in range(3)}
    save(tmp_path, {"t.tar": pack_tar(members)})
    run = begin(tmp_path / "t.tar")
    packed = {
        "other names": pack_tar(dict(zip(reversed(members), members.values(), strict=True))),
        "shorter": pack_tar(members)[:1024],
        "shifted": pack_tar({"first": b"x", **members}),
    }
    save(tmp_path, {"t.tar": packed[change]})
    done = run.compute()
    reason = "its tar was packed anew, or cut short, after it was listed"
    whole = 1 if change == "other names" else 0  # the one in the middle has its old place
    assert done.rows == whole
    assert [told for _, told in done.failures] == [reason] * (3 - whole)


def test_a_folder_where_nothing_is_left_is_a_lost_source(images: Any, begin: Any) -> None:
    """A disk that was taken off leaves such a one."""
    source = images(1)
    run = begin(source)
    (source / "00.jpg").unlink()
    assert lost(run) == f"{source} is not there any more"


def test_a_folder_that_is_gone_is_a_lost_source(images: Any, begin: Any, tmp_path: Path) -> None:
    """Be it of one image."""
    source = images(1)
    run = begin(source)
    source.rename(tmp_path / "elsewhere")
    assert lost(run) == f"{source} is not there any more"
    (tmp_path / "elsewhere").rename(source)
    assert run.compute().rows == 1


def test_a_service_that_does_not_answer_is_a_lost_source(begin: Any, save: Any, draw: Draw, service: Any) -> None:
    """Its images are not failures; some failures of its own are passed over."""
    save("service://bucket", {f"{number}.jpg": draw(number) for number in range(5)})
    run = begin("service://bucket")
    service.failures += [ConnectionResetError("the line is down") for _ in range(1000)]
    told = lost(run)
    assert told.startswith("service://bucket/")
    assert told.endswith("cannot be read any more (the line is down)")
    del service.failures[3:]
    assert run.compute().rows == 5


def test_a_note_is_written_after_its_shard(images: Any, begin: Any, tmp_path: Path) -> None:
    """Where it cannot be, the shard does not count as finished."""
    run = begin(images(3))
    (tmp_path / "out" / "work" / "done").write_bytes(b"in the way")
    with pytest.raises(OSError, match="done"):
        run.compute()
    assert run.paths() == ["00.jpg", "01.jpg", "02.jpg"]
