"""A miniature clone: this repository's conftest.py and tests/bench on three small models and thirty images.

And a browser, and the site that it opens.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from generated_results import save_generated_results
from grains import describe_grains, save_grains
from proposals import prepared as prepared
from proposals import proposal as proposal
from proposals import tell as tell

from leaderboard.__main__ import main

ROOT = Path(__file__).parents[2]
PREPROCESSING = "{resize: [%d, %d], interpolation: bilinear, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}"
MODELS = f"""\
small:
  title: Small thumbnail
  library: baseline
  architecture: pixels
  preprocessing: {PREPROCESSING % (4, 4)}
  dimension: 48
  licence: Apache-2.0
  group: default
  thresholds: {{grains: {{knn1.f1_macro: 0.5, retrieval.precision_at_n: 0.5}}}}
large:
  title: Large thumbnail
  library: baseline
  architecture: pixels
  preprocessing: {PREPROCESSING % (16, 16)}
  dimension: 768
  licence: Apache-2.0
  thresholds: {{grains: {{knn1.f1_macro: 0.5}}}}
ghost:
  title: Weights that are nowhere
  library: timm
  architecture: test_vit
  sources: [{{path: nowhere/ghost.pth}}]
  pooling: cls
  preprocessing: {PREPROCESSING % (16, 16)}
  dimension: 64
  licence: null
"""


@dataclass
class Clone:
    """The miniature clone's folder, and how to run things in it."""

    root: Path
    data: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        """Pytest on the benchmark."""
        return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to the end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run it beside the test."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def snapshot(self) -> dict[str, bytes]:
        """Every file of the clone that git would look at."""
        files = (path for path in self.root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in files}

    def result(self, model: str) -> Path:
        """The result file of a model."""
        return self.root / "leaderboard" / "results" / "grains" / f"{model}.json"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A fresh one for every test, with its own cache."""
    root, data = tmp_path / "clone", tmp_path / "data"
    save_grains(data / "grains")
    (root / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "conftest.py", root)
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(ROOT / "tests" / "bench", root / "tests" / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "models.yaml").write_text(MODELS)
    (root / "datasets.yaml").write_text(describe_grains(data / "grains"))
    (root / "README.md").write_text("# Mine\n<!-- leaderboard:begin --><!-- leaderboard:end -->\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    environment |= {
        "LEADERBOARD_DATA": str(data),
        "LEADERBOARD_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    return Clone(root, data, environment)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one these tests fail, because nothing else would test a page."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.fail(f"none of {', '.join(names)} is installed; install one, e.g. `apt install chromium`")
    with sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


# ---- the site

AXE = Path(__file__).parent / "browser" / "node_modules" / "axe-core" / "axe.min.js"
AXE_OPTIONS = "{preload: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}"  # no requests
LEFT = "net::ERR_ABORTED"  # a request of a page that was left before the answer came
SUBPATH = "/fossil-leaderboard"  # as on GitHub Pages


def build_site(root: Path, out: Path, cache: Path, *options: str) -> Path:
    """Run the command on the results of a folder with models.yaml; it has to succeed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADERBOARD_CACHE", str(cache))
        assert main(["site", "--root", str(root), "--out", str(out), *options]) == 0
    return out


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site from this repository's results.

    With pictures of the drawn images, and of the real ones where $LEADERBOARD_DATA has them.
    """
    folder = tmp_path_factory.mktemp("site")
    return build_site(ROOT, folder / "site", folder / "cache", "--thumbnails")


@pytest.fixture(scope="session")
def large_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site from *generated* results of 50 models on two data sets: no measurement."""
    folder = tmp_path_factory.mktemp("large-site")
    save_generated_results(folder / "root", models=50, datasets=2)
    return build_site(folder / "root", folder / "site", folder / "cache")


@pytest.fixture(scope="session")
def spoilt_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site from *generated* results, of which one of each data set is stale and one is corrupt."""
    folder = tmp_path_factory.mktemp("spoilt-site")
    save_generated_results(folder / "root", models=8, datasets=2, images=90, classes=5, spoilt=True)
    return build_site(folder / "root", folder / "site", folder / "cache")


@dataclass
class PageOpener:
    """Opens pages, and keeps a list of what they did that no page of ours does."""

    browser: Any
    find_site: Callable[[], Path]
    complaints: list[str] = field(default_factory=list)
    contexts: dict[tuple[int, bool, bool], Any] = field(default_factory=dict)  # pages of one share what is stored

    def __call__(
        self,
        address: str,
        *,
        width: int = 1440,
        dark: bool = False,
        of: Path | str | None = None,
        scripts: bool = True,
    ) -> Any:
        """The page at an address below the site's root.

        Args:
            address: with its fragment.
            width: of the window, in CSS pixels.
            dark: what the reader's system prefers.
            of: another site's folder, or its http address.
            scripts: whether they run.
        """
        given = of or self.find_site()
        start = given if isinstance(given, str) else given.resolve().as_uri()
        page = self._find_context(width, dark, scripts).new_page()
        self._listen(page, f"{start}/")
        page.goto(f"{start}/{address}")
        return page

    def _find_context(self, width: int, dark: bool, scripts: bool) -> Any:
        if (width, dark, scripts) not in self.contexts:
            self.contexts[width, dark, scripts] = self.browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if dark else "light",
                java_script_enabled=scripts,
            )
        return self.contexts[width, dark, scripts]

    def _listen(self, page: Any, start: str) -> None:
        def hear(kind: str, told: str) -> None:
            self.complaints.append(f"{page.url}: {kind}: {told}")

        inside = (start, "data:", "blob:")
        page.on("console", lambda message: message.type in ("error", "warning") and hear(message.type, message.text))
        page.on("pageerror", lambda error: hear("exception", str(error)))
        page.on("dialog", lambda dialog: (hear("dialog", dialog.message), dialog.dismiss()))
        page.on("request", lambda one: one.url.startswith(inside) or hear("request", one.url))
        page.on("requestfailed", lambda one: one.failure == LEFT or hear("failed", f"{one.url}: {one.failure}"))


@pytest.fixture
def open_page(browser: Any, request: pytest.FixtureRequest) -> Iterator[PageOpener]:
    """Opens pages of the site: ``open_page("models/small.html#cite", width=375, dark=True)``.

    The test fails in the end if any of them wrote an error, or asked for anything outside of its site.
    """
    opener = PageOpener(browser, lambda: request.getfixturevalue("site"))
    yield opener
    for context in opener.contexts.values():
        context.close()
    assert opener.complaints == []


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves a folder on this machine below a subpath, as GitHub Pages does, and gives its address."""
    with ExitStack() as servers:

        def start(folder: Path) -> str:
            handler = partial(_SubpathHandler, directory=str(folder))
            server = servers.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}{SUBPATH}"

        yield start


class _SubpathHandler(SimpleHTTPRequestHandler):
    """What lies outside of the subpath is somebody else's."""

    def translate_path(self, path: str) -> str:
        """The file for an address; none for one that leaves the subpath."""
        inside = path.startswith(f"{SUBPATH}/")
        return super().translate_path(path.removeprefix(SUBPATH)) if inside else os.devnull + "/outside"

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture(scope="session")
def axe() -> Callable[..., list[str]]:
    """Serious and critical findings of axe-core on an open page, one line each."""
    if not AXE.is_file():
        place = AXE.parents[2].relative_to(ROOT)
        pytest.fail(f"axe-core is not installed, and nothing else checks accessibility; run `npm ci --prefix {place}`")
    script = AXE.read_text(encoding="utf-8")

    def find(page: Any) -> list[str]:
        page.evaluate(script)
        found = page.evaluate(f"axe.run(document, {AXE_OPTIONS})")
        bad = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:200]} {node['failureSummary']}"
            for one in bad
            for node in one["nodes"]
        ]

    return find
