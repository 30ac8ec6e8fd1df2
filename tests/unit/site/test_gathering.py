"""What the pages are made from: names and pictures only of images that are the measured ones and may be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from leaderboard.datasets import list_dataset
from leaderboard.errors import CheckFailed
from leaderboard.records import Result
from leaderboard.registry import Registry
from leaderboard.sections import NO_NEWS
from leaderboard.site.gathering import describe_pictures, gather_material
from leaderboard.site.material import Material

Placed = Callable[..., Registry]


@pytest.fixture
def placed(registry: Registry, image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Placed:
    """Places four images as the registry's data set, and gives the registry that knows them."""

    def place(**changes: object) -> Registry:
        folder = image_folder((2, 2), name="grains", size=200)
        monkeypatch.setenv("LEADERBOARD_DATA", str(folder.parent))
        digest = list_dataset("grains", folder).digest
        known: dict[str, object] = {"digest": digest, "thumbnails": True, "protocols": ("knn",)}
        spec = replace(registry.dataset("grains"), **(known | changes))
        return replace(registry, datasets={spec.id: spec})

    return place


@pytest.fixture
def gather(make_result: Callable[..., Result]) -> Callable[..., Material]:
    """Material of one result, measured on what the registry says."""

    def make(registry: Registry, *, with_thumbnails: bool = True, **changes: object) -> Material:
        result = make_result(inputs={"dataset": registry.dataset("grains").digest}, **changes)
        return gather_material(registry, [result], NO_NEWS, with_thumbnails=with_thumbnails)

    return make


def test_every_image_has_a_small_picture(placed: Placed, gather: Callable[..., Material]) -> None:
    """JPEGs of 96 pixels, with the file's name at the same index."""
    material = gather(placed())
    images = material.images["grains"]
    assert list(images.files) == ["class-0/000.png", "class-0/001.jpg", "class-1/000.png", "class-1/001.jpg"]
    assert list(images.thumbnails) == [0, 1, 2, 3]
    with Image.open(BytesIO(images.thumbnails[2])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (96, 96))
    assert describe_pictures(material) == ["grains: 4 pictures"]


def test_without_being_asked_for_no_picture_is_made(placed: Placed, gather: Callable[..., Material]) -> None:
    """Nor is a folder read."""
    assert gather(placed(), with_thumbnails=False).images == {}


def test_pictures_of_a_data_set_that_may_not_be_shown_are_not_made(
    placed: Placed, gather: Callable[..., Material]
) -> None:
    """However complete its folder is; the key that would allow it is named."""
    material = gather(placed(thumbnails=False))
    assert material.images == {}
    (line,) = describe_pictures(material)
    assert line.startswith("grains: no pictures; datasets.yaml does not say that they may be shown")
    assert "thumbnails" in line


def test_images_that_are_not_here_are_said_with_their_place(
    placed: Placed, gather: Callable[..., Material], tmp_path: Path
) -> None:
    """And the site is built without them."""
    registry = placed()
    (tmp_path / "grains").rename(tmp_path / "elsewhere")
    (line,) = describe_pictures(gather(registry))
    assert line.startswith("grains: no pictures; data set grains is not here")
    assert f"place it in {tmp_path}/grains/" in line


def test_other_images_than_the_declared_ones_are_refused(placed: Placed, gather: Callable[..., Material]) -> None:
    """A picture of the wrong specimen beside a result would be worse than none."""
    with pytest.raises(CheckFailed, match="grains"):
        gather(placed(digest="e" * 64))


def test_names_come_from_the_manifest_where_no_image_is(registry: Registry, make_result: Callable[..., Result]) -> None:
    """Of a data set whose manifest is shipped; its digest is the declared one."""
    digest = "17a00ae74b8ec693ad245057a1fe501141c3a7277aabf8eecf533331e11c762f"
    spec = replace(registry.dataset("grains"), digest=digest, manifest="palynomorphs-20.sha256", protocols=("knn",))
    material = gather_material(replace(registry, datasets={"grains": spec}), [make_result()], NO_NEWS)
    images = material.images["grains"]
    assert images.digest == digest
    assert len(images.files) == 697
    assert not images.has_pictures


@pytest.mark.parametrize("difference", ["digest", "left out"])
def test_a_cell_of_other_images_gets_none_of_these(
    placed: Placed, gather: Callable[..., Material], make_result: Callable[..., Result], difference: str
) -> None:
    """Its index 3 may be another image."""
    registry = placed()
    material, dataset = gather(registry), registry.dataset("grains")
    same = make_result(inputs={"dataset": dataset.digest})
    other = make_result(inputs={"dataset": "f" * 64}) if difference == "digest" else replace(same, left_out=["x.png"])
    assert material.images_of(dataset, same) is material.images["grains"]
    assert material.images_of(dataset, other) is None
