"""The site as a whole: every page in a real browser, from disk and from a server, and the folder that it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image
from take_screenshots import PAGES

from leaderboard.__main__ import main
from leaderboard.datasets import list_dataset

ROOT = Path(__file__).parents[2]
LIMIT = 2_000_000  # bytes of everything but thumbnails: the issue's


def list_pages(site: Path) -> list[str]:
    """Every page, as an address below the site's root."""
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))


def snapshot(site: Path) -> dict[str, bytes]:
    """Every file of a site."""
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


# ---- pages


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("width", [1440, 375])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_has_no_serious_finding_and_is_never_wider_than_its_window(
    open_page, axe, kind: str, width: int, dark: bool
) -> None:
    """By axe-core, WCAG 2.1 AA and its best practices; in both themes, on a desk and on a phone."""
    page = open_page(PAGES[kind], width=width, dark=dark)
    assert axe(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_axe_would_find_what_is_wrong(open_page, axe, tmp_path) -> None:
    """A picture without a text, a grey word on grey: the check checks."""
    (tmp_path / "bad.html").write_text(
        '<!DOCTYPE html><html lang="en"><title>Bad</title><main><h1>Bad</h1>'
        '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><p style="color: #bbb">grey</p></main></html>'
    )
    found = " ".join(axe(open_page("bad.html", of=tmp_path)))
    assert "image-alt" in found
    assert "color-contrast" in found


def count_headings(page: Any) -> int:
    """Of the first level; the page is closed."""
    count: int = page.locator("h1").count()
    page.close()
    return count


def test_every_page_opens_from_disk(open_page, site) -> None:
    """With a heading, and without any error or request to elsewhere, which ``open_page`` listens for."""
    for address in list_pages(site):
        assert count_headings(open_page(address)) == 1, address


def test_every_page_opens_below_a_subpath_of_a_server(open_page, site, serve) -> None:
    """As on GitHub Pages: nothing outside of the subpath is asked for."""
    start = serve(site)
    for address in list_pages(site):
        assert count_headings(open_page(address, of=start)) == 1, address
    page = open_page(PAGES["comparison"], of=start)
    assert "0.509" in page.inner_text("main")  # its data came, too


@pytest.mark.parametrize(
    ("kind", "figure"),
    [("table", "0.718"), ("model-measured", "0.718"), ("dataset-ranked", "0.055"), ("model-reported", "0.91")],
)
def test_figures_are_there_without_scripts(open_page, kind: str, figure: str) -> None:
    """Scripts sort, filter and compare; they bring no figure."""
    assert figure in open_page(PAGES[kind], scripts=False).inner_text("main")


def test_the_theme_is_chosen_with_a_button_and_kept(open_page) -> None:
    """Across pages, on this computer only; the keyboard does."""
    page = open_page("index.html")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Switch between light and dark").focus()
    page.keyboard.press("Enter")
    dark = page.evaluate(paper)
    assert dark != light
    page.get_by_role("link", name="How to read it").first.click()
    page.wait_for_url("**/reading.html")
    assert page.evaluate(paper) == dark


def test_the_first_tab_leads_past_the_header(open_page) -> None:
    """A link that shows when it has the focus."""
    page = open_page("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


# ---- links


@dataclass
class Links(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    targets: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The parser's own state."""
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Gather."""
        known = dict(attributes)
        self.targets += [value for name in ("href", "src") if (value := known.get(name))]
        self.anchors += [value for name in ("id",) if (value := known.get(name))]


def read_links(page: Path) -> Links:
    """Of one page."""
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    return links


def list_broken(site: Path) -> Iterator[str]:
    """Links that lead nowhere. A fragment with "=" is a state of the page, no place in it."""
    pages = {address: read_links(site / address) for address in list_pages(site)}
    for address, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme:
                continue
            path = (site / address).parent / unquote(parts.path) if parts.path else site / address
            found = path.resolve().relative_to(site.resolve()).as_posix()
            anchors = pages[found].anchors if found in pages else []
            if not path.is_file() or (parts.fragment and "=" not in parts.fragment and parts.fragment not in anchors):
                yield f"{address}: {target}"


def test_every_link_leads_to_something(site) -> None:
    """Pages, pictures, files to download, and places within pages."""
    assert list(list_broken(site)) == []


def test_the_links_are_relative_or_lead_out_securely(site) -> None:
    """No path of a machine, no root of a server."""
    schemes = Counter()
    for address in list_pages(site):
        for target in read_links(site / address).targets:
            assert not target.startswith("/"), f"{address}: {target}"
            schemes[urlsplit(target).scheme] += 1
    assert set(schemes) <= {"", "https"}
    assert schemes["https"] > 0


def test_no_two_elements_of_a_page_share_an_id(site) -> None:
    """A link to it would be ambiguous."""
    for address in list_pages(site):
        counts = Counter(read_links(site / address).anchors)
        assert [name for name, count in counts.items() if count > 1] == [], address


def test_every_page_can_be_reached_from_the_first(site) -> None:
    """By links alone."""
    reached, waiting = set(), ["index.html"]
    while waiting:
        address = waiting.pop()
        if address not in reached and address.endswith(".html"):
            reached.add(address)
            paths = [urlsplit(target).path for target in read_links(site / address).targets if "://" not in target]
            near = [os.path.normpath(Path(address).parent / unquote(path)) for path in paths if path]
            waiting += [Path(path).as_posix() for path in near]
    assert sorted(reached) == list_pages(site)


# ---- the folder


def test_all_but_the_thumbnails_is_below_two_megabytes(site) -> None:
    """Pages, scripts, and the exports that lie beside them."""
    sizes = {name: len(content) for name, content in snapshot(site).items() if not name.startswith("thumbnails/")}
    assert sum(sizes.values()) < LIMIT, Counter(sizes).most_common(8)


def copy_in_reverse(root: Path) -> Path:
    """This repository's results below another folder, written in the opposite order."""
    files = [ROOT / "models.yaml", ROOT / "datasets.yaml", *sorted((ROOT / "leaderboard").rglob("*.json*"))]
    for path in reversed(files):
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return root


def test_the_same_results_give_the_same_bytes(site, tmp_path) -> None:
    """From another folder, with other orders of files and hashes, by another process."""
    root = copy_in_reverse(tmp_path / "another root")
    out = tmp_path / "another site"
    command = [sys.executable, "-m", "leaderboard", "site", "--root", root, "--out", out, "--thumbnails"]
    environment = os.environ | {
        "LEADERBOARD_CACHE": str(tmp_path / "cache"),
        "PYTHONHASHSEED": "4",
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=300)
    one, other = snapshot(site), snapshot(out)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    assert not any(bytes(tmp_path) in content for content in other.values())


def site_command(*arguments: object) -> int:
    """Run it in this process."""
    return main(["site", *map(str, arguments)])


@pytest.fixture
def small(clone, monkeypatch) -> Path:
    """The folder of a miniature leaderboard with two measured models, whose images may be shown."""
    assert clone.pytest("-k", "small or large").returncode == 0
    declared = clone.root / "datasets.yaml"
    declared.write_text(declared.read_text() + "  thumbnails: true\n")
    for name in ("LEADERBOARD_DATA", "LEADERBOARD_CACHE"):
        monkeypatch.setenv(name, clone.environment[name])
    return clone.root


def test_a_site_follows_its_results(small, tmp_path, capsys) -> None:
    """What is gone from them is gone from the folder; the command says what it wrote."""
    out = tmp_path / "site"
    assert site_command("--root", small, "--out", out, "--thumbnails") == 0
    printed = capsys.readouterr().out
    assert "grains: 30 pictures" in printed
    assert f"open {out / 'index.html'}" in printed
    assert len(list((out / "thumbnails").rglob("*.jpg"))) == 30
    entries = (small / "models.yaml").read_text()
    (small / "models.yaml").write_text(entries[: entries.index("large:")] + entries[entries.index("ghost:") :])
    assert site_command("--root", small, "--out", out) == 0
    assert not (out / "thumbnails").exists()
    assert sorted(path.stem for path in (out / "models").iterdir()) == ["ghost", "small"]
    assert list(list_broken(out)) == []


def test_pictures_that_cannot_be_had_are_said(small, tmp_path, capsys, monkeypatch) -> None:
    """And the site is built without them."""
    monkeypatch.setenv("LEADERBOARD_DATA", str(tmp_path))
    assert site_command("--root", small, "--out", tmp_path / "site", "--thumbnails") == 0
    assert f"grains: no pictures; data set grains is not here (it has no download); place it in {tmp_path}/grains/" in (
        capsys.readouterr().out
    )
    assert not (tmp_path / "site" / "thumbnails").exists()


def test_without_results_one_line_says_so(clone, tmp_path, capsys) -> None:
    """And nothing is written."""
    assert site_command("--root", clone.root, "--out", tmp_path / "site") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "has no results; measure with pytest first" in said
    assert not (tmp_path / "site").exists()


def test_a_folder_of_somebody_else_is_refused_before_the_work(clone, tmp_path, capsys) -> None:
    """In one line; nothing in it is touched."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("five years")
    assert site_command("--root", clone.root, "--out", tmp_path / "home") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is not empty, and no site of ours is there" in said
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("library", ["jinja2", "pyarrow"])
def test_a_library_that_is_missing_is_said_before_the_work(clone, tmp_path, library: str) -> None:
    """In one line, with the extra that brings it; the clone has no results, and nobody gets as far as that."""
    program = f"import sys; sys.modules[{library!r}] = None; from leaderboard.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "site", "--root", clone.root, "--out", tmp_path / "site"]
    done = subprocess.run(command, env=clone.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"it needs {library}, which is not installed; `pip install 'fossil-leaderboard[site]'`" in done.stderr


# ---- names that are markup

SCRIPT = "</script><script>pwned=1</script>"
TITLES = {
    "models.yaml": {"Small thumbnail": f"A {SCRIPT} title"},
    "datasets.yaml": {
        "Grey, green and blue noise": f"{SCRIPT} & <blink>noise</blink>",
        "Drawn by the tests.": '<blink>Nobody\'s</blink> "own"',
    },
}
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
    (clone.root / "models.yaml").write_text((clone.root / "models.yaml").read_text().replace("0.5", "0.0"))
    assert clone.pytest("-k", "small or large").returncode == 0
    for name in ("LEADERBOARD_DATA", "LEADERBOARD_CACHE"):
        monkeypatch.setenv(name, clone.environment[name])
    assert site_command("--root", clone.root, "--out", tmp_path / "site", "--thumbnails") == 0
    return tmp_path / "site"


def test_names_that_are_markup_are_shown_as_text_and_never_run(open_page: Callable[..., Any], hostile_site) -> None:
    """Titles, attributions, classes and files, on every page and in the comparison's data."""
    texts = {}
    for address in [*list_pages(hostile_site), "compare.html#set=grains&a=small&b=large"]:
        page = open_page(address, of=hostile_site)
        texts[address] = page.locator("body").evaluate("body => body.textContent")
        assert page.evaluate("typeof pwned") == "undefined", address
        assert page.locator("blink, [onerror], [onmouseover], main script").count() == 0, address
    assert SCRIPT in texts["models/small.html"]
    assert SCRIPT in texts["datasets/grains.html"]
    assert "<blink>Nobody's</blink>" in texts["datasets/grains.html"]
    for name in CLASSES:
        assert name in texts["datasets/grains.html"]
        assert name in texts["models/small.html"]
        assert name in texts["compare.html#set=grains&a=small&b=large"]
    assert list(list_broken(hostile_site)) == []
