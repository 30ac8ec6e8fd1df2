"""The synthetic palynomorphs: reproducible to the byte, independent of one another, with known factors."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from leaderboard.datasets.morphotypes import DRAWERS
from leaderboard.datasets.synthetic import FACTORS, MORPHOTYPES, SIDE, draw_specimen, save_synthetic

# A centred and clean specimen, undistorted, on an even field: what is left is the shape.
PLAIN: Mapping[str, float] = dict.fromkeys(
    ("shift_x", "shift_y", "distortion", "debris", "vignetting", "noise", "rotation"), 0.0
)
MODEL_WORDS = ("dino", "clip", "vit", "mae", "hog", "pixels", "resnet")

each_morphotype = pytest.mark.parametrize("morphotype", MORPHOTYPES)


def draw(morphotype: str, fixed: Mapping[str, float], *, index: int = 0) -> NDArray[np.float64]:
    """Grey levels as floats, (SIDE, SIDE, 3)."""
    return draw_specimen(morphotype, seed=1, index=index, fixed=fixed).pixels.astype(np.float64)


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, by its relative path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images of every class."""
    folder = tmp_path_factory.mktemp("synthetic")
    save_synthetic(folder, seed=7, images_per_class=2)
    return folder


def test_morphotypes_are_the_drawers_in_byte_order() -> None:
    """There are at least eight morphotypes, listed in the order of their bytes."""
    assert list(MORPHOTYPES) == sorted(DRAWERS, key=str.encode)
    assert len(MORPHOTYPES) >= 8


@each_morphotype
def test_no_morphotype_is_selected_by_a_model_word(morphotype: str) -> None:
    """Selecting models by name cannot select data by accident."""
    assert not [word for word in MODEL_WORDS if word in morphotype]


@each_morphotype
def test_a_specimen_is_an_rgb_image_with_a_specimen_on_it(morphotype: str) -> None:
    """Each drawing has the declared shape and type, and its middle third absorbs light, blue most of all."""
    pixels = draw_specimen(morphotype, seed=1, index=0, fixed=PLAIN).pixels
    assert pixels.shape == (SIDE, SIDE, 3)
    assert pixels.dtype == np.uint8
    middle, corner = pixels[SIDE // 3 : -SIDE // 3].mean(axis=(0, 1)), pixels[:8, :8].mean(axis=(0, 1))
    loss = 1.0 - middle / corner
    assert loss[2] > loss[0] > 0.0
    assert loss[2] > 0.05


@each_morphotype
def test_the_same_seed_gives_the_same_bytes_whatever_else_is_drawn(morphotype: str, saved: Path) -> None:
    """An image drawn alone is, to the byte, the one that was drawn among all others of the saved set."""
    stored = np.asarray(Image.open(saved / morphotype / f"{morphotype}-001.bmp"))
    assert stored.tobytes() == draw_specimen(morphotype, seed=7, index=1).pixels.tobytes()


def test_seed_and_index_both_change_the_image() -> None:
    """Another seed, another index, and the two exchanged, all give other bytes."""
    keys = [(1, 0), (2, 0), (1, 1), (0, 1)]
    images = {draw_specimen("chorate-cyst", seed=seed, index=index).pixels.tobytes() for seed, index in keys}
    assert len(images) == len(keys)


def test_a_larger_set_begins_with_the_smaller_one(saved: Path, tmp_path: Path) -> None:
    """The number of images per class does not change the images, nor does saving anew."""
    save_synthetic(tmp_path, seed=7, images_per_class=1)
    smaller, larger = read_tree(tmp_path), read_tree(saved)
    assert all(larger[path] == content for path, content in smaller.items() if path.endswith(".bmp"))


def test_the_saved_tree_is_a_folder_per_class_and_a_table(saved: Path) -> None:
    """Files are named by morphotype and index; nothing else is written but factors.csv."""
    images = {f"{name}/{name}-{index:03d}.bmp" for name in MORPHOTYPES for index in range(2)}
    assert set(read_tree(saved)) == images | {"factors.csv"}


def test_all_saved_images_are_distinct(saved: Path) -> None:
    """No two images of a set share their bytes."""
    images = [content for path, content in read_tree(saved).items() if path.endswith(".bmp")]
    assert len(set(images)) == len(images) == 2 * len(MORPHOTYPES)


def test_the_table_holds_the_exact_factors(saved: Path) -> None:
    """Every image has its row, and the floats survive the table to the last bit."""
    with (saved / "factors.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == sorted(path for path in read_tree(saved) if path != "factors.csv")
    for row in rows[:3]:
        name, index = row["path"].split("/")[0], int(row["path"][-7:-4])
        factors = draw_specimen(name, seed=7, index=index).factors
        assert {factor: float(row[factor]) for factor in FACTORS} == factors


def test_factors_stay_in_their_declared_ranges(saved: Path) -> None:
    """Every factor of every image lies in its range, and none is constant."""
    with (saved / "factors.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for factor, (low, high) in FACTORS.items():
        values = [float(row[factor]) for row in rows]
        assert low <= min(values) < max(values) <= high, factor


def test_a_quarter_turn_of_the_specimen_is_a_quarter_turn_of_the_image() -> None:
    """`rotation` counts degrees counter-clockwise; on a plain field it turns the image, no more."""
    upright, turned = (draw("ceratioid-cyst", {**PLAIN, "rotation": angle}) for angle in (0.0, 90.0))
    assert np.abs(turned - upright).max() > 30.0
    np.testing.assert_allclose(turned, np.rot90(upright), atol=1.0)


def test_the_mirrored_specimen_is_the_mirrored_image() -> None:
    """`mirrored` flips an upright specimen from left to right and does nothing else."""
    face, back = (draw("ceratioid-cyst", {**PLAIN, "mirrored": side}) for side in (0.0, 1.0))
    assert np.abs(face - back).max() > 30.0
    np.testing.assert_allclose(back, face[:, ::-1], atol=1.0)


def test_a_shift_by_whole_pixels_moves_the_specimen_right_and_up() -> None:
    """`shift_x` and `shift_y` are in half image sides: 0.1 is 8 pixels of 80."""
    still, moved = (draw("chorate-cyst", {**PLAIN, "shift_x": by, "shift_y": by}) for by in (0.0, 0.1))
    assert np.abs(moved - still).max() > 30.0
    np.testing.assert_allclose(moved[:-8, 8:], still[8:, :-8], atol=1.0)


@pytest.mark.parametrize("factor", sorted(FACTORS))
def test_every_factor_changes_the_image(factor: str) -> None:
    """Two values of a factor, all else equal, give different images: none is recorded in vain."""
    low, high = FACTORS[factor]
    far = 180.0 if factor == "rotation" else high  # a full turn changes nothing
    first, second = (draw("peridinioid-cyst", {factor: value}, index=2) for value in (low, far))
    assert np.abs(first - second).mean() > 0.1


def test_stain_darkens() -> None:
    """More stain absorbs more light."""
    pale, dark = (draw("chorate-cyst", {"stain": value}) for value in FACTORS["stain"])
    assert dark.mean() < pale.mean()


def test_blur_softens() -> None:
    """More blur leaves smaller steps between neighbouring pixels."""
    sharp, soft = (draw("chorate-cyst", {"noise": 0.0, "blur": value}) for value in FACTORS["blur"])
    assert np.abs(np.diff(soft, axis=0)).mean() < np.abs(np.diff(sharp, axis=0)).mean()


def test_noise_has_the_recorded_standard_deviation() -> None:
    """On grey levels away from the ends, `noise` is the standard deviation of what it adds."""
    clean, noisy = (draw("trilete-spore", {**PLAIN, "noise": value}) for value in (0.0, 3.0))
    assert np.std(noisy - clean) == pytest.approx(3.0, rel=0.05)


def test_more_debris_adds_to_what_there_was() -> None:
    """Debris that has been drawn stays when the amount grows, and the image darkens by the new pieces."""
    clean, some, much = (draw("chorate-cyst", {"debris": value, "noise": 0.0}) for value in (0.0, 0.5, 1.0))
    assert clean.mean() > some.mean() > much.mean()


@pytest.mark.parametrize(
    ("morphotype", "factor", "message"),
    [
        ("chorate", "scale", "morphotype 'chorate' is not one of .*chorate-cyst"),
        ("chorate-cyst", "zoom", "factor 'zoom' is not one of .*scale"),
    ],
)
def test_unknown_names_are_refused(morphotype: str, factor: str, message: str) -> None:
    """An unknown morphotype or factor is an error that names it and lists what there is."""
    with pytest.raises(ValueError, match=message):
        draw_specimen(morphotype, seed=0, index=0, fixed={factor: 1.0})
