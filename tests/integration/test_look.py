"""`look` from the command line: real networks, drawn images, files on disk."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.__main__ import main

pytest.importorskip("timm")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
ENTRY = """\
transformer:
  title: Small & <untrained>
  library: timm
  architecture: {architecture}
  seed: 0
  pooling: {pooling}
  preprocessing: {{resize: [180, 180], crop: 160, interpolation: bilinear, mean: [0, 0, 0], std: [1, 1, 1]}}
  dimension: {dimension}
  licence: null
"""


@pytest.fixture(autouse=True)
def inside(clone, monkeypatch) -> None:
    """Commands run in the miniature clone, which has an untrained transformer and a convolutional network."""
    monkeypatch.chdir(clone.root)
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])
    transformer = ENTRY.format(architecture="test_vit", pooling="cls", dimension=64)
    convolutional = ENTRY.format(architecture="test_efficientnet", pooling="head", dimension=256)
    with Path("models.yaml").open("a") as entries:
        entries.write(transformer + convolutional.replace("transformer:", "convolutional:"))


@pytest.fixture
def draw_image():
    """``draw_image("a.png")``: an ellipse on a light ground."""

    def draw_image(name: str, size: tuple[int, int] = (120, 80)) -> str:
        width, height = size
        y, x = np.mgrid[0:height, 0:width]
        is_inside = (x / width - 0.5) ** 2 + (y / height - 0.5) ** 2 < 0.1
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.where(is_inside[..., None], [150, 90, 30], [230, 225, 220]).astype(np.uint8)).save(name)
        return name

    return draw_image


def test_each_image_gets_a_figure_and_a_place_on_the_page(draw_image, capsys) -> None:
    """Two of the same name, one with markup in it."""
    images = [draw_image("a/grain.png"), draw_image("b/grain.jpg"), draw_image("<b> 花粉.png", (50, 70))]
    assert main(["look", *images, "--model", "transformer", "--out", "seen"]) == 0
    names = ["b-花粉", "grain", "grain-2"]
    files = [f"{name}.{ending}" for name in names for ending in ("pdf", "png")]
    assert sorted(path.name for path in Path("seen").iterdir()) == sorted([*files, "index.html"])
    page = Path("seen/index.html").read_text(encoding="utf-8")
    assert "What Small &amp; &lt;untrained&gt; sees" in page
    assert "&lt;b&gt; 花粉.png" in page
    assert "<b>" not in page
    assert 'href="grain-2.png"' in page
    assert 'href="b-%E8%8A%B1%E7%B2%89.pdf"' in page
    assert "3 images" in capsys.readouterr().out


def test_a_network_without_attention_is_shown_by_its_feature_map(draw_image, capsys) -> None:
    """Its tokens are coloured; that there is no attention is said in print and on the page."""
    assert main(["look", draw_image("grain.png"), "--model", "convolutional", "--out", "seen"]) == 0
    assert "convolutional: no attention map: the network computes no attention" in capsys.readouterr().out
    assert "No attention map: the network computes no attention." in Path("seen/index.html").read_text()
    assert Path("seen/grain.png").is_file()


def test_a_bad_image_is_named_and_the_others_go_on(draw_image, capsys) -> None:
    """The exit code is 1."""
    Path("broken.png").write_bytes(b"nothing")
    images = ["broken.png", draw_image("grain.png"), "missing.png", "a-folder"]
    Path("a-folder").mkdir()
    assert main(["look", *images, "--model", "transformer", "--out", "seen"]) == 1
    said = capsys.readouterr().err
    assert all(f"{name}: " in said for name in ("broken.png", "missing.png", "a-folder"))
    assert said.strip().endswith("3 of 4 images could not be read, see above; the others are in seen")
    assert sorted(path.name for path in Path("seen").iterdir()) == ["grain.pdf", "grain.png", "index.html"]


def test_without_a_readable_image_nothing_is_written(capsys) -> None:
    """And that is said."""
    assert main(["look", "missing.png", "--model", "transformer", "--out", "seen"]) == 1
    assert "1 of 1 image could not be read, see above; nothing is written" in capsys.readouterr().err
    assert not list(Path("seen").iterdir())


def test_images_of_any_size_have_a_figure(draw_image) -> None:
    """One point, a sliver, blank, and larger than a figure."""
    Image.new("RGB", (1, 1), "red").save("point.png")
    Image.new("RGB", (300, 200), "white").save("blank.png")
    images = ["point.png", "blank.png", draw_image("sliver.png", (400, 3)), draw_image("large.png", (2600, 1900))]
    assert main(["look", *images, "--model", "transformer", "--out", "seen"]) == 0
    assert len(list(Path("seen").glob("*.png"))) == 4


def test_a_baseline_is_refused_in_one_line(draw_image, capsys) -> None:
    """It has no network."""
    assert main(["look", draw_image("grain.png"), "--model", "small", "--out", "seen"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("leaderboard: model 'small' (baseline) has no network")
    assert said.count("\n") == 1


def test_what_is_missing_is_said_before_a_model_is_loaded(draw_image, capsys, monkeypatch) -> None:
    """With the extra that has it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["look", draw_image("grain.png"), "--model", "ghost", "--out", "seen"]) == 1
    assert "pip install 'fossil-leaderboard[analysis]'" in capsys.readouterr().err
