"""Print a model's measured figures as the metadata of a Hugging Face model card."""

from __future__ import annotations

import argparse
import sys

from leaderboard.commands._leaderboard import add_folder_option, find_folder
from leaderboard.errors import Unavailable
from leaderboard.registry import load_registry

EXAMPLE = "card efficientnet-lite0 --dataset palynomorphs-20"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("model", metavar="MODEL", help="a model of models.yaml")
    parser.add_argument("--dataset", metavar="ID", help="its figures on this data set (default: on all)")
    text = "where a reader finds these figures: it becomes their source"
    parser.add_argument("--url", type=_parse_address, metavar="URL", help=text)
    add_folder_option(parser)


def _parse_address(text: str) -> str:
    if not text.startswith(("https://", "http://")) or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no address; it begins with https://")
    return text


def run(options: argparse.Namespace) -> None:
    """Print the block; what may not stand in it is named on stderr."""
    from leaderboard.card import choose_cells, describe_card
    from leaderboard.sections import compute_section, compute_sections
    from leaderboard.states import load_folder

    registry = load_registry(options.root)
    model = registry.model(options.model)
    results = load_folder(find_folder(options, registry)).results
    if options.dataset:
        sections = [compute_section(registry, registry.dataset(options.dataset), results)]
    else:
        sections = compute_sections(registry, results)
    cells, reasons = choose_cells(model, results, sections)
    for reason in reasons:
        print(f"leaderboard: {reason}", file=sys.stderr)
    if not cells:
        where = f" on {options.dataset}" if options.dataset else ""
        raise Unavailable(f"{model.id}{where} has no figures for a card; measure them: pytest -k {model.id}")
    print(describe_card(model, cells, url=options.url), end="")
