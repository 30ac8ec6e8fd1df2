"""The command line: ``python -m leaderboard``, installed as ``leaderboard``.

Exit codes: 0 done, 1 a check failed or something could not be had, 2 wrong use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from leaderboard import commands
from leaderboard.errors import CheckFailed, LeaderboardError, Unavailable
from leaderboard.options import DTYPES, parse_count, parse_device, parse_seconds
from leaderboard.records import DEFAULT_OPTIONS

DESCRIPTION = "Image encoders measured on microfossils: embed, evaluate, render the leaderboard."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a user's mistake is one line on stderr."""
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
    except (CheckFailed, Unavailable) as error:
        print(f"leaderboard: {error}", file=sys.stderr)
        return 1
    except LeaderboardError as error:
        print(f"leaderboard: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"leaderboard: {error.filename or ''}: {error.strerror or error}; check the path", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("leaderboard: interrupted; finished parts are kept, run again to go on", file=sys.stderr)
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    parser = argparse.ArgumentParser(prog="leaderboard", description=DESCRIPTION)
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_list(subparsers)
    _add_embed(subparsers)
    _add_evaluate(subparsers)
    _add_render(subparsers)
    _add_fetch(subparsers)
    _add_verify(subparsers)
    _add_pin(subparsers)
    return parser


def _command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], None],
    *,
    summary: str,
    example: str,
) -> argparse.ArgumentParser:
    command = subparsers.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example:\n  leaderboard {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--root", type=Path, metavar="DIR", help="folder of models.yaml and datasets.yaml")
    command.set_defaults(run=run)
    return command


def _add_list(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _command(
        subparsers,
        "list",
        commands.run_list,
        summary="List models and data sets, and where the data is.",
        example="list",
    )


def _add_embed(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        subparsers,
        "embed",
        commands.run_embed,
        summary="Turn images into vectors, one per image.",
        example="embed --model efficientnet-lite0 --images slides/ --out slides.npz",
    )
    command.add_argument("--model", required=True, metavar="ID", help="a model of models.yaml")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--dataset", metavar="ID", help="a data set of datasets.yaml")
    what.add_argument("--images", type=Path, metavar="DIR", help="a folder of images, best one subfolder per class")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help=".safetensors or .npz")
    command.add_argument("--skip-bad-images", action="store_true", help="leave unreadable images out and say so")
    command.add_argument("--refresh", action="store_true", help="compute again even when cached")
    _add_network_options(command)
    _add_waiting_options(command)


def _add_evaluate(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        subparsers,
        "evaluate",
        commands.run_evaluate,
        summary="Compute the protocols on an embeddings file: ours, or an .npz with F (n x d) and L (n).",
        example="evaluate slides.npz --protocols knn,retrieval --json slides.json",
    )
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--protocols", metavar="A,B", help="some of them only (default: all)")
    command.add_argument("--json", type=Path, metavar="OUT", help="also write everything as JSON")


def _add_render(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        subparsers,
        "render",
        commands.run_render,
        summary="Write the leaderboard's tables from the stored results.",
        example="render --check",
    )
    command.add_argument("--check", action="store_true", help="write nothing; fail when a table is out of date")
    command.add_argument(
        "--leaderboard-dir", type=Path, metavar="DIR", help="folder with results/ (default: the clone's)"
    )


def _add_fetch(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        subparsers,
        "fetch",
        commands.run_fetch,
        summary="Download or draw a data set into the cache, and verify it.",
        example="fetch palynomorphs-20",
    )
    command.add_argument("dataset", metavar="DATASET")
    _add_waiting_options(command)


def _add_verify(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        subparsers,
        "verify",
        commands.run_verify,
        summary="Load models and hold them against their stored canaries: what they make of sixteen fixed images.",
        example="verify efficientnet-lite0",
    )
    command.add_argument("models", nargs="*", metavar="ID", help="default: every model with stored results")
    _add_network_options(command)
    _add_waiting_options(command)


def _add_pin(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        subparsers,
        "pin",
        commands.run_pin,
        summary="Write into models.yaml which commit a branch, or which sha256 a URL stands for now.",
        example="pin dino-vits16",
    )
    command.add_argument("models", nargs="*", metavar="ID", help="default: every model that is unpinned")
    _add_waiting_options(command)


def _add_network_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device", type=parse_device, help="cuda, cuda:0, mps or cpu (default: the first of these that is there)"
    )
    command.add_argument("--dtype", choices=DTYPES, default="float32", help="of the network (default: float32)")
    command.add_argument("--batch-size", type=parse_count, metavar="N", help="images per forward pass")
    command.add_argument(
        "--allow-remote-code", action="store_true", help="run a repository's own code where the entry trusts its commit"
    )


def _add_waiting_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--offline", action="store_true", help="fetch nothing")
    command.add_argument(
        "--hub-timeout",
        type=parse_seconds,
        default=DEFAULT_OPTIONS.hub_timeout,
        metavar="SECONDS",
        help="give a server up after this long without progress (default: %(default)g)",
    )


if __name__ == "__main__":
    sys.exit(main())
