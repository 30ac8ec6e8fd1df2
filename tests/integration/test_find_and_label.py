"""The two daily commands on a folder of images: what they print and write, and that bad input is one line."""

from __future__ import annotations

import csv
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.datasets import list_dataset
from leaderboard.errors import printable
from leaderboard.report.pages import as_text

ROOT = Path(__file__).parents[2]
COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "grey": (128, 128, 128)}
ODD_NAMES = (os.fsdecode(b"bad\xff"), "two\nlines", "花粉" * 20, "<b onclick='x'>&$\\frac$", "long" * 50)
LOCAL = ("file:", "data:")
SOURCES = "[...document.images].map(image => image.src)"
DECODE = """(sources => Promise.all(sources.map(async source => {
  const image = new Image(); image.src = source; await image.decode(); return image.naturalWidth;
})))"""


@pytest.fixture(autouse=True)
def inside(clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in the miniature clone, whose models are known by their short names."""
    monkeypatch.chdir(clone.root)
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])


def draw(path: Path, colour: tuple[int, int, int], seed: int) -> Path:
    """A noisy image of one colour."""
    noise = np.random.default_rng(seed).normal(0, 12, (16, 16, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """Eight images in each of three classes."""
    for number, (name, colour) in enumerate(COLOURS.items()):
        for index in range(8):
            draw(tmp_path / "named" / name / f"{index}.png", colour, 100 * number + index)
    return tmp_path / "named"


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    """Two new images per class and a black one; the file name holds the truth."""
    for number, (name, colour) in enumerate(COLOURS.items()):
        for index in range(2):
            draw(tmp_path / "slide-7" / f"{name} {index}.png", colour, 1000 + 100 * number + index)
    draw(tmp_path / "slide-7" / "black.png", (0, 0, 0), 5)
    return tmp_path / "slide-7"


def label(slide: Path, reference: Path, out: Path) -> int:
    """Run the command."""
    return main(["label", "--images", str(slide), "--reference", str(reference), "--model", "small", "--out", str(out)])


def find(asked: Path, collection: Path, *arguments: str) -> int:
    """Run the command."""
    return main(["find", str(asked), "--in", str(collection), "--model", "small", *arguments])


def read(out: Path) -> list[dict[str, str]]:
    with out.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_label_names_a_slide_and_leaves_strangers_unknown(slide, reference, tmp_path, capsys) -> None:
    """Every image has a line; the black one comes first, without a genus of the reference."""
    out = tmp_path / "out" / "labels.csv"
    assert label(slide, reference, out) == 0
    rows = read(out)
    assert rows[0]["file"] == "black.png"
    assert (rows[0]["genus"], rows[0]["unknown"]) == ("unknown", "yes")
    assert sorted(row["file"] for row in rows) == list(list_dataset("slide", slide).files)
    assert all(row["genus"] == row["file"].split()[0] and row["unknown"] == "no" for row in rows[1:])
    assert all(row["nearest_genus"] == row["genus"] for row in rows[1:])
    printed = capsys.readouterr().out
    assert "6 images named, 1 unknown, 0 unreadable" in printed
    assert "gives 100 % (24 of 24) of its images the right name" in printed
    assert "An image is unknown when its nearest reference image is farther than" in printed
    page = out.with_suffix(".html").read_text(encoding="utf-8")
    assert [page.count(f'alt="{row["file"]}"') for row in rows] == [1] * 7


def test_labelling_again_writes_the_same_bytes(slide, reference, tmp_path) -> None:
    """From the cache or from the images."""
    out = tmp_path / "labels.csv"
    assert label(slide, reference, out) == 0
    before = [path.read_bytes() for path in (out, out.with_suffix(".html"))]
    arguments = ["--images", str(slide), "--reference", str(reference), "--model", "small", "--out", str(out)]
    assert main(["label", *arguments, "--refresh"]) == 0
    assert [path.read_bytes() for path in (out, out.with_suffix(".html"))] == before


def test_unreadable_images_are_listed_and_stop_nothing(slide, reference, tmp_path, capsys) -> None:
    """Of the slide with an empty genus, of the reference in the sheet; the second run, cached, says the same."""
    (slide / "broken.png").write_bytes(b"")
    (reference / "grey" / "3.png").write_bytes(b"not an image")
    out = tmp_path / "labels.csv"
    for _ in range(2):
        assert label(slide, reference, out) == 0
        assert "6 images named, 1 unknown, 1 unreadable" in capsys.readouterr().out
        first = read(out)[0]
        assert (first["file"], first["genus"], first["note"]) == ("broken.png", "", "unreadable: the file is empty")
        page = out.with_suffix(".html").read_text(encoding="utf-8")
        assert "broken.png: the file is empty" in page
        assert "grey/3.png: " in page


def test_a_copy_of_a_reference_image_is_noted(slide, reference, tmp_path) -> None:
    """Also in another format, where only the decoded image is the same."""
    with Image.open(reference / "blue" / "4.png") as image:
        image.save(slide / "copy.bmp")
    out = tmp_path / "labels.csv"
    assert label(slide, reference, out) == 0
    notes = {row["file"]: row["note"] for row in read(out)}
    assert notes["copy.bmp"] == "same pixels as reference image blue/4.png"
    assert "same" not in "".join(note for file, note in notes.items() if file != "copy.bmp")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: shutil.rmtree(folder), "does not exist"),
        (lambda folder: [path.unlink() for path in folder.rglob("*.png")], "has no images"),
        (lambda folder: [path.rename(folder / f"{path.parent.name}.png") for path in folder.glob("*/0.png")], "beside"),
        (lambda folder: [path.write_bytes(b"") for path in folder.rglob("*.png")], "none of its 24 images can be read"),
        (lambda folder: [draw(path, (9, 9, 9), 1) for path in folder.rglob("*.png")], "tells no two apart"),
    ],
)
def test_a_bad_reference_is_one_line(slide, reference, tmp_path, capsys, spoil, said: str) -> None:
    """Exit code 2, the reason, no table."""
    spoil(reference)
    assert label(slide, reference, tmp_path / "labels.csv") == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("leaderboard:")]
    assert len(err) == 1
    assert said in err[0]
    assert not (tmp_path / "labels.csv").exists()


def test_wrong_use_is_told_before_anything_is_computed(slide, reference, tmp_path, capsys) -> None:
    """A reference without classes, a table that is no .csv."""
    assert label(slide, slide, tmp_path / "labels.csv") == 2
    assert "has no classes; put its images into one subfolder per genus" in capsys.readouterr().err
    assert label(slide, reference, tmp_path / "labels.xlsx") == 2
    assert "the table is a .csv file" in capsys.readouterr().err


def test_a_reference_of_one_class_names_by_nearness(slide, reference, tmp_path, capsys) -> None:
    """Without confidences, and it says that nothing could be checked."""
    for name in ("green", "grey"):
        shutil.rmtree(reference / name)
    assert label(slide, reference, tmp_path / "labels.csv") == 0
    assert "is not known: the reference has a single genus" in capsys.readouterr().out
    rows = {row["file"]: row for row in read(tmp_path / "labels.csv")}
    assert rows["blue 0.png"]["genus"] == "blue"
    assert rows["blue 0.png"]["confidence"] == ""
    assert rows["green 0.png"]["genus"] == "unknown"


def test_find_prints_the_nearest_and_draws_them(slide, reference, tmp_path, capsys) -> None:
    """Rank, file, class and distance; page and picture on request."""
    out = tmp_path / "found"
    arguments = ["find", str(slide / "green 1.png"), "--in", str(reference), "--model", "small", "-k", "3"]
    assert main([*arguments, "--out", str(out)]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines() if line[:1].isdigit()]
    assert [line[0] for line in table] == ["1", "2", "3"]
    assert all(line[1].startswith("green/") and line[2] == "green" for line in table)
    distances = [float(line[3]) for line in table]
    assert distances == sorted(distances)
    assert (out / "find.html").read_text(encoding="utf-8").count("data:image/jpeg") == 4
    with Image.open(out / "find.png") as picture:
        assert picture.width > 1000


def test_an_image_of_the_collection_does_not_find_itself(reference, capsys) -> None:
    """Nor its copy in another format; the rest of the collection is found, however large k is."""
    asked = reference / "grey" / "0.png"
    with Image.open(asked) as image:
        image.save(reference / "blue" / "copy.bmp")
    assert main(["find", str(asked), "--in", str(reference), "--model", "small", "-k", "99"]) == 0
    printed = capsys.readouterr().out
    assert "the same picture, not counted: blue/copy.bmp, grey/0.png" in printed
    files = [line.split()[1] for line in printed.splitlines() if line[:1].isdigit()]
    assert len(files) == 23
    assert not {"grey/0.png", "blue/copy.bmp"} & set(files)


def test_find_takes_several_images_and_a_folder_without_classes(slide, capsys) -> None:
    """A table each, and no class where there is none."""
    asked = [str(slide / "blue 0.png"), str(slide / "green 0.png")]
    assert main(["find", *asked, "--in", str(slide), "--model", "small", "-k", "1"]) == 0
    found = [line for line in capsys.readouterr().out.splitlines() if line.startswith("1 ")]
    assert [line.split()[1:4] for line in found] == [["blue", "1.png", "-"], ["green", "1.png", "-"]]


def test_find_refuses_what_it_cannot_use_in_one_line(slide, reference, tmp_path, capsys) -> None:
    """A missing image, a broken one, an output inside the collection."""
    (tmp_path / "broken.png").write_bytes(b"")
    tail = ["--in", str(reference), "--model", "small"]
    assert main(["find", str(tmp_path / "broken.png"), *tail]) == 2
    assert "broken.png: the file is empty; give a readable image" in capsys.readouterr().err
    assert main(["find", str(tmp_path / "nowhere.png"), *tail]) == 2
    assert "nowhere.png: " in capsys.readouterr().err
    assert main(["find", str(slide / "black.png"), *tail, "--out", str(reference / "found")]) == 2
    assert "lies in the collection" in capsys.readouterr().err
    assert not (reference / "found").exists()


def test_find_leaves_bad_images_of_the_collection_out_and_says_so(slide, reference, capsys) -> None:
    """By name."""
    (reference / "blue" / "0.png").write_bytes(b"")
    assert main(["find", str(slide / "blue 0.png"), "--in", str(reference), "--model", "small"]) == 0
    assert "1 unreadable images left out: blue/0.png" in capsys.readouterr().out


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., tuple[Any, list[str]]]]:
    """Opens a page from disk; whatever goes wrong in it or is asked of a network is in the list beside it."""
    contexts = []

    def opened(path: Path, width: int, scheme: str) -> tuple[Any, list[str]]:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.on("request", lambda request: wrong.extend([request.url] * (not request.url.startswith(LOCAL))))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.goto(path.as_uri())
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        return page, wrong

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1200, "dark")])
def test_the_sheet_opens_in_a_browser(slide, reference, tmp_path, open_page, width: int, scheme: str) -> None:
    """Every picture is seen, shared ones too; nothing is asked of a network, nothing is wider than the window."""
    draw(slide / "<b>&'.png", COLOURS["blue"], 77)
    out = tmp_path / "labels.csv"
    assert label(slide, reference, out) == 0
    page, wrong = open_page(out.with_suffix(".html"), width, scheme)
    shared = "[...document.querySelectorAll('.near a')].map(a => getComputedStyle(a).backgroundImage.slice(5, -2))"
    assert page.evaluate(f"{DECODE}({SOURCES}.concat({shared}))") == [16] * (8 + 8 * 5)
    page.evaluate(  # rows out of sight have no layout otherwise
        "document.querySelectorAll('.row').forEach(row => { row.style.contentVisibility = 'visible'; })"
    )
    heights = page.evaluate("[...document.querySelectorAll('.near a')].map(a => a.getBoundingClientRect().height)")
    assert min(heights) > 50
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wrong == []


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1200, "dark")])
def test_the_page_of_what_was_found_opens_in_a_browser(reference, tmp_path, open_page, width, scheme) -> None:
    """Every picture is seen and leads to its file, whatever the names; nothing is wider than the window."""
    for number, name in enumerate(ODD_NAMES):
        draw(reference / "blue" / f"{name}.png", COLOURS["blue"], 50 + number)
    asked = draw(tmp_path / f"{ODD_NAMES[0]}.png", COLOURS["blue"], 49)
    out = tmp_path / "found"
    assert find(asked, reference, "-k", "13", "--out", str(out)) == 0
    page, wrong = open_page(out / "find.html", width, scheme)
    assert page.evaluate(f"{DECODE}({SOURCES})") == [16] * (1 + 13)
    links = page.evaluate("[...document.querySelectorAll('figure > a')].map(a => a.getAttribute('href'))")
    targets = {(out / unquote(link, errors="surrogateescape")).resolve() for link in links}
    assert targets == {asked, *(reference / "blue").iterdir()}
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wrong == []


@pytest.mark.parametrize("name", ODD_NAMES, ids=["bytes", "newline", "signs", "markup", "length"])
def test_odd_names_stop_nothing(tmp_path, capsys, name: str) -> None:
    """Of images, classes and folders: both commands write all they promise, say it on one line each, and never warn."""
    named, slide, out = tmp_path / "named" / name, tmp_path / f"{name} slide", tmp_path / f"{name} out"
    for number, colour in enumerate(COLOURS.values()):
        for index in range(5):
            draw(named / f"{number}{name}" / f"{index}{name}.png", colour, 10 * number + index)
    asked = draw(slide / f"{name}.png", COLOURS["green"], 99)
    (slide / f"{name}.gif").write_bytes(b"no image")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find(asked, named, "--out", str(out)) == 0
        assert label(slide, named, out / "labels.csv") == 0
    with Image.open(out / "find.png") as picture:
        assert picture.width > 1000
    assert {path.name for path in out.iterdir()} == {"find.html", "find.png", "labels.csv", "labels.html"}
    assert [row["file"] for row in read(out / "labels.csv")] == [as_text(f"{name}{end}") for end in (".gif", ".png")]
    printed = capsys.readouterr()
    assert printed.out.count(printable(name)) > 10
    assert len(re.findall(r"^\d+ ", printed.out, re.MULTILINE)) == 10
    assert find(slide / f"{name}.gif", named) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("below", ["file", "file/deeper"])
def test_an_output_that_cannot_be_written_is_told_before_the_work(
    clone, slide, reference, tmp_path, capsys, below: str
) -> None:
    """In one line with the remedy; nothing was embedded."""
    (tmp_path / "file").write_text("")
    out = tmp_path / below
    assert find(slide / "black.png", reference, "--out", str(out)) == 2
    assert label(slide, reference, out / "labels.csv") == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == second
    assert first.startswith(f"leaderboard: {out}: nothing can be written there (")
    assert first.endswith("; choose another folder")
    assert not list(Path(clone.environment["LEADERBOARD_CACHE"]).rglob("*.safetensors"))


@pytest.mark.parametrize("name", ["labels.csv", "labels.html"])
def test_a_folder_in_the_place_of_the_table_or_sheet_is_told_before_the_work(
    clone, slide, reference, tmp_path, capsys, name: str
) -> None:
    """In one line; it is left as it is."""
    (tmp_path / name).mkdir()
    assert label(slide, reference, tmp_path / "labels.csv") == 2
    assert f"{name} is a folder, where a file would be written; move it away" in capsys.readouterr().err
    assert not list(Path(clone.environment["LEADERBOARD_CACHE"]).rglob("*.safetensors"))


def test_the_wheel_brings_the_templates(tmp_path) -> None:
    """What an installed package needs to write a page."""
    from hatchling.builders.wheel import WheelBuilder

    shipped = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    templates = {path.name for path in (ROOT / "leaderboard" / "report" / "templates").iterdir()}
    assert {"base.html", "find.html", "label.html"} <= templates
    assert {f"leaderboard/report/templates/{name}" for name in templates} <= shipped
