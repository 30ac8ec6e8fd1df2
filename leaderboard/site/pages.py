"""Templates filled in: one page as text."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard import __version__
from leaderboard.report.pages import as_text, load_environment

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FOLDER = Path(__file__).parent
STRONG = re.compile(r"\*\*(.+?)\*\*")


@cache
def load_templates() -> Environment:
    """The site's templates with their filters.

    Raises:
        Unavailable: jinja2 is not installed.
    """
    environment = load_environment(FOLDER / "templates", extra="site")
    environment.globals["version"] = __version__
    environment.filters |= {
        "breakable": mark_breaks,
        "strong": mark_strong,
    }
    return environment


def render_page(template: str, path: str, **values: object) -> bytes:
    """A page that will stand at ``path`` below the site's root."""
    up = "../" * path.count("/")
    return as_text(load_templates().get_template(template).render(page=path, up=up, **values)).encode()


def mark_breaks(name: str) -> Markup:
    """The name of a file, which may go on in a new line after a slash; all of it is text."""
    from markupsafe import Markup, escape

    return Markup("/<wbr>").join(escape(part) for part in name.split("/"))


def mark_strong(text: str) -> Markup:
    """A sentence of the markdown tables: what stands between ``**`` is strong, all else is text."""
    from markupsafe import Markup, escape

    return Markup(STRONG.sub(r"<strong>\1</strong>", str(escape(text))))  # noqa: S704  # escaped before
