"""The commands, one file each: what it takes (``add_options``) and what it does (``run``).

The file's docstring is the command's summary, ``EXAMPLE`` its use. Importing one must stay cheap: what is heavy is
imported when the command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

NAMES = (
    "list",
    "add",
    "thresholds",
    "fetch",
    "embed",
    "evaluate",
    "report",
    "look",
    "index",
    "find",
    "label",
    "duplicates",
    "audit",
    "render",
    "compare",
    "diff",
    "check",
    "changed",
    "review",
    "comment",
    "publish",
    "export",
    "card",
    "site",
    "verify",
    "watch",
    "pin",
)  # in the order of --help


class Command(Protocol):
    """What a file here holds."""

    __doc__: str | None
    EXAMPLE: str

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""

    def run(self, options: argparse.Namespace) -> None:
        """Do it."""


COMMANDS: Mapping[str, Command] = {name: cast(Command, import_module(f"{__name__}.{name}")) for name in NAMES}
