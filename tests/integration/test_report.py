"""The whole report on small folders, through the command line, and its page in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.cache import load_embeddings, save_embeddings
from leaderboard.protocols import PROTOCOLS
from leaderboard.report import figures

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
MARKUP = "<script>alert(1)<!-- x.png"
MODELS = ("thumbnail", "colours")
REGISTRY = """\
thumbnail:
  title: Small thumbnail
  library: baseline
  architecture: pixels
  preprocessing: {resize: [8, 8], interpolation: bilinear, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}
  dimension: 192
  licence: Apache-2.0
  notice: Built with Thumbs.
colours:
  title: Colours
  library: baseline
  architecture: color-histogram
  preprocessing: {resize: [16, 16], interpolation: bilinear, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}
  dimension: 512
  licence: Apache-2.0
"""
DATASETS = """\
grains:
  title: Not drawn at all
  kind: folder
  classes: 3
  images: 30
  digest: null
  licence: null
  attribution: Nobody's.
"""
COLOURS = {"azolla": (105, 112, 122), "<b>green & grey": (108, 119, 113), "spiniferites": (114, 113, 113)}
QUICK = ("--protocols", "knn,retrieval")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One for all tests of this file, run beside a registry of two models: what one computed, the others read."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        (folder / "models.yaml").write_text(REGISTRY)
        (folder / "datasets.yaml").write_text(DATASETS)
        patch.chdir(folder)
        patch.setenv("LEADERBOARD_CACHE", str(folder))
        patch.delenv("LEADERBOARD_DATA", raising=False)
        yield folder


def draw(path: Path, colour: tuple[int, int, int] = (120, 120, 120), seed: int = 0) -> Path:
    """A noisy image of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 30, (20, 24, 3))
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(path)
    return path


def draw_classes(folder: Path, *counts: int) -> Path:
    """That many images per class, the colours a little apart."""
    for number, count in enumerate(counts):
        for index in range(count):
            draw(folder / f"class-{number}" / f"{index}.png", (100 + 15 * number, 120, 110), 1000 * number + index)
    return folder


def report(*arguments: object) -> int:
    """Run the command where the registry is."""
    return main(["report", *map(str, arguments)])


def make_report(images: Path, out: Path, *arguments: object, model: str = MODELS[0]) -> Path:
    """With one model; it has to succeed."""
    assert report("--images", images, "--model", model, "--out", out, *arguments) == 0
    return out


def read_page(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def read_remarks(out: Path) -> str:
    """As text."""
    found = re.search(r'<div class="warning" id="remarks">(.*?)</div>', read_page(out), re.DOTALL)
    return re.sub("<[^>]+>", " ", found[1]) if found else ""


def read_sentence(out: Path) -> str:
    """The recommendation."""
    return str(json.loads((out / "report.json").read_text(encoding="utf-8"))["recommendation"])


def snapshot(out: Path, *folders: str) -> dict[str, bytes]:
    """Every file below these folders of a report."""
    paths = [path for folder in folders for path in (out / folder).rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty images in three classes; among them a copy in another class, markup in names, and a broken file."""
    folder = tmp_path_factory.mktemp("images") / "slides <i>"
    for number, (name, colour) in enumerate(COLOURS.items()):
        for index in range(20):
            draw(folder / name / f"{index:02d}.png", colour, 100 * number + index)
    shutil.copy(folder / "azolla" / "00.png", folder / "spiniferites" / "00.png")
    (folder / "azolla" / "01.png").rename(folder / "azolla" / MARKUP)
    (folder / "azolla" / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def full(slides: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with two models and every protocol."""
    out = tmp_path_factory.mktemp("out") / "full"
    assert report("--images", slides, "--model", MODELS[0], "--model", MODELS[1], "--out", out) == 0
    return out


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on twenty-four images without classes, with every protocol."""
    folder = tmp_path_factory.mktemp("loose")
    for index in range(24):
        draw(folder / "slide" / f"{index:02d}.png", (60 + 60 * (index % 3), 100, 90), index)
    return make_report(folder / "slide", folder / "report")


# ---- what is written


def test_every_figure_and_table_is_written_twice(full: Path) -> None:
    """PNG and PDF, CSV and LaTeX, with the same names; the vectors in both formats."""
    for folder, kinds in (("figures", (".png", ".pdf")), ("tables", (".csv", ".tex"))):
        first, second = (sorted(path.stem for path in (full / folder).glob(f"*{kind}")) for kind in kinds)
        assert first == second
    kinds = {path.stem.partition(".")[0] for path in (full / "figures").glob("*.png")}
    assert kinds >= {"precision-recall", "learning-curve", "few-shot", "confusion", "distances", "clusters", "medoids"}
    assert kinds >= {"outliers", "queries-best", "queries-worst", "map-pca", "map-t-sne", "map-umap"}
    names = {path.name for path in (full / "embeddings").iterdir()}
    assert names == {"images.safetensors", *(f"{model}.{kind}" for model in MODELS for kind in ("npz", "safetensors"))}


def test_every_metric_of_every_model_is_there_with_its_provenance(full: Path) -> None:
    """Digest of the images, weights and preprocessing, versions; each protocol's figures."""
    described = json.loads((full / "report.json").read_text(encoding="utf-8"))
    assert list(described["models"]) == list(MODELS)
    assert described["packages"].keys() >= {"numpy", "scikit-learn", "umap-learn", "hdbscan"}
    for model in described["models"].values():
        assert {re.split(r"[.\d]", name)[0] for name in model["metrics"]} == set(PROTOCOLS)
        assert model["skipped"] == {}
        assert re.fullmatch("[0-9a-f]{64}", model["inputs"]["dataset"])
        assert model["inputs"]["model"].keys() >= {"preprocessing", "weights", "dtype", "pooling"}
        assert model["environment"]["device"] == "cpu"


def test_the_best_of_several_models_is_bold_and_the_sentence_names_one(full: Path) -> None:
    """The same values and intervals in LaTeX, on the page, in the table, for programs and in the sentence."""
    table = pd.read_csv(full / "tables" / "headlines.csv")
    best, other = table.loc[table["NN F1"].idxmax()], table.loc[table["NN F1"].idxmin()]
    latex, page = (full / "tables" / "headlines.tex").read_text(), read_page(full)
    assert f"{best['model']} & \\textbf{{{best['NN F1']:.3f}}}" in latex
    assert f'<td class="best">{best["NN F1"]:.3f}<span class="interval">± {best["NN F1, half interval"]:.3f}<' in page
    assert read_sentence(full).startswith(f"Take {best['model']}")
    figures = [f"{row['NN F1']:.3f} ± {row['NN F1, half interval']:.3f}" for row in (best, other)]
    assert f"(NN F1 {figures[0]} against {figures[1]} for {other['model']}, a difference of " in read_sentence(full)
    compared = json.loads((full / "report.json").read_text(encoding="utf-8"))["comparisons"]["knn1.f1_macro"]
    assert f"can resolve is {compared['resolution']:.3f}, for two models" in read_sentence(full)
    for _, row in table.iterrows():
        standing = compared["models"][row["model"]]
        assert [standing[key] for key in ("value", "half_width", "rank")] == pytest.approx(row.iloc[1:4].tolist())


def test_copies_and_broken_files_are_told(full: Path) -> None:
    """Before any figure, and in tables of their own."""
    said = read_remarks(full)
    assert "2 images are copies of an image in another class" in said
    assert "2 of 60 images have an exact copy" in said
    assert "1 file could not be read and is in no figure: azolla/broken.png" in said
    copies = pd.read_csv(full / "tables" / "duplicates.csv")
    assert (copies["file"][0], copies["other file"][0]) == ("azolla/00.png", "spiniferites/00.png")
    assert pd.read_csv(full / "tables" / "bad-files.csv")["file"].tolist() == ["azolla/broken.png"]


def test_without_classes_only_what_needs_none_is_there(unlabelled: Path) -> None:
    """Maps, clusters, outliers and disparity; no recommendation, and the reason for what is missing."""
    page = read_page(unlabelled)
    assert re.findall("<h2>(.*?)</h2>", page) == ["The images", "Maps", "Groups without labels", "How it was made"]
    assert "24 images; " in page
    assert read_sentence(unlabelled).startswith("The images have no classes")
    assert "the images have no labels; put them into one folder per class" in read_remarks(unlabelled)
    table = pd.read_csv(unlabelled / "tables" / "clustering.csv")
    assert "ARI" not in table
    assert set(table["space"]) == {"PCA", "UMAP"}


# ---- made again


def test_embeddings_alone_give_the_same_report(full: Path, tmp_path: Path) -> None:
    """Byte for byte: figures, tables, figures for programs and the page itself; also when a shell's * names files."""
    files = sorted((full / "embeddings").glob("*.safetensors"), reverse=True)  # in the order of the first report
    assert [path.stem for path in files] == ["thumbnail", "images", "colours"]
    assert report("--embeddings", *files, "--out", tmp_path / "again") == 0
    assert snapshot(tmp_path / "again", "figures", "tables") == snapshot(full, "figures", "tables")
    for name in ("report.json", "report.html"):
        assert (tmp_path / "again" / name).read_bytes() == (full / name).read_bytes()


def test_an_npz_alone_is_enough(full: Path, tmp_path: Path) -> None:
    """Without pictures and what only the images could tell, nothing said of either; the same figures."""
    shutil.copy(full / "embeddings" / f"{MODELS[0]}.npz", tmp_path / "mine.npz")
    assert report("--embeddings", tmp_path / "mine.npz", "--out", tmp_path / "out", *QUICK) == 0
    page = read_page(tmp_path / "out")
    assert '"thumbnails": {}' in page
    assert "The images" not in re.findall("<h2>(.*?)</h2>", page)
    assert not list((tmp_path / "out" / "figures").glob("queries-*"))
    assert "could not be read" not in read_remarks(tmp_path / "out")
    assert "copies" not in read_remarks(tmp_path / "out")
    mine, theirs = (json.loads((out / "report.json").read_text())["models"] for out in (tmp_path / "out", full))
    assert mine["mine"]["metrics"].items() <= theirs[MODELS[0]]["metrics"].items()
    assert mine["mine"]["metrics"]


def test_real_embeddings_give_the_figures_of_their_protocols(tmp_path: Path) -> None:
    """Of the golden file's first classes; the whole has its known figure from `evaluate`: test_command_line.py."""
    whole = load_embeddings(GOLDEN)
    some = whole.labels < 6
    part = replace(whole, vectors=whole.vectors[some], labels=whole.labels[some], classes=whole.classes[:6])
    part = replace(part, files=tuple(file for file, kept in zip(whole.files, some, strict=True) if kept))
    save_embeddings(tmp_path / "part.npz", part)
    assert report("--embeddings", tmp_path / "part.npz", "--out", tmp_path / "out", *QUICK) == 0
    metrics = json.loads((tmp_path / "out" / "report.json").read_text())["models"]["part"]["metrics"]
    for name in QUICK[1].split(","):
        expected = PROTOCOLS[name].compute(part).metrics
        assert {metric: metrics[metric] for metric in expected} == pytest.approx(expected, abs=1e-9)
    assert f"{some.sum()} images in 6 classes" in read_page(tmp_path / "out")


def test_an_interrupted_report_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Stopped at the last figure: vectors, scores and maps are read, not computed, and the report is the same."""
    slides = draw_classes(tmp_path / "slides", 9, 7)  # few: every map but one is left out

    def interrupt(*given: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr(figures, "draw_distances", interrupt)
        assert report("--images", slides, "--model", MODELS[0], "--out", tmp_path / "out", *QUICK) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not (tmp_path / "out" / "report.html").exists()
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert {path.parent.name for path in files} >= {"embeddings", "collections", "scores", "maps"}
    before = {path: path.stat().st_mtime_ns for path in files}
    make_report(slides, tmp_path / "out", *QUICK)
    assert {path: path.stat().st_mtime_ns for path in files} == before
    make_report(slides, tmp_path / "whole", *QUICK)
    assert (tmp_path / "out" / "report.html").read_bytes() == (tmp_path / "whole" / "report.html").read_bytes()
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_control_c_ends_in_one_line(tmp_path: Path) -> None:
    """Of a real process: no traceback, exit code 130, the vectors are kept."""
    slides, home = draw_classes(tmp_path / "slides", 30, 30), tmp_path / "cache"
    command = [sys.executable, "-m", "leaderboard", "report", "--images", slides]
    process = subprocess.Popen(
        [*command, "--model", MODELS[0], "--out", tmp_path / "out"],
        env=os.environ | {"LEADERBOARD_CACHE": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(home.glob("embeddings/*.safetensors")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert error.rstrip().endswith("finished parts are kept, run again to go on")
    assert list(home.glob("embeddings/*.safetensors"))


# ---- folders as they are


@pytest.mark.parametrize("counts", [(9,), (1, 2, 3, 4), (1, 1), (8, 1)])
def test_few_images_and_few_classes_have_a_report(tmp_path: Path, counts: tuple[int, ...]) -> None:
    """Every protocol that they allow, and a word on each one that they do not."""
    out = make_report(draw_classes(tmp_path / "slides", *counts), tmp_path / "out")
    described = json.loads((out / "report.json").read_text())["models"][MODELS[0]]
    said, page = read_remarks(out), read_page(out)
    assert f"{sum(counts)} images in {len(counts)} class" in page
    assert set(PROTOCOLS) - set(described["skipped"]) >= {"disparity"}
    assert all(f"{name}" in said for name in described["skipped"])
    for number, count in enumerate(counts):
        assert (f"class-{number} ({count})" in said) == (count < 5)
    assert "Traceback" not in page
    assert ("All images are of one class" in read_sentence(out)) == (len(counts) == 1)


def test_fallbacks_are_stated(tmp_path: Path) -> None:
    """Classes of two to four images beside a large one: other folds, fewer shots, and which of them."""
    out = make_report(
        draw_classes(tmp_path / "slides", 30, 4, 2), tmp_path / "out", "--protocols", "learning_curve,few_shot"
    )
    said = read_remarks(out)
    assert "Learning curve: with few images used, some classes have fewer than 5" in said
    assert "ShuffleSplit" in said
    assert "Few-shot: 2 classes of at most 20 images" in said


def test_equal_images_are_one_line(tmp_path: Path, capsys) -> None:
    """No model can tell them apart, so nothing can be measured."""
    for number in range(6):
        draw(tmp_path / "slides" / f"class-{number % 2}" / f"{number}.png")
    assert report("--images", tmp_path / "slides", "--model", MODELS[0], "--out", tmp_path / "out") == 2
    assert "its 6 readable images show one and the same picture" in last_line(capsys)


def test_almost_equal_images_have_a_report(tmp_path: Path) -> None:
    """One image among twenty-three copies of another: degenerate for every map and clustering."""
    for number in range(23):
        draw(tmp_path / "slides" / f"class-{number % 2}" / f"{number}.png")
    draw(tmp_path / "slides" / "class-0" / "other.png", seed=1)
    out = make_report(tmp_path / "slides", tmp_path / "out", "--protocols", "knn,retrieval,disparity")
    assert "23 of 24 images have an exact copy" in read_remarks(out)


ODD_NAMES = (
    "two words.png",
    "pollen-é中🌿.png",
    MARKUP,
    "'quoted\" & $x_1.png",
    "new\nline.png",
    os.fsdecode(b"\xff.png"),
)


def test_odd_names_are_kept_and_harm_nothing(tmp_path: Path) -> None:
    """Of files and classes: in tables, figures and the page."""
    for number, name in enumerate(ODD_NAMES):
        for index in range(3):
            draw(tmp_path / "slides" / name.removesuffix(".png") / f"{index}{name}", (30 * number + 40, 99, 99), index)
    out = make_report(tmp_path / "slides", tmp_path / "out", *QUICK)
    page = read_page(out)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    table = (out / "tables" / "classes.csv").read_bytes()
    assert all(os.fsencode(name.removesuffix(".png").replace('"', '""')) in table for name in ODD_NAMES)


# ---- wrong use


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that the command ended with."""
    error = capsys.readouterr().err
    assert "Traceback" not in error
    (line,) = [line for line in error.splitlines() if line.startswith("leaderboard: ")]
    assert error.endswith(f"{line}\n")
    return line


@dataclass(frozen=True)
class Wrong:
    """Arguments after ``report``, given a folder of images, a file of vectors and a place for the output."""

    arguments: Callable[[Path, Path, Path], list[object]]
    said: str


WRONG = {
    "unknown model": Wrong(
        lambda images, vectors, out: ["--images", images, "--model", "nobody", "--out", out], "'nobody'"
    ),
    "no model": Wrong(lambda images, vectors, out: ["--images", images, "--out", out], "report needs a --model"),
    "model with vectors": Wrong(
        lambda images, vectors, out: ["--embeddings", vectors, "--model", MODELS[0], "--out", out],
        "--model goes with --images",
    ),
    "unknown protocol": Wrong(
        lambda images, vectors, out: ["--embeddings", vectors, "--out", out, "--protocols", "knm"], "knm"
    ),
    "two files of a name": Wrong(
        lambda images, vectors, out: ["--embeddings", vectors, vectors, "--out", out], "two files are called"
    ),
    "no such file": Wrong(
        lambda images, vectors, out: ["--embeddings", vectors.parent / "none.npz", "--out", out], "does not exist"
    ),
    "no such folder": Wrong(
        lambda images, vectors, out: ["--images", images / "none", "--model", MODELS[0], "--out", out],
        "is not a folder",
    ),
    "folder without images": Wrong(
        lambda images, vectors, out: ["--images", vectors.parent / "empty", "--model", MODELS[0], "--out", out],
        "has no images",
    ),
    "output is a file": Wrong(lambda images, vectors, out: ["--embeddings", vectors, "--out", vectors], "File exists"),
    "output below a file": Wrong(
        lambda images, vectors, out: ["--embeddings", vectors, "--out", vectors / "out"], "Not a directory"
    ),
    "output among the images": Wrong(
        lambda images, vectors, out: ["--images", images, "--model", MODELS[0], "--out", images / "report"],
        "choose another folder",
    ),
    "unknown data set": Wrong(
        lambda images, vectors, out: ["--dataset", "nowhere", "--model", MODELS[0], "--out", out], "'nowhere'"
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_one_line(name: str, tmp_path: Path, full: Path, slides: Path, capsys) -> None:
    """Exit code 2, the reason, and nothing written."""
    vectors = tmp_path / "mine.npz"
    shutil.copy(full / "embeddings" / f"{MODELS[0]}.npz", vectors)
    (tmp_path / "empty").mkdir()
    before = {*tmp_path.rglob("*"), *slides.rglob("*")}
    assert report(*WRONG[name].arguments(slides, vectors, tmp_path / "out")) == 2
    assert WRONG[name].said in last_line(capsys)
    assert {*tmp_path.rglob("*"), *slides.rglob("*")} == before


def test_models_that_saw_different_images_are_not_compared(
    full: Path, unlabelled: Path, tmp_path: Path, capsys
) -> None:
    """The line counts both."""
    files = [full / "embeddings" / f"{MODELS[1]}.safetensors", unlabelled / "embeddings" / f"{MODELS[0]}.safetensors"]
    assert report("--embeddings", *files, "--out", tmp_path / "out") == 2
    assert "thumbnail has 24 images, colours 60, and they are not the same" in last_line(capsys)


def test_the_collection_file_alone_holds_no_vectors(full: Path, tmp_path: Path, capsys) -> None:
    """It is passed over among others, and named when it is all there is."""
    assert report("--embeddings", full / "embeddings" / "images.safetensors", "--out", tmp_path / "out") == 2
    assert "holds no vectors" in last_line(capsys)


# ---- in a browser


@dataclass
class Window:
    """A page that is open, and what went wrong in it."""

    page: Any
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # of a network

    def find_lonely_point(self) -> tuple[int, list[float]]:
        """The image whose point on the map is farthest from all others, and where it is on the screen."""
        points = np.array(self.page.evaluate("[...model().maps[choices.kind.value].keys()].map(place)"))
        distances = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(len(points), np.inf))
        index = int(distances.min(axis=1).argmax())
        box = self.page.locator("#map").bounding_box()
        return index, [box["x"] + points[index][0], box["y"] + points[index][1]]

    def read_canvas(self) -> str:
        """Its picture."""
        return str(self.page.evaluate("document.getElementById('map').toDataURL()"))


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Window]]:
    """Opens a report from disk; whatever it says on the console, fails to load or asks of a network is kept."""
    contexts = []

    def opened(out: Path, *, width: int = 1200, scheme: str = "light") -> Window:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        window = Window(page)
        page.on("console", lambda message: window.wrong.append(message.text))
        page.on("pageerror", lambda error: window.wrong.append(str(error)))
        page.on("requestfailed", lambda request: window.wrong.append(request.url))
        page.on("dialog", lambda dialog: window.wrong.append(dialog.message))
        context.route(
            re.compile("^(https?|wss?):"), lambda route: (window.asked.append(route.request.url), route.abort())
        )
        page.goto((out / "report.html").as_uri())
        return window

    yield opened
    for context in contexts:
        context.close()


DECODED = (
    """Promise.all([...document.images].map(async image => { await image.decode(); return image.naturalWidth; }))"""
)


DECODED_TIP = "(image => image.decode().then(() => image.naturalWidth))(document.querySelector('#map-tip img'))"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_the_page_opens_from_disk(full: Path, open_page: Callable[..., Window], width: int, scheme: str) -> None:
    """Every picture is decoded, nothing is wider than the window, nothing is asked of a network, nothing goes wrong."""
    window = open_page(full, width=width, scheme=scheme)
    sizes = window.page.evaluate(DECODED)
    shown = re.sub("<noscript>.*?</noscript>", "", read_page(full), flags=re.DOTALL)
    assert len(sizes) == shown.count("<img ")
    assert len(sizes) >= 17
    assert min(sizes) > 0
    assert window.page.evaluate("document.documentElement.scrollWidth") <= width
    assert (window.wrong, window.asked) == ([], [])


def test_the_page_follows_the_readers_colour_scheme(full: Path, open_page: Callable[..., Window]) -> None:
    """Dark paper with light ink, and the reverse."""
    ask = (
        "['backgroundColor', 'color'].map(name => getComputedStyle(document.body)[name].match(/[\\d.]+/g).map(Number))"
    )
    for scheme in ("light", "dark"):
        paper, ink = (sum(colour[:3]) for colour in open_page(full, scheme=scheme).page.evaluate(ask))
        assert (paper < 200 and ink > 500) if scheme == "dark" else (paper > 700 and ink < 200)


def test_the_unlabelled_page_opens(unlabelled: Path, open_page: Callable[..., Window]) -> None:
    """Coloured by clusters; a tip says which, and never an undefined name."""
    window = open_page(unlabelled)
    window.page.locator("#map").focus()
    for _ in range(24):
        window.page.keyboard.press("ArrowRight")
        assert re.search(r"(cluster \d+|noise)\d\d\.png$", window.page.locator("#map-tip").text_content())
    assert min(window.page.evaluate(DECODED)) > 0
    assert (window.wrong, window.asked) == ([], [])


@pytest.mark.parametrize("width", [375, 1200])
def test_pointing_at_a_point_shows_its_image_and_names(
    full: Path, open_page: Callable[..., Window], width: int
) -> None:
    """The thumbnail decoded, class and file as text, inside the map; away from the point it goes."""
    window = open_page(full, width=width)
    page, tip = window.page, window.page.locator("#map-tip")
    page.locator("#map").scroll_into_view_if_needed()
    index, at = window.find_lonely_point()
    assert tip.is_hidden()
    page.mouse.move(*at)
    assert tip.is_visible()
    assert page.evaluate(DECODED_TIP) > 0
    name = page.evaluate(f"data.names[{index}]")
    assert tip.locator("strong").text_content() == name.partition("/")[0]
    assert tip.locator("div").all_text_contents()[-1] == name
    box, around = tip.bounding_box(), page.locator(".map").bounding_box()
    assert box["x"] >= around["x"] - 1
    assert box["x"] + box["width"] <= around["x"] + around["width"] + 1
    page.mouse.move(2, 2)
    assert tip.is_hidden()
    assert window.wrong == []


def test_model_map_and_colour_can_be_chosen(full: Path, open_page: Callable[..., Window]) -> None:
    """Each choice draws another picture; the legend follows the colours."""
    window, seen = open_page(full), set()
    page, legend = window.page, window.page.locator("#map-legend button")
    assert legend.all_text_contents() == ["<b>green & grey (20)", "azolla (20)", "spiniferites (20)"]
    assert page.locator("#map-kind").input_value() == "UMAP"
    seen.add(window.read_canvas())
    for choice, value in (("#map-kind", "PCA"), ("#map-kind", "t-SNE"), ("#map-model", "1"), ("#map-group", "1")):
        page.select_option(choice, value)
        seen.add(window.read_canvas())
    assert len(seen) == 5
    assert page.locator("#map-kind").input_value() == "t-SNE"
    assert all(text.startswith(("cluster ", "noise ")) for text in legend.all_text_contents())
    assert window.wrong == []


def test_a_single_model_is_no_choice(unlabelled: Path, open_page: Callable[..., Window]) -> None:
    """Its list is not shown, the others are."""
    page = open_page(unlabelled).page
    assert [page.locator(f"#map-{name}").is_visible() for name in ("model", "kind", "group")] == [False, True, True]


def test_a_legend_button_shows_one_group_alone(full: Path, open_page: Callable[..., Window]) -> None:
    """Pressed once it is alone, and the arrow keys stay within it; pressed again all are back."""
    window = open_page(full)
    page, before = window.page, window.read_canvas()
    button = page.locator("#map-legend button", has_text="azolla")
    states = page.locator("#map-legend button")
    button.click()
    assert [state.get_attribute("aria-pressed") for state in states.all()] == ["false", "true", "false"]
    assert window.read_canvas() != before
    page.locator("#map").focus()
    names = set()
    for _ in range(25):
        page.keyboard.press("ArrowRight")
        names.add(page.locator("#map-tip strong").text_content())
    assert names == {"azolla"}
    button.click()
    assert {state.get_attribute("aria-pressed") for state in states.all()} == {"false"}
    assert window.read_canvas() == before


def test_arrow_keys_go_from_image_to_image(full: Path, open_page: Callable[..., Window]) -> None:
    """Forwards from the first, backwards from the last, around the end; Escape puts the tip away."""
    window = open_page(full)
    page, tip = window.page, window.page.locator("#map-tip")
    files = page.evaluate("data.names")
    shown = lambda: tip.locator("div").all_text_contents()[-1]  # noqa: E731
    page.locator("#map").focus()
    seen = []
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
        seen.append(shown())
    assert seen == [files[index] for index in (0, 1, 0, -1, -2, -1)]
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    page.keyboard.press("ArrowLeft")
    assert shown() == files[-1]


def test_markup_in_names_is_seen_as_text(full: Path, open_page: Callable[..., Window]) -> None:
    """In the heading, the legend, the tables and the tip; no element comes of it."""
    window = open_page(full)
    page = window.page
    assert page.locator("h1").text_content() == "slides <i>"
    assert page.locator("#table-classes td").first.text_content() == "<b>green & grey"
    assert page.locator("main b, main i").count() == 0
    page.locator("#map").focus()
    wanted = page.evaluate("data.names").index(f"azolla/{MARKUP}")
    for _ in range(wanted + 1):
        page.keyboard.press("ArrowRight")
    assert page.locator("#map-tip div").last.text_content() == f"azolla/{MARKUP}"
    assert page.locator("#map-tip script").count() == 0
    assert (window.wrong, window.asked) == ([], [])


def test_links_lead_to_files_beside_the_page(full: Path, open_page: Callable[..., Window]) -> None:
    """Every figure and table that the page offers is there."""
    links = open_page(full).page.evaluate("[...document.querySelectorAll('a')].map(a => a.href)")
    files = [Path(link.removeprefix("file://")) for link in links if "#" not in link]
    assert len(files) > 40
    assert all(path.is_file() for path in files)


# ---- again, and with less


def test_figures_of_an_earlier_report_do_not_stay(tmp_path: Path) -> None:
    """What a smaller report in the same folder does not write again is gone; vectors and other files are kept."""
    images, out = draw_classes(tmp_path / "slide", 6, 6), tmp_path / "report"
    assert report("--images", images, *(f"--model={model}" for model in MODELS), "--out", out, *QUICK) == 0
    (out / "figures" / "mine.png").write_bytes(b"a user's own")
    make_report(images, out, "--protocols", "retrieval")
    left = {path.name for path in (out / "figures").iterdir()} | {path.name for path in (out / "tables").iterdir()}
    assert not {name for name in left if MODELS[1] in name}
    assert f"queries-best.{MODELS[0]}.png" in left
    assert "mine.png" in left
    assert (out / "embeddings" / f"{MODELS[1]}.safetensors").is_file()


def test_a_model_that_cannot_be_had_is_named_and_the_others_are_reported(tmp_path: Path, cache: Path, capsys) -> None:
    """On the page and in the terminal; the exit code says that something is missing."""
    absent = "absent:\n  title: Absent\n  library: timm\n  architecture: vit_tiny_patch16_224\n  pooling: cls\n"
    absent += "  sources: [{path: nowhere/absent.pth}]\n  preprocessing: model\n  dimension: 192\n  licence: MIT\n"
    (tmp_path / "models.yaml").write_text(REGISTRY + absent)
    (tmp_path / "datasets.yaml").write_text(DATASETS)
    images, out = draw_classes(tmp_path / "slide", 6, 6), tmp_path / "report"
    models = ("--model", "absent", "--model", MODELS[0])
    assert report("--root", tmp_path, "--images", images, *models, "--out", out, *QUICK) == 1
    assert "without 1 of the models; absent: model absent: nowhere/absent.pth does not exist" in capsys.readouterr().err
    assert "absent was asked for and is not in this report" in read_remarks(out)
    assert list(json.loads((out / "report.json").read_text())["models"]) == [MODELS[0]]


def test_everything_in_the_folder_of_embeddings_may_be_given(full: Path, tmp_path: Path) -> None:
    """As a shell's * gives it: both formats of each model, and the file of the images."""
    files = sorted((full / "embeddings").iterdir(), reverse=True)  # models in the order of the first report
    assert len(files) == 5
    assert report("--embeddings", *files, "--out", tmp_path / "again", *QUICK) == 0
    again, first = (json.loads((out / "report.json").read_text())["models"] for out in (tmp_path / "again", full))
    assert list(again) == list(first)
    assert all(again[model]["metrics"].items() <= first[model]["metrics"].items() for model in first)
    assert all(again[model]["metrics"] for model in first)
    tables, expected = snapshot(tmp_path / "again", "tables"), snapshot(full, "tables")
    alike = sorted(tables.keys() - {"tables/headlines.csv", "tables/headlines.tex"})  # theirs have all protocols
    assert len(alike) == 12
    assert {name: tables[name] for name in alike} == {name: expected[name] for name in alike}
