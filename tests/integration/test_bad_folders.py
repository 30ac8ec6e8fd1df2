"""Folders as they are found on disks: each ends in a right answer or in one clear line, through the whole command."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.backbones import load_backbone
from leaderboard.cache import load_embeddings
from leaderboard.datasets import list_dataset
from leaderboard.errors import LeaderboardError
from leaderboard.extract import BadImages, extract
from leaderboard.records import Embeddings, ModelSpec, Preprocessing, RunOptions
from leaderboard.report.collection import Collection, inspect

ROOT = Path(__file__).parents[2]
DRAWS = np.random.default_rng(5)
SMALL = Preprocessing((16, 16), None, "bilinear", (0.0,) * 3, (1.0,) * 3)
MODEL = ModelSpec("thumbnail", "Thumbnail", "baseline", (), "pixels", None, SMALL, 768, "Apache-2.0")
SKIPPING = RunOptions(skip_bad_images=True)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one class of two good images."""
    for name in ("1.png", "2.png"):
        draw(tmp_path / "slides" / "good" / name)
    return tmp_path / "slides"


def draw(path: Path, size: tuple[int, int] = (24, 20), **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = DRAWS.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).save(path, **options)
    return path


def measure(root: Path, options: RunOptions = RunOptions()) -> tuple[Collection, Embeddings]:  # noqa: B008  # frozen
    """The inspection and the vectors of a folder; both tell of the same images."""
    dataset = list_dataset("slides", root)
    found, embeddings = inspect(dataset), extract(dataset, load_backbone(MODEL), options)
    assert found.files == embeddings.files
    assert found.labels.tolist() == embeddings.labels.tolist()
    assert tuple(found.bad) == embeddings.left_out
    assert embeddings.vectors.shape == (len(found.files), 768)
    assert len(found.sizes) == len(found.thumbnails) == len(found.pixel_digests) == len(found.files)
    return found, embeddings


def embed(root: Path, out: Path) -> int:
    return main(["embed", "--root", str(ROOT), "--model", "pixels", "--images", str(root), "--out", str(out)])


def printed_error(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that the command ended with."""
    error = capsys.readouterr().err
    assert "Traceback" not in error
    lines = [line for line in error.splitlines() if line.startswith("leaderboard: ")]
    assert len(lines) == 1
    assert error.endswith(lines[0] + "\n")
    return lines[0]


@pytest.mark.parametrize("made", ["nothing", "empty class folders", "notes alone"])
def test_folder_without_images_says_which_endings_count(tmp_path: Path, made: str, capsys) -> None:
    """Exit code 2 and one line, and no output file."""
    (tmp_path / "slides").mkdir()
    if made == "empty class folders":
        (tmp_path / "slides" / "azolla").mkdir()
    if made == "notes alone":
        (tmp_path / "slides" / "notes.txt").write_text("x")
    assert embed(tmp_path / "slides", tmp_path / "out.npz") == 2
    assert "has no images (.bmp, " in printed_error(capsys)
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("counts", [(5,), (1,), (1, 2, 3, 4), (1, 1)])
def test_few_classes_and_few_images_are_measured(tmp_path: Path, counts: tuple[int, ...]) -> None:
    """One class, and classes of one to four images, are inspected and embedded."""
    for label, count in enumerate(counts):
        for number in range(count):
            draw(tmp_path / "slides" / f"class-{label}" / f"{number}.png")
    found, _ = measure(tmp_path / "slides")
    assert np.bincount(found.labels).tolist() == list(counts)


def test_empty_class_folder_is_no_class(root: Path) -> None:
    """A folder without images does not count as a class without images."""
    (root / "azolla").mkdir()
    assert measure(root)[0].classes == ("good",)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_tiny_images_are_measured(root: Path, size: tuple[int, int]) -> None:
    """One pixel is an image; it has a thumbnail and a vector, and is no near copy of anything."""
    for name in ("3.png", "4.png"):
        draw(root / "good" / name, size)
    found, embeddings = measure(root)
    assert found.sizes[2].tolist() == list(size)
    assert np.isfinite(embeddings.vectors).all()
    assert found.near_duplicates == ()


@pytest.mark.parametrize(("suffix", "side"), [("png", 20_000), ("tif", 20_000), ("png", 10_000)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_whole_slide_is_refused_with_limit_and_remedy(root: Path, suffix: str, side: int) -> None:
    """A picture of more than 89 megapixels is no specimen: it is refused before it is decoded."""
    options = {"compression": "group4"} if suffix == "tif" else {}
    Image.new("1", (side, side), 1).save(root / "good" / f"slide.{suffix}", **options)
    with pytest.raises(BadImages) as caught:
        measure(root)
    assert f"good/slide.{suffix}: " in str(caught.value)
    assert "above the limit of 89,478,485 pixels; an image is one specimen: cut it out of the slide" in str(
        caught.value
    )
    found, _ = measure(root, SKIPPING)
    assert found.files == ("good/1.png", "good/2.png")


def test_a_sliver_is_refused_where_resizing_would_fill_the_memory(root: Path) -> None:
    """A line of 30,000 pixels whose shorter side is made 256 would be 2 gigapixels: a bad image, not a crash."""
    draw(root / "good" / "line.png", (30_000, 1))
    shorter = Preprocessing(256, 16, "bilinear", (0.0,) * 3, (1.0,) * 3)
    backbone = load_backbone(ModelSpec("t", "T", "baseline", (), "pixels", None, shorter, 768, None))
    with pytest.raises(BadImages, match=r"good/line\.png: 30000 x 1 pixels are too narrow"):
        extract(list_dataset("slides", root), backbone)


ODD_NAMES = [
    b"two words.png",
    "pollen-\u00e9\u4e2d\U0001f33f.png".encode(),
    b"<script>alert(1)<script>.png",
    b"'quoted\" & $x_1.png",
    b"new\nline.png",
    b"\x1b[31mred.png",
    b"latin-\xff.png",
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_odd_file_names_are_kept_as_they_are(root: Path, name: bytes, tmp_path: Path) -> None:
    """Spaces, scripts, markup, control characters and bytes that are no UTF-8, in file and class names."""
    folder = os.fsdecode(b"class " + name.removesuffix(b".png"))
    draw(root / folder / os.fsdecode(name))
    found, _ = measure(root)
    assert f"{folder}/{os.fsdecode(name)}" in found.files
    assert folder in found.classes
    for ending in ("npz", "safetensors"):
        assert embed(root, tmp_path / f"out.{ending}") == 0
        assert load_embeddings(tmp_path / f"out.{ending}").files == found.files


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_odd_names_of_bad_files_are_printed_on_one_line(root: Path, name: bytes, capsys) -> None:
    """The message has a line per file whatever its name, in characters that any terminal shows."""
    (root / "good" / os.fsdecode(name)).write_text("no picture")
    (root / "good" / "zero.png").touch()
    assert embed(root, root / "out.npz") == 2
    lines = capsys.readouterr().err.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("leaderboard: "))
    assert "2 unreadable images; repair them, or leave them out with --skip-bad-images:" in lines[start]
    assert len(lines) == start + 3
    assert lines[-1] == "  good/zero.png: the file is empty"
    assert all(line.isprintable() for line in lines[start:])


def test_odd_folder_names_are_measured(tmp_path: Path) -> None:
    """A folder of 200 letters, markup or a newline gives its name to the data set."""
    for name in ("x" * 200, "<b>", "two\nlines", os.fsdecode(b"\xff")):
        draw(tmp_path / name / "a" / "1.png")
        assert embed(tmp_path / name, tmp_path / "out.npz") == 0
        dataset = list_dataset(name, tmp_path / name)
        assert inspect(dataset).dataset == name


def save_bad(kind: str, path: Path) -> None:
    """A file, or a folder, that is no image."""
    if kind == "no bytes":
        path.touch()
    if kind == "cut JPEG":
        draw(path, (80, 80), format="JPEG")
        path.write_bytes(path.read_bytes()[:900])
    if kind == "text":
        path.write_text("<html>404</html>")


@pytest.mark.parametrize("kind", ["no bytes", "cut JPEG", "text"])
def test_unreadable_files_are_named_or_left_out(root: Path, kind: str) -> None:
    """Named with their reason; with --skip-bad-images the others are measured."""
    save_bad(kind, root / "good" / "bad.png")
    with pytest.raises(BadImages, match=r"slides: 1 unreadable images; .*\n  good/bad\.png: .+"):
        measure(root)
    found, _ = measure(root, SKIPPING)
    assert list(found.bad) == ["good/bad.png"]


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    """A folder of bad images alone gives neither a collection nor vectors."""
    save_bad("text", draw(tmp_path / "slides" / "good" / "bad.png"))
    dataset = list_dataset("slides", tmp_path / "slides")
    with pytest.raises(LeaderboardError, match=r"none of its 1 images can be read; good/bad\.png: cannot identify"):
        inspect(dataset)
    with pytest.raises(LeaderboardError, match="none of its 1 images can be read"):
        extract(dataset, load_backbone(MODEL), SKIPPING)


def test_a_folder_with_an_image_name_is_a_folder(root: Path) -> None:
    """Its own images belong to the class above."""
    draw(root / "good" / "slide.png" / "3.png")
    assert measure(root)[0].files[-1] == "good/slide.png/3.png"


def save_unusual(kind: str, path: Path) -> Path:
    """An image of a kind that microscopes and their users produce."""
    draws = np.random.default_rng(2)
    values = draws.integers(0, 256, (20, 24, 3), dtype=np.uint8)
    picture = Image.fromarray(values)
    save: dict[str, Callable[[], None]] = {
        "CMYK JPEG": lambda: picture.convert("CMYK").save(path.with_suffix(".jpg")),
        "16-bit PNG": lambda: Image.fromarray(values[..., 0].astype(np.uint16) * 257).save(path.with_suffix(".png")),
        "palette": lambda: picture.quantize(8).save(path.with_suffix(".png"), transparency=0),
        "animation": lambda: picture.save(
            path.with_suffix(".gif"), save_all=True, append_images=[picture.rotate(90), picture.rotate(180)]
        ),
    }
    save[kind]()
    return next(path.parent.glob(f"{path.name}.*"))


@pytest.mark.parametrize("kind", ["CMYK JPEG", "16-bit PNG", "palette", "animation"])
def test_unusual_images_are_measured(root: Path, kind: str) -> None:
    """The first picture, as RGB."""
    path = save_unusual(kind, root / "good" / "unusual")
    found, embeddings = measure(root)
    assert found.files[-1] == f"good/{path.name}"
    assert found.sizes[-1].tolist() == [24, 20]
    assert found.bad == {}
    assert np.ptp(embeddings.vectors[-1]) > 0


def test_links_in_circles_end(root: Path) -> None:
    """Each image is listed once, by its own folder's name, whatever leads back to it."""
    alone = list_dataset("slides", root)
    (root / "good" / "up").symlink_to(root)
    (root / "again").symlink_to(root)
    (root / "alias").symlink_to(root / "good")
    (root / "itself").symlink_to(root / "itself")
    (root / "good" / "9.png").symlink_to(root / "good" / "9.png")
    assert list_dataset("slides", root) == alone
    assert measure(root)[0].classes == ("good",)


def test_a_flat_folder_with_a_link_to_itself_stays_flat(tmp_path: Path) -> None:
    """The link makes no class of it."""
    draw(tmp_path / "slides" / "1.png")
    (tmp_path / "slides" / "loop").symlink_to(tmp_path / "slides")
    assert list_dataset("slides", tmp_path / "slides").files == ("1.png",)


def obey_permissions() -> None:
    """In a child, before it starts: root on Linux gives up CAP_DAC_OVERRIDE (1), which opens every folder."""
    if os.geteuid() == 0:
        drop_from_bounding_set = 24  # PR_CAPBSET_DROP of prctl(2)
        ctypes.CDLL(None).prctl(drop_from_bounding_set, 1, 0, 0, 0)


@pytest.mark.parametrize("what", ["output", "cache"])
def test_a_folder_that_cannot_be_written_is_one_line(root: Path, tmp_path: Path, what: str) -> None:
    """The message names the path and the remedy; nothing is half-written."""
    blocked = tmp_path / "blocked"
    blocked.mkdir(mode=0o555)
    out = blocked / "out.npz" if what == "output" else tmp_path / "out.npz"
    cache = blocked / "cache" if what == "cache" else tmp_path / "cache"
    script = "import os, sys; from leaderboard.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [
        sys.executable,
        "-c",
        script,
        "embed",
        "--root",
        ROOT,
        "--model",
        "pixels",
        "--images",
        root,
        "--out",
        out,
    ]
    environment = os.environ | {"LEADERBOARD_CACHE": str(cache)}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=obey_permissions)
    assert run.returncode == 2
    last = run.stderr.splitlines()[-1]
    assert last.startswith(f"leaderboard: {blocked}")
    assert last.endswith("Permission denied; check the path")
    assert "Traceback" not in run.stderr
    assert list(blocked.iterdir()) == []
