"""Reading image files of every kind, and preparing them as torchvision does."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leaderboard.images import SUFFIXES, BadImage, load_image, prepare_image
from leaderboard.records import Preprocessing

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DRAWS = np.random.default_rng(7)
RGB = DRAWS.integers(0, 256, (9, 7, 3), dtype=np.uint8)
GREY = DRAWS.integers(0, 256, (9, 7), dtype=np.uint8)
ALPHA = DRAWS.integers(0, 256, (9, 7), dtype=np.uint8)
DEEP = DRAWS.integers(0, 65536, (9, 7), dtype=np.uint16)
DEEP[0, :3] = 0, 65535, 128


def read(path: Path) -> np.ndarray:
    image = load_image(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def grey_to_rgb(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2)


def over_white(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return values * share + 255 * (1 - share)


def deep_to_rgb() -> np.ndarray:
    return grey_to_rgb(np.array([[round(int(value) * 255 / 65535) for value in row] for row in DEEP], dtype=np.uint8))


def png_bytes(rows: np.ndarray, *, bits: int, colour_type: int) -> bytes:
    """A PNG written by hand, for what Pillow does not write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = rows.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm", "jp2"])
def test_sixteen_bit_grey_is_scaled_from_its_full_range(tmp_path: Path, suffix: str) -> None:
    """16-bit grey becomes 8-bit by value * 255 / 65535, rounded, in every format that holds it."""
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(DEEP).save(path, **({"irreversible": False} if suffix == "jp2" else {}))
    np.testing.assert_array_equal(read(path), deep_to_rgb())


def test_sixteen_bit_big_endian_is_read_alike(tmp_path: Path) -> None:
    """The byte order of a 16-bit TIFF does not matter."""
    Image.frombytes("I;16B", (7, 9), DEEP.astype(">u2").tobytes()).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), deep_to_rgb())


def test_sixteen_bit_values_in_mode_i_are_scaled(tmp_path: Path) -> None:
    """A 32-bit integer TIFF that holds 0..65535 is read as 16-bit grey."""
    Image.fromarray(DEEP.astype(np.int32)).save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as stored:
        assert stored.mode == "I"
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), deep_to_rgb())


def test_a_dark_sixteen_bit_image_stays_dark(tmp_path: Path) -> None:
    """The scale is the format's, never the image's own darkest and brightest value."""
    Image.fromarray(np.array([[0, 257 * 10]], dtype=np.uint16)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png")[0, :, 0], [0, 10])


@pytest.mark.parametrize("full", [1.0, 65535.0])
def test_float_grey_is_scaled_from_its_full_range(tmp_path: Path, full: float) -> None:
    """A float TIFF holds 0..1, or counts up to 65535 when a value exceeds 1."""
    values = (DEEP / 65535 * full).astype(np.float32)
    Image.fromarray(values).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read(tmp_path / "a.tif"), grey_to_rgb(values / full * 255), atol=0.51)


@pytest.mark.parametrize("value", [-1.0, 70000.0, float("nan"), float("inf")])
def test_grey_values_outside_the_range_are_refused(tmp_path: Path, value: float) -> None:
    """A float image with negative, too large or undefined values has no defined brightness."""
    Image.fromarray(np.array([[0.5, value]], dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(BadImage, match=r"grey values from .* outside 0\.\."):
        load_image(tmp_path / "a.tif")


def test_sixteen_bit_colour_is_read(tmp_path: Path) -> None:
    """A 16-bit RGB PNG gives its high bytes."""
    values = DRAWS.integers(0, 65536, (9, 7, 3), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png_bytes(values.astype(">u2"), bits=16, colour_type=2))
    np.testing.assert_allclose(read(tmp_path / "a.png"), values / 257, atol=1)


def test_palette_is_looked_up(tmp_path: Path) -> None:
    """A palette image without transparency gives the palette's colours."""
    palette = DRAWS.integers(0, 256, (16, 3), dtype=np.uint8)
    indices = DRAWS.integers(0, 16, (9, 7), dtype=np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(palette.ravel().tolist())
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png"), palette[indices])


def test_transparent_palette_entry_is_white(tmp_path: Path) -> None:
    """A palette index declared transparent shows the white of the bright field."""
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "a.png", transparency=1)
    assert read(tmp_path / "a.png")[0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_partly_transparent_palette_is_laid_over_white(tmp_path: Path) -> None:
    """A palette with an alpha value per entry is blended with white."""
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "a.png", transparency=bytes([255, 100]))
    blended = over_white(np.array([[[10, 20, 30], [40, 50, 60]]]), np.array([[255, 100]]))
    np.testing.assert_allclose(read(tmp_path / "a.png"), blended, atol=1)


def test_transparent_grey_value_is_white(tmp_path: Path) -> None:
    """A greyscale PNG that declares one value transparent shows white there."""
    Image.fromarray(np.array([[10, 11]], dtype=np.uint8)).save(tmp_path / "a.png", transparency=10)
    assert read(tmp_path / "a.png")[0, :, 0].tolist() == [255, 11]


def test_grey_with_alpha_is_laid_over_white(tmp_path: Path) -> None:
    """LA is blended with white by its alpha."""
    Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)]).save(tmp_path / "a.png")
    np.testing.assert_allclose(read(tmp_path / "a.png"), over_white(grey_to_rgb(GREY), ALPHA), atol=1)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_colour_with_alpha_is_laid_over_white(tmp_path: Path, suffix: str) -> None:
    """RGBA is blended with white by its alpha: fully transparent black is white."""
    alpha = ALPHA.copy()
    alpha[0, :2] = 0, 255
    path = tmp_path / f"a.{suffix}"
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    Image.fromarray(np.dstack([RGB, alpha])).save(path, **options)
    result = read(path)
    np.testing.assert_allclose(result, over_white(RGB, alpha), atol=1)
    assert result[0, 0].tolist() == [255, 255, 255]
    assert result[0, 1].tolist() == RGB[0, 1].tolist()


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_is_converted(tmp_path: Path, suffix: str) -> None:
    """CMYK inks become light: (255 - ink) * (255 - black) / 255, also from a JPEG with Adobe's inversion."""
    inks = (200, 100, 20, 51)
    path = tmp_path / f"a.{suffix}"
    Image.new("CMYK", (16, 16), inks).save(path, **({"quality": 100} if suffix == "jpg" else {}))
    wanted = [(255 - ink) * (255 - inks[3]) / 255 for ink in inks[:3]]
    np.testing.assert_allclose(read(path).reshape(-1, 3), np.tile(wanted, (256, 1)), atol=2)


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    """A 1-bit image gives 0 and 255."""
    Image.fromarray(GREY > 127).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png"), grey_to_rgb(np.where(GREY > 127, 255, 0)))


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif", "pgm"])
def test_greyscale_is_repeated(tmp_path: Path, suffix: str) -> None:
    """8-bit grey gives three equal channels, unchanged."""
    Image.fromarray(GREY).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read(tmp_path / f"a.{suffix}"), grey_to_rgb(GREY))


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "ppm", "tiff"])
def test_colour_is_unchanged(tmp_path: Path, suffix: str) -> None:
    """8-bit RGB is taken as it is."""
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read(tmp_path / f"a.{suffix}"), RGB)


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_first_picture_of_several_is_taken(tmp_path: Path, suffix: str) -> None:
    """Of an animation or a multi-page TIFF the first picture counts."""
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    path = tmp_path / f"a.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)
    with Image.open(path) as stored:
        assert stored.n_frames == 3
    assert np.unique(read(path).reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]


@pytest.mark.parametrize("orientation", [3, 6])
def test_exif_orientation_is_ignored(tmp_path: Path, orientation: int) -> None:
    """An EXIF orientation turns nothing, as in both source papers."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as stored:
        assert stored.getexif()[0x0112] == orientation
    np.testing.assert_array_equal(read(tmp_path / "a.png"), RGB)


def test_file_is_closed_and_the_image_stays(tmp_path: Path) -> None:
    """The returned image does not depend on its file any more."""
    Image.fromarray(RGB).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    np.testing.assert_array_equal(np.asarray(image), RGB)


def reason_of(path: Path) -> str:
    with pytest.raises(BadImage) as caught:
        load_image(path)
    reason = str(caught.value)
    assert reason
    assert "\n" not in reason
    assert str(path.parent) not in reason
    return reason


def test_empty_file_is_named_so(tmp_path: Path) -> None:
    """A file of 0 bytes is bad because it is empty."""
    (tmp_path / "a.png").touch()
    assert reason_of(tmp_path / "a.png") == "the file is empty"


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp", "jp2", "ppm"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_file_is_bad(tmp_path: Path, suffix: str, share: float) -> None:
    """A file cut anywhere is bad in every format; half a picture is never returned."""
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(DRAWS.integers(0, 256, (60, 60, 3), dtype=np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    reason_of(path)


def test_text_is_no_image(tmp_path: Path) -> None:
    """A text file with an image's suffix cannot be identified."""
    (tmp_path / "a.png").write_text("<html>not found</html>")
    assert reason_of(tmp_path / "a.png") == "cannot identify image file 'a.png'"


def test_missing_file_is_bad(tmp_path: Path) -> None:
    """A file that is not there is a bad image, not a traceback."""
    assert "No such file" in reason_of(tmp_path / "a.png")


def test_folder_is_no_image(tmp_path: Path) -> None:
    """A folder named like an image is bad."""
    (tmp_path / "a.png").mkdir()
    (tmp_path / "a.png" / "content").touch()
    reason_of(tmp_path / "a.png")


def test_damaged_files_never_break_out(tmp_path: Path) -> None:
    """Whatever bytes are changed in a file, it gives an image or a BadImage."""
    draws, outcomes = np.random.default_rng(0), set()
    for suffix in ("png", "gif", "bmp", "webp"):
        stream = io.BytesIO()
        Image.fromarray(RGB).save(stream, suffix)
        for _ in range(60):
            content = bytearray(stream.getvalue())
            for place in draws.integers(0, len(content), 4):
                content[place] = draws.integers(0, 256)
            (tmp_path / "a.png").write_bytes(content)
            try:
                outcomes.add(load_image(tmp_path / "a.png").mode)
            except BadImage:
                outcomes.add("bad")
    assert outcomes == {"RGB", "bad"}


@pytest.mark.parametrize("limit", [99, 60, 10])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """An image above Pillow's limit is refused, also where Pillow itself would only warn."""
    Image.new("L", (10, 10)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert str(limit) in reason_of(tmp_path / "a.png")


@pytest.mark.parametrize("limit", [100, None])
def test_image_within_the_limit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None) -> None:
    """An image exactly at Pillow's limit is read; None means no limit."""
    Image.new("L", (10, 10)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert load_image(tmp_path / "a.png").size == (10, 10)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_listed_suffix_can_be_read(tmp_path: Path, suffix: str) -> None:
    """Pillow reads every format whose suffix makes a file part of a data set."""
    Image.fromarray(GREY if suffix == ".pgm" else RGB).save(tmp_path / f"a{suffix}")
    assert load_image(tmp_path / f"a{suffix}").size == (7, 9)


def preprocessing(resize: int | tuple[int, int], crop: int | None, interpolation: str = "bicubic") -> Preprocessing:
    return Preprocessing(resize=resize, crop=crop, interpolation=interpolation, mean=MEAN, std=STD)


@pytest.fixture(scope="module")
def torchvision_prepare() -> Callable[..., np.ndarray]:
    """The same preprocessing by torchvision on PIL images, (h, w, 3)."""
    transforms = pytest.importorskip("torchvision.transforms")

    def prepare(image: Image.Image, wanted: Preprocessing) -> np.ndarray:
        mode = transforms.InterpolationMode(wanted.interpolation)
        steps = [transforms.Resize(wanted.resize, mode)]
        steps += [transforms.CenterCrop(wanted.crop)] if wanted.crop else []
        steps += [transforms.ToTensor(), transforms.Normalize(wanted.mean, wanted.std)]
        return transforms.Compose(steps)(image).permute(1, 2, 0).numpy()

    return prepare


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(300, 200), (97, 131), (256, 256), (1, 1), (1000, 31)])
@pytest.mark.parametrize("resize", [(256, 256), 256])
def test_prepare_equals_torchvision(
    size: tuple[int, int], resize: int | tuple[int, int], torchvision_prepare: Callable[..., np.ndarray]
) -> None:
    """Resize, crop 224, scale and normalise give torchvision's numbers, by exact and by shorter-side size."""
    image, wanted = noise(*size), preprocessing(resize, 224)
    result = prepare_image(image, wanted)
    assert result.shape == (224, 224, 3)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, torchvision_prepare(image, wanted), atol=1e-6, rtol=0)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_every_filter_equals_torchvision(interpolation: str, torchvision_prepare: Callable[..., np.ndarray]) -> None:
    """Each interpolation of models.yaml is the one of that name in torchvision."""
    image, wanted = noise(61, 47), preprocessing((40, 30), None, interpolation)
    np.testing.assert_allclose(prepare_image(image, wanted), torchvision_prepare(image, wanted), atol=1e-6, rtol=0)


def test_exact_size_is_height_then_width() -> None:
    """A pair in ``resize`` is (height, width)."""
    assert prepare_image(noise(20, 20), preprocessing((6, 9), None)).shape == (6, 9, 3)


@settings(max_examples=80, deadline=None)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    side=st.integers(8, 40),
    margin=st.integers(0, 7),
    exact=st.booleans(),
)
def test_any_size_equals_torchvision(
    width: int,
    height: int,
    side: int,
    margin: int,
    exact: bool,
    torchvision_prepare: Callable[..., np.ndarray],
) -> None:
    """For any image size and any crop inside the resized one the numbers are torchvision's."""
    wanted = preprocessing((side, side + 3) if exact else side, side - margin)
    image = noise(width, height, seed=width * 100 + height)
    np.testing.assert_allclose(prepare_image(image, wanted), torchvision_prepare(image, wanted), atol=1e-6, rtol=0)
