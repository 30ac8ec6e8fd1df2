"""Images of specimens on a page: a picture where there is one, and a name in any case. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from leaderboard.errors import printable
from leaderboard.site.material import Images, name_thumbnail

RIGHT, WRONG = "✓", "✗"


@dataclass(frozen=True)
class Picture:
    """An image as a page shows it."""

    name: str  # class folder and file name, else "image 12"
    source: str  # below the site's root; empty: there is no picture
    genus: str
    sign: str = ""  # RIGHT, WRONG or nothing

    @property
    def file(self) -> str:
        """The name without the folder."""
        return PurePosixPath(self.name).name

    @property
    def meaning(self) -> str:
        """The sign in a word."""
        return {RIGHT: "right: ", WRONG: "wrong: "}.get(self.sign, "")


def describe_picture(dataset: str, image: int, genus: str, images: Images | None, *, sign: str = "") -> Picture:
    """The image of that index, with what is known of it."""
    name = f"image {image}" if images is None else printable(images.files[image])
    has_picture = images is not None and image in images.thumbnails
    return Picture(name, name_thumbnail(dataset, image) if has_picture else "", genus, sign)
