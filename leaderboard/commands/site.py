"""Write the leaderboard as a static web site from the stored results; it opens from disk and from any web server."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.commands._leaderboard import add_folder_option, find_folder
from leaderboard.errors import LeaderboardError
from leaderboard.registry import load_registry

EXAMPLE = "site --out site/ --thumbnails"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="write it into this folder")
    text = "with small pictures of the images that are here, of data sets whose licence lets them be shown"
    parser.add_argument("--thumbnails", action="store_true", help=text)
    text = "also show what became of every cell in the run that pytest --run-report FILE wrote"
    parser.add_argument("--run-report", type=Path, metavar="FILE", help=text)
    add_folder_option(parser)


def run(options: argparse.Namespace) -> None:
    """Compute the pages and write them."""
    from leaderboard.exports import check_parquet
    from leaderboard.publish import load_news
    from leaderboard.result_files import load_results
    from leaderboard.site.build import make_files
    from leaderboard.site.gathering import describe_pictures, gather_material
    from leaderboard.site.pages import load_templates
    from leaderboard.site.saving import check_folder, save_site

    load_templates()  # what is missing, or in the way, is said before any work
    check_parquet()
    check_folder(options.out)
    registry = load_registry(options.root)
    folder = find_folder(options, registry)
    results = load_results(folder / "results")
    if not results:
        other = "another --leaderboard-dir" if options.leaderboard_dir else "--leaderboard-dir"
        raise LeaderboardError(f"{folder} has no results; measure with pytest first, or pass {other}")
    news = load_news(folder, results, run_report=options.run_report)
    material = gather_material(registry, results, news, with_thumbnails=options.thumbnails)
    for line in describe_pictures(material) if options.thumbnails else ():
        print(line)
    files = make_files(material)
    save_site(files, options.out)
    size = sum(map(len, files.values())) / 1e6
    print(f"wrote {len(files)} files, {size:.1f} MB; open {options.out / 'index.html'}")
