"""Write into models.yaml which commit a branch, or which sha256 a URL stands for now."""

from __future__ import annotations

import argparse

from leaderboard.errors import CheckFailed
from leaderboard.options import declare_waiting_options
from leaderboard.records import RunOptions
from leaderboard.registry import load_registry

EXAMPLE = "pin dino-vits16"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("models", nargs="*", metavar="ID", help="default: every model that is unpinned")
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Write into models.yaml which commit or file the unpinned sources stand for now."""
    from leaderboard.models_file import check_writable
    from leaderboard.pins import pin_sources

    registry = load_registry(options.root)
    check_writable(registry)
    chosen = [registry.model(id_) for id_ in options.models] or list(registry.models.values())
    pins = pin_sources(registry.root / "models.yaml", chosen, RunOptions.of(options))
    print("\n".join(map(str, pins)) or "nothing to pin: every source names its commit or its sha256")
    failed = sorted({pin.model for pin in pins if pin.value is None})
    if failed:
        raise CheckFailed(f"not pinned: {', '.join(failed)}")
