"""Tell what changed between two states of the results, and whether the images can tell."""

from __future__ import annotations

import argparse

from leaderboard.commands._leaderboard import add_folder_option, find_folder
from leaderboard.registry import load_registry

EXAMPLE = "diff main"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    text = "the older state: what git takes for a commit (main, HEAD~1, a sha), or a folder with results/"
    parser.add_argument("base", metavar="BASE", help=text)
    parser.add_argument("--to", metavar="STATE", help="the newer one, in the same way (default: the work tree)")
    add_folder_option(parser)


def run(options: argparse.Namespace) -> None:
    """Print the changes as markdown. They are no failure: whatever they are, the exit code is 0."""
    from leaderboard.changes import compute_changes
    from leaderboard.render.changes import render_changes
    from leaderboard.states import load_folder, load_state

    registry = load_registry(options.root)
    folder = find_folder(options, registry)
    before = load_state(options.base, folder)
    after = load_state(options.to, folder) if options.to else load_folder(folder)
    changes = compute_changes(before.results, after.results, registry)
    print(render_changes(changes, before.title, after.title), end="")
