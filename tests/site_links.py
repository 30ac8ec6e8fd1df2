"""Reading a built site's pages: their addresses, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


def list_pages(site: Path) -> list[str]:
    """Every page, as an address below the site's root."""
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))


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
