"""Trouble that a run on Ray can have: each function brings it about, and checks that it ends as described.

Each takes a seed and returns how many runs it took until the collection was whole. AssertionError: not as described.
A Ray of its own for each, or the cluster that ``cluster`` puts up for several.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from shard_reference import NOTED, own_images, reference
from shard_tools import IMAGES, SHARD_SIZE, Ended, Plot, check_same, embed, place, quiet, start, wait
from shard_trouble import disk_full

from leaderboard.interruption import handlers_kept

SHARDS = IMAGES // SHARD_SIZE
ORPHANED = 40  # seconds that processes may outlive their driver


@dataclass
class Cluster:
    """Nodes on this machine; what happens to their processes is in one plot for all."""

    nodes: Any  # ray.cluster_utils.Cluster
    plot: Plot

    @property
    def environment(self) -> dict[str, str]:
        """Of a driver that joins it."""
        return {"RAY_ADDRESS": self.nodes.address}

    def add_node(self, cores: int) -> Any:
        """One more."""
        with patch.dict(os.environ, self.plot.environment | quiet()), handlers_kept():
            return self.nodes.add_node(num_cpus=cores, object_store_memory=80_000_000)


@contextmanager
def cluster(cores: int) -> Iterator[Cluster]:
    """A head node with so many cores."""
    from ray.cluster_utils import Cluster as Nodes

    plot = Plot()
    head = {"num_cpus": cores, "include_dashboard": False, "object_store_memory": 80_000_000}
    with patch.dict(os.environ, plot.environment | quiet()), handlers_kept():
        nodes = Nodes(initialize_head=True, head_node_args=head)
    try:
        yield Cluster(nodes, plot)
    finally:
        _end(nodes)


def _end(nodes: Any) -> None:
    """At once: Ray's own way drains every node for half a minute."""
    for node in nodes.list_all_nodes():
        node.kill_all_processes(check_alive=False, allow_graceful=False)


def _run(where: Cluster | None, plot: Plot, out: Path, *options: str) -> Ended:
    """On this cluster, or on a Ray of its own."""
    if where is None:
        return embed(reference().images, out, "--engine=ray", *options, plot=plot)
    plot.folder = where.plot.folder
    return embed(reference().images, out, "--engine=ray", *options, plot=plot, **where.environment)


def workers_killed(seed: int, times: int = 3, where: Cluster | None = None) -> int:
    """SIGKILL at any of their deeds, one and several times: replaced, and nothing is lost or doubled."""
    draws = random.Random(seed)
    with place() as folder:
        at = draws.sample(range(2, 3 * SHARDS), times)
        plot = Plot(at=at, signal=signal.SIGKILL, role="worker", match=str(folder / "out"))
        _run(where, plot, folder / "out", "--workers=2").check(0)
        assert len(plot.left) < times, "no worker was killed"
        check_same(reference().out, folder / "out")
    return 1


def driver_killed(seed: int, where: Cluster | None = None) -> int:
    """SIGKILL of the driver: its processes end too, nothing writes on, and the run goes on."""
    with place() as folder:
        out = folder / "out"
        plot, driver = _begin(where, out)
        _wait_for_notes(out, random.Random(seed).randint(1, SHARDS - 3), driver)
        driver.kill()
        ended = wait(driver)
        assert "run the same again" in ended.line, ended.said
        _wait_for_end_of_workers(plot)
        before = sorted(out.rglob("*"))
        time.sleep(1)
        assert before == sorted(out.rglob("*")), "somebody writes on"
        assert len(_notes(out)) < SHARDS
        _run(where, Plot(role="nobody"), out).check(0)
        check_same(reference().out, out)
    return 2


def terminated(seed: int, where: Cluster | None = None) -> int:
    """SIGTERM to the driver, as a scheduler sends it: one line, exit code 130, and the run goes on."""
    known = reference()
    with place() as folder:
        out = folder / "out"
        plot, driver = _begin(where, out)
        _wait_for_notes(out, random.Random(seed).randint(1, SHARDS - 3), driver)
        driver.send_signal(signal.SIGTERM)
        wait(driver, timeout=60).check(130, "interrupted", "run again")
        _wait_for_end_of_workers(plot)
        embed(known.images, out).check(0)
        check_same(known.out, out)
    return 2


def _begin(where: Cluster | None, out: Path) -> tuple[Plot, subprocess.Popen[str]]:
    """A run whose workers take a second longer for each shard."""
    plot = Plot(slow=1.0, match=NOTED, role="worker")
    if where is not None:
        plot.folder = where.plot.folder
    plot.lay()
    environment = where.environment if where else {}
    return plot, start(reference().images, out, "--engine=ray", plot=plot, environment=environment)


def _notes(out: Path) -> list[Path]:
    return list((out / "work" / "done").glob("*.json"))


def _wait_for_notes(out: Path, count: int, driver: subprocess.Popen[str]) -> None:
    while len(_notes(out)) < count:
        assert driver.poll() is None, driver.communicate()[1]
        time.sleep(0.05)


def _wait_for_end_of_workers(plot: Plot) -> None:
    """Raise AssertionError if those of this plot live on; a cluster's other processes do."""
    deadline = time.monotonic() + ORPHANED
    while left := [process for process in processes_of(plot) if "ray::MapWorker" in process]:
        assert time.monotonic() < deadline, f"{left} live on"
        time.sleep(0.2)


def processes_of(plot: Plot) -> list[str]:
    """What was started with this plot against it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("TROUBLE") == str(plot.folder):
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found


def poisoned(seed: int, where: Cluster | None = None) -> int:
    """An image that kills whoever opens it: named by its shard in one line, all else is finished."""
    with own_images() as (images, out, _):
        other = random.Random(seed).choice(sorted(images.rglob("*.jpg")))
        shutil.copyfile(other, other.with_name(f"{other.stem}-poison.jpg"))
        plot = Plot(at=["always"], signal=signal.SIGKILL, role="worker", match="poison")
        if where is not None:
            plot.folder = where.plot.folder
        environment = where.environment if where else {}
        ended = embed(images, out, "--engine=ray", "--workers=2", plot=plot, **environment)
        ended.check(1, "workers died", "shards are finished", "run the same again")
        plot.at = []  # whoever reads it now lives
        plot.lay()
        embed(images, out).check(0)
        assert len(_notes(out)) == SHARDS + 1
    return 2


def node_dies(seed: int, where: Cluster | None = None) -> int:
    """One of two nodes with workers: the other one does its work too."""
    with _maybe(where) as those, place() as folder:
        node, out = those.add_node(1), folder / "out"
        _, driver = _begin(those, out)
        _wait_for_notes(out, random.Random(seed).randint(1, SHARDS - 3), driver)
        those.nodes.remove_node(node, allow_graceful=False)
        wait(driver).check(0)
        check_same(reference().out, out)
    return 1


def nodes_gone(seed: int) -> int:
    """All nodes that a worker fits on: one line after a minute; with a new node, the run goes on."""
    with cluster(0) as those, place() as folder:
        node, out = those.add_node(1), folder / "out"
        _, driver = _begin(those, out)
        _wait_for_notes(out, random.Random(seed).randint(1, SHARDS - 3), driver)
        those.nodes.remove_node(node, allow_graceful=False)
        wait(driver).check(1, "no node of Ray has", "shards are finished", "run the same again")
        those.add_node(1)
        _run(those, Plot(role="nobody"), out).check(0)
        check_same(reference().out, out)
    return 2


def head_dies(seed: int) -> int:
    """Ray's own process on the driver's machine: Ray ends the driver unasked, and yet there is a line."""
    known = reference()
    with place() as folder:
        out = folder / "out"
        _, driver = _begin(None, out)
        _wait_for_notes(out, random.Random(seed).randint(1, SHARDS - 3), driver)
        for child in psutil.Process(driver.pid).children(recursive=True):
            if child.name() == "raylet":
                child.kill()
        wait(driver).check(1, "run the same again")
        embed(known.images, out).check(0)
        check_same(known.out, out)
    return 2


@contextmanager
def _maybe(where: Cluster | None) -> Iterator[Cluster]:
    if where is not None:
        yield where
        return
    with cluster(1) as own:
        yield own


def disk_full_there(seed: int) -> int:
    """The worker's disk: one line; made larger, the same command ends well."""
    return disk_full(seed, "--engine=ray")


SHARED: dict[str, Callable[..., int]] = {  # these may run on a cluster that is there
    "workers killed three times": workers_killed,
    "driver killed": driver_killed,
    "SIGTERM": terminated,
    "an image that kills its worker": poisoned,
    "a node dies, another is left": node_dies,
}
OWN: dict[str, Callable[[int], int]] = {
    "all nodes with workers die": nodes_gone,
    "Ray's process beside the driver dies": head_dies,
    "disk full (tmpfs)": disk_full_there,
}
