"""Files to take away: every metric as a table for programs and spreadsheets, and the tables for a paper."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from leaderboard.exports import tabulate_metrics, to_csv, to_parquet
from leaderboard.render.latex import render_latex
from leaderboard.site.material import Material

DOWNLOADS = {
    "data/metrics.csv.zip": "every metric, CSV (zipped)",
    "data/metrics.parquet": "every metric, Parquet",
    "data/tables.tex": "the tables, LaTeX",
}  # path below the site's root -> what it is


def list_downloads(material: Material) -> dict[str, bytes]:
    """The content of each file.

    Raises:
        Unavailable: pyarrow is not installed.
    """
    frame = tabulate_metrics(material.registry, material.results, material.sections)
    contents = (zip_file("metrics.csv", to_csv(frame)), to_parquet(frame), render_latex(material.sections).encode())
    return dict(zip(DOWNLOADS, contents, strict=True))


def zip_file(name: str, content: bytes) -> bytes:
    """An archive of one file: ten times smaller, opened by a double click; the same bytes for the same content."""
    stream = BytesIO()
    member = ZipInfo(name)  # the time in it is that of no clock: 1980
    member.external_attr = 0o644 << 16  # what it unpacks to can be read
    with ZipFile(stream, "w") as archive:
        archive.writestr(member, content, ZIP_DEFLATED, compresslevel=9)
    return stream.getvalue()
