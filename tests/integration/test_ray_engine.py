"""Shards by Ray: the bytes of one process, and what becomes of workers, drivers and nodes that die."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from shard_reference import reference
from shard_tools import Plot, check_same, embed, place
from shard_trouble_ray import (
    Cluster,
    cluster,
    driver_killed,
    node_dies,
    poisoned,
    processes_of,
    terminated,
    workers_killed,
)

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.shards.ray_watch import watching

pytest.importorskip("ray")
SEED = 1


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """A cluster of one node with two cores, for all that follow: a Ray takes long to start."""
    with cluster(2) as running:
        yield running


@pytest.mark.parametrize(
    "trouble",
    [workers_killed, driver_killed, terminated, poisoned, node_dies],
    ids=lambda trouble: trouble.__name__,
)
def test_a_run_on_ray_in_trouble_ends_as_described(nodes: Cluster, trouble: Callable[..., int]) -> None:
    """Each function brings its trouble about and says what has to come of it; whole again, the bytes are the same."""
    assert trouble(SEED, where=nodes) >= 1


def test_a_ray_that_is_started_for_a_run_makes_the_same_bytes_and_leaves_no_process() -> None:
    """Neither of its own servers nor of its workers."""
    with place() as folder:
        plot = Plot(role="nobody")
        embed(reference().images, folder / "out", "--engine=ray", "--workers=2", plot=plot).check(0)
        check_same(reference().out, folder / "out")
        deadline = time.monotonic() + 20
        while processes_of(plot) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert processes_of(plot) == []


def test_no_node_for_a_worker_is_told_before_any_work() -> None:
    """One line, with what the nodes have."""
    with cluster(1) as small, place() as folder:
        ended = embed(reference().images, folder / "out", "--engine=ray", "--threads=9", **small.environment)
        ended.check(2, "no node of Ray has 9 cores", "--threads")


def test_a_cluster_that_is_not_there_is_told_in_one_line() -> None:
    """With the variable that names it."""
    with place() as folder:
        ended = embed(reference().images, folder / "out", "--engine=ray", RAY_ADDRESS="127.0.0.1:9")
        ended.check(1, "RAY_ADDRESS")


def wait_for(seconds: float) -> None:
    """As whoever waits for Ray: for another thread, which only a signal interrupts."""
    threading.Event().wait(seconds)


def test_who_waits_for_nodes_that_are_gone_is_interrupted_after_the_grace() -> None:
    """With the reason; without a watch it would be waiting for ever."""

    def look() -> None:
        raise LeaderboardError("no node has a core")

    with (
        pytest.raises(Unavailable, match=r"no node has a core; this is so for 0\.05 s"),
        watching(look, grace=0.05, poll=0.01),
    ):
        wait_for(30)


def test_nodes_that_come_back_within_the_grace_are_waited_for() -> None:
    """A cluster replaces what died; only without an end is it the end."""
    answers = iter([ValueError("Ray is busy"), None, LeaderboardError("none"), None] * 50)

    def look() -> None:
        if error := next(answers, None):
            raise error

    with watching(look, grace=0.5, poll=0.001):
        wait_for(0.8)


def test_somebody_who_interrupts_is_no_lost_node() -> None:
    """Ctrl-C stays Ctrl-C."""
    with pytest.raises(KeyboardInterrupt), watching(lambda: None, grace=0.01, poll=0.001):
        raise KeyboardInterrupt
