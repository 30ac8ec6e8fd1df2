"""What a run's options may be, checked where they are typed: by argparse for the command line and for pytest."""

from __future__ import annotations

import argparse
import re

DTYPES = ("float32", "bfloat16", "float16")
DEVICE = re.compile(r"(cpu|mps|cuda|xpu)(:\d+)?")


def parse_count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def parse_seconds(text: str) -> float:
    """A time above zero."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def parse_device(text: str) -> str:
    """A device's name; whether this machine has it is seen when a network is put there."""
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a device; try cpu, cuda, cuda:0 or mps")
    return text
