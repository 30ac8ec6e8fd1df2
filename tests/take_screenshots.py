"""Screenshots of each kind of page: `python tests/take_screenshots.py SITE OUT`, to be looked at by a person.

SITE is a folder that `leaderboard site` wrote from this repository's results. Each page is taken whole, at 1440 and at
375 pixels, light and dark; what a page writes to its console is printed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

PAGES = {
    "table": "index.html",
    "reading": "reading.html",
    "model-measured": "models/efficientnet-lite0.html",
    "model-baseline": "models/pixels.html",
    "model-reported": "models/scampi-dino-vits16.html",
    "model-unmeasured": "models/dinov3-vits16.html",
    "dataset-ranked": "datasets/palynomorphs-20.html",
    "dataset-smoke-test": "datasets/synthetic-palynomorphs.html",
    "dataset-literature": "datasets/nz-pollen.html",
    "comparison": "compare.html#set=palynomorphs-20&a=efficientnet-lite0&b=color-histogram",
}
WIDTHS = (1440, 375)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LOAD_ALL = "document.querySelectorAll('img[loading=lazy]').forEach(image => image.loading = 'eager')"


def main() -> None:
    """Take them all."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="folder of the site")
    parser.add_argument("out", type=Path, help="folder of the pictures")
    options = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is installed; install one, e.g. `apt install chromium`")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for width in WIDTHS:
            for theme in ("light", "dark"):
                take_all(browser, options.site.resolve().as_uri(), options.out, width=width, theme=theme)
        browser.close()


def take_all(browser: Any, start: str, out: Path, *, width: int, theme: str) -> None:
    """Every page that is there, at one width and in one theme."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    for name, address in PAGES.items():
        page = context.new_page()
        page.on("console", lambda message, name=name: print(f"{name}: {message.type}: {message.text}"))
        page.goto(f"{start}/{address}")
        page.evaluate(LOAD_ALL)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=out / f"{name}-{width}-{theme}.png", full_page=True)
        page.close()
    context.close()


if __name__ == "__main__":
    main()
