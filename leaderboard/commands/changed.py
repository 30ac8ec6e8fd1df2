"""List the models that a pull request concerns: whose entry, result, data or code path changed."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from leaderboard.commands._pull_request import add_base_option, append_to, load_proposed
from leaderboard.errors import printable

if TYPE_CHECKING:
    from leaderboard.pull_request.changed import Changed

EXAMPLE = "changed --base main"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    add_base_option(parser)
    text = "also append open=[…] and gated=[…], lists as JSON, to the file that $GITHUB_OUTPUT names"
    parser.add_argument("--github-output", action="store_true", help=text)


def run(options: argparse.Namespace) -> None:
    """Print a model per line, with the reasons."""
    from leaderboard.pull_request.changed import compute_changed

    changed = compute_changed(load_proposed(options.root, options.base))
    lines = [f"{model}: {'; '.join(why)}" for model, why in changed.reasons.items()]
    lines += [f"{model}: removed" for model in changed.removed]
    print("\n".join(map(printable, lines)) or "no model is concerned")
    if options.github_output:
        append_to("GITHUB_OUTPUT", format_outputs(changed))


def format_outputs(changed: Changed) -> str:
    """``name=list``, a line each; JSON in ASCII has no line break that an id could bring along."""
    outputs = {"open": changed.open, "gated": list(changed.gated)}
    return "".join(f"{name}={json.dumps(models)}\n" for name, models in outputs.items())
