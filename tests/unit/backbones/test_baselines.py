"""Baselines without weights: thumbnails, histograms of colour, histograms of gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.backbones import load_backbone
from leaderboard.backbones.baseline import compute_color_histogram, compute_hog, compute_pixels
from leaderboard.errors import LeaderboardError
from leaderboard.records import Preprocessing
from leaderboard.registry import load_registry

RAW = Preprocessing((16, 16), None, "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def registry():
    return load_registry(Path(__file__).parents[3])


def gradient_histogram(grey: np.ndarray) -> np.ndarray:
    """Dalal and Triggs, spelt out: cells of 16, 9 unsigned orientations, blocks of 2 x 2 cells, L2-Hys."""
    height, width = grey.shape
    cells = np.zeros((height // 16, width // 16, 9))
    for y in range(height):
        for x in range(width):
            down = grey[y + 1, x] - grey[y - 1, x] if 0 < y < height - 1 else 0.0
            right = grey[y, x + 1] - grey[y, x - 1] if 0 < x < width - 1 else 0.0
            angle = np.degrees(np.arctan2(down, right)) % 180
            cells[y // 16, x // 16, int(angle // 20) % 9] += np.hypot(down, right) / 256
    blocks = []
    for y in range(cells.shape[0] - 1):
        for x in range(cells.shape[1] - 1):
            block = cells[y : y + 2, x : x + 2].ravel()
            block = np.minimum(block / np.sqrt((block**2).sum() + 1e-10), 0.2)
            blocks.append(block / np.sqrt((block**2).sum() + 1e-10))
    return np.concatenate(blocks)


def test_a_thumbnail_is_its_values_row_by_row(make_spec):
    """The vector is the resized image in [0, 1], rows first, then columns, then channels."""
    image = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    assert compute_pixels(image).tolist() == list(range(12))
    spec = make_spec(library="baseline", architecture="pixels", preprocessing=RAW, pooling=None)
    drawn = Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3))
    backbone = load_backbone(spec)
    vector = backbone.embed([backbone.prepare(drawn)])[0]
    assert vector == pytest.approx(np.asarray(drawn).reshape(-1) / 255, abs=1e-7)


def test_joint_bins_are_counted():
    """Four points fall into the bins (r, g, b) -> 64 r + 8 g + b that their eighths name; 1.0 is in the last one."""
    points = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.124], [0.13, 0.26, 0.38], [1.0, 1.0, 1.0]]
    found = compute_color_histogram(np.float32(points).reshape(2, 2, 3))
    expected = np.zeros(512)
    expected[0], expected[64 + 16 + 3], expected[511] = np.sqrt([0.5, 0.25, 0.25])
    assert found == pytest.approx(expected)


def test_the_distance_of_two_histograms_is_hellingers():
    """Half the squared distance of two vectors is one minus the sum of root products of the shares."""
    one, two = (np.random.default_rng(seed).beta(2, seed, (20, 20, 3)) for seed in (1, 2))
    shares = [np.histogramdd(image.reshape(-1, 3), bins=8, range=[(0, 1)] * 3)[0].ravel() / 400 for image in (one, two)]
    distance = np.linalg.norm(compute_color_histogram(one) - compute_color_histogram(two))
    assert distance**2 / 2 == pytest.approx(1 - np.sqrt(shares[0] * shares[1]).sum())
    assert 0.3 < distance < np.sqrt(2)


def test_a_turned_image_has_the_same_histogram_of_tints(draw):
    """A quarter turn leaves the joint histogram as it is and changes the thumbnail; a brighter image changes both."""
    image = np.asarray(draw(1, (64, 64))[0], dtype=np.float32) / 255
    turned, brighter = np.rot90(image), np.minimum(image + 0.25, 1)
    assert np.array_equal(compute_color_histogram(turned), compute_color_histogram(image))
    assert not np.allclose(compute_pixels(turned), compute_pixels(image), atol=0.1)
    assert np.linalg.norm(compute_color_histogram(brighter) - compute_color_histogram(image)) > 0.5
    assert np.allclose(compute_pixels(image + 0.25) - compute_pixels(image), 0.25)


def test_gradients_agree_with_the_definition(draw):
    """The vector of a 48 x 32 image is that of Dalal and Triggs, computed value by value, on the grey image."""
    image = np.asarray(draw(1, (48, 32))[0], dtype=np.float32) / 255
    grey = image.astype(np.float64) @ [0.299, 0.587, 0.114]
    found = compute_hog(image)
    assert found.shape == (2 * 36,)
    assert found == pytest.approx(gradient_histogram(grey), abs=1e-4)
    assert np.ptp(found) > 0.1


def test_gradients_know_orientation_and_not_brightness(draw):
    """More light, as an offset or as a factor, changes no gradient histogram; a quarter turn does."""
    image = np.asarray(draw(1, (64, 64))[0], dtype=np.float32) / 255
    plain = compute_hog(image)
    assert compute_hog(image + 0.2) == pytest.approx(plain, abs=1e-3)
    assert compute_hog(image * 0.5) == pytest.approx(plain, abs=1e-3)
    stripes = np.repeat(np.sin(np.arange(64) / 3)[None, :, None], 64, axis=0).repeat(3, axis=2)
    upright, lying = compute_hog(stripes), compute_hog(np.rot90(stripes))
    assert upright @ lying == pytest.approx(0, abs=1e-3)
    assert upright @ upright > 1


def test_every_baseline_has_its_declared_dimension(registry, draw):
    """Each baseline of models.yaml gives finite float32 vectors of the declared length, whatever the image's size."""
    images = [*draw(2, (90, 70)), *draw(1, (31, 200))]
    baselines = [spec for spec in registry.models.values() if spec.library == "baseline"]
    assert len(baselines) >= 3
    for spec in baselines:
        backbone = load_backbone(spec)
        vectors = backbone.embed([backbone.prepare(image) for image in images])
        assert (vectors.shape, vectors.dtype) == ((3, spec.dimension), np.float32), spec.id
        assert np.isfinite(vectors).all(), spec.id
        assert len(np.unique(vectors, axis=0)) == 3, spec.id
        assert backbone.parameters == 0


def test_an_unknown_feature_names_the_known_ones(make_spec):
    """A baseline that does not exist is refused with the list of those that do."""
    spec = make_spec(library="baseline", architecture="sift", preprocessing=RAW)
    with pytest.raises(LeaderboardError, match="architecture one of pixels, color-histogram, hog, not 'sift'"):
        load_backbone(spec)


def test_a_baseline_has_no_preprocessing_of_its_own(make_spec):
    """``preprocessing: model`` means nothing without a model, and is refused."""
    spec = make_spec(library="baseline", architecture="pixels", preprocessing="model")
    with pytest.raises(LeaderboardError, match="needs an explicit preprocessing"):
        load_backbone(spec)


def test_what_the_numbers_depend_on_is_recorded(make_spec):
    """Feature, preprocessing and the version of the features go into the cell's inputs."""
    spec = make_spec(library="baseline", architecture="hog", preprocessing=RAW, pooling=None)
    inputs = load_backbone(spec).inputs
    other = Preprocessing((16, 16), None, "bicubic", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    changed = make_spec(library="baseline", architecture="hog", preprocessing=other, pooling=None)
    assert inputs["architecture"] == "hog"
    assert inputs["loader"] >= 1
    assert {key for key in inputs if inputs[key] != load_backbone(changed).inputs[key]} == {"preprocessing"}
