"""Colours of patches, the model's view of an image, and the figure of both."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.backbones._tokens import Tokens
from leaderboard.images import prepare_image
from leaderboard.records import Preprocessing
from leaderboard.report.file_names import name_files
from leaderboard.report.model_view import find_box, restore_pixels
from leaderboard.report.token_colours import colour_patches, find_foreground
from leaderboard.report.token_pictures import Look, draw_look, save_figure, smooth_registers

pytest.importorskip("matplotlib")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def grid_of(rows: slice, columns: slice, *, side: int = 8, light: float = 0.0) -> np.ndarray:
    """Tokens (side, side, 6): a rectangle of one kind on a ground of another, a little noise; ``light`` shifts all."""
    draws = np.random.default_rng(side)
    grid = draws.normal(0, 0.05, (side, side, 6))
    grid[rows, columns, :2] += 3.0
    grid[..., 4] += light
    return grid.astype(np.float32)


CENTRE = (slice(2, 6), slice(3, 6))


def test_equal_patches_have_equal_colours_in_all_images() -> None:
    """One analysis for all: the specimen's colour is the same in both images, and not that of the ground."""
    grids = [grid_of(*CENTRE), grid_of(slice(4, 7), slice(1, 5))]
    first, second = colour_patches(grids, blank=[False, False]).patches
    assert first[3, 4, 0] == pytest.approx(second[5, 2, 0], abs=0.05)
    assert abs(first[3, 4, 0] - first[0, 0, 0]) > 0.8


def test_colours_are_the_first_components_by_their_definition() -> None:
    """The red channel is the projection on the covariance's first eigenvector, cut at its percentiles 1 and 99."""
    grid = np.random.default_rng(3).normal(size=(9, 7, 5)) * np.array([4, 2, 1, 0.5, 0.2])
    flat = grid.reshape(-1, 5) - grid.reshape(-1, 5).mean(axis=0)
    scores = flat @ np.linalg.eigh(flat.T @ flat)[1][:, -1]
    low, high = np.percentile(scores, (1, 99))
    expected = np.clip((scores - low) / (high - low), 0, 1).reshape(9, 7)
    found = colour_patches([grid], blank=[False]).patches[0][..., 0]
    assert np.allclose(found, expected) or np.allclose(found, 1 - expected)  # an eigenvector has no sign


@pytest.mark.parametrize("sign", [1, -1])
def test_the_foreground_is_the_side_away_from_the_borders(sign: int) -> None:
    """Whatever the sign of the component, and however large the specimen is."""
    for place in (CENTRE, (slice(1, 7), slice(1, 7))):
        expected = np.zeros((8, 8), dtype=bool)
        expected[place] = True
        (found,) = find_foreground([sign * grid_of(*place)], blank=[False])
        assert np.array_equal(found, expected)


def test_the_foreground_does_not_depend_on_differences_between_images() -> None:
    """A slide that is lit differently is not all foreground."""
    masks = find_foreground([grid_of(*CENTRE), grid_of(*CENTRE, light=50.0)], blank=[False, False])
    assert [int(mask.sum()) for mask in masks] == [12, 12]


def test_a_blank_image_has_no_foreground() -> None:
    """Neither when it is known to be blank, nor when its patches hardly differ."""
    faint = grid_of(slice(0, 0), slice(0, 0))
    assert not find_foreground([grid_of(*CENTRE), faint], blank=[False, False])[1].any()
    assert not find_foreground([faint], blank=[True])[0].any()


def test_patches_that_are_all_alike_are_grey() -> None:
    """No division by a variance of zero, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        colours = colour_patches([np.ones((3, 4, 5), np.float32)], blank=[True])
    assert np.array_equal(colours.patches[0], np.full((3, 4, 3), 0.5))
    assert not colours.foreground[0].any()


@pytest.mark.parametrize("shape", [(1, 1, 5), (1, 3, 2), (2, 3, 1)])
def test_a_handful_of_patches_can_be_coloured(shape: tuple[int, int, int]) -> None:
    """Fewer than three components are there; the other channels are grey."""
    grid = np.random.default_rng(0).normal(size=shape)
    colours = colour_patches([grid], blank=[False])
    assert colours.patches[0].shape == (*shape[:2], 3)
    assert np.isfinite(colours.patches[0]).all()


def test_register_attention_is_the_smoothed_clipped_median() -> None:
    """One wild head or register moves nothing; the map goes from 0 to 1."""
    maps = np.tile(np.linspace(0, 1, 12)[:, None], (3, 5, 1, 10))
    wild = maps.copy()
    wild[0] = 9.0
    wild[1, 0] = 7.0
    smooth = smooth_registers(maps)
    assert smooth == pytest.approx(smooth_registers(wild))
    assert (smooth.min(), smooth.max()) == (0, 1)
    assert (np.diff(smooth[:, 0]) >= 0).all()
    assert not smooth_registers(np.ones((2, 4, 3, 3))).any()


@pytest.mark.parametrize(
    ("resize", "crop", "expected"),
    [
        ((64, 64), None, (0, 0, 1, 1)),
        ((64, 64), 48, (1 / 8, 1 / 8, 7 / 8, 7 / 8)),
        (64, 64, (1 / 4, 0, 3 / 4, 1)),  # of an image twice as wide as high
    ],
)
def test_the_box_is_what_resizing_and_cropping_leave(resize, crop, expected: tuple[float, ...]) -> None:
    """As shares of width and height, also for images smaller and larger than the input."""
    for size in ((24, 12), (200, 100), (1000, 500)):
        preprocessing = Preprocessing(resize, crop, "bicubic", MEAN, STD)
        box = find_box(size, lambda image, given=preprocessing: prepare_image(image, given))
        assert box == pytest.approx(expected, abs=0.015)


def test_an_image_of_one_point_is_seen_whole() -> None:
    """There is no ramp in it to follow."""
    preprocessing = Preprocessing((16, 16), None, "bilinear", MEAN, STD)
    assert find_box((1, 1), lambda image: prepare_image(image, preprocessing)) == (0, 0, 1, 1)


def test_the_view_is_the_prepared_image_without_its_normalisation() -> None:
    """To the grey level."""
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    preprocessing = Preprocessing((20, 30), None, "nearest", MEAN, STD)

    def prepare(given: Image.Image) -> np.ndarray:
        return prepare_image(given, preprocessing)

    assert np.array_equal(restore_pixels(prepare(image), prepare), np.asarray(image))


def test_file_names_are_safe_and_no_two_alike() -> None:
    """Same stems, other cases, spaces, scripts, markup, dots and undecodable bytes."""
    paths = ["a/x.png", "b/x.jpg", "X.tif", "x-2.png", "花粉 1.png", "<i>$.png", "....png", "\udcff.png", "é" * 200]
    names = name_files([Path(path) for path in paths])
    assert names[:4] == ["x", "x-2", "X-3", "x-2-2"]
    assert names[4:8] == ["花粉-1", "i", "image", "image-2"]
    assert len(names[8].encode()) <= 150


def look_of(heads: int | None, *, registers: int = 0, shape: tuple[int, int] = (60, 90)) -> Look:
    """A drawn image with tokens of 4 x 6 patches."""
    draws = np.random.default_rng(0)
    image = draws.integers(0, 256, (*shape, 3), dtype=np.uint8)
    attention = None if heads is None else draws.dirichlet(np.ones(24), heads).reshape(heads, 4, 6)
    weights = draws.random((heads, registers, 4, 6)) if registers and heads else None
    tokens = Tokens(draws.normal(size=(4, 6, 3)), attention, weights, reason="" if heads else "it has none")
    colours = colour_patches([tokens.patches], blank=[False])
    box = (0.25, 0.1, 0.75, 0.9)
    return Look("grain", image, image[:40, :60], box, tokens, colours.patches[0], colours.foreground[0])


def titles_of(look: Look) -> list[str]:
    """All panels' titles."""
    parts = draw_look(look).subfigs
    return [axes.get_title(loc=side) for part in parts for axes in part.axes for side in ("left", "center")]


@pytest.mark.parametrize("heads", [1, 3, 6, 12, 16])
def test_every_head_has_a_panel(heads: int) -> None:
    """Numbered from 1, with its peak."""
    numbered = [title for title in titles_of(look_of(heads)) if title[:1].isdigit()]
    assert [title.split(":")[0] for title in numbered] == [str(number + 1) for number in range(heads)]


def test_the_peak_is_in_units_of_an_even_spread() -> None:
    """A head that looks at one of 24 patches alone has a peak of 24."""
    look = look_of(1)
    attention = np.zeros((1, 4, 6))
    attention[0, 2, 3] = 1
    assert "1: peak 24.0 ×" in titles_of(replace(look, tokens=replace(look.tokens, attention=attention)))


def test_panels_are_there_for_what_the_network_has() -> None:
    """Registers only where there are some; without attention the figure says why."""
    assert any("registers" in title for title in titles_of(look_of(2, registers=4)))
    assert not any("registers" in title for title in titles_of(look_of(2)))
    assert "No attention map: it has none." in [text.get_text() for text in draw_look(look_of(None)).subfigs[1].texts]


@pytest.mark.parametrize("shape", [(60, 90), (30, 600), (600, 30)])
def test_titles_do_not_overlap_and_stay_inside(shape: tuple[int, int]) -> None:
    """Whatever the shape of the image."""
    figure = draw_look(look_of(12, registers=4, shape=shape))
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(lambda item: hasattr(item, "get_text")) if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    inside = figure.bbox.padded(2)
    assert all(inside.contains(*box.min) and inside.contains(*box.max) for box in boxes)
    overlapping = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.padded(-1).overlaps(b.padded(-1))]
    assert not overlapping


def test_a_figure_is_written_as_png_and_pdf_the_same_each_time(tmp_path: Path) -> None:
    """No date is in them, and a name that the font lacks letters for is no warning."""
    look = replace(look_of(3), title="花粉 $x$ \udcff")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("one", "two"):
            save_figure(draw_look(look), tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.pdf", "one.png", "two.pdf", "two.png"]
    for ending in ("pdf", "png"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert min(picture.size) > 500
