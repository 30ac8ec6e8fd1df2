"""What is found in a folder of images, and that it survives a file and an interruption."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from leaderboard.datasets import list_dataset
from leaderboard.errors import LeaderboardError
from leaderboard.records import Dataset
from leaderboard.report import collection as module
from leaderboard.report.collection import (
    Collection,
    DuplicateCounts,
    conflicting,
    count_duplicates,
    group_duplicates,
    inspect,
    load_collection,
    save_collection,
)

DRAWS = np.random.default_rng(11)


def draw(width: int = 60, height: int = 48) -> Image.Image:
    """Large blocks of colour: a picture that survives resizing."""
    blocks = DRAWS.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC)


def save(image: Image.Image, path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def look(root: Path) -> Collection:
    return inspect(list_dataset("grains", root))


def names(collection: Collection, groups: tuple[tuple[int, ...], ...]) -> list[set[str]]:
    return [{collection.files[index] for index in group} for group in groups]


def assert_equal(one: Collection, other: Collection) -> None:
    for field in fields(Collection):
        np.testing.assert_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def test_readable_images_are_described_in_the_order_of_the_listing(tmp_path: Path) -> None:
    """Files, labels, sizes and thumbnails go together; an unreadable file has its reason instead."""
    save(draw(200, 100), tmp_path / "b" / "wide.png")
    save(draw(30, 40), tmp_path / "a" / "z.png")
    save(draw(50, 300), tmp_path / "a" / "tall.jpg")
    (tmp_path / "a" / "notes.png").write_text("no picture")
    (tmp_path / "b" / "empty.png").touch()
    found = look(tmp_path)
    assert found.dataset == "grains"
    assert found.files == ("a/tall.jpg", "a/z.png", "b/wide.png")
    assert found.classes == ("a", "b")
    assert found.labels.tolist() == [0, 0, 1]
    assert found.labels.dtype == np.int64
    assert found.sizes.tolist() == [[50, 300], [30, 40], [200, 100]]
    assert list(found.thumbnails) == [0, 1, 2]
    shown = [Image.open(io.BytesIO(data)) for data in found.thumbnails.values()]
    assert [picture.size for picture in shown] == [(16, 96), (30, 40), (96, 48)]
    assert found.bad == {
        "a/notes.png": "cannot identify image file 'notes.png'",
        "b/empty.png": "the file is empty",
    }


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    """Without class folders there are no labels, and nothing is in conflict."""
    save(draw(), tmp_path / "x.png")
    shutil.copy(tmp_path / "x.png", tmp_path / "y.png")
    found = look(tmp_path)
    assert (found.labels.shape, found.classes) == ((0,), ())
    assert found.exact_duplicates == ((0, 1),)
    assert conflicting(found) == ()


def test_copies_that_differ_in_the_file_alone_are_exact(tmp_path: Path) -> None:
    """Compression, metadata, container and grey mode do not hide that the pixels are the same."""
    colour, grey = draw(), draw().convert("L")
    described = PngInfo()
    described.add_text("Comment", "slide 7")
    save(colour, tmp_path / "a" / "1.png", compress_level=9)
    save(colour, tmp_path / "a" / "2.png", compress_level=0, pnginfo=described)
    save(colour, tmp_path / "b" / "3.bmp")
    save(colour, tmp_path / "b" / "4.webp", lossless=True)
    save(grey, tmp_path / "b" / "5.png")
    save(grey.convert("RGB"), tmp_path / "b" / "6.tif")
    save(draw(), tmp_path / "b" / "7.png")
    contents = {path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert len(contents) == 7
    found = look(tmp_path)
    assert names(found, found.exact_duplicates) == [
        {"a/1.png", "a/2.png", "b/3.bmp", "b/4.webp"},
        {"b/5.png", "b/6.tif"},
    ]
    assert found.near_duplicates == ()


def test_exif_orientation_does_not_make_another_picture(tmp_path: Path) -> None:
    """A JPEG with other EXIF data is the same photograph: what is encoded counts, not how it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = draw()
    save(image, tmp_path / "a" / "1.jpg", quality=90)
    save(image, tmp_path / "a" / "2.jpg", quality=90, exif=exif)
    assert (tmp_path / "a" / "1.jpg").read_bytes() != (tmp_path / "a" / "2.jpg").read_bytes()
    assert look(tmp_path).exact_duplicates == ((0, 1),)


def test_same_bytes_of_another_shape_are_no_copy(tmp_path: Path) -> None:
    """A white field of 8 x 2 pixels is not one of 4 x 4."""
    save(Image.new("RGB", (8, 2), "white"), tmp_path / "a" / "1.png")
    save(Image.new("RGB", (4, 4), "white"), tmp_path / "a" / "2.png")
    assert look(tmp_path).exact_duplicates == ()


def test_a_copy_with_two_labels_is_a_conflict(tmp_path: Path) -> None:
    """Exact and near copies make one group; it is a conflict when its classes differ."""
    first, second, third = draw(), draw(), draw()
    save(first, tmp_path / "a" / "1.png")
    save(first, tmp_path / "a" / "2.bmp")
    save(first.resize((90, 72)), tmp_path / "b" / "3.png")
    save(second, tmp_path / "b" / "4.png")
    save(second, tmp_path / "b" / "5.bmp")
    save(third, tmp_path / "b" / "6.png")
    found = look(tmp_path)
    assert names(found, found.exact_duplicates) == [{"a/1.png", "a/2.bmp"}, {"b/4.png", "b/5.bmp"}]
    assert [(i, j) for i, j, _ in found.near_duplicates] == [(0, 2)]
    assert names(found, group_duplicates(found)) == [{"a/1.png", "a/2.bmp", "b/3.png"}, {"b/4.png", "b/5.bmp"}]
    assert names(found, conflicting(found)) == [{"a/1.png", "a/2.bmp", "b/3.png"}]
    assert count_duplicates(found) == DuplicateCounts(
        exact_groups=2, exact_images=4, near_groups=1, near_images=3, conflicting_groups=1, conflicting_images=3
    )


def test_parts_do_not_change_the_answer(
    toy_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Thumbnails, copies and unreadable files keep their places when the images are read part by part."""
    dataset = toy_dataset((4, 4), size=40)
    shutil.copy(dataset.root / dataset.files[0], dataset.root / dataset.files[6])
    (dataset.root / dataset.files[2]).write_bytes(b"")
    listed = list_dataset(dataset.id, dataset.root)
    whole = inspect(listed)
    monkeypatch.setattr(module, "PART", 3)
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "other"))
    assert_equal(inspect(listed), whole)
    assert whole.exact_duplicates == ((0, 5),)


def test_an_interrupted_inspection_goes_on(
    toy_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before the interruption is not read again."""
    monkeypatch.setattr(module, "PART", 2)
    dataset, load, read = toy_dataset((4, 2)), module.load_image, []
    interruptions = [KeyboardInterrupt()]

    def load_some(path: Path) -> Image.Image:
        if interruptions and path == dataset.root / dataset.files[5]:
            raise interruptions.pop()
        read.append(path.relative_to(dataset.root).as_posix())
        return load(path)

    monkeypatch.setattr(module, "load_image", load_some)
    with pytest.raises(KeyboardInterrupt):
        inspect(dataset)
    read.clear()
    assert inspect(dataset).files == dataset.files
    assert sorted(read) == sorted(dataset.files[4:])


def test_a_second_inspection_reads_no_image(toy_dataset: Callable[..., Dataset]) -> None:
    """The answer comes from the cache, and no parts are left there."""
    dataset = toy_dataset()
    first = inspect(dataset)
    shutil.rmtree(dataset.root)
    assert_equal(inspect(dataset), first)
    assert not module._cache_entry(dataset).parts.exists()


def test_a_damaged_cache_is_made_again(toy_dataset: Callable[..., Dataset], capsys: pytest.CaptureFixture) -> None:
    """A cut file in the cache is said and replaced."""
    dataset = toy_dataset()
    first, path = inspect(dataset), module._cache_entry(dataset).path
    path.write_bytes(path.read_bytes()[:100])
    assert_equal(inspect(dataset), first)
    assert "inspecting again" in capsys.readouterr().err
    assert_equal(load_collection(path), first)


def test_saved_collection_is_the_same(tmp_path: Path) -> None:
    """Every field comes back, with odd names of files and classes."""
    image = draw()
    for folder in ("a b", "é<b>"):
        save(image, tmp_path / "set" / folder / "new\nline.png")
    save(image.resize((80, 64)), tmp_path / "set" / "a b" / "near.png")
    (tmp_path / "set" / "a b" / "bad.png").write_text("x")
    found = look(tmp_path / "set")
    assert found.near_duplicates
    assert found.exact_duplicates
    save_collection(tmp_path / "kept" / "c.safetensors", found)
    assert_equal(load_collection(tmp_path / "kept" / "c.safetensors"), found)


def test_other_files_are_no_collection(tmp_path: Path) -> None:
    """A missing file, foreign bytes and another ending are one line each."""
    path = tmp_path / "c.safetensors"
    with pytest.raises(LeaderboardError, match=r"c\.safetensors does not exist"):
        load_collection(path)
    path.write_bytes(b"x" * 50)
    with pytest.raises(LeaderboardError, match=r"is no collection file \(.*\); let `leaderboard report` write it"):
        load_collection(path)
    save(draw(), tmp_path / "set" / "x.png")
    with pytest.raises(LeaderboardError, match=r"ends in '\.npz'; expected \.safetensors"):
        save_collection(tmp_path / "c.npz", look(tmp_path / "set"))


def test_without_one_readable_image_there_is_no_collection(tmp_path: Path) -> None:
    """The error names the first file and its reason, on one line."""
    (tmp_path / "a").mkdir()
    for name in ("1\n2.png", "3.png"):
        (tmp_path / "a" / name).touch()
    with pytest.raises(LeaderboardError) as caught:
        look(tmp_path)
    assert str(caught.value) == r"grains: none of its 2 images can be read; a/1\n2.png: the file is empty"
