"""A whole run: begun, stopped, gone on with, refused. A toy computes, on a disk and elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.shards.engines import LocalEngine
from leaderboard.shards.manifest import MANIFEST
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import PLAN, done_file, listing_file, shard_file

IMAGES, SHARDS = 18, 5
Run = Callable[..., Any]


@pytest.fixture
def source(tmp_path: Path, save: Callable[..., None], draw: Callable[..., bytes]) -> Path:
    """Eighteen images in two classes, three of them bad."""
    files = {f"class-{number % 2}/{number:02d}.jpg": draw(number) for number in range(IMAGES)}
    save(tmp_path / "images", files | {"class-0/02.jpg": b"bad", "class-0/04.jpg": b"", "class-1/17.jpg": b"bad"})
    return tmp_path / "images"


def contents(address: str | Path) -> dict[str, bytes]:
    """Every file of a collection; of the manifest all but the time."""
    filesystem, root = fsspec.core.url_to_fs(str(address))
    found = {str(name)[len(root) + 1 :]: filesystem.cat_file(name) for name in filesystem.find(root)}
    if MANIFEST in found:
        manifest = json.loads(found[MANIFEST])
        assert manifest.pop("finished")
        found[MANIFEST] = json.dumps(manifest).encode()
    return found


class Stopping(LocalEngine):
    """An engine that ends after so many shards, in this way."""

    left: int
    error: BaseException

    def run(self, *arguments: Any) -> Iterator[Any]:
        for done in super().run(*arguments):
            if not self.left:
                raise self.error
            self.left -= 1
            yield done


def stop(toy: Any, after: int, error: BaseException) -> Stopping:
    engine = Stopping(toy())
    engine.left, engine.error = after, error
    return engine


def refuse(run: Run, *arguments: Any, kind: type[Exception] = LeaderboardError, **options: Any) -> str:
    """What a run says that ends with an error, which is one line."""
    with pytest.raises(kind) as caught:
        run(*arguments, **options)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Going on


def test_a_run_leaves_a_plan_shards_failures_and_a_manifest(source: Path, place: str, run: Run) -> None:
    """And nothing else."""
    outcome = run(source, place)
    assert (outcome.computed, outcome.manifest["images"], outcome.manifest["failures"]) == (SHARDS, 15, 3)
    numbered = [file(shard) for shard in range(SHARDS) for file in (shard_file, done_file, listing_file)]
    assert sorted(contents(place)) == sorted([*numbered, "work/plan.json", "failures.parquet", "manifest.json"])


@pytest.mark.parametrize("after", range(SHARDS + 1))
@pytest.mark.parametrize("error", [KeyboardInterrupt(), Unavailable("the disk is away"), OSError(28, "No space left")])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    source: Path, tmp_path: Path, run: Run, toy: Any, after: int, error: BaseException
) -> None:
    """Whenever and however it was stopped; no shard is computed that was finished."""
    run(source, tmp_path / "whole")
    if after < SHARDS:
        with pytest.raises((KeyboardInterrupt, Unavailable)):
            run(source, tmp_path / "out", engine=stop(toy, after, error))
        assert not (tmp_path / "out" / MANIFEST).exists()
        computed = SHARDS - after - 1  # the one it was stopped at was written
    else:
        run(source, tmp_path / "out")
        computed = 0
    backbone = toy()
    assert run(source, tmp_path / "out", engine=LocalEngine(backbone)).computed == computed
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert backbone.prepared <= computed * 4


def test_a_run_goes_on_elsewhere_to_the_same_bytes(
    source: Path, place: str, tmp_path: Path, run: Run, toy: Any
) -> None:
    """In every kind of place."""
    run(source, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(source, place, engine=stop(toy, 2, KeyboardInterrupt()))
    assert run(source, place).computed == 2
    assert contents(place) == contents(tmp_path / "whole")


def test_what_is_finished_is_told_when_a_run_stops(source: Path, tmp_path: Path, run: Run, toy: Any) -> None:
    """With the reason and what to do, of this run and of earlier ones."""
    out = tmp_path / "out"
    told = refuse(run, source, out, engine=stop(toy, 1, Unavailable("the disk is away")), kind=Unavailable)
    assert told.startswith("the disk is away; 1 of 5 shards are finished: ")
    told = refuse(run, source, out, engine=stop(toy, 1, OSError(28, "No space left on device")), kind=Unavailable)
    assert told.startswith(f"{out} cannot be written: No space left on device; 3 of 5 shards are finished: ")
    assert "run the same again" in told


def test_a_damaged_shard_is_computed_again(source: Path, tmp_path: Path, run: Run) -> None:
    """And nothing else."""
    run(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "out" / shard_file(3)).write_bytes(b"damaged")
    assert run(source, tmp_path / "out").computed == 1
    assert contents(tmp_path / "out") == before


def test_nobody_reads_on_while_a_shard_is_missing(source: Path, tmp_path: Path, run: Run, toy: Any) -> None:
    """The manifest of a finished collection goes before its damaged shard is computed again."""
    run(source, tmp_path / "out")
    (tmp_path / "out" / shard_file(3)).unlink()
    refuse(run, source, tmp_path / "out", engine=stop(toy, 0, Unavailable("stopped")), kind=Unavailable)
    assert not (tmp_path / "out" / MANIFEST).exists()


def test_shards_may_be_finished_in_any_order(source: Path, tmp_path: Path, run: Run, toy: Any) -> None:
    """As by several workers; the bytes are the same."""

    class Backwards(LocalEngine):
        def run(self, choice: Any, folder: Any, plan: Any, shards: Any, progress: Any) -> Iterator[Any]:
            yield from super().run(choice, folder, plan, shards[::-1], progress)

    run(source, tmp_path / "whole")
    run(source, tmp_path / "out", engine=Backwards(toy()))
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize("name", ["manifest.json", "failures.parquet"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_a_manifest_or_failures_that_are_damaged_are_made_anew(
    source: Path, tmp_path: Path, run: Run, name: str, content: bytes | None
) -> None:
    """Without any image being read."""
    run(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "out" / name).unlink() if content is None else (tmp_path / "out" / name).write_bytes(content)
    assert run(source, tmp_path / "out").computed == 0
    assert contents(tmp_path / "out") == before


def test_a_finished_run_again_writes_nothing(source: Path, tmp_path: Path, run: Run, toy: Any) -> None:
    """Not even the time; the images need not be there any more."""
    run(source, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    source.rename(tmp_path / "elsewhere")
    backbone = toy()
    outcome = run(source, tmp_path / "out", engine=LocalEngine(backbone))
    assert (outcome.computed, backbone.prepared) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


def test_images_that_come_later_are_no_part_of_a_run(
    source: Path, tmp_path: Path, run: Run, toy: Any, draw: Callable[..., bytes]
) -> None:
    """The listing is taken once; images that go are failures of it."""
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "out", engine=stop(toy, 0, KeyboardInterrupt()))
    (source / "class-0" / "00a.jpg").write_bytes(draw(99))
    (source / "class-1" / "15.jpg").unlink()
    manifest = run(source, tmp_path / "out").manifest
    assert manifest["images"] + manifest["failures"] == IMAGES
    failures = pq.read_table(tmp_path / "out" / "failures.parquet").to_pylist()
    assert {"path": "class-1/15.jpg", "reason": "cannot be read: No such file or directory"} in failures


def test_failures_are_tried_again_when_asked(
    source: Path, tmp_path: Path, run: Run, draw: Callable[..., bytes]
) -> None:
    """A shard with some is computed again, and no other; without being asked they stay."""
    run(source, tmp_path / "out")
    (source / "class-0" / "02.jpg").write_bytes(draw(2))
    assert run(source, tmp_path / "out").computed == 0
    untouched = (tmp_path / "out" / shard_file(2)).stat().st_mtime_ns
    outcome = run(source, tmp_path / "out", retry_failures=True)
    assert (outcome.computed, outcome.manifest["images"], outcome.manifest["failures"]) == (2, 16, 2)
    assert (tmp_path / "out" / shard_file(2)).stat().st_mtime_ns == untouched
    run(source, tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


# Settings


def test_a_run_goes_on_as_it_was_begun(source: Path, tmp_path: Path, run: Run, toy: Any, make_choice: Any) -> None:
    """What is not given is as it was: sizes of shards and batches, threads, the type of the vectors."""
    begun = make_choice(threads=3, batch_size=2)
    engine = stop(lambda: toy(batch_size=2), 1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "out", choice=begun, engine=engine, shard_size=7, vectors="float16")
    asked: list[Any] = []

    class Asking(LocalEngine):
        def describe(self, choice: Any, vectors: Any) -> Any:
            asked.append((choice.threads, choice.options.batch_size, vectors))
            return super().describe(choice, vectors)

    engine = Asking(toy(batch_size=2))
    manifest = run(source, tmp_path / "out", choice=make_choice(threads=None), engine=engine, shard_size=None).manifest
    assert asked == [(3, 2, "float16")]
    assert (manifest["shard_size"], manifest["threads"], manifest["batch_size"], manifest["vectors"]) == (
        7,
        3,
        2,
        "float16",
    )


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "shard size": ({"shard_size": 8}, "was begun with shard_size 4, not 8; choose another --out"),
    "vectors": ({"vectors": "float16"}, "was begun with vectors float32, and is float16 now; go on as it was begun"),
    "threads": ({"threads": 1}, "was begun with threads 2, and is 1 now"),
    "batch size": ({"batch_size": 3}, "was begun with batch_size 4, and is 3 now"),
    "weights": ({"inputs": {"weights": "other"}}, "was begun with inputs weights toy, and is other now"),
    "device": ({"environment": {"device": "cuda"}}, "was begun with environment device cpu, and is cuda now"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("is_finished", [False, True])
def test_other_settings_are_refused(
    source: Path, tmp_path: Path, run: Run, toy: Any, make_choice: Any, what: str, is_finished: bool
) -> None:
    """By name, with both values; nothing of the folder is changed."""
    given, reason = REFUSED[what]
    run(source, tmp_path / "out") if is_finished else refuse(
        run, source, tmp_path / "out", engine=stop(toy, 1, Unavailable("stopped")), kind=Unavailable
    )
    before = contents(tmp_path / "out")
    settings = {key: value for key, value in given.items() if key in ("shard_size", "vectors")}
    backbone = toy(**{key: value for key, value in given.items() if key in ("batch_size", "inputs", "environment")})
    choice = make_choice(threads=given.get("threads", 2))
    told = refuse(run, source, tmp_path / "out", engine=LocalEngine(backbone), choice=choice, **settings)
    assert told.startswith(f"{tmp_path}/out {reason}")
    assert contents(tmp_path / "out") == before


def test_another_source_is_refused(source: Path, tmp_path: Path, run: Run) -> None:
    """With both addresses."""
    run(source, tmp_path / "out")
    told = refuse(run, source / "class-0", tmp_path / "out")
    assert told == f"{tmp_path}/out was begun with source {source}, not {source}/class-0; choose another --out"


# Folders


@pytest.mark.parametrize("name", ["notes.txt", "shards/000000.parquet", ".DS_Store", "failures.parquet"])
def test_a_folder_of_something_else_is_refused(source: Path, tmp_path: Path, run: Run, name: str) -> None:
    """Nothing is written into it."""
    (tmp_path / "out" / name).parent.mkdir(parents=True)
    (tmp_path / "out" / name).write_bytes(b"mine")
    told = refuse(run, source, tmp_path / "out")
    assert told == f"{tmp_path}/out is there and was not begun by embed; choose another --out"
    assert contents(tmp_path / "out") == {name: b"mine"}


def test_a_bucket_with_something_else_is_refused(source: Path, service: Any, save: Any, run: Run) -> None:
    """Its manifest is not ours to take away; what an interrupted listing left may be written over."""
    save("service://bucket/site", {"manifest.json": b"mine", "shards/000000.parquet": b"mine"})
    told = refuse(run, source, "service://bucket/site")
    assert told == "service://bucket/site is there and was not begun by embed; choose another --out"
    assert Folder("service://bucket/site").read("manifest.json") == b"mine"
    save("service://bucket/listed", {"work/listing/000000.parquet": b"half"})
    assert run(source, "service://bucket/listed").computed == SHARDS


def test_who_plans_while_another_machine_lists_is_found_out(
    source: Path, service: Any, run: Run, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one plan is there in the end; whoever made another one stops before any work."""
    run(source, "service://bucket/other", shard_size=5)
    theirs, write, backbone = Folder("service://bucket/other").read(PLAN), Folder.write, toy()
    monkeypatch.setattr(Folder, "write", lambda at, name, content: write(at, name, theirs if name == PLAN else content))
    told = refuse(run, source, "service://bucket/out", engine=LocalEngine(backbone))
    assert told == "service://bucket/out: another run has planned there meanwhile; choose another --out"
    assert backbone.prepared == 0


def test_an_empty_folder_and_an_interrupted_listing_are_begun_in(source: Path, tmp_path: Path, run: Run) -> None:
    """They hold nothing that could be lost."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "listed" / "work" / "listing").mkdir(parents=True)
    (tmp_path / "listed" / "work" / "listing" / "000000.parquet").write_bytes(b"half")
    for name in ("empty", "listed"):
        assert run(source, tmp_path / name).computed == SHARDS


def test_a_file_is_no_folder(source: Path, tmp_path: Path, run: Run) -> None:
    """It is left alone."""
    (tmp_path / "out").write_bytes(b"mine")
    assert "choose another --out" in refuse(run, source, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"mine"


def test_what_cannot_be_written_is_unavailable_and_gone_on_with(source: Path, tmp_path: Path, run: Run) -> None:
    """Once it can be."""
    (tmp_path / "out" / "work").mkdir(parents=True)
    (tmp_path / "out" / "work" / "done").write_bytes(b"in the way")
    told = refuse(run, source, tmp_path / "out", kind=Unavailable)
    assert told.startswith(f"{tmp_path}/out cannot be written: ")
    assert "; 0 of 5 shards are finished: " in told
    (tmp_path / "out" / "work" / "done").unlink()
    run(source, tmp_path / "out")
    run(source, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize("address", ["", "file://"])
def test_a_second_run_in_the_same_folder_is_refused(
    source: Path, tmp_path: Path, run: Run, toy: Any, address: str
) -> None:
    """By whatever kind of address; the first one is not disturbed. One elsewhere may run."""
    told: list[str] = []

    class Nested(LocalEngine):
        def run(self, *arguments: Any) -> Iterator[Any]:
            told.append(refuse(run, source, f"{address}{tmp_path}/out"))
            run(source, tmp_path / "other")
            yield from super().run(*arguments)

    assert run(source, tmp_path / "out", engine=Nested(toy())).computed == SHARDS
    assert told == [f"{address}{tmp_path}/out: another run is at work there; wait for it, or end it"]
    assert contents(tmp_path / "out") == contents(tmp_path / "other")
    assert run(source, tmp_path / "out").computed == 0


def test_a_source_that_cannot_be_listed_leaves_a_folder_to_begin_in(tmp_path: Path, run: Run, source: Path) -> None:
    """A mistyped name is no reason for another --out; the source is then the right one."""
    assert "does not exist; check --images" in refuse(run, f"{source}s", tmp_path / "out")
    assert run(source, tmp_path / "out").computed == SHARDS


def test_without_pyarrow_it_is_said_before_any_work(
    source: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the extra that has it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    told = refuse(run, source, tmp_path / "out", kind=Unavailable)
    assert told.endswith("`pip install 'fossil-leaderboard[shards]'`")
    assert not (tmp_path / "out").exists()


def test_a_log_counts_this_run_and_what_was_there(
    source: Path, tmp_path: Path, run: Run, toy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line says that all is done, and how many failures there are of all runs."""
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "out", engine=stop(toy, 2, KeyboardInterrupt()))
    first = json.loads(capsys.readouterr().err.splitlines()[-1])
    run(source, tmp_path / "out")
    last = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (first["images"], first["of"], first["failures"]) == (12, IMAGES, 2)
    assert (last["images"], last["of"], last["failures"], last["eta_seconds"]) == (IMAGES, IMAGES, 3, 0)
    assert set(last["workers"]) == {"local"}


def test_a_folder_is_told_in_one_line_whatever_it_is_called(tmp_path: Path, run: Run, source: Path) -> None:
    """Names may have newlines."""
    out = tmp_path / "two\nlines"
    out.mkdir()
    (out / "notes.txt").write_bytes(b"mine")
    assert "two\\nlines is there and was not begun by embed" in refuse(run, source, out)
    assert Folder(str(out)).read("notes.txt") == b"mine"
