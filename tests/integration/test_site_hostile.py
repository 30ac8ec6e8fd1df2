"""A site whose every name is markup: shown as text, never run; addresses that would run are refused."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from site_links import list_broken, list_pages, read_links

from leaderboard.__main__ import main
from leaderboard.datasets import list_dataset

SCRIPT = "</script><script>pwned=1</script>"
LINK = f'https://a.org/"onmouseover="pwned=1"><{SCRIPT.replace(" ", "")}'
TITLES = {
    "models.yaml": {"Small thumbnail": f"A {SCRIPT} title"},
    "datasets.yaml": {
        "Grey, green and blue noise": f"{SCRIPT} & <blink>noise</blink>",
        "Drawn by the tests.": '<blink>Nobody\'s</blink> "own"',
    },
}
PROTOCOLS = "[...document.links].map(link => link.protocol)"
CLASSES = ("<blink>blue & 'grey'", '"><img src=x onerror=pwned=1>', "${pwned=1}{{7*7}}")
FILES = (b"<script>pwned=1<!-- .png", b"' onmouseover='pwned=1.png", b"\xff\xfe & %41.png")


def draw_hostile(folder: Path) -> None:
    """Three classes of ten images, whose names are markup or no text at all."""
    draws = np.random.default_rng(1)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for index in range(10):
            file = FILES[index] if index < len(FILES) else b"%d.png" % index
            with (folder / name / os.fsdecode(file)).open("wb") as stream:
                Image.fromarray(draws.integers(0, 255, (20, 24, 3), dtype=np.uint8)).save(stream, "PNG")


@pytest.fixture
def hostile_site(clone, tmp_path, monkeypatch) -> Path:
    """A site of two measured models whose every name is markup, with thumbnails."""
    shutil.rmtree(clone.data / "grains")
    draw_hostile(clone.data / "grains")
    digest = list_dataset("grains", clone.data / "grains").digest
    for name, changes in TITLES.items():
        text = (clone.root / name).read_text()
        for plain, markup in changes.items():
            text = text.replace(plain, "'" + markup.replace("'", "''") + "'")
        (clone.root / name).write_text(text)
    declared = (clone.root / "datasets.yaml").read_text().partition('digest: "')[0]
    rest = (clone.root / "datasets.yaml").read_text().partition('digest: "')[2].partition('"')[2]
    (clone.root / "datasets.yaml").write_text(f'{declared}digest: "{digest}"{rest}  thumbnails: true\n')
    entries = (clone.root / "models.yaml").read_text().replace("0.5", "0.0")
    (clone.root / "models.yaml").write_text(entries.replace("large:\n", f"large:\n  links: {{paper: '{LINK}'}}\n"))
    assert clone.pytest("-k", "small or large").returncode == 0
    for name in ("LEADERBOARD_DATA", "LEADERBOARD_CACHE"):
        monkeypatch.setenv(name, clone.environment[name])
    assert main(["site", "--root", str(clone.root), "--out", str(tmp_path / "site"), "--thumbnails"]) == 0
    return tmp_path / "site"


def test_names_that_are_markup_are_shown_as_text_and_never_run(open_page: Callable[..., Any], hostile_site) -> None:
    """Titles, attributions, classes and files, on every page and in the comparison's data."""
    texts = {}
    for address in [*list_pages(hostile_site), "compare.html#set=grains&a=small&b=large"]:
        page = open_page(address, of=hostile_site)
        texts[address] = page.locator("body").evaluate("body => body.textContent")
        assert page.evaluate("typeof pwned") == "undefined", address
        assert page.locator("blink, [onerror], [onmouseover], main script").count() == 0, address
        assert set(page.evaluate(PROTOCOLS)) <= {"file:", "http:", "https:"}, address  # by the page or its scripts
        page.close()
    targets = [target for address in list_pages(hostile_site) for target in read_links(hostile_site / address).targets]
    assert {urlsplit(target).scheme for target in targets} <= {"", "http", "https"}
    assert LINK in read_links(hostile_site / "models" / "large.html").targets
    assert SCRIPT in texts["models/small.html"]
    assert SCRIPT in texts["datasets/grains.html"]
    assert "<blink>Nobody's</blink>" in texts["datasets/grains.html"]
    for name in CLASSES:
        assert name in texts["datasets/grains.html"]
        assert name in texts["models/small.html"]
        assert name in texts["compare.html#set=grains&a=small&b=large"]
    assert list(list_broken(hostile_site)) == []


@pytest.mark.parametrize(
    "link", ["javascript:pwned=1", "data:text/html,pwned", " JaVaScript:pwned=1", "//a.org", "a.html"]
)
def test_a_link_that_would_run_never_gets_into_a_page(clone, tmp_path, capsys, link: str) -> None:
    """Only the addresses of the web: models.yaml is refused in one line, which the site's pages rely on."""
    entries = (clone.root / "models.yaml").read_text()
    (clone.root / "models.yaml").write_text(entries.replace("large:\n", f"large:\n  links: {{paper: '{link}'}}\n"))
    assert main(["site", "--root", str(clone.root), "--out", str(tmp_path / "site")]) == 2
    said = capsys.readouterr().err
    assert f"models.yaml:11: model 'large': links.paper '{link}': string should match pattern" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "site").exists()
