"""Compute the protocols on an embeddings file: ours, or an .npz with F (n x d) and L (n)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tabulate import tabulate

from leaderboard.options import declare_protocols_option, declare_refresh_option
from leaderboard.paths import save_text
from leaderboard.protocols import HEADLINES, check_protocols

EXAMPLE = "evaluate slides.npz --protocols knn,retrieval --json slides.json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("file", type=Path, metavar="FILE")
    declare_protocols_option(parser.add_argument)
    declare_refresh_option(parser.add_argument)
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write everything as JSON")


def run(options: argparse.Namespace) -> None:
    """Compute protocols on a file of embeddings, print the metrics and keep them as JSON if asked to."""
    from dataclasses import asdict

    from leaderboard.cache import check_distinct, load_embeddings
    from leaderboard.result_files import format_json
    from leaderboard.scores import cached_possible_scores, cached_scores, merge_metrics

    wanted, refresh = options.protocols, options.refresh
    check_protocols(wanted or ())
    embeddings = load_embeddings(options.file)
    check_distinct(embeddings, str(options.file))
    if wanted:
        scores = {name: cached_scores(embeddings, name, refresh=refresh) for name in wanted}
        reasons: dict[str, str] = {}
    else:
        scores, reasons = cached_possible_scores(embeddings, refresh=refresh)
    metrics = merge_metrics(scores)
    headlines = {name: metrics[name] for name in HEADLINES if name in metrics}
    rows = [[name, f"{value:.6f}"] for name, value in (headlines | metrics).items()]
    print(tabulate(rows, ["metric", str(options.file)], disable_numparse=True))
    for name, reason in reasons.items():
        print(f"{name} is left out: {reason}", file=sys.stderr)
    if options.json is not None:
        described = {"file": options.file.name, "classes": embeddings.classes, "metrics": metrics}
        parts = {name: asdict(part) for name, part in scores.items()}
        save_text(options.json, format_json(described | {"protocols": parts}))
