"""The command line: ``python -m leaderboard``, installed as ``leaderboard``.

Exit codes: 0 done, 1 a check failed or something could not be had, 2 wrong use.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from leaderboard.commands import COMMANDS, Command
from leaderboard.errors import CheckFailed, LeaderboardError, Unavailable

DESCRIPTION = "Image encoders measured on microfossils: embed, evaluate, report, render the leaderboard."


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
    for name, command in COMMANDS.items():
        _add_command(subparsers, name, command)
    return parser


def _add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, command: Command) -> None:
    summary = inspect.getdoc(command)
    parser = subparsers.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example:\n  leaderboard {command.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder of models.yaml and datasets.yaml")
    command.add_options(parser)
    parser.set_defaults(run=command.run)


if __name__ == "__main__":
    sys.exit(main())
