"""Every page and file of the site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from leaderboard.site.comparison.page import list_comparison_files
from leaderboard.site.dataset.page import list_dataset_pages
from leaderboard.site.downloads import list_downloads
from leaderboard.site.front.index import list_index_pages
from leaderboard.site.material import Material, name_thumbnail
from leaderboard.site.model.page import list_model_pages
from leaderboard.site.pages import FOLDER

AS_IT_IS = ".nojekyll"  # GitHub Pages then serves the files without putting them through Jekyll
Files = Mapping[str, bytes]  # path below the site's root -> content
MAKERS: tuple[Callable[[Material], Files], ...] = (
    list_index_pages,
    list_model_pages,
    list_dataset_pages,
    list_comparison_files,
    list_downloads,
)


def make_files(material: Material) -> dict[str, bytes]:
    """Every file of the site. The same material gives the same bytes.

    Raises:
        Unavailable: jinja2 or pyarrow is not installed.
    """
    files = {AS_IT_IS: b""} | dict(_list_assets())
    for make in MAKERS:
        files |= make(material)
    return files | dict(_list_thumbnails(material))


def _list_assets() -> Iterator[tuple[str, bytes]]:
    for path in sorted((FOLDER / "assets").iterdir()):
        yield f"assets/{path.name}", path.read_bytes()


def _list_thumbnails(material: Material) -> Iterator[tuple[str, bytes]]:
    for dataset, images in material.images.items():
        for image, content in images.thumbnails.items():
            yield name_thumbnail(dataset, image), content
