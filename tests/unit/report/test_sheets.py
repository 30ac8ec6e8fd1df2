"""Sheets and tables of `find` and `label`: what is on them, in which order, and that no name can do harm."""

from __future__ import annotations

import csv
import re
import warnings
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from leaderboard.errors import printable
from leaderboard.finding import Found
from leaderboard.images import digest_pixels
from leaderboard.labelling import Label, Labelling, Neighbour, Reliability, Threshold
from leaderboard.records import Dataset, ModelSpec
from leaderboard.report.find_picture import CAPTION, DPI, draw_found
from leaderboard.report.label_table import COLUMNS, render_table
from leaderboard.report.label_words import describe_band, describe_check, describe_threshold, summarise
from leaderboard.report.pages import make_link, render_page
from leaderboard.report.sheets import Slide, count_genera, make_sections, render_find_sheet, render_label_sheet
from leaderboard.report.thumbnails import BUDGET, BYTES_AT, choose_side, load_pictures, make_thumbnail

MARKUP = '<img src=x onerror="alert(1)">&.png'
NEAR = (Neighbour("azolla/a.png", "azolla", 1.5), Neighbour("bisaccate/b.png", "bisaccate", 2.25))
UNKNOWN = Label("far.png", "azolla", 0.61, True, NEAR)
DOUBTFUL = Label(MARKUP, "bisaccate", 0.41, False, NEAR)
SURE = Label("sure.png", "azolla", 0.97, False, NEAR)
RELIABILITY = (Reliability(1, 4, 0, 2), Reliability(2, 3, 1, 1), Reliability(0, 0, 0, 0), Reliability(212, 219, 0, 0))
LABELLING = Labelling((UNKNOWN, DOUBTFUL, SURE), Threshold(1.25, "azolla/a.png", 3, 226), RELIABILITY)
TWINS = {"sure.png": ["azolla/a.png"]}


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, attribute: str) -> list[str]:
        """Of every such tag that has it."""
        return [value for name, found in self.tags if name == tag and (value := found.get(attribute))]


def folder(name: str) -> Dataset:
    """A folder of which only the place matters here."""
    return Dataset(name, Path("/data") / name, (), (), (), "")


def model(notice: str | None = None) -> ModelSpec:
    """An entry of models.yaml."""
    return ModelSpec("toy", "Toy <b>", "baseline", (), "toy", None, "model", 8, None, notice=notice)


def thumbnails(*paths: Path) -> dict[Path, bytes]:
    """A different small picture for each."""
    return {path: make_thumbnail(Image.new("RGB", (20, 10), (40 * i, 80, 20))) for i, path in enumerate(paths)}


def label_page(labelling: Labelling = LABELLING, *, bad: dict[str, str] | None = None) -> str:
    """The sheet of these labels, as it would lie in /data/out."""
    slide = Slide(
        model("Built with Toys."), folder("slide"), folder("named"), (226, 2), labelling, bad or {}, {}, TWINS
    )
    images = [slide.images.root / label.file for label in labelling.labels]
    near = [slide.reference.root / found.file for found in NEAR]
    return render_label_sheet(slide, thumbnails(*images, *near), Path("/data/out/labels.html"))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_names_with_markup_are_text() -> None:
    """Neither a file nor a model can bring tags or handlers into a page."""
    page = Page(label_page())
    assert MARKUP in page.text
    assert "Toy <b>" in page.text
    assert not [tag for tag, _ in page.tags if tag in ("script", "b")]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_a_page_needs_nothing_but_itself() -> None:
    """Every picture is in it, and its policy forbids the rest."""
    text = label_page()
    page = Page(text)
    assert len(page.values("img", "src")) == 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.values("img", "src"))
    assert set(page.values("img", "loading")) == {"lazy"}
    assert not page.values("link", "href")
    assert re.findall(r"(?:url\(|@import)(?!data:)", text) == []
    (policy,) = [p for p in page.values("meta", "content") if "default-src" in p]
    assert policy.startswith("default-src 'none'")
    assert "http:" not in policy


def test_a_reference_picture_is_written_once_however_often_it_is_shown() -> None:
    """Three images share two neighbours: two style rules, six uses."""
    text = label_page()
    rules = dict(re.findall(r"\.(r\d+)\{background-image:url\(data:image/jpeg;base64,([^)]+)\)\}", text))
    assert len(rules) == 2
    assert all(Image.open(BytesIO(b64decode(data))).size == (20, 10) for data in rules.values())
    shown = [name for name in Page(text).values("a", "class") if name in rules]
    assert len(shown) == 6
    assert set(shown) == set(rules)


def test_the_doubtful_come_first_in_sections_with_their_reliability() -> None:
    """Unknown, then from low to high confidence; empty sections are left out."""
    sections = make_sections(LABELLING)
    assert [section.title for section in sections] == ["Unknown", "Confidence below 0.5", "Confidence 0.9 or more"]
    assert [section.labels for section in sections] == [[UNKNOWN], [DOUBTFUL], [SURE]]
    text = Page(label_page()).text
    assert text.index("far.png") < text.index(MARKUP) < text.index("sure.png")
    assert sections[2].said in text


def test_what_the_sheet_says_in_words() -> None:
    """Shares come with their counts; the threshold with its source and what it cannot do."""
    text = " ".join(Page(label_page()).text.split())
    assert "97 % (212 of 219) were right" in text
    assert "25 % (1 of 4) were right; where the nearest image is of another genus, 0 % (0 of 2)" in text
    assert describe_band(2, RELIABILITY[2]) == "No reference image was named with confidence 0.7 to 0.9."
    assert "(5 folds) gives 95 % (215 of 226) of its images the right name" in describe_check(LABELLING)
    assert "farther than 1.25" in describe_threshold(LABELLING)
    assert "1 % (3 of 226) would come out as unknown" in text
    assert "same pixels as reference image azolla/a.png" in text
    assert "nearest reference image is of another genus" in text
    assert "best guess azolla (0.61)" in text
    assert "Built with Toys." in text
    assert summarise(LABELLING, 4) == (
        "2 images named, 1 unknown, 4 unreadable; confidence below 0.9: 1; at odds with the nearest reference image: 1"
    )


def test_without_a_check_the_sheet_says_so() -> None:
    """And names without a confidence have a section of their own."""
    alone = Label("sure.png", "azolla", None, False, NEAR[:1])
    labelling = Labelling((alone,), LABELLING.threshold, (), "the reference has a single genus")
    text = Page(label_page(labelling)).text
    assert "How often the names are right is not known: the reference has a single genus." in text
    assert [section.title for section in make_sections(labelling)] == ["Without a confidence"]


def test_unreadable_images_are_on_the_sheet_and_first_in_the_table() -> None:
    """Without a genus, with the reason; never lost."""
    text = Page(label_page(bad={"broken.png": "the file is empty"})).text
    assert "broken.png: the file is empty" in text
    rows = rows_of(render_table(LABELLING, bad={"broken.png": "the file is empty"}, twins=TWINS))
    assert [row["file"] for row in rows] == ["broken.png", "far.png", MARKUP, "sure.png"]
    assert rows[0]["genus"] == ""
    assert rows[0]["note"] == "unreadable: the file is empty"


def test_the_table_has_a_line_for_each_image() -> None:
    """An unknown image gets no genus and no confidence; its best guess is in the note."""
    text = render_table(LABELLING, bad={}, twins=TWINS)
    assert text.splitlines()[0] == ",".join(COLUMNS)
    unknown, doubtful, sure = rows_of(text)
    assert (unknown["genus"], unknown["confidence"], unknown["unknown"]) == ("unknown", "", "yes")
    assert unknown["note"] == "farther than any reference image from another; best guess azolla (0.61)"
    assert (doubtful["genus"], doubtful["confidence"], doubtful["unknown"]) == ("bisaccate", "0.4100", "no")
    assert doubtful["note"] == "nearest reference image is of another genus"
    assert (sure["nearest_file"], sure["nearest_genus"], sure["nearest_distance"]) == ("azolla/a.png", "azolla", "1.5")
    assert sure["note"] == "same pixels as reference image azolla/a.png"


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_begins_a_formula(first: str) -> None:
    """A file keeps naming itself, from the folder that it is in; a genus gets an apostrophe."""
    name = f'{first}HYPERLINK("x")'
    near = (Neighbour(f"{name}/n.png", name, 1.0),)
    labelling = Labelling((Label(f"{name}.png", name, 0.5, False, near),), LABELLING.threshold, ())
    bad, row = rows_of(render_table(labelling, bad={name: "empty"}, twins={f"{name}.png": [f"{name}/n.png"]}))
    assert bad["file"] == f"./{name}"
    assert Path("folder", row["file"]) == Path("folder", f"{name}.png")
    assert row["genus"] == row["nearest_genus"] == f"'{name}"
    assert not [cell for cell in (*bad.values(), *row.values()) if cell.startswith(first)]


def test_names_that_are_no_utf8_reach_page_table_and_terminal() -> None:
    """Their bytes are spelt out, where anything else could not be written."""
    name = b"caf\xe9\n.png".decode("utf-8", "surrogateescape")
    labelling = Labelling((Label(name, "azolla", 0.5, False, NEAR),), LABELLING.threshold, ())
    assert "caf\\udce9" in render_table(labelling, bad={}, twins={}).encode().decode()
    assert "caf\\udce9" in label_page(labelling).encode().decode()
    assert printable(name) == "caf\\udce9\\n.png"
    assert unquote(make_link(Path("/d", name), Path("/d/x.html")), errors="surrogateescape") == name


def test_links_are_relative_and_lead_to_the_image() -> None:
    """Whatever is in the name, and without the folders of this machine."""
    page = Page(label_page())
    links = [unquote(link) for link in page.values("a", "href")]
    assert f"../slide/{MARKUP}" in links
    assert "../named/azolla/a.png" in links
    assert not any(link.startswith(("/", "javascript:", "file:")) for link in page.values("a", "href"))
    assert make_link(Path("/d/javascript:alert(1).png"), Path("/d/x.html")) == "javascript%3Aalert%281%29.png"


def test_genera_are_counted_without_the_unknown() -> None:
    """The commonest first."""
    labels = (UNKNOWN, DOUBTFUL, SURE, SURE)
    counts = count_genera(Labelling(labels, LABELLING.threshold, RELIABILITY))
    assert [(count.genus, count.images, count.sure) for count in counts] == [("azolla", 2, 2), ("bisaccate", 1, 0)]


def test_the_find_sheet_shows_each_answer_with_rank_class_and_distance() -> None:
    """And says which files were the image itself."""
    query, collection = Path("/data/asked <i>.png"), folder("slides")
    found = [Found(query, NEAR, ("azolla/copy.png",))]
    shown = thumbnails(query, *(collection.root / near.file for near in NEAR))
    text = render_find_sheet(
        model(), collection, found, thumbnails=shown, bad=["broken.png"], page=Path("/data/out/find.html")
    )
    page = Page(text)
    said = " ".join(page.text.split())
    assert "asked <i>.png" in said
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text, flags=re.DOTALL)
    assert [re.sub(r"<[^>]+>|\s", " ", caption).split() for caption in captions[1:]] == [
        ["1", "azolla", "a.png", "1.5"],
        ["2", "bisaccate", "b.png", "2.25"],
    ]
    assert "azolla/copy.png" in said
    assert "broken.png" in said
    assert len(page.values("img", "src")) == 3


def test_the_picture_of_what_was_found_has_a_tile_per_image() -> None:
    """The same bytes each time; names with dollars are no formulas."""
    query, root = Path("/data/$q$.png"), Path("/data/slides")
    near = tuple(Neighbour(f"$x_{i}/{i}.png", f"$x_{i}", float(i)) for i in range(7))
    shown = thumbnails(query, *(root / each.file for each in near))
    one = draw_found([Found(query, near, ())], root, shown)
    assert one == draw_found([Found(query, near, ())], root, shown)
    two = draw_found([Found(query, near, ()), Found(query, near[:1], ())], root, shown)
    heights = [Image.open(BytesIO(data)).height for data in (one, two)]
    assert heights[1] == pytest.approx(heights[0] * 3 / 2, abs=2)
    values = np.asarray(Image.open(BytesIO(one)).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(values[(values[:, 2] < 40) & (values[:, 1] > 60)], axis=0)) >= 7


@pytest.mark.parametrize("name", ["bad\udcff", "two\nlines", "花粉" * 20, "<b>&$\\frac$", "long" * 50], ids=range(5))
def test_a_picture_can_be_drawn_of_any_name(name: str) -> None:
    """Without a warning; what does not fit below a tile is shortened there and reaches no other tile."""
    query, root = Path("/data", f"{name}.png"), Path("/data/slides")
    near = tuple(Neighbour(f"{name}/{i}.png", name, float(i)) for i in range(5))
    shown = thumbnails(query, *(root / each.file for each in near))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw_found([Found(query, near, ())], root, shown)
    ink = np.asarray(Image.open(BytesIO(picture)).convert("L")) < 200
    captions = ink[-round(DPI * CAPTION * 0.7) :]
    dark = captions.any(axis=0)
    tiles = np.array_split(dark, 6)  # of equal width, as wide as a tile and the gap beside it
    assert all(tile.any() for tile in tiles)
    assert not any(tile[:3].any() or tile[-3:].any() for tile in tiles)


def test_names_that_differ_at_the_end_stay_apart_in_the_picture() -> None:
    """The middle is left out, and an ellipsis says so."""
    query, root = Path("/data/q.png"), Path("/data/slides")
    shown = thumbnails(query, root / "a.png")
    genus = "Operculodinium centrocarpum var. "
    one, two, again = (
        draw_found([Found(query, (Neighbour("a.png", f"{genus}{end}", 1.0),), ())], root, shown)
        for end in ("minor", "major", "minor")
    )
    assert one == again
    assert one != two


def test_the_sheet_asks_for_a_sample_of_the_sure_names() -> None:
    """What is wrong with certainty stands at the end, where nobody looks who stops at the first right ones."""
    text = " ".join(Page(label_page()).text.split())
    assert "Then check a random sample of the sure ones (confidence 0.9 or more) of every genus" in text


def test_a_page_with_a_value_missing_is_an_error() -> None:
    """A template never leaves a hole."""
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render_page("find.html", model=model())


@pytest.mark.parametrize(
    ("size", "expected"), [((400, 200), (96, 48)), ((200, 400), (48, 96)), ((10, 8), (10, 8)), ((5000, 1), (96, 1))]
)
def test_thumbnails_keep_their_aspect_and_never_grow(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """The longest side is 96; a sliver keeps a row."""
    thumbnail = Image.open(BytesIO(make_thumbnail(Image.new("RGB", size, "teal"))))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", expected)


def test_pages_of_many_pictures_get_smaller_ones() -> None:
    """Within the budget as long as that is possible."""
    sides = [choose_side(count) for count in (1, 2000, 5000, 10_000)]
    assert sides == sorted(sides, reverse=True)
    assert len(set(sides)) == 3
    assert all(count * BYTES_AT[choose_side(count)] <= BUDGET for count in (1, 2000, 5000))


def test_copies_in_another_format_have_the_same_digest(tmp_path: Path) -> None:
    """One value changed, or another shape of the same values, gives another."""
    values = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    Image.fromarray(values).save(tmp_path / "a.png")
    Image.fromarray(values).save(tmp_path / "b.bmp")
    pictures = load_pictures([tmp_path / "a.png", tmp_path / "b.bmp", tmp_path / "a.png"])
    assert len(pictures) == 2
    assert len({picture.pixels for picture in pictures.values()}) == 1
    other = values.copy()
    other[3, 5, 2] += 1
    digests = [digest_pixels(Image.fromarray(array)) for array in (values, other, values.reshape(6, 4, 3))]
    assert len(set(digests)) == 3
