"""The canary: its images, what is kept of the vectors, and when a difference counts."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leaderboard.canary import (
    FOLDER,
    IMAGES,
    TOLERANCES,
    check_canary,
    compare,
    compute_canary,
    describe_changes,
    describe_environment,
    describe_vectors,
    load_canary_images,
)
from leaderboard.errors import LeaderboardError
from leaderboard.options import DTYPES
from leaderboard.records import Result

# of every stored canary: when the pictures change, so does what is stored, and every model is measured again
PICTURES = "687cabf9414d65c0de1d3ffc9167f3e51ebaeba808e2615af4a79ee56c7377fb"
ATTENTION = "Changed since: "
STORED = {"norms": [2.0, 4.0], "cosines": [0.5]}
STEP = TOLERANCES["float32"]
WEIGHTS = {"source": "hub:toy/toy", "revision": "a" * 40, "sha256": "b" * 64, "digest": "c" * 64}


def moved(by: float) -> dict[str, list[float]]:
    """The stored canary with its cosine so far away."""
    return STORED | {"cosines": [0.5 + by]}


def as_loaded(result: Result, environment: dict[str, object] | None = None, **changes: Any) -> Any:
    """A model as it is loaded now: as the result was measured, but for these inputs."""
    now = {"device": "cpu"} if environment is None else environment
    return SimpleNamespace(
        spec=SimpleNamespace(id="toy"), inputs=result.provenance.inputs["model"] | changes, environment=now
    )


@pytest.fixture
def stored(make_result) -> Result:
    """A measured cell with its canary."""
    return make_result(canary=STORED, model={"weights": WEIGHTS})


# ---- the images


def test_sixteen_pictures_are_committed() -> None:
    """Plain RGB files without metadata, small enough for a repository and a wheel."""
    paths = sorted(FOLDER.iterdir())
    assert [path.name for path in paths] == [f"{number:02d}.png" for number in range(IMAGES)]
    assert sum(path.stat().st_size for path in paths) < 600_000
    for path in paths:
        with Image.open(path) as image:
            assert (image.mode, image.format, image.info) == ("RGB", "PNG", {}), path.name


def test_pictures_are_the_ones_that_stored_results_are_of() -> None:
    """Over their pixels: another encoder of PNG changes nothing."""
    digest = hashlib.sha256()
    for image in load_canary_images():
        digest.update(f"{image.size}".encode() + image.tobytes())
    assert digest.hexdigest() == PICTURES


def test_pictures_differ_in_size_shape_and_colour() -> None:
    """Some larger, some smaller than a network's input; square and oblong; no two of one mean colour."""
    images = load_canary_images()
    sizes = {image.size for image in images}
    assert len(sizes) >= 12
    assert any(min(size) > 256 for size in sizes)
    assert any(max(size) < 128 for size in sizes)
    ratios = [width / height for width, height in sizes]
    assert min(ratios) == 1  # in none is the height reduced more than the width: Pillow 13 changed the order for those
    assert max(ratios) >= 2
    colours = np.array([np.asarray(image).mean((0, 1)) for image in images])
    gaps = np.linalg.norm(colours[:, None] - colours[None], axis=2)[np.triu_indices(IMAGES, 1)]
    assert gaps.min() > 1


# ---- what is kept


def test_norms_and_cosines_of_all_pairs_are_kept() -> None:
    """Row by row above the diagonal."""
    canary = describe_vectors(np.array([[3, 4], [0, 2], [5, 0]], np.float32))
    assert canary == {"norms": [5.0, 2.0, 5.0], "cosines": [0.8, 0.6, 0.0]}
    assert len(describe_vectors(np.eye(IMAGES, dtype=np.float32))["cosines"]) == 120


def test_seven_digits_are_kept() -> None:
    """What float32 can tell; norms relative to their size."""
    canary = describe_vectors(np.array([[1e6 / 3, 0], [1e-6 / 3, 1e-6 / 3]], np.float32))
    assert canary == {"norms": [333333.3, 4.714045e-07], "cosines": [0.7071068]}


def test_a_vector_of_zeros_is_described() -> None:
    """Its cosines are 0; a network that gives zeros is another one than one that does not."""
    canary = describe_vectors(np.array([[0, 0], [1, 0]], np.float32))
    assert canary == {"norms": [0.0, 1.0], "cosines": [0.0]}
    assert compare(canary, canary).largest == 0
    assert compare(canary, {"norms": [1.0, 1.0], "cosines": [0.0]}).largest > 1


# ---- how far two are apart


def test_the_largest_difference_counts() -> None:
    """Cosines by their value, norms by their share."""
    difference = compare({"norms": [2.0, 100.0], "cosines": [0.5, 0.1]}, {"norms": [2.0, 101.0], "cosines": [0.4, 0.1]})
    assert difference.cosines == pytest.approx(0.1)
    assert difference.norms == pytest.approx(0.01)
    assert difference.largest == difference.cosines
    assert str(difference) == "0.1 in cosines, 0.01 in norms"


def test_a_scaled_vector_shows_in_the_norms() -> None:
    """Cosines alone do not see a lost factor."""
    vectors = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    difference = compare(describe_vectors(vectors), describe_vectors(vectors * np.float32(1.1)))
    assert difference.cosines < 1e-6
    assert difference.norms == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize(
    "broken", [{"norms": [math.nan, 4.0], "cosines": [0.5]}, {"norms": [2.0, 4.0], "cosines": [math.nan]}]
)
def test_not_a_number_is_infinitely_far(broken) -> None:
    """A model that gives NaN now is not the one that was stored, and cannot pass by comparing false."""
    assert compare(STORED, broken).largest == math.inf
    assert compare(broken, STORED).largest == math.inf
    assert compare(STORED, {"norms": [math.inf, 4.0], "cosines": [0.5]}).largest > 1


# ---- when it counts


def test_the_same_vectors_pass(stored: Result) -> None:
    """Also within the tolerance, and where nothing is stored yet."""
    check_canary([stored], as_loaded(stored), STORED)
    check_canary([stored], as_loaded(stored), moved(0.9 * STEP))
    check_canary([replace(stored, canary=None)], as_loaded(stored), moved(1))
    check_canary([], as_loaded(stored), moved(1))


def test_other_vectors_are_refused_with_size_tolerance_and_what_changed(stored: Result) -> None:
    """One line from which the user can act."""
    stored.provenance.environment.update(pillow="11.0.0", torch="2.6")  # type: ignore[attr-defined]
    now = as_loaded(stored, {"pillow": "12.1.0", "torch": "2.6", "device": "cpu"})
    with pytest.raises(LeaderboardError) as raised:
        check_canary([stored], now, moved(0.25))
    message = str(raised.value)
    assert "\n" not in message
    assert "model 'toy'" in message
    assert "stored with grains" in message
    assert "0.25 in cosines, 0 in norms" in message
    assert f"(tolerance {STEP:g})" in message
    assert f"{ATTENTION}pillow 11.0.0 to 12.1.0. " in message
    assert "remove the model's result files and measure again" in message


def test_every_stored_result_of_the_model_is_compared(stored: Result) -> None:
    """One that still agrees does not hide one that does not."""
    other = replace(stored, dataset="pollen", canary=moved(0.25))
    with pytest.raises(LeaderboardError, match="stored with pollen"):
        check_canary([stored, other], as_loaded(stored), STORED)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"pooling": "cls"}, "pooling"),
        ({"seed": 1}, "seed"),
        ({"preprocessing": "model"}, "preprocessing"),
        ({"loader": 99}, "loader"),
        ({"architecture": "hog"}, "architecture"),
        ({"weights": WEIGHTS | {"revision": "d" * 40}}, "weights"),
    ],
)
def test_what_says_itself_that_it_changed_is_a_new_measurement(stored: Result, changes, name: str) -> None:
    """An edited entry, a newer loader, another revision: the stored row is stale, not contradicted."""
    backbone = as_loaded(stored, **changes)
    assert describe_changes(stored, backbone) == [name]
    check_canary([stored], backbone, moved(1))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weights": WEIGHTS | {"sha256": "e" * 64}},
        {"weights": WEIGHTS | {"source": "url:https://example.org/toy.pth", "revision": None}},
        {"library": "timm", "loader": 7, "architecture": "another_name_for_it"},
    ],
    ids=["as it was", "another file of the tensors", "another place", "another library"],
)
def test_the_same_model_from_elsewhere_has_to_give_the_same(stored: Result, changes) -> None:
    """Another place or another library's copy is the same model by what it gives, or it is not the same."""
    with pytest.raises(LeaderboardError, match="although weights and entry are the same"):
        check_canary([stored], as_loaded(stored, **changes), moved(0.25))


def test_stored_lists_equal_an_entrys_tuples(stored: Result) -> None:
    """JSON has no tuples: that alone is no change."""
    listed = stored.provenance.inputs["model"]["preprocessing"]
    assert isinstance(listed["mean"], tuple)
    lists = {key: list(value) if isinstance(value, tuple) else value for key, value in listed.items()}
    assert describe_changes(stored, as_loaded(stored, preprocessing=lists)) == []


def test_every_dtype_has_a_tolerance_that_grows_with_its_rounding(stored: Result) -> None:
    """What float32 may not differ by, half precision may."""
    assert set(TOLERANCES) == set(DTYPES)
    assert TOLERANCES["float32"] < TOLERANCES["float16"] < TOLERANCES["bfloat16"]
    between = moved((TOLERANCES["float16"] + TOLERANCES["bfloat16"]) / 2)
    check_canary([stored], as_loaded(stored, dtype="bfloat16"), between)
    for dtype in ("float16", "float32"):
        with pytest.raises(LeaderboardError, match=re.escape(f"(tolerance {TOLERANCES[dtype]:g})")):
            check_canary([stored], as_loaded(stored, dtype=dtype), between)


def test_an_unchanged_environment_is_said_to_be_one(stored: Result) -> None:
    """Then the cause is something that nobody recorded."""
    assert describe_environment(stored, as_loaded(stored)) == "no version of what was recorded"
    assert describe_environment(stored, as_loaded(stored, {"device": "cuda"})) == "device cpu to cuda"


def test_a_model_that_gives_no_numbers_is_refused(toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN is not stored to be compared with later: it has no canary."""
    backbone = toy()
    monkeypatch.setattr(backbone, "describe", lambda image: np.full(8, np.nan, np.float32))
    with pytest.raises(LeaderboardError, match="model 'toy' makes NaN or infinity of the canary; the model is broken"):
        compute_canary(backbone)
