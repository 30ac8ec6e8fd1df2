"""Write into models.yaml the floors that a model's stored results give."""

from __future__ import annotations

import argparse

from leaderboard.errors import LeaderboardError
from leaderboard.registry import load_registry

EXAMPLE = "thresholds efficientnet-lite0"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("models", nargs="+", metavar="ID", help="a model of models.yaml")


def run(options: argparse.Namespace) -> None:
    """Write each model's floors; none is written when one of them cannot be."""
    from leaderboard.models_file import check_writable, edit_models
    from leaderboard.thresholds import describe_thresholds, plan_thresholds, set_thresholds

    registry = load_registry(options.root)
    check_writable(registry)
    plans = {id_: plan_thresholds(registry, id_) for id_ in dict.fromkeys(options.models)}
    for id_ in (id_ for id_, planned in plans.items() if not planned):
        raise LeaderboardError(
            f"model {id_!r} has no up-to-date result and no reported figure that gives a floor; pytest -k {id_} first"
        )

    def change(text: str) -> str:
        for id_, planned in plans.items():
            text = set_thresholds(text, registry.model(id_), planned)
        return text

    edit_models(registry.root, change)
    for id_, planned in plans.items():
        print(describe_thresholds(id_, planned))
