"""``leaderboard embed`` into shards: every kind of source, what readers make of it, and mistakes in one line."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.cache import load_embeddings

ROOT = Path(__file__).parents[2]
IMAGES = 23  # in three classes; in shards of six the last one has five


@pytest.fixture(autouse=True)
def inside(clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands know the miniature clone's models, and run beside the images."""
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files() -> dict[str, bytes]:
    """Drawn JPEGs in class folders, in the order of a listing."""
    drawn = {}
    for number in range(IMAGES):
        values = np.random.default_rng(number).integers(0, 256, (20, 24, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(values).save(stream, "JPEG")
        drawn[f"{('betulales', 'pinales', 'tiliales')[number // 8]}/{number % 8:02d}.jpg"] = stream.getvalue()
    return drawn


@pytest.fixture
def slides(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """They as a folder."""
    for name, content in files.items():
        (tmp_path / "slides" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "slides" / name).write_bytes(content)
    return tmp_path / "slides"


@pytest.fixture
def embed(clone, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command with the clone's small model: exit code, what was printed and what was said."""

    def run(source: str | Path, out: str | Path, *arguments: str) -> tuple[int, str, str]:
        given = ["--images", str(source), "--out", str(out), "--shard-size", "6", *arguments]
        capsys.readouterr()
        code = main(["embed", "--root", str(clone.root), "--model", "small", *given])
        return code, *capsys.readouterr()

    return run


def read(out: Path) -> Any:
    """All rows as a table of pandas."""
    import pandas

    return pandas.read_parquet(out / "shards")


def shard_bytes(out: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((out / "shards").iterdir())]


def vectors_of(table: Any) -> np.ndarray:
    return np.stack(list(table["embedding"]))


def pack(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


# Sources


def test_a_folder_a_list_and_a_tar_give_the_same_vectors(
    slides: Path, files: dict[str, bytes], tmp_path: Path, embed: Any
) -> None:
    """To the last digit, whatever the images lie in; paths are below the source, or as listed."""
    import pandas

    Path("list.txt").write_text("".join(f"slides/{name}\n" for name in files))
    pandas.DataFrame({"label": 1, "path": [str(slides / name) for name in files]}).to_csv("list.csv", index=False)
    pandas.DataFrame({"path": [f"slides/{name}" for name in files]}).to_parquet("list.parquet")
    pack(tmp_path / "all.tar", files)
    memory = fsspec.filesystem("memory")
    for name, content in files.items():
        memory.pipe_file(f"/slides/{name}", content)
    sources = {
        "slides": "",
        "slides/": "",
        slides.as_uri(): "",
        "list.txt": "slides/",
        "list.csv": f"{slides}/",
        "list.parquet": "slides/",
        "all.tar": "all.tar/",
        "memory://slides": "",
    }
    tables = {}
    for number, source in enumerate(sources):
        assert embed(source, f"out-{number}")[0] == 0
        tables[source] = read(tmp_path / f"out-{number}")
        assert list(tables[source]["path"]) == [sources[source] + name for name in files]
    for table in tables.values():
        assert vectors_of(table).tobytes() == vectors_of(tables["slides"]).tobytes()
        for column in ("width", "height", "sha256"):
            assert list(table[column]) == list(tables["slides"][column])


def test_a_folder_of_images_and_tars_is_embedded_whole(tmp_path: Path, files: dict[str, bytes], embed: Any) -> None:
    """WebDataset's shards beside loose images; what is neither is passed over."""
    names = list(files)
    (tmp_path / "mixed" / "tars").mkdir(parents=True)
    pack(tmp_path / "mixed" / "tars" / "0.tar", {name: files[name] for name in names[:10]} | {"0.cls": b"3"})
    pack(tmp_path / "mixed" / "tars" / "1.tar", {name: files[name] for name in names[10:20]})
    for name in names[20:]:
        (tmp_path / "mixed" / Path(name).name).write_bytes(files[name])
    code, printed, _ = embed("mixed", "out")
    assert code == 0
    assert printed == "out: 23 vectors of 48 dimensions in 4 shards, 0 failures\n"
    expected = [Path(name).name for name in names[20:]]
    expected += [f"tars/0.tar/{name}" for name in names[:10]] + [f"tars/1.tar/{name}" for name in names[10:20]]
    assert list(read(tmp_path / "out")["path"]) == expected


def test_shards_hold_the_vectors_that_a_file_holds(clone, slides: Path, tmp_path: Path, embed: Any) -> None:
    """``embed --out x.npz`` computes the same, to the last digit."""
    assert embed(slides, "out")[0] == 0
    assert (
        main(["embed", "--root", str(clone.root), "--model", "small", "--images", str(slides), "--out", "x.npz"]) == 0
    )
    whole, table = load_embeddings(tmp_path / "x.npz"), read(tmp_path / "out")
    assert vectors_of(table).tobytes() == whole.vectors.tobytes()
    assert list(table["path"]) == list(whole.files)


def test_a_network_gives_the_same_vectors_for_the_same_batches(slides: Path, tmp_path: Path) -> None:
    """The embedded one, in batches of four, with as many threads."""
    import torch

    model = ["embed", "--root", str(ROOT), "--model", "efficientnet-lite0", "--batch-size", "4", "--device", "cpu"]
    images = ["--images", str(slides / "tiliales")]
    assert main([*model, *images, "--out", "x.npz"]) == 0
    shards = ["--threads", str(torch.get_num_threads()), "--shard-size", "4"]
    assert main([*model, *images, "--out", "out", *shards]) == 0
    assert vectors_of(read(tmp_path / "out")).tobytes() == load_embeddings(tmp_path / "x.npz").vectors.tobytes()
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert (manifest["model"], manifest["dimension"], manifest["dtype"]) == ("efficientnet-lite0", 1280, "float32")
    assert manifest["revision"]
    assert manifest["preprocessing"]["crop"]


# Readers


def test_readers_take_a_collection_in_one_line(slides: Path, tmp_path: Path, embed: Any) -> None:
    """As docs/scale.md has them: pandas, polars, duckdb and datasets see the same rows."""
    import datasets
    import duckdb
    import pandas
    import polars

    (slides / "zz.jpg").write_bytes(b"bad")
    assert embed(slides, "out")[0] == 0
    first = pandas.read_parquet("out/shards")
    second = polars.read_parquet("out/shards/*.parquet")
    third = duckdb.sql("SELECT * FROM 'out/shards/*.parquet'").fetchall()
    fourth = datasets.load_dataset("parquet", data_files="out/shards/*.parquet", split="train", cache_dir="cached")
    plain = [
        (path, tuple(map(float, embedding)), width, height, sha256)
        for path, embedding, width, height, sha256 in first.itertuples(index=False)
    ]
    assert len(plain) == IMAGES
    assert [(row[0], tuple(row[1]), *row[2:]) for row in second.rows()] == plain
    assert [(row[0], tuple(row[1]), *row[2:]) for row in third] == plain
    assert [
        (row["path"], tuple(row["embedding"]), row["width"], row["height"], row["sha256"]) for row in fourth
    ] == plain
    assert str(second.schema["embedding"]) == "Array(Float32, shape=(48,))"
    assert duckdb.sql("SELECT reason FROM 'out/failures.parquet'").fetchall() == [("cannot identify image file",)]


def test_half_precision_halves_the_vectors(slides: Path, tmp_path: Path, embed: Any) -> None:
    """They are the others, rounded once; a reader sees which they are."""
    assert embed(slides, "full")[0] == 0
    assert embed(slides, "half", "--store", "float16")[0] == 0
    half, full = (vectors_of(read(tmp_path / name)) for name in ("half", "full"))
    assert (half.dtype, full.dtype) == (np.float16, np.float32)
    np.testing.assert_array_equal(half, full.astype(np.float16))
    assert json.loads(Path("half/manifest.json").read_text())["vectors"] == "float16"


# Going on


def test_a_bad_image_is_a_failure_and_the_exit_code_is_0(slides: Path, tmp_path: Path, embed: Any) -> None:
    """Told in the last line, and where to look; repaired, it is tried again when asked."""
    import pandas

    spoilt = slides / "tiliales" / "06.jpg"
    content = spoilt.read_bytes()
    spoilt.write_bytes(content[:300])
    code, printed, _ = embed(slides, "out")
    assert (code, printed) == (0, "out: 22 vectors of 48 dimensions in 4 shards, 1 failures (failures.parquet)\n")
    failures = pandas.read_parquet("out/failures.parquet")
    assert list(failures["path"]) == ["tiliales/06.jpg"]
    assert "truncated" in failures["reason"][0].lower()
    spoilt.write_bytes(content)
    assert "1 failures (failures.parquet); all of it was here already" in embed(slides, "out")[1]
    assert embed(slides, "out", "--retry-failures")[1].endswith("23 vectors of 48 dimensions in 4 shards, 0 failures\n")
    embed(slides, "fresh")
    assert shard_bytes(tmp_path / "out") == shard_bytes(tmp_path / "fresh")


def test_an_interrupted_run_goes_on(slides: Path, tmp_path: Path, embed: Any) -> None:
    """The images of the second half are away for a while; what is finished then is the same as without that."""
    Path("list.txt").write_text("".join(f"{path}\n" for path in sorted(slides.rglob("*.jpg")) * 2))
    assert embed("list.txt", "expected", "--shard-size", "12")[0] == 0
    assert embed("list.txt", "out", "--shard-size", "12")[0] == 0
    for name in ("shards/000002.parquet", "work/done/000001.json"):
        Path("out", name).unlink()
    Path("out/manifest.json").unlink()
    slides.rename("away")
    code, _, said = embed("list.txt", "out", "--shard-size", "12")
    assert code == 1
    assert "Traceback" not in said
    assert "none of 12 images in a row is there any more" in said.splitlines()[-1]
    assert "2 of 4 shards are finished" in said.splitlines()[-1]
    assert not Path("out/manifest.json").exists()
    Path("away").rename(slides)
    assert embed("list.txt", "out", "--shard-size", "12")[0] == 0
    assert shard_bytes(tmp_path / "out") == shard_bytes(tmp_path / "expected")


def test_a_finished_collection_is_left_as_it_is(slides: Path, tmp_path: Path, embed: Any) -> None:
    """Every file, by its time too; without the options that it was begun with, since these are in its plan."""
    assert embed(slides, "out", "--store", "float16", "--threads", "1")[0] == 0
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path("out").rglob("*") if path.is_file()}
    code, printed, _ = embed(slides, "out")
    assert code == 0
    assert printed.endswith("; all of it was here already\n")
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path("out").rglob("*") if path.is_file()}
    assert after == before


def test_a_log_has_lines_of_json(slides: Path, embed: Any) -> None:
    """Where nobody watches; the last one says that it is done."""
    lines = [line for line in embed(slides, "out")[2].splitlines() if line.startswith("{")]
    last = json.loads(lines[-1])
    assert set(last) == {"images", "of", "images_per_second", "eta_seconds", "failures", "workers"}
    assert (last["images"], last["of"], last["eta_seconds"], set(last["workers"])) == (IMAGES, IMAGES, 0, {"local"})


def test_images_of_any_name_come_out_as_text(tmp_path: Path, files: dict[str, bytes], embed: Any) -> None:
    """Bytes that are no UTF-8 are escaped in the rows as in the failures."""
    content = next(iter(files.values()))
    (tmp_path / "odd").mkdir()
    for name in (b"a\xff.jpg", "花粉.jpg".encode(), b"two\nlines.jpg"):
        (tmp_path / "odd" / os.fsdecode(name)).write_bytes(content)
    (tmp_path / "odd" / os.fsdecode(b"bad\xff.jpg")).write_bytes(b"")
    assert embed("odd", "out")[0] == 0
    assert sorted(read(tmp_path / "out")["path"]) == sorted(["a\\xff.jpg", "花粉.jpg", "two\nlines.jpg"])


# Mistakes

MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "nowhere": (["--images", "nowhere"], 2, "does not exist; check --images"),
    "a single image": (["--images", "slides/pinales/00.jpg"], 2, "a single image goes into a folder"),
    "an empty folder": (["--images", "empty"], 2, "has no images; expected image files, .tar files or a list of paths"),
    "no column": (["--images", "other.csv"], 2, "has the columns: file; expected one named 'path'"),
    "unknown place": (["--images", "nonsense://a"], 2, "nonsense:// is unknown; give a path, file://, s3:// or gs://"),
    "unknown model": (["--model", "smal"], 2, "smal"),
    "a data set": (["--dataset", "grains"], 2, "--dataset goes into one file: give --out a name that ends in"),
    "refresh": (["--refresh"], 2, "--refresh is not for shards"),
    "workers": (["--workers", "2"], 2, "--workers and --gpus-per-worker are Ray's; add --engine ray"),
    "other files": (["--out", "slides"], 2, "slides is there and was not begun by embed; choose another --out"),
    "another size": (["--out", "begun", "--shard-size", "7"], 2, "was begun with shard_size 6, not 7"),
    "another source": (["--out", "begun", "--images", "slides/pinales"], 2, "was begun with source"),
    "another type": (["--out", "begun", "--store", "float16"], 2, "was begun with vectors float32, and is float16 now"),
    "another model": (["--out", "begun", "--model", "large"], 2, "was begun with model small, and is large now"),
    "shards in a file": (["--out", "a.npz"], 2, "--shard-size is for shards: give --out a folder"),
    "absent weights": (["--model", "ghost"], 1, "ghost"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(clone, slides: Path, tmp_path: Path, embed: Any, capsys: Any, mistake: str) -> None:
    """With what was expected, exit code 2, or 1 for what cannot be had; a collection that is there stays as it is."""
    changes, code, reason = MISTAKES[mistake]
    assert embed(slides, "begun")[0] == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.csv").write_text("file\na.jpg\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    given = {"--model": "small", "--images": str(slides), "--out": "out", "--shard-size": "6"}
    if "--dataset" in changes:
        given.pop("--images")
    for option, value in zip(changes[::2], [*changes[1::2], None], strict=False):
        given[option] = value
    arguments = [part for option, value in given.items() for part in (option, value) if part is not None]
    capsys.readouterr()
    assert main(["embed", "--root", str(clone.root), *arguments]) == code
    printed, said = capsys.readouterr()
    assert printed == ""
    assert len(said.splitlines()) == 1
    assert said.startswith("leaderboard: ")
    assert reason in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--images", "slides", "--engine", "ray"], "--engine is for shards: give --out a folder"),
        (["--images", "slides", "--store", "float16"], "--store is for shards: give --out a folder"),
        (["--images", "list.csv"], "list.csv goes into shards: give --out a folder"),
        (["--images", "s3://slides/grains"], "s3://slides/grains goes into shards: give --out a folder"),
    ],
)
def test_what_goes_into_shards_is_not_put_into_a_file(
    clone, slides: Path, given: list[str], reason: str, capsys
) -> None:
    """Nor left out without a word."""
    Path("list.csv").write_text("path\nslides/pinales/00.jpg\n")
    assert main(["embed", "--root", str(clone.root), "--model", "small", "--out", "a.npz", *given]) == 2
    assert reason in capsys.readouterr().err
    assert not Path("a.npz").exists()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many"])
def test_a_size_that_is_no_count_is_refused(slides: Path, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read."""
    with pytest.raises(SystemExit) as ended:
        main(["embed", "--model", "small", "--images", str(slides), "--out", "out", "--shard-size", value])
    assert ended.value.code == 2
    assert "--shard-size" in capsys.readouterr().err
    assert not Path("out").exists()
