"""Runs of ``embed --out DIR`` in trouble: the table of docs/scale.md.

``python benchmarks/trouble.py`` brings every trouble about for each of twenty seeds, which decide when and where it
strikes, and tells whether it ended as described: in a state that can be gone on from, with one line for the user, and
whole again with the bytes of an undisturbed run. The tests do most of it with one seed. Memory: growth.py.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tabulate import tabulate

ROOT = Path(__file__).parents[1]
Trouble = Callable[[int], int]  # a seed -> how many runs it took; AssertionError: not as described


@dataclass
class Row:
    """What became of one kind of trouble."""

    trouble: str
    runs: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def try_seed(self, bring_about: Trouble, seed: int) -> None:
        """Once more."""
        began = time.monotonic()
        try:
            self.runs.append(bring_about(seed))
        except AssertionError as error:
            self.wrong.append(f"{self.trouble}, seed {seed}: {error}")
        self.seconds.append(time.monotonic() - began)

    def describe(self) -> dict[str, object]:
        """For the table."""
        seeds = len(self.seconds)
        return {
            "trouble": self.trouble,
            "seeds": seeds,
            "runs until whole": max(self.runs, default="-"),
            "ended as described": f"{seeds - len(self.wrong)} of {seeds}",
            "seconds each": f"{sum(self.seconds) / seeds:.1f}",
        }


def main() -> None:
    """Bring it about, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="of each (default: %(default)s)")
    parser.add_argument("--engine", choices=("local", "ray", "s3", "all"), default="all", help="(default: %(default)s)")
    parser.add_argument("--only", metavar="WORD", default="", help="troubles with this in their name")
    options = parser.parse_args()
    sys.path.append(str(ROOT / "tests"))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in a shell's background it is ignored, by runs as well
    with ExitStack() as held:
        troubles = {name: it for name, it in collect(options.engine, held).items() if options.only in name}
        rows = [bring_all_about(name, it, options.seeds) for name, it in troubles.items()]
    print(tabulate([row.describe() for row in rows], headers="keys", tablefmt="github"))
    wrong = [text for row in rows for text in row.wrong]
    print("\n\n".join(wrong), file=sys.stderr)
    sys.exit(bool(wrong))


def collect(engine: str, held: ExitStack) -> Mapping[str, Trouble]:
    """Name and function of each; what they need runs until ``held`` is closed."""
    found: dict[str, Trouble] = {}
    if engine in ("local", "all"):
        found |= _load("shard_trouble").LOCAL
    if engine in ("ray", "all"):
        ray = _load("shard_trouble_ray")
        nodes = held.enter_context(ray.cluster(2))
        found |= {f"Ray: {name}": partial(_on_some_ray, it, nodes) for name, it in ray.SHARED.items()}
        found |= {f"Ray: {name}": it for name, it in ray.OWN.items()}
    if engine in ("s3", "all"):
        s3 = held.enter_context(_load("s3_server").S3())
        found |= {name: partial(it, s3) for name, it in _load("shard_trouble_s3").SERVICE.items()}
    return found


def _on_some_ray(bring_about: Callable[..., int], nodes: Any, seed: int) -> int:
    """The first seed on a Ray of its own, which takes long to start; the others on a cluster that is there."""
    return bring_about(seed) if seed == 0 else bring_about(seed, where=nodes)


def _load(name: str) -> Any:
    return importlib.import_module(name)


def bring_all_about(name: str, bring_about: Trouble, seeds: int) -> Row:
    """One after the other, each told when it is over."""
    row = Row(name)
    for seed in range(seeds):
        row.try_seed(bring_about, seed)
        print(f"{name}, seed {seed}: {row.seconds[-1]:.1f} s, {len(row.wrong)} wrong", file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    main()
