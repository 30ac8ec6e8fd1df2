"""`audit` from the command line: stored results in, a table and a page for the specialist out."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.backbones import load_backbone
from leaderboard.cells import compute_result
from leaderboard.datasets import list_dataset, load_dataset
from leaderboard.extract import extract
from leaderboard.records import RunOptions
from leaderboard.registry import Registry, load_registry
from leaderboard.result_files import save_result

ROOT = Path(__file__).parents[2]
COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "grey": (128, 128, 128)}
WRONG = "grey/=odd <b>.png"  # a blue image; its name is text everywhere
PAINTED = """() => Promise.all(
  [...document.querySelectorAll(".class a")].map(async tile => {
    const image = new Image(); image.src = getComputedStyle(tile).backgroundImage.slice(5, -2);
    await image.decode(); return image.naturalWidth;
  }))"""
REPEATED = """() => {
  const first = document.querySelector(".row");
  for (let i = 1; i < 40; i++) first.after(first.cloneNode(true));
  return [...document.querySelectorAll(".row")].map(row => row.getBoundingClientRect().height); }"""


@pytest.fixture
def measured(clone, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The miniature clone with a blue image among the grey ones, both small models measured, and nothing fetched."""
    monkeypatch.chdir(clone.root)
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])
    monkeypatch.setenv("LEADERBOARD_DATA", str(clone.data))
    draw_grains(clone.data / "grains")
    digest = list_dataset("grains", clone.data / "grains").digest
    entries = clone.root / "datasets.yaml"
    entries.write_text(re.sub(r'digest: ".*"', f'digest: "{digest}"', entries.read_text()))
    measure(load_registry(clone.root))
    return clone


def measure(registry: Registry) -> None:
    """Both models on the grains, as a run stores them."""
    spec = registry.dataset("grains")
    dataset = load_dataset(spec)
    for model in ("small", "large"):
        backbone = load_backbone(registry.model(model), RunOptions(device="cpu"))
        result = compute_result(backbone, dataset, extract(dataset, backbone), protocols=spec.protocols)
        save_result(registry.results_dir, result, tolerance=spec.tolerance)


def draw_grains(folder: Path) -> None:
    """Ten noisy images of each colour."""
    draws = np.random.default_rng(3)
    shutil.rmtree(folder)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for index in range(10):
            is_wrong = (name, index) == ("grey", 9)
            values = np.array(COLOURS["blue"] if is_wrong else colour) + draws.normal(0, 12, (24, 30, 3))
            path = folder / (WRONG if is_wrong else f"{name}/{index}.png")
            Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path)


def read(path: Path) -> list[dict[str, str]]:
    """The lines of a table."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_wrong_label_is_listed_with_its_pictures(measured, capsys) -> None:
    """One line on the terminal, one in the table, one place on the page; a second run writes the same bytes."""
    out = Path("audit")
    assert main(["audit", "grains", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    (row,) = read(out / "audit.csv")
    assert (row["number"], row["file"], row["label"], row["suggestion"], row["decision"]) == (
        "1",
        WRONG,
        "grey",
        "blue",
        "",
    )
    assert (row["agreeing_models"], row["good_models"]) == ("2", "2")
    assert re.search(rf"^ +1 +{re.escape(WRONG)} +grey +blue +2 of 2 models +\d", printed, re.MULTILINE)
    assert len(re.findall(r"^agreeing: .* times: .*\.$", printed, re.MULTILINE)) == 1
    assert printed.endswith("Whether this label is really wrong is unknown.\n")
    assert (
        "1 of 30 images is suspected: its label is contradicted by each of large, small; on 1 they suggest" in printed
    )
    page = (out / "audit.html").read_text(encoding="utf-8")
    assert page.count('alt="grey/=odd &lt;b&gt;.png"') == 1
    assert "<b>" not in page
    assert "Whether this label is really wrong is unknown." in page
    assert "smoke test" not in page + printed
    assert len(re.findall(r'<li.*?title="(?:grey|blue)/\d\.png"', page)) == 10
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert main(["audit", "grains", "--out", str(out)]) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_the_page_shows_all_pictures_and_fits_a_phone(measured, browser) -> None:
    """Opened from disk, without a script."""
    assert main(["audit", "grains", "--out", "audit"]) == 0
    page = browser.new_page(viewport={"width": 390, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((Path("audit") / "audit.html").absolute().as_uri())
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate("() => [...document.images].map(image => image.naturalWidth > 0)") == [True]
    assert page.evaluate(PAINTED) == [30] * 10
    assert complaints == []
    page.close()


@pytest.mark.parametrize("width", [375, 1200])
def test_rows_off_the_screen_have_their_height(measured, browser, width: int) -> None:
    """So that the scroll bar does not jump: forty rows of the same suspect are equally high without scrolling."""
    assert main(["audit", "grains", "--out", "audit"]) == 0
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((Path("audit") / "audit.html").absolute().as_uri())
    heights = page.evaluate(REPEATED)
    assert len(heights) == 40
    assert max(heights) - min(heights) < 1
    page.close()


def test_a_suspect_far_down_the_page_has_its_picture_without_scrolling(measured, browser) -> None:
    """For printing, and for a picture of the whole page."""
    assert main(["audit", "grains", "--out", "audit"]) == 0
    far = Path("audit/far.html")
    far.write_text(Path("audit/audit.html").read_text().replace("</style>", ".row { margin-top: 20000px; }</style>"))
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto(far.absolute().as_uri())
    assert page.evaluate("() => [...document.images].map(image => image.naturalWidth > 0)") == [True]
    page.close()


def test_a_smoke_test_says_that_it_is_one(measured, capsys) -> None:
    """On the terminal and on the page, in the words of `compare`."""
    entries = measured.root / "datasets.yaml"
    entries.write_text(entries.read_text() + "  ranked: false\n")
    assert main(["audit", "grains", "--out", "audit"]) == 0
    said = "A smoke test on drawn images: no evidence about real fossils."
    assert f"\n{said} " in capsys.readouterr().out
    assert said in Path("audit/audit.html").read_text(encoding="utf-8")


def test_decisions_are_kept_or_the_table_is_left_alone(measured, capsys) -> None:
    """Whoever has written into the table finds it there after another audit; what would be lost stops it."""
    table = Path("audit/audit.csv")
    assert main(["audit", "grains", "--out", "audit"]) == 0
    table.write_text(table.read_text().removesuffix("\n") + "relabel\n")
    assert main(["audit", "grains", "--out", "audit"]) == 0
    assert [row["decision"] for row in read(table)] == ["relabel"]
    table.write_text(table.read_text().replace("odd", "other"))
    before = table.read_bytes()
    capsys.readouterr()
    assert main(["audit", "grains", "--out", "audit"]) == 2
    assert "has 1 decision on images that are no suspects any more" in capsys.readouterr().err
    assert table.read_bytes() == before


def test_nobody_is_sent_for_images_of_which_nothing_is_measured(measured, capsys, monkeypatch, tmp_path) -> None:
    """That is said first, and no folder is made."""
    shutil.rmtree(measured.result("small").parent)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("LEADERBOARD_DATA", str(tmp_path / "elsewhere"))
    assert main(["audit", "grains", "--out", "audit"]) == 2
    assert capsys.readouterr().err == (
        "leaderboard: nothing is measured on grains; measure it with `pytest -k grains` first\n"
    )
    assert not Path("audit").exists()


def test_results_of_other_images_are_nothing_to_audit(measured, capsys) -> None:
    """One line says how to measure."""
    for path in measured.result("small").parent.glob("*.json"):
        path.write_text(re.sub(r'"dataset": "[0-9a-f]{64}"', f'"dataset": "{"0" * 64}"', path.read_text()))
    assert main(["audit", "grains", "--out", "audit"]) == 2
    assert capsys.readouterr().err == (
        "leaderboard: grains: no model is measured on these images; measure with `pytest -k grains`\n"
    )
    assert not Path("audit/audit.csv").exists()


def test_a_result_of_other_images_is_left_out_and_named(measured, capsys) -> None:
    """The other model is heard alone."""
    path = measured.result("small")
    path.write_text(re.sub(r'"dataset": "[0-9a-f]{64}"', f'"dataset": "{"0" * 64}"', path.read_text()))
    assert main(["audit", "grains", "--out", "audit"]) == 0
    printed = capsys.readouterr().out
    assert "left out, for the table does not compare them, or they are of other images: small" in printed
    assert "its label is contradicted by large" in printed
    assert "no model is better than every untrained one here: all that are measured are asked" in printed


def test_a_file_whose_neighbours_are_no_images_is_one_line(measured, capsys) -> None:
    """Somebody has edited it; neither the audit nor the site ends in a traceback."""
    path = measured.result("small")
    path.write_text(re.sub(r'("neighbours": \[\s*\[)\d+', r"\g<1>999", path.read_text()))
    for command in (["audit", "grains", "--out", "audit"], ["site", "--out", "pages"]):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert "neighbours has '999', no whole number from 0 to" in said
        assert said.count("\n") == 1


def test_images_that_are_nowhere_and_have_no_manifest_are_one_line(measured, capsys, monkeypatch, tmp_path) -> None:
    """Without their names the stored numbers point at nothing."""
    monkeypatch.setenv("LEADERBOARD_DATA", str(tmp_path))
    assert main(["audit", "grains", "--out", "audit"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("leaderboard: data set grains is not here (it has no download)")
    assert said.count("\n") == 1


def test_the_table_comes_without_the_images_where_their_names_are_known(capsys, monkeypatch, tmp_path) -> None:
    """From this repository's own results: every suspect is a file of its label's folder, as the manifest has it."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LEADERBOARD_DATA", raising=False)
    out = tmp_path / "audit"
    assert main(["audit", "palynomorphs-20", "--root", str(ROOT), "--out", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["audit.csv"]
    rows = read(out / "audit.csv")
    manifest = (ROOT / "leaderboard" / "datasets" / "palynomorphs-20.sha256").read_text()
    assert rows
    assert all(f"  {row['file']}\n" in manifest and row["file"].startswith(f"{row['label']}/") for row in rows)
    assert [float(row["times"]) for row in rows] == sorted((float(row["times"]) for row in rows), reverse=True)
    printed = capsys.readouterr().out
    assert f"{len(rows)} of 697 images are suspected" in printed
    assert "no model is better" not in printed
    assert printed.endswith(
        "no pictures: the images are not here; `leaderboard fetch palynomorphs-20` gets them, then run this again\n"
    )
    (out / "audit.html").write_text("pictures of an earlier audit")
    assert main(["audit", "palynomorphs-20", "--root", str(ROOT), "--out", str(out)]) == 0
    assert f"{out / 'audit.html'} is of an earlier audit;" in capsys.readouterr().out.splitlines()[-1]
    assert (out / "audit.html").read_text() == "pictures of an earlier audit"
