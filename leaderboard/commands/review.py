"""Hold what was measured again against what a pull request says, and show what it would change."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.commands._pull_request import add_base_option, append_to, load_proposed
from leaderboard.errors import CheckFailed

EXAMPLE = "review --base main --measured measured --model dinov2-small"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    add_base_option(parser)
    text = "folder that pytest --leaderboard-dir DIR --run-report DIR/run-report.json wrote"
    parser.add_argument("--measured", type=Path, required=True, metavar="DIR", help=text)
    parser.add_argument("--model", metavar="ID", help="this one only (default: every model that is concerned)")
    text = "also append it to the file that $GITHUB_STEP_SUMMARY names"
    parser.add_argument("--summary", action="store_true", help=text)


def run(options: argparse.Namespace) -> None:
    """Print the review as markdown; figures that are not as the pull request says are exit code 1."""
    from leaderboard.publish import load_run_report
    from leaderboard.pull_request.changed import compute_changed
    from leaderboard.pull_request.review import Measured, compute_review, narrow, narrow_measured
    from leaderboard.render.review import render_review
    from leaderboard.result_files import load_results

    sides = load_proposed(options.root, options.base)
    changed = compute_changed(sides)
    report = options.measured / "run-report.json"
    outcomes = load_run_report(report) if report.exists() else {}
    measured = Measured(load_results(options.measured / "results"), outcomes)
    published = sides.before.results if sides.before else []
    if options.model:
        model = sides.after.registry.model(options.model).id
        changed, measured = narrow(changed, model), narrow_measured(measured, model)
    review = compute_review(sides, changed, measured, published, f"the base ({sides.base[:12]})")
    text = render_review(review)
    print(text, end="")
    if options.summary:
        append_to("GITHUB_STEP_SUMMARY", text)
    if review.problems:
        raise CheckFailed("; ".join(problem.strip().partition("\n")[0] for problem in review.problems))
