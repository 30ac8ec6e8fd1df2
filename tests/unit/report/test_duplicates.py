"""Copies of one photograph are found whatever was done to the file; other specimens are not reported."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from leaderboard.datasets.synthetic import MORPHOTYPES, draw_specimen
from leaderboard.report import duplicates
from leaderboard.report.duplicates import compute_similarity, find_near, group_equal, group_linked, shrink_to_grey


def recompress(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=50)
    return Image.open(stream).convert("RGB")


def crop(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Shares of the sides are cut off."""
    width, height = image.size
    return image.crop(
        (round(width * left), round(height * top), width - round(width * right), height - round(height * bottom))
    )


def resize(image: Image.Image, share: float) -> Image.Image:
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BICUBIC)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recompressed": recompress,
    "smaller": lambda image: resize(image, 0.7),
    "larger": lambda image: resize(image, 1.5),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.9),
    "cropped all round": lambda image: crop(image, 0.03, 0.03, 0.03, 0.03),
    "cropped at one side": lambda image: crop(image, 0.03, 0, 0, 0),
    "all at once": lambda image: recompress(
        resize(crop(ImageEnhance.Brightness(image).enhance(1.1), 0.02, 0, 0, 0.02), 0.7).transpose(
            Image.Transpose.ROTATE_270
        )
    ),
} | {turn.name: (lambda image, turn=turn: image.transpose(turn)) for turn in Image.Transpose}


@pytest.fixture(scope="module")
def specimens() -> list[Image.Image]:
    """Four of each drawn morphotype."""
    return [
        Image.fromarray(draw_specimen(name, seed=3, index=index).pixels) for name in MORPHOTYPES for index in range(4)
    ]


def shrink(images: list[Image.Image]) -> np.ndarray:
    return np.stack([shrink_to_grey(image) for image in images])


def test_different_specimens_are_no_copies(specimens: list[Image.Image]) -> None:
    """Specimens of one morphotype on one bright field are alike, and not reported."""
    assert find_near(shrink(specimens)) == ()


@pytest.mark.parametrize("copied", COPIES)
def test_copies_are_found(specimens: list[Image.Image], copied: str) -> None:
    """Every copy of 40 is paired with its original, and with no other image."""
    pictures = shrink(specimens + [COPIES[copied](image) for image in specimens])
    count = len(specimens)
    found = find_near(pictures)
    assert [(i, j) for i, j, _ in found] == [(index, index + count) for index in range(count)]
    assert all(duplicates.SIMILAR <= similarity <= 1 for _, _, similarity in found)


def test_a_turned_copy_is_as_similar_as_the_picture_itself(specimens: list[Image.Image]) -> None:
    """The eight symmetries of the square cost nothing."""
    pictures = shrink(specimens)
    for turn in Image.Transpose:
        turned = shrink([image.transpose(turn) for image in specimens])
        assert compute_similarity(pictures, turned).min() > 0.995


def test_order_of_a_pair_does_not_matter(specimens: list[Image.Image]) -> None:
    """The similarity of A and B is that of B and A."""
    pictures, others = shrink(specimens), shrink([crop(image, 0.03, 0, 0, 0.02) for image in specimens])
    np.testing.assert_allclose(compute_similarity(pictures, others), compute_similarity(others, pictures), atol=2e-3)


def test_blank_and_tiny_images_are_in_no_pair() -> None:
    """Without variance, or with fewer pixels than the description has, there is nothing to compare."""
    noise = np.random.default_rng(0)
    barely = Image.fromarray((np.full((64, 64, 3), 230) + noise.integers(0, 2, (64, 64, 3))).astype(np.uint8))
    blank = [Image.new("RGB", (64, 64), colour) for colour in ("white", "white", "black")]
    tiny = [Image.fromarray(noise.integers(0, 256, (1, 1, 3), dtype=np.uint8)).resize((8, 8)) for _ in range(2)]
    sliver = [Image.linear_gradient("L").resize((500, 3)).convert("RGB")] * 2
    assert find_near(shrink([*blank, barely, barely, *tiny, *sliver])) == ()


def test_nothing_to_compare_gives_nothing() -> None:
    """No picture, or one."""
    assert find_near(np.empty((0, duplicates.SIDE, duplicates.SIDE), np.float16)) == ()
    assert find_near(np.arange(duplicates.SIDE**2, dtype=np.float16).reshape(1, duplicates.SIDE, duplicates.SIDE)) == ()


def test_blocks_do_not_change_the_pairs(specimens: list[Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    """How many pictures are compared at once changes nothing."""
    pictures = shrink(specimens[:12] + [recompress(image) for image in specimens[:12]])
    whole = find_near(pictures)
    monkeypatch.setattr(duplicates, "ROWS", 5)
    monkeypatch.setattr(duplicates, "PAIRS", 3)
    blocks = find_near(pictures)
    assert [(i, j) for i, j, _ in whole] == [(i, j) for i, j, _ in blocks] == [(i, i + 12) for i in range(12)]
    np.testing.assert_allclose([s for *_, s in whole], [s for *_, s in blocks], atol=1e-4)


def test_many_copies_of_one_picture_are_linked_with_bounded_work(
    specimens: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture is held against few others, and yet all copies end in one group."""
    monkeypatch.setattr(duplicates, "NEIGHBOURS", 3)
    noise = np.random.default_rng(0).normal(0, 0.5, (40, duplicates.SIDE, duplicates.SIDE))
    pairs = find_near((shrink(specimens[:1]) + noise).astype(np.float16))
    assert len(pairs) <= 3 * 40
    assert group_linked((i, j) for i, j, _ in pairs) == (tuple(range(40)),)


def test_memory_does_not_grow_with_the_square_of_the_pictures() -> None:
    """A turned copy among 6,000 is found in less memory than their distance matrix, 144 MB, would take."""
    coarse = np.random.default_rng(0).integers(60, 250, (6000, 8, 8)).astype(np.float16)
    pictures = coarse.repeat(4, axis=1).repeat(4, axis=2)
    pictures[-1] = pictures[7].T + 3
    tracemalloc.start()
    found = find_near(pictures)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(i, j) for i, j, _ in found] == [(7, 5999)]
    assert peak < 100_000_000


def test_equal_digests_are_grouped_by_first_member() -> None:
    """Only what is there twice makes a group."""
    assert group_equal(["b", "a", "c", "a", "b", "a"]) == ((0, 4), (1, 3, 5))


def test_links_are_joined_into_groups() -> None:
    """A copy of a copy belongs to the group, in whatever order the links come."""
    assert group_linked([(5, 6), (1, 2), (2, 9), (9, 1), (6, 0)]) == ((0, 5, 6), (1, 2, 9))
    assert group_linked([]) == ()
