"""How far a run is, by a clock of the test's own."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest

from leaderboard.shards.progress import Progress


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> Clock:
    """It does not go on by itself."""
    return Clock()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_rate_is_of_this_run_and_what_is_left_follows_from_it(clock: Clock) -> None:
    """Images that an earlier run has finished are done, but nobody's speed."""
    progress = Progress(total=1000, done=400, failures=3, stream=io.StringIO(), clock=clock)
    clock.now += 10
    progress.tell("local", 50)
    assert progress.describe() == {
        "images": 450,
        "of": 1000,
        "images_per_second": 5.0,
        "eta_seconds": 110,
        "failures": 3,
        "workers": {"local": 5.0},
    }


def test_nobody_knows_how_long_it_takes_before_the_first_image(clock: Clock) -> None:
    """Null, rather than a division by nothing; also at the very moment when it begins."""
    progress = Progress(total=10, done=4, stream=io.StringIO(), clock=clock)
    for seconds in (0, 30):
        clock.now += seconds
        described = progress.describe()
        assert (described["images_per_second"], described["eta_seconds"], described["workers"]) == (0, None, {})


def test_each_worker_has_a_rate(clock: Clock) -> None:
    """They add up; their names are in order."""
    progress = Progress(total=1000, done=0, stream=io.StringIO(), clock=clock)
    for _ in range(10):
        clock.now += 2
        progress.tell("node-b:7", 4)
        progress.tell("node-a:3", 2)
    described = progress.describe()
    assert list(described["workers"].items()) == [("node-a:3", 1.0), ("node-b:7", 2.0)]
    assert described["images_per_second"] == 3.0
    assert described["eta_seconds"] == round((1000 - 60) / 3)


def test_a_rate_is_of_the_last_ten_minutes(clock: Clock) -> None:
    """A fast beginning is forgotten, and so is a worker that has left."""
    progress = Progress(total=10**6, done=0, stream=io.StringIO(), clock=clock)
    clock.now += 60
    progress.tell("gone", 60_000)
    for _ in range(20):
        clock.now += 60
        progress.tell("slow", 120)
    described = progress.describe()
    assert described["images"] == 62_400
    assert described["images_per_second"] == pytest.approx(2, abs=0.3)
    assert list(described["workers"]) == ["slow"]


def test_a_standstill_is_told_as_one(clock: Clock) -> None:
    """When nothing was reported for ten minutes there is no rate."""
    progress = Progress(total=1000, done=0, stream=io.StringIO(), clock=clock)
    clock.now += 1
    progress.tell("local", 100)
    clock.now += 3600
    described = progress.describe()
    assert (described["images"], described["images_per_second"], described["eta_seconds"]) == (100, 0, None)


def test_a_log_gets_a_line_every_minute_and_one_at_the_end(clock: Clock) -> None:
    """However often something is reported."""
    stream = io.StringIO()
    progress = Progress(total=360, done=0, stream=stream, clock=clock)
    for _ in range(180):
        clock.now += 1
        progress.tell("local", 2)
    progress.fail(5)
    progress.close()
    assert [line["images"] for line in lines(stream)] == [120, 240, 360, 360]
    assert [line["failures"] for line in lines(stream)] == [0, 0, 0, 5]
    assert lines(stream)[-1]["eta_seconds"] == 0


def test_a_terminal_gets_a_bar_and_no_lines(clock: Clock) -> None:
    """With the failures."""
    stream = Terminal()
    progress = Progress(total=10, done=4, stream=stream, clock=clock)
    clock.now += 120
    progress.tell("local", 6)
    progress.fail(2)
    progress.close()
    assert "embed" in stream.getvalue()
    assert "10/10" in stream.getvalue()
    assert "failures=2" in stream.getvalue()
    assert "{" not in stream.getvalue()
