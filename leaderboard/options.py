"""What a run's options are and may be: declared and checked once, for the command line and for pytest."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from leaderboard.records import DEFAULT_OPTIONS

DTYPES = ("float32", "bfloat16", "float16")
DEVICE = re.compile(r"(cpu|mps|cuda|xpu)(:\d+)?")


def parse_count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def parse_seconds(text: str) -> float:
    """A time above zero."""
    return _parse_positive(text, "a number of seconds above 0")


def parse_share(text: str) -> float:
    """A part of something, or some times of it: above zero."""
    return _parse_positive(text, "a number above 0")


def _parse_positive(text: str, expected: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
    return number


def parse_device(text: str) -> str:
    """A device's name; whether this machine has it is seen when a network is put there."""
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a device; try cpu, cuda, cuda:0 or mps")
    return text


def parse_names(text: str) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in text.split(",")]


def declare_protocols_option(add: Callable[..., Any]) -> None:
    """Which figures are computed."""
    from leaderboard.protocols import PROTOCOLS

    text = f"some of {', '.join(PROTOCOLS)} only (default: all that the images allow)"
    add("--protocols", type=parse_names, metavar="A,B", help=text)


def declare_model_options(add: Callable[..., Any]) -> None:
    """How a network is run; ``add`` is argparse's ``add_argument`` or pytest's ``addoption``."""
    add("--device", type=parse_device, help="cuda, cuda:0, mps or cpu (default: the first of these that is there)")
    add("--dtype", choices=DTYPES, default="float32", help="of the network (default: float32)")
    add("--batch-size", type=parse_count, metavar="N", help="images per forward pass")
    add(
        "--allow-remote-code", action="store_true", help="run a repository's own code where the entry trusts its commit"
    )


def declare_extraction_options(add: Callable[..., Any]) -> None:
    """How a set of images becomes vectors."""
    add("--skip-bad-images", action="store_true", help="leave unreadable images out, and say how many")
    declare_refresh_option(add)


def declare_refresh_option(add: Callable[..., Any]) -> None:
    """Whether what is cached counts."""
    add("--refresh", action="store_true", help="compute again even when cached")


def declare_waiting_options(add: Callable[..., Any]) -> None:
    """How long the network is waited for."""
    text = "give a server up after this long without progress (default: %(default)g)"
    add("--offline", action="store_true", help="fetch nothing: neither weights nor data")
    add("--hub-timeout", type=parse_seconds, default=DEFAULT_OPTIONS.hub_timeout, metavar="SECONDS", help=text)
