"""Write the leaderboard's tables from the stored results, or print some: other columns, a run's statuses."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.commands._leaderboard import add_folder_option, find_folder
from leaderboard.errors import LeaderboardError
from leaderboard.options import parse_names
from leaderboard.registry import Registry, load_registry

EXAMPLE = "render --columns learning_curve.lr.f100.top1,few_shot.lr.k5.top1 --dataset palynomorphs-20"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="write nothing; fail when a table is out of date")
    text = "write nothing; print tables with these metrics, ranked by the first"
    what.add_argument("--columns", type=parse_names, metavar="A,B", help=text)
    text = "write nothing; print tables with what became of every cell in the run that pytest --run-report FILE wrote"
    what.add_argument("--run-report", type=Path, metavar="FILE", help=text)
    text = "write nothing; print tables for a paper: LaTeX with the package booktabs"
    parser.add_argument("--latex", action="store_true", help=text)
    parser.add_argument("--dataset", metavar="ID", help="of the printed tables (default: all)")
    add_folder_option(parser)


def run(options: argparse.Namespace) -> None:
    """Write, check or print the tables."""
    from leaderboard.publish import check_rendered, save_rendered

    registry = load_registry(options.root)
    folder = find_folder(options, registry)
    if options.columns or options.run_report or options.latex:
        print(_tables(registry, folder, options))
        return
    if options.dataset:
        raise LeaderboardError(
            f"--dataset {options.dataset} is for printing; give --columns, --run-report or --latex too, or leave it"
        )
    if not (folder / "results").is_dir():
        raise LeaderboardError(f"{folder} has no results/; measure with pytest first, or pass --leaderboard-dir")
    if options.check:
        check_rendered(registry, folder)
        print("the tables are what the results give")
        return
    changed = save_rendered(registry, folder)
    print("\n".join(f"wrote {path}" for path in changed) or "nothing changed")


def _tables(registry: Registry, folder: Path, options: argparse.Namespace) -> str:
    from leaderboard.entry_checks import find_unknown_metric
    from leaderboard.publish import load_news
    from leaderboard.render.latex import render_latex
    from leaderboard.render.markdown import render_tables
    from leaderboard.result_files import load_results
    from leaderboard.sections import compute_sections, narrow

    if options.check:
        raise LeaderboardError("--latex prints, --check compares files; give one of them")
    columns: list[str] = options.columns or []
    unknown = next(filter(None, map(find_unknown_metric, columns)), None)
    if unknown:
        raise LeaderboardError(f"--columns: {unknown}")
    datasets = [registry.dataset(options.dataset).id] if options.dataset else []
    results = load_results(folder / "results")
    news = load_news(folder, results, run_report=options.run_report)
    if options.latex:
        tables = render_latex(compute_sections(narrow(registry, columns, datasets), results, news))
    else:
        tables = render_tables(registry, results, news, columns=columns, datasets=datasets)
    return tables.rstrip("\n") or "no cell is measured there, and nothing is reported"
