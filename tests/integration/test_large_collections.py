"""From images to vectors to an index, and what `find`, `label` and `duplicates` say of them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from collections_made import draw_clusters, save_collection
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.commands import _label_vectors
from leaderboard.datasets import list_dataset
from leaderboard.extract import EXTRACTION_VERSION

COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "grey": (128, 128, 128)}


@pytest.fixture(autouse=True)
def inside(clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in the miniature clone, whose models are known by their short names."""
    monkeypatch.chdir(clone.root)
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])


def draw(path: Path, colour: tuple[int, int, int], seed: int) -> Path:
    """A picture of one colour with a pattern of its own."""
    noise = np.random.default_rng(seed).normal(0, 40, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    """Eight images in each of three classes; one of them twice, in another format."""
    for number, (name, colour) in enumerate(COLOURS.items()):
        for index in range(8):
            draw(tmp_path / "slides" / name / f"{index}.png", colour, 100 * number + index)
    with Image.open(tmp_path / "slides" / "blue" / "3.png") as image:
        image.save(tmp_path / "slides" / "grey" / "copy.bmp")
    return tmp_path / "slides"


@pytest.fixture
def vectors(slides: Path, tmp_path: Path) -> Path:
    """They, embedded into shards."""
    out = tmp_path / "vectors"
    assert main(["embed", "--images", str(slides), "--model", "small", "--out", str(out), "--shard-size", "10"]) == 0
    return out


@pytest.fixture
def index(vectors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """And indexed."""
    assert main(["index", "--embeddings", str(vectors), "--out", str(tmp_path / "index"), "--anyway"]) == 0
    assert "25 vectors" in capsys.readouterr().out
    return tmp_path / "index"


def answers(printed: str) -> list[list[str]]:
    """The lines of the table: rank, file, class, distance."""
    rows = (line.split() for line in printed.splitlines())
    return [row for row in rows if len(row) == 4 and row[0].isdecimal()]


def read(out: Path) -> list[dict[str, str]]:
    with out.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_images_vectors_and_index_give_the_same_answers(slides, vectors, index, capsys) -> None:
    """The image itself and its copy are no answers; an index says that it is approximate, and by how much."""
    asked = str(slides / "blue" / "3.png")
    capsys.readouterr()
    printed = []
    for where in (["--in", str(slides), "--model", "small"], ["--in", str(vectors)], ["--in", str(index)]):
        assert main(["find", asked, *where, "-k", "5"]) == 0
        printed.append(capsys.readouterr().out)
    assert answers(printed[0]) == answers(printed[1]) == answers(printed[2])
    assert len(answers(printed[0])) == 5
    assert all("the same picture, not counted: blue/3.png, grey/copy.bmp" in text for text in printed)
    assert "exact search of 25 vectors" in printed[1]
    assert "approximate search, recall@10 1.00 when built" in printed[2]


def test_images_that_are_gone_leave_empty_tiles(slides, vectors, tmp_path, capsys) -> None:
    """The answers are there all the same, and the page says which pictures are not."""
    asked = shutil.copy(slides / "blue" / "3.png", tmp_path / "asked.png")
    shutil.rmtree(slides / "green")
    (slides / "blue" / "5.png").unlink()
    out = tmp_path / "found"
    assert main(["find", str(asked), "--in", str(vectors), "-k", "20", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert len(answers(printed)) == 20
    page = (out / "find.html").read_text(encoding="utf-8")
    gone = sum(row[1].startswith("green/") or row[1] == "blue/5.png" for row in answers(printed))
    assert page.count("no image here") == gone > 1
    assert page.count("data:image/jpeg") == 21 - gone
    assert f"{gone} of 20 images found are not (or no longer) at" in printed
    with Image.open(out / "find.png") as picture:
        picture.load()


def test_another_model_is_refused(slides, vectors, capsys) -> None:
    """Its vectors mean something else; so do those of the same model run in another way."""
    asked = str(slides / "blue" / "3.png")
    assert main(["find", asked, "--in", str(vectors), "--model", "large"]) == 2
    assert "are of small; leave --model out" in capsys.readouterr().err
    manifest = json.loads((vectors / "manifest.json").read_text())
    manifest["inputs"]["extraction"] = EXTRACTION_VERSION - 1
    (vectors / "manifest.json").write_text(json.dumps(manifest))
    assert main(["find", asked, "--in", str(vectors)]) == 2
    assert (
        f"small had extraction {EXTRACTION_VERSION - 1} there, has {EXTRACTION_VERSION} now" in capsys.readouterr().err
    )


def test_a_folder_of_images_needs_a_model(slides, capsys) -> None:
    """Which it is told."""
    assert main(["find", str(slides / "blue" / "3.png"), "--in", str(slides)]) == 2
    assert "is a folder of images: give a --model" in capsys.readouterr().err


def test_a_small_collection_needs_no_index(vectors, tmp_path, capsys) -> None:
    """Nothing is written, and the command says what to do instead."""
    capsys.readouterr()
    assert main(["index", "--embeddings", str(vectors), "--out", str(tmp_path / "index")]) == 0
    assert "25 vectors need no index: `find --in" in capsys.readouterr().out
    assert not (tmp_path / "index").exists()


def test_duplicates_are_listed_with_what_pixels_say(slides, tmp_path, capsys) -> None:
    """The same pixels in another format, and a brighter picture; both in other classes than the original."""
    with Image.open(slides / "green" / "2.png") as image:
        image.point(lambda value: min(255, value * 1.04)).save(slides / "blue" / "brighter.png")
    assert main(["embed", "--images", str(slides), "--model", "small", "--out", str(tmp_path / "vectors")]) == 0
    out = tmp_path / "copies.csv"
    capsys.readouterr()
    assert main(["duplicates", "--embeddings", str(tmp_path / "vectors"), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "exact copies: 1 groups of together 2 images, of 26" in printed
    assert "1 of them are copies by their pixels" in printed
    rows = [(row["kind"], row["file"], row["copy"], row["other_class"]) for row in read(out)]
    assert rows == [
        ("same pixels", "blue/3.png", "grey/copy.bmp", "yes"),
        ("near copy", "blue/brighter.png", "green/2.png", "yes"),
    ]
    shutil.rmtree(slides)
    assert main(["duplicates", "--embeddings", str(tmp_path / "vectors"), "--out", str(out)]) == 0
    assert "they are candidates, not copies" in capsys.readouterr().out
    assert ("candidate", "blue/brighter.png", "green/2.png") in [(r["kind"], r["file"], r["copy"]) for r in read(out)]


def test_duplicates_of_an_index_are_the_same(vectors, index, tmp_path) -> None:
    """Of 25 images it misses none."""
    for name, where in (("a.csv", vectors), ("b.csv", index)):
        assert main(["duplicates", "--embeddings", str(where), "--radius", "1.5", "--out", str(tmp_path / name)]) == 0
    assert read(tmp_path / "a.csv") == read(tmp_path / "b.csv")
    assert main(["duplicates", "--embeddings", str(vectors), "--out", str(tmp_path / "copies.xlsx")]) == 2


def test_label_takes_vectors_on_either_side(slides, vectors, tmp_path, capsys) -> None:
    """New images against vectors, and vectors against vectors, give what images against images give."""
    (slides / "grey" / "copy.bmp").unlink()
    new = tmp_path / "new"
    for number, colour in enumerate(COLOURS.values()):
        draw(new / f"{number}.png", colour, 1000 + number)
    for out, source in ((tmp_path / "vectors", slides), (tmp_path / "new-vectors", new)):
        shutil.rmtree(out, ignore_errors=True)
        assert main(["embed", "--images", str(source), "--model", "small", "--out", str(out)]) == 0
    sides = [(new, slides, "--model", "small"), (new, vectors), (tmp_path / "new-vectors", vectors)]
    tables = []
    for number, (images, reference, *model) in enumerate(sides):
        out = tmp_path / f"{number}.csv"
        assert main(["label", "--images", str(images), "--reference", str(reference), "--out", str(out), *model]) == 0
        tables.append(read(out))
        assert "data:image/jpeg" in out.with_suffix(".html").read_text(encoding="utf-8")
    assert tables[0] == tables[1] == tables[2]
    assert {row["file"]: row["genus"] for row in tables[0]} == {"0.png": "blue", "1.png": "green", "2.png": "grey"}
    shutil.rmtree(slides)
    assert main(["label", "--images", str(new), "--reference", str(vectors), "--out", str(tmp_path / "3.csv")]) == 0
    assert "No sheet was written: not all images can be read where they were" in capsys.readouterr().out
    assert read(tmp_path / "3.csv") == tables[0]


def test_a_large_reference_is_asked_for_votes(monkeypatch: pytest.MonkeyPatch, slides, index, tmp_path, capsys) -> None:
    """Which the output says, with how often such names are right."""
    monkeypatch.setattr(_label_vectors, "FEW", 20)
    out = tmp_path / "labels.csv"
    assert main(["label", "--images", str(slides), "--reference", str(index), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "With more than 20 images no model is fitted: a name is the vote of the 10 nearest" in printed
    assert "Of a sample of the reference, each named by all the others," in printed
    rows = read(out)
    assert [row["file"] for row in rows] == list(list_dataset("slides", slides).files)
    right = sum(row["genus"] == row["file"].split("/")[0] for row in rows if row["file"] != "grey/copy.bmp")
    assert right >= 22
    assert not out.with_suffix(".html").exists()


def test_label_refuses_what_cannot_be_compared(slides, vectors, tmp_path, capsys) -> None:
    """Vectors of another model, and a reference that was not embedded."""
    save_collection(tmp_path / "other", draw_clusters(30), model="large")
    out = str(tmp_path / "labels.csv")
    assert main(["label", "--images", str(tmp_path / "other"), "--reference", str(vectors), "--out", out]) == 2
    assert "is of large, the reference of small; embed it again" in capsys.readouterr().err
    assert main(["label", "--images", str(vectors), "--reference", str(slides), "--out", out]) == 2
    assert "embed these too" in capsys.readouterr().err
    assert not Path(out).exists()
