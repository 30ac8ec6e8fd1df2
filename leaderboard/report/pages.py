"""HTML pages that need nothing but themselves: no network, no file beside them, every value escaped."""

from __future__ import annotations

import os
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from leaderboard.errors import Unavailable

if TYPE_CHECKING:
    from jinja2 import Environment


TEMPLATES = Path(__file__).parent / "templates"


@cache
def load_environment(folder: Path = TEMPLATES, *, extra: str = "analysis") -> Environment:
    """The templates of a folder. Whoever needs a page after hours of work calls this first.

    Args:
        folder: that holds them.
        extra: of this package that brings what is needed.

    Raises:
        Unavailable: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError:
        raise Unavailable(
            f"it needs jinja2, which is not installed; `pip install 'fossil-leaderboard[{extra}]'`", "not found"
        ) from None
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,  # file and class names are whatever a user's disk has
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = make_data_uri
    environment.filters["share"] = format_share
    return environment


def render_page(template: str, **values: object) -> str:
    """A page as text, from a file in ``templates`` and what it asks for.

    Templates extend ``base.html``: blocks title, style, content, script; classes there.

    Raises:
        Unavailable: jinja2 is not installed.
    """
    return as_text(load_environment().get_template(template).render(**values))


def make_data_uri(content: bytes, kind: str = "image/jpeg") -> str:
    """A picture written into the page itself; the default is what ``make_thumbnail`` gives."""
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"


def make_link(target: Path, page: Path) -> str:
    """A relative address from a page to a file, so that no page tells the folders of the machine it was made on."""
    path = os.path.relpath(os.path.realpath(target.parent), os.path.realpath(page.parent))
    return quote(os.fsencode(Path(path, target.name).as_posix()))


def format_share(right: int, of: int) -> str:
    """``97 % (212 of 219)``: never a percentage without its counts."""
    return f"{100 * right / of:.0f} % ({right} of {of})" if of else "none"


def as_text(name: str) -> str:
    """The same text, with bytes of a file name that are no UTF-8 spelt out: any file can be written of it."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
