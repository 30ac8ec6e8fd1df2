"""The two daily commands on a folder of images: what they print and write, and that bad input is one line."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.datasets import list_dataset

ROOT = Path(__file__).parents[2]
COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "grey": (128, 128, 128)}


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
        (lambda folder: shutil.rmtree(folder), "is not a folder"),
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


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1200, "dark")])
def test_the_sheet_opens_in_a_browser(slide, reference, tmp_path, width: int, scheme: str) -> None:
    """Every picture is seen, shared ones too; nothing is asked of a network, nothing is wider than the window."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium here")
    draw(slide / "<b>&'.png", COLOURS["blue"], 77)
    out = tmp_path / "labels.csv"
    assert label(slide, reference, out) == 0
    seen, wrong = [], []
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(out.with_suffix(".html").as_uri())
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        widest = page.evaluate("document.documentElement.scrollWidth")
        sizes = page.evaluate(
            """Promise.all([
              ...[...document.images].map(image => image.src),
              ...[...document.querySelectorAll(".near a")].map(a => getComputedStyle(a).backgroundImage.slice(5, -2)),
            ].map(async source => {
              const image = new Image(); image.src = source; await image.decode(); return image.naturalWidth;
            }))"""
        )
        heights = page.evaluate("[...document.querySelectorAll('.near a')].map(a => a.getBoundingClientRect().height)")
        browser.close()
    assert wrong == []
    assert [url for url in seen if not url.startswith(("file:", "data:"))] == []
    assert widest <= width
    assert sizes == [16] * (8 + 8 * 5)
    assert min(heights) > 50


def test_the_wheel_brings_the_templates(tmp_path) -> None:
    """What an installed package needs to write a page."""
    from hatchling.builders.wheel import WheelBuilder

    shipped = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    templates = {path.name for path in (ROOT / "leaderboard" / "report" / "templates").iterdir()}
    assert {"base.html", "find.html", "label.html"} <= templates
    assert {f"leaderboard/report/templates/{name}" for name in templates} <= shipped
