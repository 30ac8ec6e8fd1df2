"""Load models and hold them against their stored canaries: what they make of sixteen fixed images."""

from __future__ import annotations

import argparse

from leaderboard.errors import CheckFailed
from leaderboard.options import declare_model_options, declare_waiting_options
from leaderboard.records import RunOptions
from leaderboard.registry import load_registry

EXAMPLE = "verify efficientnet-lite0"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("models", nargs="*", metavar="ID", help="default: every model with stored results")
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Load models and compare what they make of the canary with what is stored; no data set is needed."""
    from leaderboard.result_files import load_results_of
    from leaderboard.verification import verify_model

    registry = load_registry(options.root)
    chosen = [registry.model(id_) for id_ in options.models] or list(registry.models.values())
    stored = {spec.id: load_results_of(registry.results_dir, spec.id) for spec in chosen}
    verdicts = []
    for spec in chosen:
        if options.models or stored[spec.id]:
            verdicts.append(verdict := verify_model(spec, stored[spec.id], RunOptions.of(options)))
            print(f"{verdict.model}: {verdict.status}: {verdict.text}", flush=True)
    bad = [verdict.model for verdict in verdicts if not verdict.is_sound]
    if bad:
        raise CheckFailed(f"{len(bad)} of {len(verdicts)} models could not be verified: {', '.join(bad)}")
